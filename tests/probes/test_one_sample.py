"""One sample of each problem, or of one side: what is solved is told of as many samples of both."""

import numpy as np
import pandas as pd
import pytest

from analysis import Options, PairedCounts
from probes.comparison.one_sample import compare_one_sample
from probes.expand import expand
from probes.inputs.counts_file import from_counts
from probes.inputs.sources import Source, blank
from probes.support import support


def one_model(problems, n_a, n_b, seed):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.4, 2.8, problems)
    return PairedCounts.from_arrays(n_a, rng.binomial(n_a, p), n_b, rng.binomial(n_b, p))


def test_one_against_many_solves_no_more():
    """Fails where one sample is held against any of 64: hundreds were solved by B alone."""
    found = compare_one_sample(one_model(500, 1, 64, 0), Options())["support"]
    assert abs(found["E"] - found["S"]) <= 4 * np.sqrt(found["E"] + found["S"])
    assert found["mcnemar_p"] > 0.01


@pytest.mark.parametrize("problems", [30, 60])
def test_one_model_drawn_unequally_often_has_no_direction(problems):
    """Fails with sign-flips alone, which are not exact there."""
    told = [
        compare_one_sample(one_model(problems, 1, 64, seed), Options(replicates=500))["verdict"]["kind"]
        for seed in range(120)
    ]
    assert sum(kind is not None for kind in told) <= 4  # 2 and 3; with sign-flips alone 6 and 7


def test_a_problem_of_one_sample_does_not_make_all_such(tmp_path):
    lines = [f"p{i},{side},{1 if i == 3 else 64},{i % 2}" for side in "ab" for i in range(200)]
    (tmp_path / "c.csv").write_text("\n".join(["problem,checkpoint,n,c", *lines]))
    found = expand(from_counts(tmp_path / "c.csv")).comparison
    assert (found.options.K, found.problems) == (32, 199)
    assert list(found.aside) == ["p3"]
    assert found.support.n == 64


def test_directions_of_many_pairs_of_one_sample_are_tested_together():
    """Six pairs at once: fails where each direction is told at 5% under the words "tested at 0.0083"."""
    told = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        p = rng.beta(0.5, 1, 80)
        names = [f"m{j}" for j in range(7)]
        rows = [(f"q{i}", x, 1, int(rng.random() < p[i])) for x in names for i in range(80)]
        counts = pd.DataFrame(rows, columns=["problem", "checkpoint", "n", "c"])
        source = Source(counts, [blank(x) for x in names], {"name": "x", "fingerprint": None, "count": 80})
        found = expand(source, Options(replicates=300)).comparisons
        for c in found:
            assert c.adjusted.level == pytest.approx(0.05 / 6)
            assert c.headline.kind is None or c.verdict.numbers[0].p <= 0.05 / 6
        told += any(c.verdict.kind for c in found)
    assert told  # so that some are taken away


def test_lists_of_unequal_samples_say_so():
    """One model, 8 and 64 samples: 53 problems "gained" and 1 lost, of 8 samples each 20 and 21."""
    rng = np.random.default_rng(1)
    p = rng.beta(0.2, 3, 200)
    rows = [(f"q{i}", x, n, int(rng.binomial(n, p[i]))) for x, n in (("a", 8), ("b", 64)) for i in range(200)]
    counts = pd.DataFrame(rows, columns=["problem", "checkpoint", "n", "c"])
    source = Source(counts, [blank(x) for x in "ab"], {"name": "x", "fingerprint": None, "count": 200})
    found = support(source, Options(replicates=200))
    (title,) = [t.title for t in found.tables if t.title and t.title.startswith("Gained")]
    assert int(title.split(" of ")[1].split()[0]) > 2 * found.extra("pairs")[0]["support"]["E"]
    assert title.endswith("by all samples, of which one side has more")
