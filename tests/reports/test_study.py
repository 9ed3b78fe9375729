"""A study's findings as figures: intervals, gaps, seeds, stages."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evals.core.errors import UserError
from reports.frames.probed import rollout_rows, training
from reports.frames.study import (
    from_findings,
    lines_and_dots,
    shown_k,
    study_findings,
    study_numbers,
    with_gaps,
)
from reports.paper.own import draw_study, dynamics_rows, study_figures
from tests.reports.findings import comparison, finding, typed, write_findings


def cell(recipe: str, tokens: int, seed: int = 0, step: int = 10, shift: float = 0.0) -> dict:
    """An expand finding of an excursion and the base that it started from."""
    c = comparison(f"base-{tokens}", f"{recipe}-{tokens}-{seed}-{step}")
    c["passk"]["b"]["estimate"] = [v + shift for v in c["passk"]["b"]["estimate"]]
    held = finding(c)
    names = [("base", 0, tokens // 1000), (recipe, seed, step)]
    for checkpoint, (name, s, at) in zip(held["checkpoints"], names, strict=True):
        checkpoint |= {"recipe": name, "lineage": {"recipe": name, "tokens": tokens, "seed": s, "step": at}}
    return held


def small_study() -> list[dict]:
    """Two bases; RL from both, SFT and SFT→RL from the first alone."""
    return [cell("rl", 2_000_000), cell("sft", 2_000_000), cell("sft-rl", 2_000_000), cell("rl", 8_000_000)]


def test_curves_come_with_intervals_in_percent_and_tokens_in_millions() -> None:
    frame = from_findings(typed(*small_study()))
    row = frame.query("series == 'rl' and metric == 'pass@8' and x == 8.0").iloc[0]
    assert row["x_axis"] == "pretrain_tokens_M"
    assert row[["y", "low", "high"]].tolist() == pytest.approx([36.0, 33.0, 39.0])
    assert set(frame["metric"]) == {f"{d}pass@{k}" for d in ("", "delta_") for k in (1, 8, 32)}
    assert len(frame.query("series == 'base' and metric == 'pass@1'")) == 2  # each base once
    change = frame.query("series == 'sft' and metric == 'delta_pass@32'").iloc[0]
    assert change[["y", "low", "high"]].tolist() == pytest.approx([-5.0, -8.0, -2.0])


def test_missing_cells_are_rows_without_value() -> None:
    frame = with_gaps(lines_and_dots(from_findings(typed(*small_study()))))
    gaps = frame[frame["y"].isna()].query("metric == 'pass@1'")
    assert sorted(zip(gaps["series"], gaps["x"], strict=True)) == [("sft", 8.0), ("sft-rl", 8.0)]


def test_figures_of_a_study_are_those_of_the_paper() -> None:
    made = {name: draw(rows) for name, draw, rows in study_figures(from_findings(typed(*small_study())))}
    assert set(made) == {"toy.overview", "toy.sft"}
    figure = made["toy.sft"]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["base", "SFT", "SFT→RL", "RL"]
    assert [a.get_title(loc="left") for a in figure.axes] == ["toy, pass@1", "toy, pass@8", "toy, pass@32"]
    assert figure.axes[0].get_xlabel() == "pre-training tokens (millions)"
    assert len(figure.axes[0].containers) == 4  # an interval of every series
    note = figure.get_supxlabel()
    assert "missing: sft at 8, sft-rl at 8" in note
    assert "one seed only" in note
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert np.isnan(lines["SFT"][-1])  # drawn as a gap


def test_several_seeds_are_dots_and_their_mean_the_line() -> None:
    held = [cell("sft", 2_000_000, seed, shift=0.01 * seed) for seed in range(3)]
    made = {name: draw(rows) for name, draw, rows in study_figures(from_findings(typed(*held)))}
    axes = made["toy.sft"].axes[0]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert lines["SFT"].tolist() == pytest.approx([31.0])
    dots = np.vstack([c.get_offsets() for c in axes.collections if len(c.get_offsets()) == 3])
    assert sorted(dots[:, 1]) == pytest.approx([30.0, 31.0, 32.0])
    assert "one seed only" not in made["toy.sft"].get_supxlabel()


def test_an_unknown_recipe_is_drawn_apart_and_named() -> None:
    made = {n: draw(rows) for n, draw, rows in study_figures(from_findings(typed(cell("my-own", 2_000_000))))}
    assert set(made) == {"toy.overview", "toy.other"}
    assert "not a known recipe: my-own" in made["toy.other"].get_supxlabel()
    labels = [t.get_text() for t in made["toy.other"].legends[0].get_texts()]
    assert labels == ["base", "my-own"]


def test_only_the_last_step_counts_over_tokens_and_all_in_the_dynamics() -> None:
    held = [cell("rl", 2_000_000, step=s, shift=s / 1000) for s in (10, 20, 30)]
    held += [cell("sft", 2_000_000), cell("sft-rl", 2_000_000, step=10), cell("sft-rl", 2_000_000, step=20)]
    frame = from_findings(typed(*held))
    lines = lines_and_dots(frame)
    assert lines.query("series == 'rl' and metric == 'pass@1'")["y"].unique().tolist() == pytest.approx(
        [33.0]
    )
    stages = dynamics_rows(frame)
    rl = stages.query("series == 'rl' and metric == 'pass@1'")
    assert rl["x"].tolist() == ["base", "10", "20", "30"]
    assert rl["y"].tolist() == pytest.approx([20.0, 31.0, 32.0, 33.0])
    both = stages.query("series == 'sft-rl' and metric == 'pass@32'")
    assert both["x"].tolist() == ["base", "sft", "10", "20"]
    made = {name: draw(rows) for name, draw, rows in study_figures(frame)}
    assert [a.get_title(loc="left") for a in made["toy.dynamics"].axes] == ["SFT→RL", "RL"]


def measured(run: str, shift: float, **changes: object) -> dict:
    """An RL run in a folder of its own, at the place in the study that all such runs have."""
    held = cell("rl", 2_000_000, shift=shift)
    for checkpoint in held["checkpoints"]:
        base = checkpoint["recipe"] == "base"
        checkpoint["path"] = "/runs/base" if base else f"/runs/{run}/step-10"
        checkpoint |= {} if base else changes
    return held


def test_two_runs_at_one_place_are_refused_and_one_measured_twice_is_not() -> None:
    with pytest.raises(UserError, match=r"/runs/low/step-10 and /runs/high/step-10.*pass@1.*30.*70") as said:
        from_findings(typed(measured("low", 0.0), measured("high", 0.4)))
    assert "seed 0, step 10" in str(said.value)
    with pytest.raises(UserError, match=r"step-10 \(samples 1111, f+\) and .*step-10 \(samples 2222, f+\)"):
        from_findings(typed(*(measured("low", s, cell=c) for s, c in ((0.0, "1111"), (0.4, "2222")))))
    other_base = measured("low", 0.0)
    other_base["checkpoints"][0]["path"] = "/runs/other"
    other_base["comparisons"][0]["delta"]["estimate"] = [0.3] * 6
    with pytest.raises(UserError, match=r"/runs/base → /runs/low/step-10 and /runs/other → "):
        from_findings(typed(measured("low", 0.0), other_base))
    frame = from_findings(typed(measured("low", 0.0), measured("low", 0.01), measured("same", 0.0)))
    assert frame.query("series == 'rl' and metric == 'pass@1'")["y"].tolist() == pytest.approx([30.0])


def test_a_table_of_findings_is_drawn_by_its_figure_column(tmp_path: Path) -> None:
    one = {"figure": "rollout_budget", "benchmark": "toy", "metric": "pass@1"}
    rows = [
        one | {"series": series, "x_axis": axis, "x": x, "y": x / 10}
        for series in ("n=4", "n=16")
        for axis in ("rl_examples_seen", "rollouts_total")
        for x in (100, 200)
    ]
    (tmp_path / "findings").mkdir()
    pd.DataFrame(rows).to_parquet(tmp_path / "findings" / "study.parquet")
    drawn, left = draw_study(tmp_path, tmp_path / "out")
    assert drawn == ["rollout_budget"]
    assert "overview" in left
    assert (tmp_path / "out" / "rollout_budget.svg").is_file()


def other(probe: str, **fields: object) -> dict:
    """A finding of another probe, of a base and its RL excursion."""
    held = cell("rl", 2_000_000) | {"probe": probe, **fields}
    del held["comparisons"]
    return held


def test_capability_becomes_the_general_figures_and_the_fourth_panel_of_parallel() -> None:
    names = ("base-2000000", "parallel-2000000-0-10")
    rows = [
        {"checkpoint": n, "measure": m, "label": m, "estimate": e, "low": e - 0.1, "high": e + 0.1}
        for n in names
        for m, e in (("world_facts", 0.5), ("world_stories", 0.3), ("mean", 0.4))
    ]
    start = cell("parallel", 2_000_000)
    held = start | {"probe": "capability", "estimates": rows, "comparisons": [], "problems": None}
    made = {n: draw(r) for n, draw, r in study_figures(from_findings(typed(start, held)))}
    titles = [a.get_title(loc="left") for a in made["toy.parallel"].axes]
    assert titles == ["toy, pass@1", "toy, pass@8", "toy, pass@32", "general benchmarks, mean"]
    assert [a.get_title(loc="left") for a in made["general_grid"].axes] == ["world_facts", "world_stories"]
    assert made["general_mean"].axes[0].lines[0].get_ydata().tolist() == [40.0]


def test_rollouts_stand_against_prompts_and_against_all_rollouts() -> None:
    budgets = [{"run": "a", "n": 4}, {"run": "b", "n": 16}]
    points = [{"run": r, "step": s, "rollouts": 64 * s, "correct": s / 10} for r in "ab" for s in (1, 2)]
    frame = rollout_rows(*typed(other("rollouts", budgets=budgets, curves=points)))
    seen = frame.query("x_axis == 'rl_examples_seen' and series == 'n=16'")
    assert seen[["x", "y"]].values.tolist() == [[4.0, 10.0], [8.0, 20.0]]
    ((name, draw, rows),) = study_figures(frame)
    assert name == "rollout_budget"
    assert len(draw(rows).axes) == 2


def test_seeds_and_training_metrics_are_drawn_where_probes_found_them(tmp_path: Path) -> None:
    name = "rl-2000000-0-10"
    every = [
        {"checkpoint": name, "seed": s, "training_reward": 0.5, "pass@1": 0.2, "pass@16": 0.4} for s in (0, 1)
    ]
    logged = [{"run": "seed-0", "step": s, "reward": s / 10, "entropy": None} for s in range(3)]
    held = [other("seeds", seeds=every), other("dynamics", training=logged, estimates=[])]
    write_findings(tmp_path / "findings.json", [*small_study(), *held])
    drawn, _ = draw_study(tmp_path, tmp_path / "out")
    assert {"seeds", "reward_against_test", "training"} <= set(drawn)
    assert pd.read_csv(tmp_path / "out" / "training.csv")["metric"].unique().tolist() == ["reward"]
    assert pd.read_csv(tmp_path / "out" / "seeds.csv")["y"].tolist() == [20.0, 40.0, 20.0, 40.0]


def test_runs_of_one_name_in_two_findings_are_two_lines() -> None:
    def one(path: str | None, reward: float) -> dict:
        held = other("dynamics", training=[{"run": "rl", "step": 1, "reward": reward}], estimates=[])
        held["checkpoints"][1]["path"] = path
        return held

    def runs(*held: dict) -> list[str]:
        return training(typed(*held))["run"].tolist()

    first, second = one("runs/seed0/rl/step-10", 0.1), one("runs/seed1/rl/step-10", 0.9)
    assert runs(first, second) == ["seed0/rl", "seed1/rl"]
    assert runs(first) == runs(first, first) == ["rl"]
    assert runs(one(None, 0.1), one(None, 0.9)) == ["finding 1/rl", "finding 2/rl"]


def test_shown_k_are_the_papers_or_the_ends() -> None:
    assert shown_k([1, 2, 4, 8, 16, 32, 64]) == [1, 8, 32]
    assert shown_k([1, 2, 4, 8, 16]) == [1, 4, 16]
    assert shown_k([1]) == [1]


def test_findings_without_lineage_are_refused_with_the_way_out(tmp_path: Path) -> None:
    write_findings(tmp_path / "findings.json", [finding()])
    with pytest.raises(UserError, match=r"name no recipe and no tokens seen.*lineage\.json"):
        study_numbers(tmp_path, study_findings(tmp_path))
    base_only = cell("base", 2_000_000)
    write_findings(tmp_path / "findings.json", [base_only])
    with pytest.raises(UserError, match="none of the paper's figures"):
        draw_study(tmp_path, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no findings"):
        study_findings(tmp_path / "empty")
