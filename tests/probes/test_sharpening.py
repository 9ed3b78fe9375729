"""Sharpening tax and the majority's curve in the findings, and published histograms."""

import numpy as np
import pandas as pd
import pytest

from analysis import Options
from probes.inputs.sources import Source, blank
from probes.measures.sharpening import from_histograms, tax_table
from probes.passk import passk
from probes.support import support


def test_the_tax_stands_in_the_finding_of_passk(toy_source):
    """Beside one model drawn twice and the back-test; maj@k stands for every k up to maj@n."""
    found = passk(toy_source)
    row = next(d for d in found.differences if d.measure == "sharpening_tax")
    tax = found.extra("taxes")[0]
    assert tax["null_low"] < 0 < tax["null_high"]
    assert row.low < row.estimate < row.high
    assert abs(tax["bias_over_error"]) < 0.5
    shares = [e.estimate for e in found.estimates if e.measure == "area_share"]
    assert shares[0] - shares[1] == pytest.approx(row.estimate)
    votes = {e.measure: e.estimate for e in found.estimates if e.checkpoint == "base" and "maj" in e.measure}
    assert list(votes) == [*(f"maj@{2**j}" for j in range(1, 6)), "majority"]


def test_the_answer_policy_stands_in_the_finding_of_support(toy_source):
    found = support(toy_source)
    by = {(r["group"], r["measure"]): r for r in found.extra("policy")}
    assert by["all problems", "mass_right"]["n"] == 32
    grown = next(d for d in found.differences if d.measure == "right_amplified")
    assert grown.low > 0  # a lower temperature amplifies the right answers that were frequent
    assert any(group.startswith("A: ") for group, _ in by)
    titles = [t.title for t in found.tables]
    assert any(t and t.startswith("Answers, base -> sharp") for t in titles)


def histogram(path, **shapes):
    rows = [(name, len(s) - 1, c, many) for name, s in shapes.items() for c, many in enumerate(s)]
    pd.DataFrame(rows, columns=["checkpoint", "n", "c", "problems"]).to_csv(path, index=False)
    return path


def test_published_histograms(probes, tmp_path):
    """The first is that of a 1B base at 44B tokens on GSM8K (8 samples); the other is made up."""
    shape = [722, 250, 145, 86, 52, 29, 24, 8, 3]
    file = histogram(tmp_path / "h.csv", base=shape, sharp=[900, 60, 30, 20, 20, 20, 30, 60, 179])
    result = probes("histograms", file, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    assert "sharpening tax" in result.out
    assert "unpaired" in result.out
    expected = np.average(np.arange(9) / 8, weights=shape)
    assert f"{expected:.4f}" in result.out
    file.write_text(file.read_text().replace("base,8,8,3", "base,8,9,3"))
    bad = probes("histograms", file, "--out", tmp_path / "out")
    assert bad.code == 2
    assert "each c from 0 to n at most once" in bad.err
    file.write_text("checkpoint,n,c\nbase,8,0\n")
    assert "has no column 'problems'" in probes("histograms", file, "--out", tmp_path / "out").err
    file.write_text("checkpoint,n,c,problems\nbase,8,0,x\n")
    assert "whole numbers" in probes("histograms", file, "--out", tmp_path / "out").err


def test_the_tax_of_histograms_is_S_of_the_first_less_S_of_the_later(tmp_path):
    rows = [("base", 0, 5), ("base", 1, 9), ("base", 4, 6), ("rl", 0, 8), ("rl", 4, 12)]
    lines = ["checkpoint,n,c,problems", *(f"{name},4,{c},{problems}" for name, c, problems in rows)]
    (tmp_path / "h.csv").write_text("\n".join(lines))
    found = from_histograms(tmp_path / "h.csv", 3)
    share = {e.checkpoint: e.estimate for e in found.estimates if e.measure == "area_share"}
    assert share["base"] > share["rl"] + 0.1
    assert found.differences[0].estimate == pytest.approx(share["base"] - share["rl"])


def test_what_never_varied_has_no_interval():
    """Thirty problems that nobody solved: S and its change have no width to show, and are not certain."""
    rows = [(f"q{i}", name, 16, 0) for name in "ab" for i in range(30)]
    counts = pd.DataFrame(rows, columns=["problem", "checkpoint", "n", "c"])
    source = Source(counts, [blank(x) for x in "ab"], {"name": "x", "fingerprint": None, "count": 30})
    found = passk(source, Options(replicates=200))
    (area, _) = [e for e in found.estimates if e.measure == "area_share"]
    (tax,) = [d for d in found.differences if d.measure == "sharpening_tax"]
    assert (area.estimate, area.low, area.high) == (0, None, None)
    assert (tax.estimate, tax.low, tax.high) == (0, None, None)


def test_a_curve_that_is_above_at_first_is_not_called_never_above():
    ends = {"estimate": 0.1, "low": 0.0, "high": 0.2, "null_low": -0.1, "null_high": 0.1}
    row = {"a": "a", "b": "b", "K": 8, "overtaking": "never", "few": 8, "bias": None, **ends}
    (table,) = tax_table([row])
    assert table["rows"][0][table["columns"].index("B above A")] == "not at K"
