"""The page "bring your own samples" works as written: its files, its commands, its Python."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import evals

PAGE = (Path(evals.__file__).parent / "SAMPLES.md").read_text("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the page's files in it."""
    place = tmp_path_factory.mktemp("page")
    files = re.findall(r"`(\w+\.jsonl)`\n\n```json\n(.*?)```", PAGE, re.DOTALL)
    assert [name for name, _ in files] == ["before.jsonl", "after.jsonl"]
    for name, text in files:
        (place / name).write_text(text)
    return place


def commands():
    return [
        c for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for c in block.strip().splitlines()
    ]


def test_every_command_of_the_page_runs(folder):
    bin_folder = Path(sys.executable).parent
    said = {}
    for command in commands():
        line = f"{bin_folder}/{command}"
        done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
        said[command] = done.stdout
    assert "undetermined" in next(out for c, out in said.items() if c.startswith("probes expand")).lower()
    assert len((folder / "samples.jsonl").read_text().splitlines()) == 24


def test_the_python_of_the_page_counts_as_said(folder):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.split()[-2:] for line in done.stdout.splitlines()[1:]]
    assert sorted(rows) == sorted([["4", c] for c in "110340"])


def test_what_was_exported_comes_back_as_it_was(folder):
    from evals.readers import import_samples
    from evals.store import SampleStore

    if not (folder / "samples.jsonl").is_file():
        test_every_command_of_the_page_runs(folder)
    again = SampleStore(folder / "again")
    cells = import_samples([folder / "samples.jsonl"], again)
    assert {again.cell(c)["checkpoint"] for c in cells} == {"before", "after"}
    assert len(again.samples(cells)) == 24
