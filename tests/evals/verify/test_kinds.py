"""Answers as models write them, by kind: right ones, and as many near misses that must stay wrong or more."""

import json
from collections import Counter
from pathlib import Path

from evals.verify import grade

TABLE = Path(__file__).with_name("kinds.jsonl")


def rows(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_the_kinds():
    wrong = []
    for row in rows(TABLE):
        found = grade(row["gold"], row["response"], "eval")
        assert not found.reason.startswith("error"), row
        if found.correct is not row["right"]:
            wrong.append((row["kind"], row["gold"], row["response"], found.answer, found.reason))
    assert wrong == []


def test_every_kind_has_at_least_as_many_near_misses():
    counts = Counter((row["kind"], row["right"]) for row in rows(TABLE))
    lacking = [kind for kind, right in counts if right and counts[kind, False] < counts[kind, True]]
    assert lacking == []
