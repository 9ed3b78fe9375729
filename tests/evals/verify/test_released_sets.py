"""Real data: released labels, graders' test pairs, golds of every benchmark, rewritten and spoiled golds."""

import json
import random

import pytest

from evals.verify import extract, grade, grade_answer
from evals.verify.compare.by_type import compare
from evals.verify.compare.context import Context
from evals.verify.parse.answers import Parsed, parse
from tests.evals.verify.nearmisses import near_misses
from tests.evals.verify.rewriting import rewritings

ACCURACY = {
    "6b_finetuning": 0.217,
    "6b_verification": 0.390,
    "175b_finetuning": 0.347,
    "175b_verification": 0.563,
}
# Labels of pairs.jsonl that our policies contradict, by line; see the README of evals.verify for each.
CONFLICTS = {27, 89, 91, 93, 94, 104, 187}
ODD_GOLDS = {
    "np.arcsin(10/13)",
    "x_{0} \\cos (\\omega t)+$ $\\dot{x}_{0} \\sin (\\omega t) / \\omega",
    "$f(x)=a x+b$, where $b$ is an arbitrary integer, and $a$ is an arbitrary positive integer "
    "with $\\mho(a)=0$",
    "$t(0,4]$",
}


def rows(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def math_golds(shared_data):
    """The distinct golds of MATH, without the one that is empty."""
    answers = (
        r["answer"].strip() for s in ("train", "test") for r in rows(shared_data / "math" / f"{s}.jsonl")
    )
    return [g for g in dict.fromkeys(answers) if g]


@pytest.mark.parametrize("name", ["hard", "hack"])
def test_development_cases(shared_data, name):
    for row in rows(shared_data / "verifier" / f"{name}.jsonl"):
        verdict = grade(row["gold"], row["response"], "eval")
        assert verdict.correct is row["equal"], (row, verdict)
        assert not verdict.reason.startswith("error")


def test_gsm8k_released_labels(shared_data):
    right = dict.fromkeys(ACCURACY, 0)
    problems = rows(shared_data / "gsm8k" / "example_model_solutions.jsonl")
    for row in problems:
        gold = row["ground_truth"].rpartition("A:")[2].strip()
        for system in ACCURACY:
            said = row[system]
            verdict = grade(gold, said["solution"])
            given = grade_answer(gold, said["solution"].rpartition("A:")[2])
            assert verdict.correct is given.correct is said["is_correct"], (gold, said)
            right[system] += verdict.correct
    assert {s: round(n / len(problems), 3) for s, n in right.items()} == ACCURACY


def test_pairs_of_other_graders(shared_data):
    wrong = []
    for place, row in enumerate(rows(shared_data / "equivalence" / "pairs.jsonl")):
        verdict = grade(row["gold"], row["pred"], "eval")
        if verdict.lenient is not row["equal"]:
            wrong.append(place)
            assert row["equal"], row  # no false positive at all
    assert set(wrong) <= CONFLICTS


def golds(shared_data):
    folder = shared_data / "benchmarks"
    for name in ("math500", "aime24", "aime25", "amc23"):
        yield from (str(row["answer"]) for row in rows(folder / f"{name}.jsonl"))
    yield from (extract(row["solution"]).text for row in rows(folder / "minerva_math.jsonl"))
    yield from (row["final_answer"][0] for row in rows(folder / "olympiadbench.jsonl"))
    yield from (row["answer"].rpartition("####")[2] for row in rows(shared_data / "gsm8k" / "test.jsonl"))
    yield from math_golds(shared_data)


def test_every_gold_parses_and_equals_itself(shared_data):
    for gold in dict.fromkeys(golds(shared_data)):
        parsed, again = parse(gold), parse(gold + " ")
        if isinstance(parsed, Parsed) and isinstance(again, Parsed):
            assert compare(parsed.value, again.value, Context()), gold
        else:
            assert gold in ODD_GOLDS, (gold, parsed)


def test_math_solutions_are_right_and_those_of_other_problems_wrong(shared_data):
    problems = random.Random(0).sample(rows(shared_data / "math" / "train.jsonl"), 1500)
    for row, other in zip(problems, problems[1:] + problems[:1], strict=True):
        assert grade(row["answer"], row["solution"]).correct or not row["answer"]
        if grade(row["answer"], other["solution"]).correct:
            assert grade(other["answer"], f"\\boxed{{{row['answer']}}}").correct


def pairs_of(shared_data, makes, golds, rows):
    """Rows (gold, kind, text) made from a random part of the golds of MATH."""
    rng = random.Random(0)
    chosen = rng.sample(math_golds(shared_data), golds)
    pairs = [(g, kind, text) for g in chosen for kind, text in makes(g)]
    assert len(pairs) >= rows
    return rng.sample(pairs, rows)


def test_equal_rewritings(shared_data):
    pairs = pairs_of(shared_data, rewritings, 500, 12_000)
    wrong = [p for p in pairs if not grade(p[0], f"So the answer is $\\boxed{{{p[2]}}}$.").correct]
    assert len(wrong) <= 0.0005 * len(pairs), wrong


def test_near_misses(shared_data):
    pairs = pairs_of(shared_data, near_misses, 1300, 9_000)
    accepted = [p for p in pairs if grade(p[0], f"So the answer is $\\boxed{{{p[2]}}}$.").correct]
    assert accepted == []
