"""Worked solutions: the same steps told in several styles, each ending in a boxed answer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from evals.core.errors import UserError
from evals.world.drafts import Draft, Step

VERBS = {"+": "Adding", "-": "Taking away", "*": "Multiplying by", "/": "Dividing by"}
INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}


def _equations(d: Draft) -> str:
    return " ".join(f"{step}." for step in d.steps)


def _numbered(d: Draft) -> str:
    return " ".join(f"Step {i}: {step}." for i, step in enumerate(d.steps, 1))


def _told(d: Draft) -> str:
    return " ".join(f"{VERBS[s.op]} {s.right} gives {s}." for s in d.steps)


def _totals(d: Draft) -> str:
    return "The numbers are " + ", ".join(str(s.result) for s in d.steps) + "."


def _expression(d: Draft) -> str:
    first = d.steps[0]
    text = f"{first.left}{first.op}{first.right}"
    for before, step in pairwise(d.steps):
        if step.left != before.result or (step.op == "+" and step.right == before.result):
            return _totals(d)  # the two-person ending is no chain
        text = f"({text}){step.op}{step.right}" if step.op in "*/" else f"{text}{step.op}{step.right}"
    return f"We have {text}={d.steps[-1].result}."


def _checked(d: Draft) -> str:
    def check(s: Step) -> str:
        return f"{s}, as {s.result}{INVERSE[s.op]}{s.right}={s.left}."

    return " ".join(check(s) for s in d.steps)


def _direct(_: Draft) -> str:
    return ""


_WORK: dict[str, Callable[[Draft], str]] = {
    "equations": _equations,
    "numbered": _numbered,
    "told": _told,
    "checked": _checked,
    "totals": _totals,
    "expression": _expression,
    "direct": _direct,
}

STYLES = tuple(_WORK)


def solve(problem: Draft, style: str) -> str:
    """The worked solution of a problem in one style, with a leading space and a boxed answer."""
    if style not in _WORK:
        raise UserError(f"no solution style {style!r}; choose one of {', '.join(STYLES)}")
    work = _WORK[style](problem)
    return f" {work} So the answer is \\boxed{{{problem.steps[-1].result}}}.".replace("  ", " ")
