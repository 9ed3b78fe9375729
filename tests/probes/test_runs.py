"""Readiness, rollouts and what is read of runs, against planted numbers."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from evals.checkpoints.runs import checkpoints, final_reward, metrics, run_of
from evals.core.errors import UserError
from probes.dynamics import _training
from probes.inputs.sources import Source, blank
from probes.readiness import mixed_share, spearman
from probes.rollouts import efficiency


def test_mixed_groups_by_brute_force():
    for c in range(7):
        samples = [1] * c + [0] * (6 - c)
        every = [0 < sum(g) < 3 for g in combinations(samples, 3)]
        assert mixed_share(np.array([6]), np.array([c]), 3)[0] == pytest.approx(np.mean(every))


def test_folders_that_name_no_step_are_no_checkpoints_of_a_run(tmp_path):
    """A copy called step-best ended in a traceback."""
    for name in ("step-000020", "step-000003", "step-best", "step-000020.bak", "step-"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    assert [p.name for p in checkpoints(tmp_path)] == ["step-000003", "step-000020"]


def test_spearman_against_scipy():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=9), rng.integers(0, 4, 9).astype(float)  # with ties
    found = spearman(x.tolist(), y.tolist())
    assert found["estimate"] == pytest.approx(spearmanr(x, y).statistic)
    assert found["p"] == pytest.approx(spearmanr(x, y).pvalue, abs=0.05)


def test_spearman_says_when_it_cannot():
    assert spearman([1, 2], [1, 2])["estimate"] is None
    assert spearman([1, 1, 1], [1, 2, 3])["estimate"] is None
    few = spearman([1, 2, 3, 4], [1, 2, 3, 4])
    assert few["estimate"] == pytest.approx(1)
    assert few["low"] is None
    many = spearman(list(range(10)), [*range(9), -5])
    assert many["low"] < many["estimate"] < many["high"]


def test_what_is_no_run(tmp_path):
    with pytest.raises(UserError, match=r"has no metrics\.jsonl"):
        metrics(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "reward": 0.5}\n{"step"')
    with pytest.raises(UserError, match="line 2 is not JSON"):
        metrics(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(UserError, match="no steps yet"):
        metrics(tmp_path)
    with pytest.raises(UserError, match="has no checkpoints"):
        checkpoints(tmp_path)


def test_final_reward_is_a_mean_over_the_last_tenth(tmp_path):
    rows = [{"step": i + 1, "reward": float(i)} for i in range(40)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert final_reward(tmp_path) == pytest.approx(np.mean([36, 37, 38, 39]))
    (tmp_path / "step-000040").mkdir()
    assert run_of(tmp_path / "step-000040") == tmp_path


def rl_run(folder, n, accuracy, steps=8, prompts=6):
    """A run whose accuracy at each step is planted."""
    rng = np.random.default_rng(n)
    rows = []
    for step in range(1, steps + 1):
        groups = np.repeat(np.arange(prompts), n)
        right = rng.random(len(groups)) < accuracy(step)
        table = pd.DataFrame(
            {"step": step, "group": groups, "problem": [f"p{g}" for g in groups], "reward": right * 1.0,
             "correct": right, "token_ids": [[1, 2]] * len(groups)}
        )  # fmt: skip
        target = folder / "rollouts"
        target.mkdir(parents=True, exist_ok=True)
        table.to_parquet(target / f"step-{step:06d}.parquet")  # as the trainer writes them
        rows.append({"step": step, "flops": 1e9 * step * prompts * (n + 10)})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (folder / "resolved.json").write_text(json.dumps({"n": n, "parent": "p", "lr": 1e-4, "seed": 0}))
    return folder


def test_rollouts_at_equal_samples_and_equal_compute(tmp_path):
    small = rl_run(tmp_path / "n4", 4, lambda step: 0.02 * step)
    large = rl_run(tmp_path / "n16", 16, lambda step: 0.06 * step)
    found = efficiency([small, large]).to_dict()
    last = {
        axis: {r["run"]: r for r in found["budgets"] if r["axis"] == axis and r["groups"]}
        for axis in ("rollouts", "flops")
    }
    assert set(last["rollouts"]) == {"n4", "n16"}
    first = next(r for r in found["budgets"] if r["run"] == "n4" and r["groups"])
    assert first["low"] <= first["estimate"] <= first["high"]
    checks = {c["name"]: c for c in found["checks"]}
    assert checks["only n differs"]["passed"] is True
    assert checks["one parent"]["passed"] is True
    axes = {d["measure"]: d for d in found["differences"]}
    assert set(axes) == {"accuracy_at_rollouts", "accuracy_at_flops"}
    for axis, change in axes.items():
        one, two = (last[axis.removeprefix("accuracy_at_")][name]["estimate"] for name in ("n4", "n16"))
        assert change["estimate"] == pytest.approx(two - one)
        assert change["low"] < change["estimate"] < change["high"]
    with pytest.raises(UserError, match="got one"):
        efficiency([small])
    with pytest.raises(UserError, match="has no saved rollouts"):
        efficiency([small, tmp_path])


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for seed in (0, 1):
        run = tmp_path / f"seed{seed}" / "rl"
        run.mkdir(parents=True)
        run.joinpath("metrics.jsonl").write_text(json.dumps({"step": 1, "reward": seed / 10}) + "\n")
    held = [blank(str(i)) | {"path": str(tmp_path / f"seed{i}" / "rl" / "step-1")} for i in (0, 1)]
    counts = pd.DataFrame(columns=["problem", "checkpoint", "n", "c"])
    assert _training(Source(counts, held, {})) == [
        {"run": "seed0/rl", "step": 1, "reward": 0.0}, {"run": "seed1/rl", "step": 1, "reward": 0.1}
    ]  # fmt: skip
    assert [r["run"] for r in _training(Source(counts, held[:1], {}))] == ["rl"]


def test_rollouts_that_are_all_wrong_show_no_error(tmp_path):
    """Fails where no right rollout at all is told as "0, from 0 to 0"."""
    runs = [rl_run(tmp_path / f"n{n}", n, lambda step: 0.0) for n in (4, 16)]
    found = efficiency(runs).to_dict()
    assert all((r["low"], r["high"]) == (None, None) for r in found["budgets"])
    assert {(d["estimate"], d["low"], d["high"]) for d in found["differences"]} == {(0.0, None, None)}
