"""What one comparison carries along: its budget, the flags it sets, the refusal that ends it."""

from __future__ import annotations

from dataclasses import dataclass, field

from evals.verify.exact import Work


@dataclass(slots=True)
class Context:
    """Budget and flags of one comparison; approximate: the gold itself is an approximation."""

    work: Work = field(default_factory=Work)
    flags: set[str] = field(default_factory=set)
    approximate: bool = False


class Wrong(Exception):
    """The answer is wrong whatever the gold is; the message is the reason."""
