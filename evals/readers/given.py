"""The files a user gave: what their rows say, and of which checkpoint it is.

Many logs know their checkpoint by a name alone (the model that a server was told to serve), which different
runs share. Where such a name comes from two places that were given separately, with answers to the same
problems, each place has a checkpoint of its own; one folder that is given is one place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from evals.readers.answers import Answers, Lacking, Malformed, few
from evals.readers.detect import SUFFIXES, Format, beside, detect

Key = tuple[str, str]  # source of a checkpoint, options as JSON
OF_FILES = ("OpenAI batch",)  # one file answers each request of a batch once: two files are two batches


@dataclass(slots=True)
class Given:
    """Files of samples, their formats, and the place that each was given as.

    apart: the sources, without steps, that are another checkpoint in every place. shared: those that were
    met with the same problem in two places, which `divide` sets apart.
    """

    formats: dict[Path, Format]
    places: dict[Path, str]
    apart: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    met: dict[tuple[Key, int], str] = field(default_factory=dict)
    several: bool = field(init=False)

    def __post_init__(self) -> None:
        self.several = len(set(self.places.values())) > 1

    def answers(self, skipped: dict[str, int] | None) -> Iterator[tuple[Path, Key, Answers]]:
        """What the rows of all files say, with the file and the key of the checkpoint and options; a sample
        that another log of the checkpoint holds too comes once.

        skipped: counts bad rows by file; None: the first one is a UserError that names file and line.
        """
        copies: dict[tuple[Any, ...], tuple[int, Path]] = {}
        for path, how in self.formats.items():
            for answers in _read(path, how, skipped):
                if (first := _copied(answers, path, copies)) is None:
                    yield path, self._key(answers, path), answers
                else:
                    self.places[path] = self.places[first]  # a log that holds copies is of the same run

    def _key(self, answers: Answers, path: Path) -> Key:
        source = answers.source or str(path)
        if _run(source) in self.apart:
            source = f"{self.places[path]}/{source}"
        return source, json.dumps(dict(answers.options), sort_keys=True)

    def meet(self, path: Path, key: Key, answers: Answers) -> None:
        """Note that this checkpoint answered this problem in this file."""
        if self.several and answers.source:
            place, problem = self.places[path], hash((answers.question, answers.gold))
            if self.met.setdefault((key, problem), place) != place:
                self.shared.add(_run(answers.source))

    def divide(self) -> bool:
        """Set apart what was met in two places; whether there was any, so that files must be read anew."""
        self.apart = set(self.shared)
        return bool(self.apart)


def given(files: Sequence[Path | str]) -> Given:
    """The files given, folders replaced by the readable files below them, each file once."""
    found: dict[Path, Path] = {}
    places: dict[Path, Path] = {}
    folders = sorted(path.resolve() for path in map(Path, files) if path.is_dir())
    for one in map(Path, files):
        if one.is_dir():
            inside = [p for p in one.rglob("*") if p.is_file() and p.suffix in SUFFIXES]
            inside = [p for p in inside if not beside(p, one)]
            inside.sort(key=lambda p: [_natural(part) for part in p.parts])
            if not inside:
                raise UserError(f"folder {one} has no sample files ({', '.join(SUFFIXES)})")
        elif one.is_file():
            inside = [one]
        else:
            raise UserError(f"samples {one} do not exist; check the path")
        base = one.resolve() if one.is_dir() else one.resolve().parent
        place = next((f for f in folders if base.is_relative_to(f)), base)  # the outermost comes first
        for path in inside:
            if found.setdefault(path.resolve(), path) is path:
                places[path] = place
    if not found:
        raise UserError("no sample files were given; name at least one")
    formats = {path: detect(path) for path in found.values()}
    return Given(formats, {p: _place(p, places[p], formats[p], folders) for p in formats})


def _place(path: Path, place: Path, how: Format, folders: Sequence[Path]) -> str:
    """What tells the place of a file from others: its folder, or the file where that alone is one run."""
    alone = how.name in OF_FILES and place not in folders
    return str(path.resolve().with_suffix("") if alone else place)


def _copied(answers: Answers, path: Path, met: dict[tuple[Any, ...], tuple[int, Path]]) -> Path | None:
    """The file that these very responses were met in before; UserError where others had their name."""
    if answers.sample is None:
        return None
    name = (answers.source, json.dumps(dict(answers.options), sort_keys=True), answers.sample)
    content = hash((answers.question, answers.gold, answers.responses))
    if name not in met:
        met[name] = content, path
        return None
    before, where = met[name]
    if before != content:
        raise UserError(
            f"{path} holds {answers.sample[:90]!r} with another content than in {where}; give one of the logs"
        )
    return where


def _run(source: str) -> str:
    """A source without the step, so that all steps of a run are told apart where one is."""
    return re.sub(r"/step-\d+\Z", "", source)


def _natural(name: str) -> list[tuple[int, Any]]:
    """Names in the order that people count in: 2.jsonl before 10.jsonl."""
    return [(0, int(x)) if x.isdecimal() else (1, x) for x in re.split(r"(\d{1,18})", name) if x]


def _read(path: Path, how: Format, skipped: dict[str, int] | None) -> Iterator[Answers]:
    """What the rows of a file say. skipped: counts bad rows by file; None: the first one is an error."""
    context = how.context(path)
    for where, raw in how.rows(path):
        try:
            for answers in how.parse(raw, context):
                few(answers.responses)
                yield answers
        except Malformed as error:
            if skipped is None:
                fix = "" if isinstance(error, Lacking) else "; fix it, or leave bad rows out with --skip-bad"
                raise UserError(f"{where} ({how.name} format): {error}{fix}") from error
            skipped[str(path)] = skipped.get(str(path), 0) + 1
