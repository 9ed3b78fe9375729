"""The paper's figures: what is drawn is what the numbers say, exactly, in the paper's panels and order."""

import csv
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evals.core.errors import UserError
from reports.figures.style import RECIPES
from reports.paper.data import CITATION, load_numbers, shipped
from reports.paper.draw import draw_paper
from reports.paper.select import DRAWINGS, differences

NAMES = {r.label: name for name, r in RECIPES.items()}
PANELS = {
    "overview": ["GSM8K, Δpass@1", "GSM8K, Δpass@32", "Δ mean of general benchmarks"],
    "gsm8k_sft": ["GSM8K, pass@1", "GSM8K, pass@8", "GSM8K, pass@32"],
    "gsm8k_sft_gold": ["GSM8K, pass@1", "GSM8K, pass@8", "GSM8K, pass@32"],
    "math": ["MATH, pass@1", "MATH, pass@8", "MATH, pass@32"],
    "data_against_scale": ["MATH, Δpass@1", "MATH, Δpass@8", "MATH, Δpass@32"],
    "dynamics": ["SFT→RL", "RL"],
    "general_mean": [""],
    "general_grid": ["LAMBADA", "HellaSwag", "ARC-Easy", "ARC-Challenge", "PIQA", "OpenBookQA"],
    "parallel": ["GSM8K, pass@1", "GSM8K, pass@8", "GSM8K, pass@32", "general benchmarks, mean of 5"],
    "rollout_budget": [f"{d} problems, {m}" for d in ("easy", "hard") for m in ("pass@1", "pass@8")],
    "base_shots": ["GSM8K, pass@1", "GSM8K, pass@8", "GSM8K, pass@32"],
}  # fmt: skip
SERIES = {
    "gsm8k_sft": ["base", "SFT", "SFT→RL", "RL"],
    "gsm8k_sft_gold": ["base", "SFT-Gold", "SFT-Gold→RL", "RL"],
    "math": ["base", "SFT-Gold", "SFT-Gold→RL", "RL"],
    "data_against_scale": ["1B/50B", "1B/60B-math", "4B/50B"],
    "general_mean": ["base", "SFT", "SFT-Gold", "RL"],
    "general_grid": ["base", "SFT", "SFT-Gold", "RL"],
    "parallel": ["base", "SFT", "SFT→RL", "RL", "Parallel"],
    "rollout_budget": ["n=5", "n=64"],
    "base_shots": ["0-shot", "1-shot", "8-shot"],
    "overview": ["SFT", "SFT→RL", "RL", "SFT-Gold", "SFT-Gold→RL", "Parallel"],
}


def raw() -> list[dict[str, str]]:
    """The shipped numbers, read without the code under test."""
    with shipped().open(encoding="utf-8") as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("#")))


def points(rows: list[dict[str, str]]) -> list[tuple[float, float]]:
    return [(float(r["x"]), float(r["y"])) for r in rows]


def lines(figure: object) -> list[tuple[str, str, str, list[tuple[float, float]]]]:
    """(panel title, x label, series, points) of every line that carries data."""
    out = []
    for axes in figure.axes:
        for line in axes.lines:
            if not line.get_label().startswith("_"):
                data = [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]
                out.append((axes.get_title(loc="left"), axes.get_xlabel(), line.get_label(), data))
    return out


@pytest.mark.parametrize("name", PANELS)
def test_panels_series_and_their_order(paper: dict, name: str) -> None:
    figure = paper[name][2]
    titles = [a.get_title(loc="left") for a in figure.axes if a.get_visible()]
    assert [t for t in titles if t or name == "general_mean"] == PANELS[name]
    if name in SERIES:
        assert [t.get_text() for t in figure.legends[0].get_texts()] == SERIES[name]


@pytest.mark.parametrize(
    "name", [n for n in PANELS if n not in ("overview", "dynamics", "rollout_budget", "general_grid")]
)
def test_every_drawn_line_is_exactly_the_csv(paper: dict, name: str) -> None:
    drawing, _, figure = paper[name]
    wanted = defaultdict(list)
    for row in raw():
        if row["figure"] == drawing.figure and not (name == "general_mean" and row["metric"] == "accuracy"):
            wanted[row["metric"], row["series"]].append(row)
    drawn = lines(figure)
    assert len(drawn) == len(wanted)
    metrics = list(dict.fromkeys(m for m, _ in wanted))
    for (title, _, label, data), panel in zip(
        drawn, (m for m in metrics for k in wanted if k[0] == m), strict=True
    ):
        assert data == points(wanted[panel, NAMES.get(label, label)]), (title, label)


def test_general_grid_is_exactly_the_csv(paper: dict) -> None:
    titles = {"LAMBADA": "lambada", "HellaSwag": "hellaswag", "ARC-Easy": "arc_easy"}
    titles |= {"ARC-Challenge": "arc_challenge", "PIQA": "piqa", "OpenBookQA": "openbookqa"}
    drawn = lines(paper["general_grid"][2])
    assert len(drawn) == 24
    for title, _, label, data in drawn:
        rows = [
            r for r in raw()
            if (r["figure"], r["benchmark"], r["series"]) == ("fig5_general", titles[title], NAMES[label])
        ]  # fmt: skip
        assert data == points(rows)


def test_dynamics_is_exactly_the_csv_in_the_order_of_stages(paper: dict) -> None:
    figure = paper["dynamics"][2]
    drawn = lines(figure)
    assert len(drawn) == 4
    for title, _, metric, data in drawn:
        rows = [
            r
            for r in raw()
            if (r["figure"], r["series"], r["metric"]) == ("fig4_dynamics_14B", NAMES[title], metric)
        ]
        assert [y for _, y in data] == [float(r["y"]) for r in rows]
        assert [x for x, _ in data] == list(range(len(rows)))
    ticks = [[t.get_text() for t in a.get_xticklabels()] for a in figure.axes]
    assert ticks == [["base", "SFT", "200", "400", "600"], ["base", "200", "400", "600", "800", "1000"]]
    shades = [[t.get_text() for t in a.texts] for a in figure.axes]
    assert shades == [["SFT", "RL"], ["RL"]]


def test_rollout_budget_is_exactly_the_csv_on_both_axes(paper: dict) -> None:
    figure = paper["rollout_budget"][2]
    grid = np.array(figure.axes).reshape(4, 2)
    panels = [
        ("gsm8k-easy", "pass@1"),
        ("gsm8k-easy", "pass@8"),
        ("gsm8k-hard", "pass@1"),
        ("gsm8k-hard", "pass@8"),
    ]
    for row, (benchmark, metric) in zip(grid, panels, strict=True):
        for axes, x_axis in zip(row, ("rl_examples_seen", "rollouts_total"), strict=True):
            for line in axes.lines:
                rows = [
                    r for r in raw()
                    if (r["benchmark"], r["metric"], r["x_axis"], r["series"])
                    == (benchmark, metric, x_axis, line.get_label())
                ]  # fmt: skip
                assert points(rows) == [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]
                assert rows
    assert [a.get_xscale() for a in grid[0]] == ["linear", "log"]


def test_overview_is_each_recipe_minus_its_own_base(paper: dict) -> None:
    held = {(r["figure"], r["metric"], r["series"], r["x"]): float(r["y"]) for r in raw()}
    homes = {"sft": "fig2_gsm8k_single_sft", "sft-rl": "fig2_gsm8k_single_sft", "rl": "fig2_gsm8k_single_sft"}
    homes |= {
        "sft-gold": "fig3_gsm8k_sft_gold",
        "sft-gold-rl": "fig3_gsm8k_sft_gold",
        "parallel": "fig6_parallel",
    }
    count = 0
    for title, _, label, data in lines(paper["overview"][2]):
        name = NAMES[label]
        if "general" in title:
            home, metric = (
                ("fig6_parallel", "general_5bench")
                if name == "parallel"
                else ("fig5_general", "accuracy_avg6")
            )
        else:
            home, metric = homes[name], title.rpartition("Δ")[2]
        for x, y in data:
            text = f"{x:g}"
            assert y == pytest.approx(
                held[home, metric, name, text] - held[home, metric, "base", text], abs=1e-6
            )
            count += 1
    assert count > 80


def test_ranges_hold_all_points_and_ticks_are_readable(paper: dict) -> None:
    for name, (_, _, figure) in paper.items():
        for axes in figure.axes:
            for line in axes.lines:
                if line.get_label().startswith("_"):
                    continue
                x, y = map(np.asarray, line.get_data())
                assert (y >= axes.get_ylim()[0]).all(), name
                assert (y <= axes.get_ylim()[1]).all(), name
                assert (x >= axes.get_xlim()[0]).all(), name
                assert (x <= axes.get_xlim()[1]).all(), name


def test_shipped_copy_is_the_papers_numbers_with_its_citation(paper_figures: Path) -> None:
    text = shipped().read_text("utf-8")
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert "2606.04272" in " ".join(head)
    assert text.split("\n", len(head))[-1] == paper_figures.read_text("utf-8")
    pd.testing.assert_frame_equal(load_numbers(), load_numbers(paper_figures))


def test_draw_paper_writes_all_with_the_csv_behind_each(tmp_path: Path) -> None:
    some = "".join(
        line for line in shipped().read_text("utf-8").splitlines(keepends=True)
        if line.startswith(("figure,", "fig5_general,general", "a4_base_shots"))
    )  # fmt: skip
    data = tmp_path / "some.csv"
    data.write_text(some, "utf-8")
    names = draw_paper(tmp_path / "out", data)
    assert set(names) == {"overview", "general_mean", "base_shots"}
    for name in names:
        assert {p.suffix for p in (tmp_path / "out").glob(f"{name}.*")} == {".svg", ".png", ".csv"}
    held = pd.read_csv(tmp_path / "out" / "base_shots.csv")
    assert len(held) == 81
    assert CITATION in (tmp_path / "out" / "CITATION.txt").read_text("utf-8")


def test_every_row_of_the_numbers_stands_in_a_figure(paper: dict) -> None:
    shown = pd.concat([rows for name, (_, rows, _) in paper.items() if name != "overview"])
    assert len(shown) == len(raw()) == len(load_numbers())
    assert {d.figure for d in DRAWINGS} - {"overview"} == {r["figure"] for r in raw()}


def test_a_difference_carries_no_interval_of_another_quantity() -> None:
    rows = pd.DataFrame(
        {
            "benchmark": "g", "metric": "pass@1", "series": ["base", "rl"], "x_axis": "tokens", "x": "2",
            "y": [1.0, 4.0], "low": [0.5, 3.0], "high": [1.5, 5.0],
        }
    )  # fmt: skip
    out = differences(rows)
    assert out["y"].tolist() == [3.0]
    assert not {"low", "high"} & set(out.columns)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "has no column 'figure'"),
        ("figure,benchmark,metric,series,x_axis,x,y\n", "has no rows"),
        (
            "figure,benchmark,metric,series,x_axis,x,y\nf,b,m,s,x,1,high\n",
            "data row 1: y must be a number, got 'high'",
        ),
        ("figure,benchmark,metric,series,x_axis,x,y\nf,b,m,s,x,1,2\n", "none of the paper's figures"),
        (
            "figure,benchmark,metric,series,x_axis,x,y\nf,b,m,s,x,1,2,3,4,5\nf\n",
            "data row 1 has 10 fields and the header 7",
        ),
    ],
)
def test_bad_numbers_are_refused_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(says)):
        draw_paper(tmp_path / "out", path)
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.csv cannot be read"):
        load_numbers(tmp_path / "none.csv")
