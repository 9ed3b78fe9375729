"""A process that was started ends when its parent is killed."""

import os
import signal
import subprocess
import sys
import time

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
