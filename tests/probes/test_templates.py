"""Problems made from one template stand or fall together: by default they are resampled together."""

import numpy as np
import pandas as pd
import pytest

from analysis import Options, PairedCounts
from probes.comparison.robustness import robustness
from probes.expand import expand
from probes.findings.card import cards
from probes.findings.types import Verdict
from probes.inputs.sources import Source, blank, templated

EFFECTS = (0.25, -0.1, 0.3, 0.0, 0.2, -0.2, 0.3, 0.1, 0.25, -0.15)


def planted(seed=0, each=30, n=16):
    """Counts of 10 templates of 30 problems; the change belongs to the template."""
    rng = np.random.default_rng(seed)
    effect = np.repeat(EFFECTS, each)
    p = np.full(effect.size, 0.4)
    ids = [f"p{i:03d}" for i in range(effect.size)]
    parts = [
        pd.DataFrame({"problem": ids, "checkpoint": name, "n": n, "c": rng.binomial(n, rate)})
        for name, rate in (("a", p), ("b", np.clip(p + effect, 0, 1)))
    ]
    metas = {one: {"template": "+-*/%^&|<>"[i // each]} for i, one in enumerate(ids)}
    return pd.concat(parts, ignore_index=True), metas


def found(counts):
    problems = {"name": "x", "fingerprint": None, "count": 300}
    source = Source(counts, [blank("a"), blank("b")], problems, clusters="templates")
    finding = expand(source, Options(replicates=1000))
    return finding.comparison, " ".join(
        row.text for card in cards(finding) for s in card.sections if s.name == "declared" for row in s.items
    )


def width(comparison):
    number = comparison.verdict.numbers[0]
    return number.high - number.low


def test_templates_are_resampled_and_the_card_says_so():
    counts, metas = planted()
    alone, says = found(counts)
    together, says_so = found(templated(counts, metas))
    assert alone.verdict.outcome != "undetermined"  # a claim from 300 problems that are ten
    assert together.verdict.outcome == "undetermined"
    assert width(together) > 3 * width(alone)
    assert together.resampled.count == 10
    assert "Intervals resample 10 templates of problems." in says_so
    assert "resample" not in says


@pytest.mark.parametrize("kept", [{}, {"template": "+"}])
def test_without_distinct_templates_nothing_changes(kept):
    counts, metas = planted()
    assert templated(counts, dict.fromkeys(metas, kept)).equals(counts)
    assert templated(counts, {p: {"template": p} for p in metas}).equals(counts)


def test_other_readings_resample_templates_too():
    counts, metas = planted()
    wide = [side.set_index("problem") for _, side in templated(counts, metas).groupby("checkpoint")]
    a, b = (
        pd.DataFrame({"n": s["n"], "correct": s["c"], "lenient": s["c"], "answered": s["n"], "guess": 0,
                      "finished": s["n"], "correct_finished": s["c"], "tokens": 10 * s["n"],
                      "cluster": s["cluster"]})
        for s in wide
    )  # fmt: skip
    verdict = Verdict(outcome="undetermined")
    options = Options(replicates=1000)
    with_clusters = robustness(verdict, a, b, options, 8)
    without = robustness(verdict, a.drop(columns="cluster"), b, options, 8)
    for one, other in zip(with_clusters.rows, without.rows, strict=True):
        assert one.first_high - one.first_low > 2 * (other.first_high - other.first_low), one.name


def test_one_sample_resamples_templates():
    from probes.comparison.one_sample import compare_one_sample

    counts, metas = planted(n=1)
    ends = []
    for frame in (counts, templated(counts, metas)):
        result = compare_one_sample(PairedCounts.from_frame(frame, "a", "b"), Options(replicates=1000))
        ends.append(result["delta"]["high"][0] - result["delta"]["low"][0])
    assert ends[1] > 1.5 * ends[0]


def test_problems_of_the_world_bring_their_templates(probes, tiny_checkpoint, tmp_path):
    """Through the command: the store knows the templates too, so a second reading says the same."""
    import json

    def resampled(*args):
        result = probes("expand", *args, "--out", tmp_path / "out", "--quiet")
        assert result.code == 0, result.err
        one = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"][-1]
        return one["comparisons"][0]["resampled"]

    asked = ("--n", "2", "--problems", "world:test", "--limit", "12", "--max-tokens", "4")
    first = resampled("--ckpt", tiny_checkpoint, "--ckpt", tiny_checkpoint, *asked)
    assert first["kind"] == "templates"
    assert 1 < first["count"] < 12
    assert resampled("--samples", tmp_path / "out" / "store") == first
    assert resampled("--samples", tmp_path / "out" / "store", "--cluster", "none") is None
