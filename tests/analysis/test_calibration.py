"""Small runs of the simulations (the full ones are commands), and the anytime rule."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from analysis import AnalysisError, Options, PairedCounts, until_decided
from analysis.comparison.sequential import anytime_verdict, decided, spent_level
from analysis.difficulty.simulation import BASE, KNOWN
from analysis.validity.__main__ import main as validity_main
from analysis.validity.calibration import main as calibration_main
from analysis.validity.calibration import outcomes_of_one_model, outcomes_over_the_path, wrong_share
from analysis.validity.coverage import coverage
from analysis.validity.coverage import main as coverage_main
from analysis.validity.power import main as power_main
from analysis.validity.power import outcomes

QUICK = Options(replicates=200)


@pytest.mark.parametrize(("name", "problems", "n"), [("base", 30, 32), ("even", 200, 32), ("hard", 30, 128)])
def test_two_draws_of_one_model_are_seldom_called_different(name: str, problems: int, n: int) -> None:
    """Planted fault: with direction claimed at a pointwise 80% interval without the exact test this fails."""
    found = outcomes_of_one_model(KNOWN[name], problems, n, pairs=150, options=QUICK)
    assert found.total() == 150
    assert wrong_share(found) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 150)


def test_anytime_path_is_seldom_wrong() -> None:
    found = outcomes_over_the_path(BASE, 60, paths=60, options=Options(replicates=200, K=8))
    assert wrong_share(found) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 60)


def test_looks_spend_the_level_and_no_more() -> None:
    assert sum(spent_level(0.05, j) for j in range(1, 5000)) == pytest.approx(0.05, rel=1e-3)
    with pytest.raises(AnalysisError, match="numbered from 1"):
        spent_level(0.05, 0)


def test_sampling_stops_at_the_first_decided_look(changed: PairedCounts) -> None:
    looked = []

    def looks():
        for n in (4, 16, 32):
            looked.append(n)
            yield changed.thinned(n)

    found = until_decided(looks(), Options(K=4, replicates=300))
    assert found["outcome"] == "expansion"
    assert decided(found)
    assert looked == [4]
    assert found["level"] == 0.05
    assert found["spent_level"] == 0.025


def test_looking_again_needs_a_declared_K_and_something_to_see(changed: PairedCounts) -> None:
    with pytest.raises(AnalysisError, match="declared K"):
        anytime_verdict(changed, 1)
    with pytest.raises(AnalysisError, match="nothing to look at"):
        until_decided([], Options(K=4))


def test_coverage_of_a_short_run() -> None:
    found = coverage(200, 32, runs=120, options=Options(replicates=300))
    for shares in found.values():
        assert (shares >= 0.87).all()


@pytest.mark.parametrize(
    ("first", "large", "expected"),
    [
        (0.06, 0.06, "expansion"),
        (0.06, -0.06, "sharpening"),
        (0.0, 0.06, "coverage-only"),
        (-0.03, -0.06, "regression"),
    ],
)
def test_large_changes_are_found_and_named(first: float, large: float, expected: str) -> None:
    found = outcomes(first, large, 1000, 64, pairs=8, options=QUICK)
    assert found == Counter({expected: 8})


def test_commands_print_their_tables(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--pairs", "2", "--replicates", "100"]
    assert calibration_main([*small, "--difficulty", "easy"]) == 0
    assert capsys.readouterr().out.count("| easy |") == 6
    assert calibration_main([*small, "--difficulty", "easy", "--anytime"]) == 0
    assert capsys.readouterr().out.count("up to 256") == 3
    assert power_main([*small, "--problems", "30", "--n", "8"]) == 0
    table = capsys.readouterr().out
    assert "| expansion |" in table
    assert "| - |" in table  # a change that no training of the simulated kind makes
    assert validity_main(["beside", "--runs", "1"]) == 0
    assert capsys.readouterr().out.count("at most 5%") == 2
    coverage_main(["--problems", "50", "--n", "32", "--runs", "3", "--replicates", "100"])
    assert "| delta |" in capsys.readouterr().out
