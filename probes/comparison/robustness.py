"""Robustness: does the verdict depend on the grader, on guessing, on length, on A's prompt?

Every row is a verdict of `analysis` on the same problems under another reading of the same samples, or
under other prompts of A.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis import AnalysisError, Options, PairedCounts
from analysis.comparison.joint import verdict_on_counts
from analysis.families.guessing import Floor, corrected, floor_of
from probes.findings.checks import check
from probes.findings.comparison import QUIET
from probes.findings.types import Check, ReadingOf, Robustness, Verdict
from probes.inputs.sources import GROUPS

REPLICATES = 2000
GUESSING = "corrected for guessing"
LEFT_OUT = 0.2  # share of problems that a reading may leave out before it says nothing


class Unreadable(Exception):
    """A reading that cannot be made of these samples; its message is the reason."""


def robustness(
    verdict: Verdict,
    a: pd.DataFrame,
    b: pd.DataFrame,
    options: Options,
    K: int,
    more: Sequence[ReadingOf] = (),
) -> Robustness:
    """The robustness table of one comparison.

    verdict: the declared one. a, b: tallies of the two cells (see `evals.store.tally`), a with columns
    cluster and stratum where problems are grouped. more: further rows (see `asked`). The outcome of a row is
    None where the reading is not possible; its detail then says why.
    robust is None where the verdict is undetermined or no other reading is possible.
    """

    def among(counted: str, correct: str) -> ReadingOf:
        return _counted(_among(a, b, counted, correct, K), options, K)

    readings: list[tuple[str, Callable[[], ReadingOf]]] = [
        ("graded leniently", lambda: _counted(_lenient(a, b), options, K)),
        ("only samples with an answer", lambda: among("answered", "correct")),
        ("only samples not cut off", lambda: among("finished", "correct_finished")),
        (GUESSING, lambda: _unguessed(_all(a, b), a, b, options, K)),
        ("at equal tokens, not equal k", lambda: _equal_tokens(a, b, options, K)),
    ]
    return summary(verdict, [*more, *(_row(name, read) for name, read in readings)])


def asked(pairs: Sequence[tuple[str, PairedCounts]], options: Options, K: int) -> list[ReadingOf]:
    """Rows of the verdict with A sampled under other prompts: (name, counts of A so asked and of B)."""
    text = "other prompt of A"
    return [_row(name, partial(_counted, (pair, text), options, K)) for name, pair in pairs]


def _row(name: str, read: Callable[[], ReadingOf]) -> ReadingOf:
    try:
        return read().model_copy(update={"name": name})
    except (Unreadable, AnalysisError) as reason:
        return ReadingOf(name=name, detail=str(reason))


def summary(verdict: Verdict, rows: Sequence[ReadingOf]) -> Robustness:
    """Whether the rows repeat the verdict, and in words what it depends on."""
    known = [r for r in rows if r.outcome is not None]
    differing = [r for r in known if r.outcome != verdict.outcome]
    robust: bool | None = not differing
    if verdict.outcome == "undetermined":
        robust = None
        sentence = "Undetermined as declared: other readings are shown for information."
    elif not known:
        robust = None
        sentence = "No other reading of these samples is possible: robustness is not known."
    elif differing:
        depends = "; ".join(f"{r.name} it is {r.outcome}" for r in differing)
        sentence = f"Not robust: {depends}."
    else:
        sentence = f"Robust: the same verdict in all {len(known)} other readings."
        if kinds := [f"{r.name} {r.kind}" for r in known if r.kind != verdict.kind]:
            sentence = f"Robust in outcome; its kind differs: {'; '.join(kinds)}."
    return Robustness(rows=tuple(rows), robust=robust, sentence=sentence)


def _known(values: pd.Series) -> np.ndarray:
    if values.isna().any():
        raise Unreadable("the samples do not say")
    return values.to_numpy()


def _pair(groups: pd.DataFrame, *counts: Any) -> PairedCounts:
    """Counts n_a, c_a, n_b, c_b; groups: a tally, with columns cluster and stratum where there are any."""
    pair = PairedCounts.from_arrays(*(np.asarray(x).astype(np.int64) for x in counts))
    codes: dict[str, Any] = {name: pd.factorize(groups[name])[0] for name in GROUPS if name in groups}
    return replace(pair, **codes)


def _lenient(a: pd.DataFrame, b: pd.DataFrame) -> tuple[PairedCounts, str]:
    return _pair(a, a["n"], _known(a["lenient"]), b["n"], _known(b["lenient"])), "credit for the last number"


def _among(a: pd.DataFrame, b: pd.DataFrame, counted: str, correct: str, K: int) -> tuple[PairedCounts, str]:
    """Only the samples that `counted` counts; problems where fewer than K remain are left out of both."""
    n_a, n_b = _known(a[counted]), _known(b[counted])
    enough = (n_a >= K) & (n_b >= K)
    if enough.mean() < 1 - LEFT_OUT or enough.sum() < 2:
        raise Unreadable(f"only {enough.sum()} of {len(enough)} problems keep {K} such samples under both")
    left = int((~enough).sum())
    text = f"{left} problems left out" if left else "all problems"
    c_a, c_b = a[correct].to_numpy(), b[correct].to_numpy()
    return _pair(a[enough], n_a[enough], c_a[enough], n_b[enough], c_b[enough]), text


def _all(a: pd.DataFrame, b: pd.DataFrame) -> PairedCounts:
    """All samples of both."""
    return _pair(a, a["n"], a["correct"], b["n"], b["correct"])


def unguessed(pair: PairedCounts, a: pd.DataFrame, b: pd.DataFrame, options: Options, K: int) -> ReadingOf:
    """The row without guessing of a pair of which a and b are the tallies that measure the floors."""
    return _row(GUESSING, partial(_unguessed, pair, a, b, options, K))


def _unguessed(pair: PairedCounts, a: pd.DataFrame, b: pd.DataFrame, options: Options, K: int) -> ReadingOf:
    """What is solved without guessing, each checkpoint with its own floor and that floor's error."""
    of_a, of_b = (floor_of(_known(t["guess"]), t["n"].to_numpy()) for t in (a, b))
    declared = replace(options, K=K, replicates=REPLICATES)
    if of_a.rate == of_b.rate == 0:  # nothing to correct: the same verdict, not another method's
        found = plain = verdict_on_counts(pair, declared)
    else:
        found, plain = corrected(pair, of_a, of_b, declared), corrected(pair, Floor(0), Floor(0), declared)
    text = f"guess floors {of_a.rate:.2%} and {of_b.rate:.2%}"
    row = _as_row(found, found["numbers"][1]["k"], text)
    return row.model_copy(update={"uncorrected": plain["outcome"]})


def guessed(verdict: Verdict, rows: Sequence[ReadingOf]) -> Check | None:
    """A check that takes the headline away where the verdict is another without guessing; else None.

    Only where the method of the row, which has less power, repeats the verdict without its correction.
    """
    row = next((r for r in rows if r.name == GUESSING), None)
    if row is None or row.outcome is None or not turns(verdict.outcome, row.outcome):
        return None
    if row.uncorrected != verdict.outcome:
        return None
    text = f"corrected for guessing it is {row.outcome} ({row.detail})"
    return check("guessing", False, None, text).model_copy(update={"voids": True})


def turns(outcome: str, without: str) -> bool:
    """Whether what is left without guesses takes a verdict away: another claim, or no claim of a change."""
    if outcome in QUIET and without in QUIET:
        return False  # less is told without guesses, and no change stays the most that can be said
    return outcome not in ("undetermined", without)


def _counted(read: tuple[PairedCounts, str], options: Options, K: int) -> ReadingOf:
    """The verdict of counts, at the declared K."""
    pair, text = read
    found = verdict_on_counts(pair, replace(options, K=K, replicates=REPLICATES))
    return _as_row(found, K, text)


def _as_row(verdict: dict[str, Any], K: float, detail: str) -> ReadingOf:
    """One row; low and high of either number are its joint region."""
    ends: dict[str, Any] = {}
    for name, number in zip(("first", "large"), verdict["numbers"], strict=True):
        ends |= {name: number["estimate"], f"{name}_low": number["low"], f"{name}_high": number["high"]}
    return ReadingOf(name="", outcome=verdict["outcome"], kind=verdict["kind"], K=K, detail=detail, **ends)


def _equal_tokens(a: pd.DataFrame, b: pd.DataFrame, options: Options, K: int) -> ReadingOf:
    """Both get the tokens of the longer one's k samples: the shorter one gets more samples for them."""
    from analysis.comparison.joint import joint_readings
    from analysis.comparison.verdict import verdict
    from analysis.inference.bootstrap import bootstrap

    if options.target == "benchmark":
        raise Unreadable("known of a population of problems alone, not of these")
    length = [float(_known(t["tokens"]).sum() / t["n"].sum()) for t in (a, b)]
    if min(length) <= 0:
        raise Unreadable("the samples have no tokens")
    ratio = [max(length) / x for x in length]  # samples that one sample of the longer one pays for
    most = min(int(t["n"].min()) / r for t, r in zip((a, b), ratio, strict=True))
    large = min(float(K), most)
    if large < 2:
        raise Unreadable(f"lengths of {length[0]:.0f} and {length[1]:.0f} tokens leave less than k = 2")
    curves = [
        np.stack([at_budget(t["n"].to_numpy(), t["correct"].to_numpy(), k * r) for k in (1.0, large)], axis=1)
        for t, r in zip((a, b), ratio, strict=True)
    ]
    d = curves[1] - curves[0]
    pair = _all(a, b)
    groups = {"cluster": pair.cluster, "stratum": pair.stratum}
    rep = bootstrap(d, replicates=REPLICATES, seed=options.seed, **groups)
    readings = joint_readings(rep, d, (1, round(large)), options, pair.cluster)
    found = verdict(*readings, level=options.level, margin=options.margin)
    text = (
        f"{length[0]:.0f} and {length[1]:.0f} tokens: A gets {ratio[0]:.2f}, B {ratio[1]:.2f} samples for one"
    )
    return _as_row(found, large, text)


def at_budget(n: np.ndarray, c: np.ndarray, k: float) -> np.ndarray:
    """pass@k (M,) for a k that need not be whole: between the whole k on either side, in proportion."""
    from analysis import pass_at_k

    low = int(np.floor(k + 1e-9))
    share = max(k - low, 0.0)
    if share < 1e-9:
        return pass_at_k(n, c.astype(np.int64), low)[:, 0]
    both = pass_at_k(n, c.astype(np.int64), [low, low + 1])
    return both[:, 0] * (1 - share) + both[:, 1] * share
