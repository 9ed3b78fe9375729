"""Looking while sampling goes on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import Options, PairedCounts, compare
from evals.core.errors import UserError
from probes.comparison.sequential import looks_at, until_decided, with_looks
from probes.expand import expand
from probes.findings.types import Adjusted, ReadingOf, Robustness
from probes.inputs.sources import Source


def drawer(p, q, seed=0):
    """A source that grows: the first n of one fixed stream of samples of each problem."""
    rng = np.random.default_rng(seed)
    streams = {name: rng.random((len(r), 256)) < r[:, None] for name, r in (("a", p), ("b", q))}
    asked = []

    def draw(n):
        asked.append(n)
        rows = [
            {"problem": f"p{i}", "checkpoint": name, "n": n, "c": int(s[i, :n].sum())}
            for name, s in streams.items()
            for i in range(len(s))
        ]
        keys = ("path", "fingerprint", "recipe", "lineage", "cell", "report")
        held = [{"name": name, **dict.fromkeys(keys)} for name in streams]
        return Source(pd.DataFrame(rows), held, {"name": "x", "fingerprint": None, "count": len(p)})

    return draw, asked


def test_looks_double_and_end_at_the_most():
    assert list(looks_at(16, 100)) == [16, 32, 64, 100]
    assert list(looks_at(16, 16)) == [16]
    with pytest.raises(UserError, match="lies below --n"):
        list(looks_at(16, 8))


def test_a_large_gain_stops_early_and_says_so():
    p = np.random.default_rng(1).beta(0.5, 2, 300)
    draw, asked = drawer(p, np.minimum(1, p + 0.2))
    source, options, looks = until_decided(draw, Options(replicates=500), start=16, most=256)
    assert asked == [16]
    assert options.K == 8  # declared at the first look
    assert looks[-1]["verdicts"][0]["outcome"] == "expansion"
    finding = with_looks(expand(source, options), looks)
    comparison = finding.comparison
    assert comparison.verdict.outcome == "expansion"
    assert [x.n for x in comparison.looks] == [16]
    assert comparison.looks[0].spent_level == 0.025


def test_the_last_look_decides_all_that_is_shown():
    """Several pairs: no adjustment on top of the looks' own, and robustness is of the verdict shown."""
    p = np.random.default_rng(1).beta(0.5, 2, 60)
    draw, _ = drawer(p, np.minimum(1, p + 0.2))
    source, options, looks = until_decided(draw, Options(replicates=500), start=16, most=16)
    for verdict in looks[-1]["verdicts"]:
        verdict |= {"outcome": "undetermined", "kind": None}
    finding = expand(source, options)
    changes = {
        "adjusted": Adjusted(pairs=2, level=0.025, outcome="expansion"),
        "robustness": Robustness(rows=(ReadingOf(name="another", outcome="expansion"),), robust=True),
    }
    finding = finding.model_copy(update={"comparisons": (finding.comparison.model_copy(update=changes),)})
    comparison = with_looks(finding, looks, declared=False).comparison
    assert comparison.verdict.outcome == comparison.headline.outcome == "undetermined"
    assert comparison.adjusted is None
    assert comparison.robustness.robust is None
    check = next(c for c in comparison.checks if c.name == "K declared")
    assert check.passed is None
    assert "set at the first look, n = 16" in check.detail


def test_one_model_twice_goes_on_to_the_end_without_a_claim():
    p = np.random.default_rng(1).beta(0.5, 2, 40)
    draw, asked = drawer(p, p, seed=5)
    _, options, looks = until_decided(draw, Options(replicates=500), start=16, most=64)
    assert options.K == 8
    assert looks[-1]["verdicts"][0]["outcome"] in ("no-change", "undetermined")
    assert asked[0] == 16
    assert [look["n"] for look in looks] == asked


def test_what_would_settle_it_is_told_at_the_level_of_the_last_look():
    """Fails where it is that of a single look, which asks for two thirds of the problems."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.425, 2.83, 40)
    draw, _ = drawer(p, np.clip(p + 0.03 + rng.normal(0, 0.08, 40), 0, 1))
    source, options, looks = until_decided(draw, Options(K=8, replicates=500), start=16, most=64)
    comparison = with_looks(expand(source, options), looks).comparison
    assert comparison.verdict.outcome == "undetermined"
    pair = PairedCounts.from_frame(source.counts, "a", "b")
    spent = replace(options, level=comparison.looks[-1].spent_level, replicates=2000)
    asked = comparison.verdict.needed.problems
    assert asked == pytest.approx(compare(pair, spent).verdict["needed"]["problems"], rel=0.05)
    assert asked > 1.4 * compare(pair, options).verdict["needed"]["problems"]
