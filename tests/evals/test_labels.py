"""What checkpoints and cells are called where they are shown."""

import json
import sys
import warnings

import pytest

from evals.cli import main
from evals.core.labels import whole_name
from evals.readers import import_samples
from evals.store import SampleStore
from probes.inputs.sources import labels_of

ROW = {"question": "q", "answer": "1", "response": "1"}


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["evals", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code, capsys.readouterr()


def test_a_folder_of_dots_has_its_own_name(tmp_path, monkeypatch):
    """`--ckpt .` was sampled under an empty name."""
    (tmp_path / "rl").mkdir()
    monkeypatch.chdir(tmp_path / "rl")
    assert [whole_name(name) for name in (".", "..", "a/..", "owner/name", "../base/")] == [
        *(str(tmp_path / "rl"), str(tmp_path), str(tmp_path / "rl")),
        *("owner/name", "../base/"),
    ]
    assert labels_of(["../base", "."]) == ["base", "rl"]


def test_files_that_differ_in_their_suffix_alone_keep_it(tmp_path):
    for name in ("a.jsonl", "a.ndjson"):
        (tmp_path / name).write_text(json.dumps(ROW | {"response": name}))
    store = SampleStore(tmp_path / "store")
    cells = import_samples([tmp_path / "a.jsonl", tmp_path / "a.ndjson"], store)
    assert [store.cell(cell)["checkpoint"] for cell in cells] == ["a.jsonl", "a.ndjson"]


def test_accuracies_of_one_checkpoint_say_what_tells_them_apart(tmp_path, monkeypatch, capsys):
    store = SampleStore(tmp_path / "store")
    for chat in (True, False):
        (tmp_path / "a.jsonl").write_text(json.dumps(ROW | {"response": str(chat)}))
        (cell,) = import_samples([tmp_path / "a.jsonl"], store)
        store.add_cell(cell, store.cell(cell) | {"chat": chat})
    code, said = run(monkeypatch, capsys, "grade", tmp_path / "store", "--quiet")
    names = [line.split("  ")[0].strip() for line in said.out.splitlines() if " strict " in line]
    assert (code, names) == (0, ["a (chat True)", "a (chat False)"])


def test_a_warning_is_a_line_without_a_place_in_the_code(monkeypatch, capsys):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # put back afterwards
    run(monkeypatch, capsys, "--version")
    assert warnings.formatwarning(UserWarning("a\x1b[2J"), UserWarning, "file.py", 7) == "warning: a [2J\n"
