"""A table of answers and responses of every kind (`cases.jsonl`) with the verdicts that the policies ask for,
and the two readings that only golds and the lenient verdict have."""

import json
from pathlib import Path

import pytest

from evals.verify import grade

TABLE = Path(__file__).with_name("cases.jsonl")


def cases():
    with open(TABLE, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_the_table():
    wrong = []
    for case in cases():
        response = case.get("response", f"So the answer is $\\boxed{{{case.get('answer')}}}$.")
        verdict = grade(case["gold"], response, "eval")
        assert not verdict.reason.startswith("error"), (case, verdict)
        assert verdict.lenient or not verdict.correct  # the lenient verdict is never below the strict one
        if verdict.correct is not case["equal"]:
            wrong.append((case, verdict.reason))
    assert wrong == []
    assert len(cases()) > 1000


@pytest.mark.parametrize(
    ("gold", "response", "equal", "route"),
    [
        ("2.74", "Prix : 2,74 $ a..", True, "decimal-comma"),
        ("1000.99", "1000,99", True, "decimal-comma"),
        ("1,22", "1.22", True, "decimal-comma"),
        ("0,111", "0.111", True, "decimal-comma"),
        ("3.5", "\\boxed{3,5}", True, "decimal-comma"),
        ("3.5", "\\boxed{3,5,7}", False, "boxed"),
        ("1.234", "\\boxed{1,234}", False, "boxed"),
        ("1,2", "\\boxed{1.2}", False, "boxed"),
        ("3", "\\boxed{3,0}", False, "boxed"),
        ("455", "This is \\boxed{200}. Final Answer: The final answer is $455$. I hope.", True, "after-box"),
        ("200", "This is \\boxed{455}. The final answer is 200 or 201.", False, "boxed"),
        ("(3,3),(1,1)", "\\boxed{(3,3)} for part (a) and \\boxed{(1,1)}", True, "one-sentence"),
        ("1,2", "\\boxed{1} papers and \\boxed{2} bins", True, "one-sentence"),
        ("1,2", "first \\boxed{1} and then correctly \\boxed{2}", False, "boxed"),
        ("1,2", "It is \\boxed{1}. And no, it is \\boxed{2}", False, "boxed"),
        ("1,2", "\\boxed{1} but not \\boxed{2}", False, "boxed"),
    ],
)
def test_second_readings_are_lenient_only(gold, response, equal, route):
    verdict = grade(gold, response, "eval")
    assert verdict.correct is False
    assert (verdict.lenient, verdict.lenient_route) == (equal, route)
    assert grade(gold, response).lenient is None


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("so it is $\\boxed{20}$ percent.", "20\\%", True),
        ("so it is $\\boxed{20}$ percent.", "0.2", True),
        ("so it is $\\boxed{20}$ students.", "20\\%", True),
        ("\\boxed{1} papers and \\boxed{2} bins", "1,2", True),
        ("\\boxed{1} no no no \\boxed{2}", "1,2", False),
        ("$\\boxed{35 cm} +++ \\boxed{4}$", "35\\text{ cm}, 4", True),
        ("$\\boxed{W(n)=1 \\text{ or } W(n)=-1$", "\\pm1", True),
        ("1 = \\foo = x = 0", "0", True),
        ("1 = \\foo = x = 0", "1", False),
        ("$f(x)=ax$ where $b$ is any number with $\\foo(a)=0$", "0", False),
    ],
)
def test_golds_that_are_solutions(gold, answer, equal):
    assert grade(gold, f"\\boxed{{{answer}}}").correct is equal
