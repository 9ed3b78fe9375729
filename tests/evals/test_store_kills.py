"""SIGKILL at any moment of sampling and grading: the next start ends with the bytes of an unbroken run."""

import os
import subprocess
import sys

from tests.evals.tiny import checkpoint


def killed(program, folder):
    """Run a program that kills; what it prints."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(program), str(folder)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_kills_at_every_step_and_twenty_at_random(tmp_path, request):
    assert int(killed(request.path.with_name("killed_run.py"), tmp_path)) > 5


def test_twenty_random_kills_of_the_torch_engine(tmp_path, request):
    checkpoint(tmp_path / "checkpoint")
    assert killed(request.path.with_name("killed_engine.py"), tmp_path).startswith("8 chunks")
