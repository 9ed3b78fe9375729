"""Answers as models write them, by kind: right ones, and as many near misses that must stay wrong or more."""

import json
from collections import Counter
from pathlib import Path

import pytest

from evals.verify import grade

TABLE = Path(__file__).with_name("kinds.jsonl")
# Wanted as right in the public reports, refused by a policy that the README of the verifier states.
REFUSED_BY_POLICY = {
    "2.5\\text{ k}": "k after a number is a scale, not a unit",
    "\\begin{cases} x & x \\ge 0": "values by cases equal values by cases only",
    "2x\\pm y=0": "an equation with a plus-minus sign equals one that is solved alike only",
}


def rows(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_the_kinds():
    wrong = []
    for row in rows(TABLE):
        found = grade(row["gold"], row["response"], "eval", question=row.get("question"))
        assert not found.reason.startswith("error"), row
        if found.correct is not row["right"]:
            wrong.append((row["kind"], row["gold"], row["response"], found.answer, found.reason))
    assert wrong == []


def test_every_kind_has_at_least_as_many_near_misses():
    counts = Counter((row["kind"], row["right"]) for row in rows(TABLE))
    lacking = [kind for kind, right in counts if right and counts[kind, False] < counts[kind, True]]
    assert lacking == []


def test_public_reports(shared_data):
    path = shared_data / "verifier" / "public_reports.jsonl"
    if not path.is_file():
        pytest.skip("no public_reports.jsonl")
    wrong = []
    for row in rows(path):
        found = grade(row["gold"], row["response"], row["mode"])
        assert row["right"] or not found.correct, row  # a wrong accept is never excused
        if found.correct is not row["right"]:
            wrong.append(row["response"])
    assert all(any(refused in response for refused in REFUSED_BY_POLICY) for response in wrong), wrong
    assert len(wrong) <= len(REFUSED_BY_POLICY) <= 10
