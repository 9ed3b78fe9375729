"""The types of one comparison: curves, the verdict and the headline that stands, support, robustness."""

from __future__ import annotations

from typing import Any

from pydantic import Field, computed_field, field_validator, model_validator

from probes.findings.parts import Check, Expected, Frozen, Interval, Number, Numbers

WITHHELD = "withheld"  # the kind of a headline that a failed check took away
QUIET = ("undetermined", "no-change")  # outcomes that claim no change; the second claims that there is none


class Curve(Frozen):
    """Rates over k: pointwise intervals, the simultaneous band, and of differences the same-model range."""

    estimate: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    band_low: Numbers | None = None
    band_high: Numbers | None = None
    null_low: Numbers | None = None
    null_high: Numbers | None = None

    def at(self, column: str, i: int) -> float | None:
        """Entry i of a column; None where the column or the entry is missing."""
        values = getattr(self, column, None)
        return values[i] if values is not None and i < len(values) else None


class Reading(Interval):
    """One of the two numbers that decide: Δpass@k with its joint region, equivalence interval and p."""

    k: int | None = None
    inner_low: float | None = None
    inner_high: float | None = None
    p: float | None = None


class Needed(Frozen):
    """What would settle an undetermined verdict; None where no feasible number would."""

    problems: int | None = None
    samples: int | None = None


class Verdict(Frozen):
    """The verdict on one comparison by itself (`analysis.comparison.verdict`)."""

    outcome: str
    kind: str | None = None
    sentence: str = ""
    reasons: tuple[str, ...] = ()
    needed: Needed | None = None
    states: dict[str, str] = Field(default_factory=dict)
    numbers: tuple[Reading, ...] = ()


class Adjusted(Frozen):
    """The verdict after Holm's adjustment over several pairs, tested at `level`."""

    pairs: int
    level: float
    p: float | None = None
    outcome: str
    kind: str | None = None


class Headline(Frozen):
    """The verdict that stands. voided: names of the checks that took it away."""

    outcome: str
    kind: str | None = None
    voided: tuple[str, ...] = ()


class Support(Frozen):
    """Problems solved at least once in n samples: by both (P), only B (E), only A (S), neither (O)."""

    n: int
    P: int
    E: int
    S: int
    O: int
    expected: dict[str, Any] = Field(default_factory=dict)
    rates: dict[str, float | None] = Field(default_factory=dict)
    mcnemar_p: float | None = None
    detection_limit: float | None = None

    @field_validator("expected")
    @classmethod
    def _counts(cls, expected: dict[str, Any]) -> dict[str, Any]:
        for kind in "PESO":
            Expected.model_validate(expected.get(kind) or {})
        return expected

    def expect(self, kind: str) -> Expected:
        """The same-model expectation of one of P, E, S, O."""
        return Expected(**(self.expected.get(kind) or {}))


class Crossover(Frozen):
    """The k from which A is at least as good as B; None where the curves do not cross."""

    k: int | None = None
    low: int | None = None
    high: int | None = None


class Declared(Frozen):
    """What was declared of a comparison before its numbers were seen."""

    level: float = 0.05
    K: int
    margin: float = 0.02
    seed: int = 0
    K_declared: bool | None = None
    target: str | None = None


class ReadingOf(Frozen):
    """One row of the robustness table: the verdict on another reading of the samples.

    outcome is None where the reading is not possible; detail then says why. first, large: Δpass@1, Δpass@K.
    uncorrected: of a correction, the outcome of its method with nothing to correct.
    """

    name: str
    outcome: str | None = None
    kind: str | None = None
    first: float | None = None
    large: float | None = None
    first_low: float | None = None
    first_high: float | None = None
    large_low: float | None = None
    large_high: float | None = None
    K: Number | None = None
    detail: str = ""
    uncorrected: str | None = None


class Robustness(Frozen):
    """Whether the verdict survives other readings; robust is None where that cannot be told."""

    rows: tuple[ReadingOf, ...] = ()
    robust: bool | None = None
    sentence: str = ""


class Look(Frozen):
    """One look of a comparison that was sampled until decided."""

    n: int
    outcome: str
    kind: str | None = None
    spent_level: float


class Tries(Frozen):
    """How many of A's tries one of B's is worth, m(k), over k; None where A's tries end first.

    beyond: whether m is at least the estimate. upto: the largest k that A's tries reach. reading: new, or
    only cheaper.
    """

    k: tuple[int, ...]
    estimate: Numbers
    low: Numbers
    high: Numbers
    band_low: Numbers = ()
    band_high: Numbers = ()
    beyond: tuple[bool, ...] = ()
    upto: int | None = None
    reading: str = ""
    sentence: str = ""


class Segment(Frozen):
    """From which k to which k B is above, below or equal to A by the band over all k, or open."""

    low: int
    high: int
    state: str


class Moved(Frozen):
    """Whether problems moved although their mean may not: exact p, and the spread of the true changes."""

    p: float | None = None
    spread: float | None = None
    mean: float | None = None


class Changes(Frozen):
    """Numbers of problems whose rate changed, at a false discovery rate; first_solved: by B alone."""

    fdr: float
    improved: int
    worsened: int
    first_solved: int | None = None


class GroupNumber(Interval):
    """Δpass@k of a group of problems; state: up, down or open after Holm over all groups."""

    k: int
    p: float | None = None
    p_holm: float | None = None
    state: str = "open"


class Group(Frozen):
    """Some of the problems; claims: whether there are enough of them to claim anything."""

    name: str
    problems: int
    claims: bool = True
    numbers: tuple[GroupNumber, ...]


class Grouping(Frozen):
    """The comparison by groups of problems. by: what groups them; heterogeneity: p that all changed alike."""

    by: str
    groups: tuple[Group, ...]
    heterogeneity: dict[str, float | None] = Field(default_factory=dict)


class Resampled(Frozen):
    """What the intervals resample whole: so many clusters of problems, of this kind."""

    count: int
    kind: str


class Comparison(Frozen):
    """What the counts of A and B say, and everything that could make it wrong."""

    a: str
    b: str
    problems: int
    n: int | None = None
    k: tuple[int, ...]
    passk: dict[str, Curve]
    delta: Curve
    verdict: Verdict
    adjusted: Adjusted | None = None
    crossover: Crossover = Crossover()
    slope: Interval = Interval()
    support: Support
    options: Declared
    checks: tuple[Check, ...] = ()
    confounds: tuple[Check, ...] = ()
    guess_floor: dict[str, float | None] = Field(default_factory=dict)
    robustness: Robustness | None = None
    looks: tuple[Look, ...] | None = None
    also: tuple[Verdict, ...] = ()
    tries: Tries | None = None
    over_k: tuple[Segment, ...] = ()
    detectable: dict[str, float | None] = Field(default_factory=dict)
    moved: Moved | None = None
    changes: Changes | None = None
    groups: tuple[Grouping, ...] = ()
    resampled: Resampled | None = None

    @model_validator(mode="before")
    @classmethod
    def _derived(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if k != "headline"} if isinstance(data, dict) else data

    @computed_field  # type: ignore[prop-decorator]
    @property
    def headline(self) -> Headline:
        """The verdict that stands: after Holm over several pairs, and after a check that takes it away."""
        voided = tuple(c.name for c in self.all_checks if c.voids and c.passed is False)
        stands = self.adjusted or self.verdict
        if voided and (stands.outcome, stands.kind) != ("undetermined", None):
            return Headline(outcome="undetermined", kind=WITHHELD, voided=voided)
        return Headline(outcome=stands.outcome, kind=stands.kind)

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """Checks of what was asked, then of the counts."""
        return self.confounds + self.checks

    @property
    def ends(self) -> tuple[str, str]:
        """The columns of the interval of B - A at one k: of these very problems where they are the target."""
        own = self.options.target == "benchmark" and self.delta.at("fixed_low", 0) is not None
        return ("fixed_low", "fixed_high") if own else ("low", "high")

    def at(self, k: int) -> int:
        """The place of k among the k measured; of a k that was not, the last."""
        return self.k.index(k) if k in self.k else len(self.k) - 1
