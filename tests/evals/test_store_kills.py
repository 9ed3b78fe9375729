"""SIGKILL at any moment of sampling and grading: the next start ends with the bytes of an unbroken run."""

import os
import subprocess
import sys


def test_kills_at_every_step_and_twenty_at_random(tmp_path, request):
    program = request.path.with_name("killed_run.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 5
