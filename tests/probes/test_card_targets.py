"""What the card speaks of: these problems or such, one pair or several, one K or more."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import Options
from probes.expand import expand
from probes.findings.card import cards
from probes.findings.rows import Grid
from probes.findings.types import Adjusted, Check
from reports.frames.findings import ends
from reports.tables import comparison_table
from tests.probes.test_card import changed, counted, shown


def test_the_intervals_of_a_benchmark_are_its_own():
    """Fails where the verdict speaks of these problems and the intervals beside it of others."""
    rng = np.random.default_rng(3)
    p = rng.beta(0.4, 2.8, 30)
    q = np.clip(p + 0.05 + rng.normal(0, 0.25, 30) * (p > 0.02), 0, 1)
    c = {"a": rng.binomial(64, p), "b": rng.binomial(64, q)}
    rows = [(f"p{i}", name, 64, int(c[name][i])) for name in c for i in range(30)]
    source = replace(
        counted(a=lambda i: i, b=lambda i: i),
        counts=pd.DataFrame(rows, columns=["problem", "checkpoint", "n", "c"]),
    )
    finding = expand(source, Options(target="benchmark", replicates=300))
    (grid,) = [x for x in cards(finding)[0].items("numbers") if isinstance(x, Grid)]
    assert grid.heads[4] == "95% these problems"
    first, delta = grid.rows[0], finding.comparison.delta
    assert first[4].numbers == (delta.extra("fixed_low")[0], delta.extra("fixed_high")[0])
    row = ends(finding.comparison)
    assert (row["first_low"], row["first_high"]) == first[4].numbers
    table = comparison_table([(finding, finding.comparison)])
    assert "of sampling noise alone" in table.caption
    assert table.rows[0][5].numbers[1] == pytest.approx(100 * first[4].numbers[0])
    assert finding.comparison.verdict.states["pass@1"] == "up"
    assert delta.low[0] < 0 < first[4].numbers[0]
    text = " ".join(shown(finding).replace("│", " ").split())
    assert "the crossover and the tries take these problems as a sample of such" in text


def test_verdicts_at_further_K_are_of_one_pair_by_itself():
    finding = expand(counted(a=lambda i: i % 5, b=lambda i: i % 5 + 6))
    also = finding.comparison.verdict.model_copy(update={"outcome": "sharpening", "kind": None})
    finding = changed(finding, also=(also,), checks=())
    assert "Also declared, K = 8: sharpening." in shown(finding)
    several = changed(finding, adjusted=Adjusted(pairs=2, level=0.025, outcome="expansion"))
    assert "Also declared, K = 8, by itself: sharpening." in shown(several)
    copies = Check(name="copies", passed=False, detail="one text", voids=True)
    assert "K = 8, by the counts alone: sharpening." in shown(changed(finding, confounds=(copies,)))
