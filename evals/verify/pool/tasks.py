"""What the workers of the grader do."""

from __future__ import annotations

from typing import Any

from evals.verify.grading import Mode, grade

SELF_TEST = (
    ("\\frac{1}{2}", "The answer is \\boxed{0.5}.", True),
    ("x^2-1", "\\boxed{(x-1)(x+1)}", True),
    ("\\sqrt{2}+1", "\\boxed{1+\\sqrt2}", True),
    ("3", "\\boxed{3 \\text{ or } 4}", False),
    ("[2,5)", "\\boxed{2 \\le x < 5}", True),
    ("18", "#### 19", False),
)


def grade_plain(gold: str, response: str, mode: Mode, question: str | None = None) -> dict[str, Any]:
    """One verdict as a dictionary, without the symbolic stage."""
    return grade(gold, response, mode, question=question).to_dict()


def grade_symbolic(gold: str, response: str, mode: Mode, question: str | None = None) -> dict[str, Any]:
    """One verdict as a dictionary, with sympy on what is left undecided."""
    from evals.verify.compare.symbolic import prove

    return grade(gold, response, mode, prove=prove, question=question).to_dict()


def self_test() -> None:
    """Fail to start rather than grade wrongly."""
    for gold, response, correct in SELF_TEST:
        if grade(gold, response).correct is not correct:
            raise SystemExit(f"self-test failed: {gold} against {response}")
