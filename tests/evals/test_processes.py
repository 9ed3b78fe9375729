"""Processes: they run no code of the current folder, end with their parent, and fail together."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evals.core.errors import UserError
from evals.core.processes import ROOT, ProcessDied, together

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", '''
import sys, time
from evals.core.processes import end_with_parent
end_with_parent(int(sys.argv[1]))
print("ready", flush=True)
time.sleep(600)
''', str(os.getpid())])
print(child.pid, flush=True)
child.wait()
"""


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "Z"


def test_a_child_ends_with_a_killed_parent():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment
    ) as p:
        said = {p.stdout.readline().strip(), p.stdout.readline().strip()}
        (child,) = (int(word) for word in said - {"ready"})
        assert not gone(child)
        os.kill(p.pid, signal.SIGKILL)
        assert p.stdout.read() == ""  # until the child, which holds the pipe too, is gone
    while not gone(child):
        time.sleep(0.05)


PLANTED = "open({marker!r}, 'a').write(__name__ + '\\n')\nraise SystemExit('planted code ran')\n"
NAMES = ("evals", "probes", "trainer", "reports", "analysis", "multiprocessing", "pickle", "json", "typing")


def in_a_planted_folder(tmp_path, *command):
    """Run a command in a folder whose files bear the names of modules; returns what of them was run."""
    folder, marker = tmp_path / "logs", tmp_path / "ran"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(PLANTED.format(marker=str(marker)))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    environment["PYTHONPATH"] = ROOT  # as if installed
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return marker.read_text() if marker.exists() else ""


def test_workers_run_no_code_of_the_current_folder(tmp_path):
    """Commands started beside files named as our modules: neither they nor their workers import them."""
    script = tmp_path / "bin" / "program"
    script.parent.mkdir()
    script.write_text(WORK)
    assert in_a_planted_folder(tmp_path, sys.executable, str(script)) == ""


WORK = """
from evals.core.processes import interpreter, together

def task(x):
    import evals.core.keys, json, pickle, typing
    return x + 1

if __name__ == "__main__":
    assert together(task, [(1,), (2,)]) == [2, 3]
    code = "import evals.core.keys, json, pickle, typing"
    assert interpreter("-c", code).wait() == 0
    from evals.verify import Grader
    with Grader(workers=1) as grader:
        assert grader.grade_many([("2", "The answer is \\\\boxed{2}")])[0].correct
"""


def test_the_first_failure_of_one_ends_all(tmp_path):
    with pytest.raises(UserError, match="the second"):
        together(_one_fails, [(0, str(tmp_path)), (1, str(tmp_path))])
    assert "PYTHONSAFEPATH" not in os.environ  # other programs that this one starts are none of ours
    with pytest.raises(ProcessDied) as died:
        together(_dies, [(0,), (1,)])
    assert died.value.code == -signal.SIGKILL


def _one_fails(place, folder):
    if place:
        raise UserError("the second")
    time.sleep(600)


def _dies(place):
    if place:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def test_processes_are_started_in_one_place():
    """Planted: a second `subprocess.Popen(` anywhere in the packages."""
    starts = re.compile(
        r"subprocess\.(Popen|run|call|check_output)\(|get_context\(|os\.(system|popen|fork)\("
    )
    found = {
        str(path.relative_to(ROOT))
        for package in ("analysis", "evals", "trainer", "probes", "reports")
        for path in (Path(ROOT) / package).rglob("*.py")
        if starts.search(path.read_text("utf-8"))
    }
    assert found == {"evals/core/processes.py"}
