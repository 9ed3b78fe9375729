"""Every command, given input that is missing, empty, damaged, hostile, huge, unreadable or a folder: exit
code 2 and one sentence. The commands are walked, so that a new one cannot be forgotten."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from evals.core import bounds
from evals.core.command import run

PROGRAMS = {
    "evals": "evals.cli",
    "probes": "probes.commands.cli",
    "reports": "reports.cli",
    "trainer": "trainer.cli",
}
NO_INPUT = {"evals doctor", "evals formats", "evals tasks-path", "reports paper", "reports published"}
INPUTS = ("--ckpt", "--samples", "--counts", "--config", "--run", "--findings", "--template")
OUTPUTS = ("--out", "--store")
BAD = ("missing", "empty", "damaged", "hostile", "folder", "huge", "unreadable")


def commands():
    for program, module in PROGRAMS.items():
        root = typer.main.get_command(importlib.import_module(module).app)
        stack = [(program, root)]
        while stack:
            name, command = stack.pop()
            inner = getattr(command, "commands", None)
            if inner is None:
                yield name, module, command
            else:
                stack += [(f"{name} {key}", value) for key, value in inner.items()]


def arguments(command, value):
    """Lines of arguments that give the command a bad input: what it requires, and in turn each option that
    names an input; [] where it takes none."""
    needed, chosen, asked = [], [], False
    for parameter in command.params:
        name = parameter.opts[0]
        if name in INPUTS and not parameter.required:
            chosen.append([name, value] + ([name, value + "x"] if parameter.multiple else []))
        if not parameter.required:
            continue
        if name in OUTPUTS:
            needed += [name, "out"]
            continue
        asked = True
        given = "1" if parameter.bare_type in (int, float) else value
        needed += [name] * (parameter.param_type_name == "option") + [given]
        if parameter.multiple:
            needed += [name, given + "x"]
    return [needed] * asked + [needed + more for more in chosen]


WALKED = sorted(commands(), key=lambda c: c[0])


def bad_input(folder, kind):
    path = folder / f"a-{kind}.json"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "damaged":
        path.write_bytes(b'{"question": "a", \x00\xff' + b"[" * 50_000)
    elif kind == "hostile":
        path = folder / "a\x1b[2J\n\u202e.json"
        path.write_text('{"schema": NaN, "lineage": "' + "x" * 100_000 + '"}')
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":  # sparse, and over every bound of one line or file of settings
        with path.open("wb") as stream:
            stream.truncate(bounds.ROW + 2)
    elif (
        kind == "unreadable"
    ):  # also for root, whom permissions do not stop: reading it is an error of the system
        path.symlink_to("/proc/self/mem")
    return str(path)


def test_every_command_is_walked_or_needs_no_input():
    assert {name for name, _, command in WALKED if not arguments(command, "x")} == NO_INPUT


@pytest.mark.parametrize(("name", "module", "command"), WALKED, ids=lambda v: v if isinstance(v, str) else "")
def test_bad_input_is_one_sentence(name, module, command, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    app = importlib.import_module(module).app
    for kind in BAD:
        path = bad_input(tmp_path, kind)
        for given in arguments(command, path):
            if kind == "empty" and name == "trainer pretrain":
                continue  # a configuration that changes nothing
            monkeypatch.setattr(sys, "argv", [*name.split(" "), *given])
            with pytest.raises(SystemExit) as left:
                run(app)
            said = capfd.readouterr()
            where = (name, kind, given, said.err[-1500:])
            assert left.value.code == 2, where
            assert said.err.strip(), where
            assert "Traceback" not in said.err + said.out, where
            assert "\x1b[2J" not in said.err + said.out, where
            if said.err.startswith("error: "):
                assert said.err.strip().count("\n") == 0 or kind == "hostile", where


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_stop_while_the_command_loads_shows_no_traceback(program, tmp_path):
    """Ctrl-C in the first half second, planted where the command's modules import typer."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])
    command = [sys.executable, "-P", "-m", program, "--help"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
