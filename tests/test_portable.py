"""Every module imports where the system has less than Linux: no fcntl, resource, fork, alarms or sysconf."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Other people's packages are imported first: they are as they are.
HIDDEN = """
import asyncio, importlib, multiprocessing.connection, os, pkgutil, signal, subprocess, sys
import matplotlib, numpy, pandas, pyarrow.parquet, pydantic, rich.console, scipy.stats, sympy, typer
try:
    import torch, transformers
    from transformers import cache_utils, modeling_utils
except ModuleNotFoundError:
    pass
for name in ("fcntl", "resource", "termios", "tty", "pty", "pwd", "grp"):
    sys.modules[name] = None  # an import of it is a ModuleNotFoundError
for module, names in ((os, "fork forkpty sysconf getuid geteuid killpg setsid sched_getaffinity"),
                      (signal, "SIGKILL SIGALRM SIGHUP SIGUSR1 setitimer alarm")):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
sys.platform, os.devnull = "win32", "nul"
failed = []
for top in ("analysis", "evals", "trainer", "probes", "reports"):
    package = importlib.import_module(top)
    for found in pkgutil.walk_packages(package.__path__, top + "."):
        if found.name.endswith(".__main__"):
            continue
        try:
            importlib.import_module(found.name)
        except ImportError as error:
            if error.name is None or error.name.partition(".")[0] not in ("torch", "transformers"):
                failed.append(f"{found.name}: {error}")
        except Exception as error:
            failed.append(f"{found.name}: {type(error).__name__} {error}")
print("\\n".join(failed))
"""


def test_every_module_imports_on_other_systems():
    done = subprocess.run([sys.executable, "-P", "-c", HIDDEN], cwd=ROOT, capture_output=True, text=True,
                          env={"PYTHONPATH": str(ROOT), "PATH": ""})  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == ""


def test_what_windows_has_not_is_said(monkeypatch, tmp_path):
    from evals.core import locks
    from evals.core.errors import UserError
    from evals.verify.pool.processes import Process

    monkeypatch.setattr(locks, "fcntl", None)
    with (tmp_path / "lock").open("w") as stream, pytest.raises(UserError, match="on Windows use WSL"):
        locks.flock(stream, tmp_path)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(UserError, match="on Windows use WSL"):
        Process("evals.verify.grade:grade", 1.0, 100)
