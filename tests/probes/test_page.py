"""The commands that the page shows are commands: every option exists and takes the value given."""

import re
import shlex
from pathlib import Path

import pytest
import typer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "probes.md"
SHORT = dict(re.findall(r"(ASK|SAMPLES)\s+stands\s+for\s+`(.*?)`", PAGE.read_text("utf-8"), re.S))


def shown() -> list[str]:
    """Commands at the head of the page's blocks, their further lines joined."""
    found = []
    for block in re.findall(r"^```\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M):
        lines = block.removeprefix("$ ").splitlines()
        if not lines[0].startswith("probes "):
            continue
        more = 1
        while more < len(lines) and lines[more].startswith("    "):
            more += 1
        found.append(" ".join(line.removesuffix("\\") for line in lines[:more]))
    return found


@pytest.mark.parametrize("line", shown())
def test_commands_parse(line):
    from probes.commands.cli import app

    assert set(SHORT) == {"ASK", "SAMPLES"}
    for short, options in SHORT.items():
        line = line.replace(f" {short}", f" {options}")
    name, *args = shlex.split(line)[1:]
    command = typer.main.get_command(app).commands[name]
    with command.make_context(name, args) as context:  # parses, and does not run
        assert context.params


def test_every_probe_is_shown():
    from probes.commands.cli import app

    names = {line.split()[1] for line in shown()}
    all_names = set(typer.main.get_command(app).commands)
    assert all_names - names <= {"study", "counts"}  # what a study's own page shows
