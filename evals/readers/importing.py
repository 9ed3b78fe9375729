"""From files to cells of a store: read once to check and fingerprint, once more to write.

So a bad line near the end of a large file leaves nothing half-written, and the same samples are the same
cell whatever their file is called. Memory holds one row, a count for every problem, and a mark for every
sample that another log may hold a copy of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import UserError
from evals.core.keys import content_hash
from evals.core.labels import short_labels
from evals.readers.answers import Answers
from evals.readers.detect import SUFFIXES
from evals.readers.given import Given, Key, given
from evals.records import Problem

if TYPE_CHECKING:
    from evals.store import SampleStore

CELLS = 200  # checkpoints and options in one file
ROWS, CHARACTERS = 8192, 32_000_000  # of one write to the store


@dataclass(slots=True)
class Group:
    """The samples of one checkpoint under one set of options: one cell."""

    source: str
    options: dict[str, Any]
    format: str
    files: dict[str, None] = field(default_factory=dict)
    samples: int = 0
    digest: Any = field(default_factory=lambda: hashlib.sha256(b"samples"))
    cell: str = ""


def import_samples(files: Sequence[Path | str], store: SampleStore, *, skip_bad: bool = False) -> list[str]:
    """Make samples of the rows of `files` (a folder stands for the files in it); returns the cells.

    One cell per checkpoint and sampling options, in the order met. Problems are known by question and gold.
    A row that cannot be read is an error that names file and line; with skip_bad it is left out and
    counted in the cell's description (`skipped`). Importing the same samples again changes nothing, whatever
    their files are called.
    """
    return list(import_named(files, store, skip_bad=skip_bad))


def import_named(
    files: Sequence[Path | str], store: SampleStore, *, skip_bad: bool = False
) -> dict[str, str]:
    """As `import_samples`; returns each cell with its label by these files (the store may have another)."""
    sources = given(files)
    groups, skipped = _survey(sources, skip_bad)
    if sources.divide():
        groups, skipped = _survey(sources, skip_bad)
    if not groups:
        raise UserError(f"{', '.join(map(str, files))}: no samples found; check that the file is complete")
    _name_cells(groups)
    labels = _labels(list(groups.values()))
    known = store.cells()
    fresh = {key: group for key, group in groups.items() if group.cell not in known}
    if fresh:
        _write(sources, fresh, labels, store, skip_bad)
    for group in groups.values():
        if group.cell not in known:
            store.add_cell(group.cell, _info(group, labels[group.cell], skipped))
    cells = [group.cell for group in groups.values()]
    store.compact(cells)
    return {cell: labels[cell] for cell in cells}


def _survey(sources: Given, skip_bad: bool) -> tuple[dict[Key, Group], dict[str, int]]:
    """Read everything once: the groups, and the number of bad rows by file."""
    groups: dict[Key, Group] = {}
    skipped: dict[str, int] = {}
    for path, key, answers in sources.answers(skipped if skip_bad else None):
        if key not in groups:
            if sum(str(path) in group.files for group in groups.values()) >= CELLS:
                raise UserError(f"{path} holds more than {CELLS} checkpoints or options; split it")
            groups[key] = Group(key[0], dict(answers.options), sources.formats[path].name)
        group = groups[key]
        sources.meet(path, key, answers)
        group.files[str(path)] = None
        group.samples += len(answers.responses)
        said = [[r.text, r.finish_reason, r.tokens] for r in answers.responses]
        group.digest.update(json.dumps([answers.question, answers.gold, answers.prompt, said]).encode())
    return groups, skipped


def _name_cells(groups: dict[Key, Group]) -> None:
    """Cells by content; equal content of two checkpoints is told apart by order."""
    seen: dict[str, int] = {}
    for group in groups.values():
        content = content_hash("imported", group.options, group.digest.hexdigest())
        seen[content] = seen.get(content, 0) + 1
        group.cell = content_hash(content, seen[content])


def _labels(groups: Sequence[Group]) -> dict[str, str]:
    """A short label for each cell: the end of its source, as long as it takes to tell sources apart."""
    stems = [_stem(source) for source in {g.source: None for g in groups}]
    shorter = {g.source: stem if stems.count(stem := _stem(g.source)) == 1 else g.source for g in groups}
    short = short_labels(shorter.values())
    labels = {}
    for group in groups:
        others = [g.options for g in groups if g.source == group.source and g is not group]
        differs = {k: v for k, v in group.options.items() if any(o.get(k) != v for o in others)}
        said = ", ".join(f"{k} {v}" for k, v in differs.items())
        labels[group.cell] = short[shorter[group.source]] + (f" ({said})" if said else "")
    return labels


def _stem(source: str) -> str:
    """A source without the suffix of a file of samples."""
    source = source.encode("utf-8", "backslashreplace").decode()  # lone surrogates, which no table takes
    return str(Path(source).with_suffix("")) if Path(source).suffix in SUFFIXES else source


def _info(group: Group, label: str, skipped: dict[str, int]) -> dict[str, Any]:
    """What is known of the cell. Files are named without folders: a store may move."""
    return {
        "checkpoint": label,
        "imported": group.format,
        "files": [Path(f).name for f in group.files],
        "samples": group.samples,
        "skipped": sum(skipped.get(f, 0) for f in group.files),
        **group.options,
    }


def _write(
    sources: Given, groups: dict[Key, Group], labels: dict[str, str], store: SampleStore, skip_bad: bool
) -> None:
    """Read everything again and write the samples of these groups, a few thousand at a time."""
    rows: list[dict[str, Any]] = []
    problems: dict[str, Problem] = {}
    size = 0
    counts: dict[tuple[str, str], int] = {}  # next index, by cell and problem
    with store.writing():
        for _, key, answers in sources.answers({} if skip_bad else None):
            if (group := groups.get(key)) is None:
                continue
            problem = Problem.make(answers.question, answers.gold)
            problems[problem.id] = problem
            first = counts.get((group.cell, problem.id), 0)
            counts[group.cell, problem.id] = first + len(answers.responses)
            rows += _rows(answers, group, labels[group.cell], problem.id, first)
            size += sum(len(r.text) for r in answers.responses)
            if len(rows) >= ROWS or size >= CHARACTERS:
                store.add_problems(problems.values())
                store.add(rows)
                rows, problems, size = [], {}, 0
        store.add_problems(problems.values())
        store.add(rows)


def _rows(answers: Answers, group: Group, label: str, problem: str, first: int) -> list[dict[str, Any]]:
    prompt = None if answers.prompt is None else content_hash("text", answers.prompt)
    known = {k: v for k, v in answers.options.items() if v is not None}
    return [
        {
            "key": content_hash(group.cell, problem, index),
            "cell": group.cell,
            "checkpoint": label,
            "problem": problem,
            "index": index,
            "prompt_hash": prompt,
            "tokens": response.tokens,
            "finish_reason": response.finish_reason,
            "text": response.text,
            **known,
        }
        for index, response in enumerate(answers.responses, first)
    ]
