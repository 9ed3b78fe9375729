"""The vocabulary of findings: frozen types, read from and written to JSON with a schema version.

Fields that are not named here are kept as they are (each probe has some of its own), so that a finding
that is read and written again loses nothing. A field that a finding does not have is None or empty.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from probes.findings.comparison import (
    WITHHELD,
    Adjusted,
    Changes,
    Comparison,
    Crossover,
    Curve,
    Declared,
    Group,
    Grouping,
    GroupNumber,
    Headline,
    Look,
    Moved,
    Needed,
    Reading,
    ReadingOf,
    Robustness,
    Segment,
    Support,
    Tries,
    Verdict,
)
from probes.findings.parts import (
    Block,
    Changed,
    Check,
    Described,
    Difference,
    Estimate,
    Expected,
    Frozen,
    Interval,
    Problems,
)

__all__ = [
    "READABLE",
    "SCHEMA",
    "WITHHELD",
    "Adjusted",
    "Block",
    "Changes",
    "Check",
    "Comparison",
    "Crossover",
    "Curve",
    "Declared",
    "Described",
    "Difference",
    "Estimate",
    "Expected",
    "Finding",
    "Frozen",
    "Group",
    "GroupNumber",
    "Grouping",
    "Headline",
    "Interval",
    "Look",
    "Moved",
    "Needed",
    "Problems",
    "Reading",
    "ReadingOf",
    "Robustness",
    "Segment",
    "Support",
    "Tries",
    "Verdict",
]

SCHEMA = 2
READABLE = (1, 2)  # 2 names the verdict that stands (`headline`); all else of 1 is the same


class Finding(Frozen):
    """What a probe returns. Its own fields (histogram, pairs, seeds, …) are read with `extra`."""

    version: int = Field(alias="schema")
    probe: str
    checkpoints: tuple[Described, ...] = ()
    problems: Problems | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    estimates: tuple[Estimate, ...] = ()
    differences: tuple[Difference, ...] = ()
    tables: tuple[Block, ...] = ()
    notes: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    changed: dict[str, Any] | None = None
    checks: tuple[Check, ...] = ()
    provenance: dict[str, Any] = Field(default_factory=dict)
    study: dict[str, Any] | None = None

    @field_validator("changed")
    @classmethod
    def _listed(cls, changed: dict[str, Any] | None) -> dict[str, Any] | None:
        if changed is not None:
            Changed.model_validate(changed)
        return changed

    @property
    def comparison(self) -> Comparison:
        """The first comparison; IndexError where the finding has none."""
        return self.comparisons[0]

    @property
    def verdict(self) -> Headline:
        """The verdict that stands on the first comparison."""
        return self.comparison.headline

    @property
    def recipes(self) -> dict[str, str | None]:
        """The recipe of each checkpoint by name, None where it is not known."""
        return {c.name: c.recipe for c in self.checkpoints}
