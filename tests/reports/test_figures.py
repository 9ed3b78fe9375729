"""Figures from findings: what is drawn is what the finding says; gaps and doubts are named."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import PairedCounts
from evals.core.errors import UserError
from reports import drawings
from reports.figures import (
    curves,
    export,
    forest,
    histograms,
    panels,
    seeds,
    support,
    training,
)
from reports.figures import (
    perplexity as groups,
)
from reports.figures.style import RECIPES
from reports.frames import findings as frames
from tests.reports.findings import K, compared, comparison, finding, typed
from tests.reports.hostile import HOSTILE


def texts(figure: object) -> str:
    """All text of a figure."""
    from matplotlib.text import Text

    return "\n".join(t.get_text() for t in figure.findobj(Text))


def test_passk_draws_both_curves_and_bands() -> None:
    c = comparison()
    frame = frames.curves(*typed(finding(c)), compared(c))
    figure = curves.passk_curves(frame, 32)
    axes = figure.axes[0]
    for line, side in zip(axes.lines[:2], ("a", "b"), strict=True):
        assert list(line.get_xdata()) == K
        np.testing.assert_allclose(line.get_ydata(), 100 * np.array(c["passk"][side]["estimate"]))
    assert len(axes.collections) == 4  # two bands of each
    low, high = (100 * np.array(c["passk"]["a"][e]) for e in ("band_low", "band_high"))
    path = axes.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose([path[:, 1].min(), path[:, 1].max()], [low.min(), high.max()])
    assert axes.get_xscale() == "log"
    assert "K=32" in [t.get_text() for t in axes.get_xticklabels()]


def test_delta_has_zero_line_band_and_null_band() -> None:
    frame = frames.delta(compared())
    figure = curves.delta_curve(frame, "A", "B", 32, 0.05)
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels == ["same model twice", "95%, all k at once", "95%, each k"]
    assert any(list(line.get_ydata()) == [0, 0] for line in figure.axes[0].lines)


def test_recipes_give_their_looks_unless_two_share_one() -> None:
    c = comparison("x", "y")
    held = finding(c)
    held["checkpoints"][0]["recipe"], held["checkpoints"][1]["recipe"] = "base", "rl"
    lines = curves.passk_curves(frames.curves(*typed(held), compared(c))).axes[0].lines
    assert [line.get_color() for line in lines] == [RECIPES["base"].colour, RECIPES["rl"].colour]
    held["checkpoints"][0]["recipe"] = "rl"
    lines = curves.passk_curves(frames.curves(*typed(held), compared(c))).axes[0].lines
    assert len({line.get_color() for line in lines} - {RECIPES["rl"].colour}) == 2


def test_without_intervals_the_figure_says_so() -> None:
    c = comparison()
    for side in c["passk"].values():
        side |= dict.fromkeys(("low", "high", "band_low", "band_high"))
    c["delta"] |= dict.fromkeys(("low", "high", "band_low", "band_high", "null_low", "null_high"))
    assert "no intervals available" in texts(
        curves.passk_curves(frames.curves(*typed(finding(c)), compared(c)))
    )
    assert "no intervals available" in texts(curves.delta_curve(frames.delta(compared(c)), "A", "B"))


def test_solve_table_shows_counts_beside_their_expectation() -> None:
    c = comparison()
    shown = texts(support.solve_table(frames.support(compared(c)), "A", "B", 64))
    for text in (
        "100",
        "7",
        "13",
        "30",
        "same model twice: 9\n(4 to 14)",
        "Problems solved at least once in 64",
    ):
        assert text in shown
    c["support"]["expected"] = {k: dict.fromkeys(("mean", "low", "high")) for k in "PESO"}
    assert (
        texts(support.solve_table(frames.support(compared(c)), "A", "B", 1)).count("no expectation available")
        == 4
    )


def test_support_bars_are_the_counts() -> None:
    frame = pd.concat([frames.support(compared()).assign(comparison=n) for n in ("one", "two")])
    figure = support.support_bars(frame)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [7, 13, 7, 13]


def test_deconvolved_histogram_and_flow_take_sampling_noise_out() -> None:
    rng = np.random.default_rng(0)
    p = np.repeat([0.1, 0.6], 200)
    pair = PairedCounts.from_arrays(32, rng.binomial(32, p), 32, rng.binomial(32, p))
    bars, moves = frames.distribution(pair, "A", "B", {"A": "base"})
    assert bars.groupby("checkpoint")["share"].sum().tolist() == pytest.approx([1, 1])
    stay = moves[(moves["from_low"] == moves["to_low"])]["share"].sum()
    raw = moves[(moves["from_low"] == moves["to_low"])]["raw"].sum()
    assert stay > 0.95 > raw  # two draws of one model: nothing moved, though c/n did
    drawn = histograms.accuracy_histogram(bars).axes[0]
    heights = [100 * s for s in bars[bars["checkpoint"] == "A"]["share"]]
    np.testing.assert_allclose([b.get_height() for b in drawn.containers[0]], heights)
    assert drawn.get_legend_handles_labels()[1] == ["A (base)", "B"]
    assert "under A" in texts(histograms.flow(moves, "A", "B"))


def test_robustness_rows_that_are_not_possible_are_named() -> None:
    c = comparison()
    c["robustness"] = {
        "rows": [
            {"name": "graded leniently", "outcome": "expansion", "first": 0.1, "large": 0.02, "K": 32},
            {"name": "not cut off", "outcome": None, "first": None, "large": None, "K": None},
        ],
        "robust": False,
        "sentence": "It hangs on the grader.",
    }  # fmt: skip
    frame = frames.robustness(compared(c))
    assert frame["name"].tolist() == ["as declared", "graded leniently", "not cut off"]
    shown = texts(forest.robustness(frame))
    assert "not possible here" in shown
    assert frames.robustness(compared()) is None


def test_forest_of_comparisons_names_every_verdict() -> None:
    pairs = [(None, compared()), (None, compared(comparison("before", "third")))]
    shown = texts(forest.comparisons(frames.overview(pairs)))
    assert shown.count("sharpening") == 2
    assert "before → third" in shown


def test_perplexity_by_group() -> None:
    whole = {"estimate": 1.5, "low": 1.4, "high": 1.6}
    rows = [{"samples": s, "group": g} | whole for s in ("A under A", "B under A") for g in "PES"]
    rows[2] |= {"low": None, "high": None}
    figure = groups.perplexity_by_group(
        frames.perplexity(*typed({"probe": "likelihood", "perplexity": rows}))
    )
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["both", "gained", "lost"]


def test_seeds_are_all_shown_and_one_alone_is_said() -> None:
    frame = pd.DataFrame(
        {
            "metric": "pass@1",
            "series": "rl",
            "x": [1e6, 1e6, 2e6, 2e6],
            "seed": [0, 1, 0, 1],
            "y": [1.0, 3, 2, 4],
        }
    )
    figure = seeds.seed_panels(frame)
    dots = np.vstack([c.get_offsets() for c in figure.axes[0].collections])
    assert sorted(dots[:, 1]) == [1, 2, 3, 4]
    assert list(figure.axes[0].lines[0].get_ydata()) == [2, 3]
    assert "2 seeds, all shown" in texts(figure)
    assert "one seed only" in texts(seeds.seed_panels(frame[frame["seed"] == 0]))
    assert "only one of rl at 2000000.0" in texts(seeds.seed_panels(frame.iloc[:3]))
    assert "training reward" in texts(seeds.reward_against_test(frame.assign(reward=0.5)))


def test_training_curves_keep_what_was_logged() -> None:
    frame = pd.DataFrame(
        {"run": "r", "recipe": "rl", "step": range(10), "metric": "reward", "value": np.arange(10) / 10}
    )
    figure = training.along_training(frame)
    np.testing.assert_allclose(figure.axes[0].lines[-1].get_ydata(), np.arange(10) / 10)
    assert figure.axes[0].lines[-1].get_color() == RECIPES["rl"].colour
    with pytest.raises(UserError, match="nothing yet"):
        training.along_training(frame.iloc[:0])


def test_missing_cells_are_gaps_and_named() -> None:
    frame = pd.DataFrame(
        {
            "metric": "pass@1",
            "series": "rl",
            "x_axis": "pretrain_tokens_B",
            "x": [1, 2, 3],
            "y": [1.0, np.nan, 3.0],
        }
    )
    held = panels.prepared(frame)
    assert panels.notes(held) == ["missing: rl at 2", "no intervals available"]
    with pytest.raises(UserError, match="no column 'metric'"):
        panels.prepared(frame.drop(columns="metric"))
    with pytest.raises(UserError, match="no rows"):
        panels.prepared(frame.iloc[:0])


def test_equal_figures_give_equal_bytes_and_text_stays_text(tmp_path: Path) -> None:
    c = comparison()
    for folder in ("one", "two"):
        frame = frames.delta(compared(c))
        export.save(curves.delta_curve(frame, "A", "B", 32), frame, tmp_path / folder, "delta")
    for name in ("delta.svg", "delta.png", "delta.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    svg = (tmp_path / "one" / "delta.svg").read_text("utf-8")
    assert ">Δpass@k (points)</text>" in svg
    assert "<dc:date>" not in svg
    assert not re.search(r'id="(DejaVuSans|Cmr)', svg)  # no glyph outlines
    held = pd.read_csv(tmp_path / "one" / "delta.csv")
    assert held["estimate"].tolist() == c["delta"]["estimate"]


@pytest.mark.parametrize("name", [*HOSTILE, "$x_{", "", "a" * 5000], ids=lambda n: repr(n)[:20])
def test_any_name_can_be_drawn_and_the_svg_is_sound(name: str, tmp_path: Path) -> None:
    import xml.etree.ElementTree as ElementTree

    c = comparison(name + "1", name + "2")
    figure = curves.delta_curve(frames.delta(compared(c)), c["a"], c["b"])
    root = ElementTree.fromstring(export.save(figure, frames.delta(compared(c)), tmp_path, "delta"))
    tags = {e.tag.rpartition("}")[2] for e in root.iter()}
    assert not tags & {"script", "img", "iframe", "foreignObject", "a"}


def test_a_finding_is_drawn_by_name() -> None:
    import reports

    (found,) = typed(finding(comparison("a", "b"), comparison("a", "c")))
    for name in ("passk", "delta", "support", "comparisons", "gained-lost"):
        assert reports.plot(found, name)._repr_png_().startswith(b"\x89PNG")
    assert "c − a" in texts(reports.plot(found, "delta", comparison=1))
    with pytest.raises(UserError, match="choose one of: passk, delta, support, comparisons, gained-lost"):
        reports.plot(found, "histogram")


def test_the_try_multiplier_says_where_it_is_only_at_least() -> None:
    from reports.figures.tries import try_multiplier

    found = {"k": [1, 2, 4], "estimate": [2.0, 1.9, 1.0], "low": [1.8, 1.6, 1.0], "high": [2.2, None, None]}
    found |= {"beyond": [False, False, True], "reading": "cheaper, not new"}
    frame = frames.tries(compared(comparison(tries=found)).tries)
    figure = try_multiplier(frame, "A", "B", 4, "cheaper, not new")
    assert "cheaper, not new" in texts(figure)
    assert list(figure.axes[0].lines[1].get_xdata()) == [1, 2]  # no line to what is only a bound
    assert "at least" in figure.axes[0].get_legend_handles_labels()[1]


def test_groups_of_problems_are_a_forest() -> None:
    number = {"estimate": 0.1, "low": 0.05, "high": 0.15, "state": "up"}
    rows = [
        {"name": n, "problems": 50, "numbers": [number | {"k": k} for k in (1, 8)]} for n in ("easy", "hard")
    ]
    c = comparison(groups=[{"by": "level <of> it/../x", "groups": rows}])
    (found,) = typed(finding(c))
    (drawing,) = [d for d in drawings.of_comparison(found, found.comparisons[0]) if d.name.startswith("by-")]
    assert drawing.name == "by-level-of-it-x"
    shown = texts(drawing.draw())
    assert "hard (50)" in shown
    assert "Δpass@8" in shown
