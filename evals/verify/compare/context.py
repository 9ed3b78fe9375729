"""What one comparison carries along: its budget, the flags it sets, the refusal that ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from evals.verify.tree import Expr
from evals.verify.values.exact import Work

Prove = Callable[[Expr, Expr], bool | None]


@dataclass(slots=True)
class Context:
    """Budget and flags of one comparison; approximate: the gold itself is an approximation.
    prove: the symbolic stage, where it may run; proved: whether it was asked. percent_asked: whether the
    question asks for a percentage; percent_sign: whether the answer is written with a percent sign;
    proportion: whether it is written with a colon or the word ratio."""

    work: Work = field(default_factory=Work)
    flags: set[str] = field(default_factory=set)
    approximate: bool = False
    prove: Prove | None = None
    proved: bool = False
    percent_asked: bool = False
    percent_sign: bool = False
    proportion: bool = True


class Wrong(Exception):
    """The answer is wrong whatever the gold is; the message is the reason."""
