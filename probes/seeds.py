"""The seeds finding: all training seeds of a recipe, never the best; brittleness of training against test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis import Options, pass_at_k
from analysis.comparison.options import declared_K
from analysis.inference.seeds import best_of_bias, interquartile_mean, seed_difference
from evals.checkpoints.runs import final_reward, run_of
from evals.core.errors import UserError
from probes.findings.checks import check, over_pairs
from probes.findings.types import Check, Finding
from probes.inputs.contract import Asked
from probes.inputs.sources import Source
from probes.measures.paired import aligned


def seeds(
    source: Source, options: Options | None = None, *, parents: int = 1, command: Sequence[str] = ()
) -> Finding:
    """The seeds finding: the first checkpoint is the common parent, each other one a training seed.

    parents: the first so many checkpoints are parents, one of each seed in the same order (RL after SFT);
    differences are then taken seed by seed.

    Per seed pass@1 and pass@K on test and, where the checkpoint lies in its run's folder, the mean training
    reward of the last steps. Over seeds: mean change with an interval that counts seeds and problems as
    samples (crossed random effects), spread beyond sampling noise, interquartile mean, and by how much the
    best of these seeds is expected to flatter. Brittleness: the seeds' spread on test over their spread in
    training reward. UserError for fewer than two seeds.
    """
    options = options or Options()
    before, members = source.checkpoints[:parents], source.checkpoints[parents:]
    if len(members) < 2:
        raise UserError("seeds need the parent and at least two runs from it; give --ckpt three times")
    if parents not in (1, len(members)):
        raise UserError(f"{parents} parents and {len(members)} seeds do not pair; give one, or one each")
    n = int(source.counts["n"].min())
    K = declared_K(n, options.K) if n > 1 else 1
    ks = [1, K] if K > 1 else [1]
    values = _values(source, ks)
    base = np.stack([values[d["name"]] for d in before])  # (1 or S, M, 2)
    stacked = np.stack([values[d["name"]] for d in members])  # (S, M, 2)
    rewards = [_reward(d) for d in members]
    rows = [
        {"checkpoint": d["name"], "seed": (d["lineage"] or {}).get("seed"), "training_reward": reward,
         **{f"pass@{k}": float(stacked[i, :, j].mean()) for j, k in enumerate(ks)}}
        for i, (d, reward) in enumerate(zip(members, rewards, strict=True))
    ]  # fmt: skip
    cluster = _clusters(source)
    changes = [
        {
            "k": k,
            **seed_difference(
                base[:, :, j], stacked[:, :, j], level=options.level, paired=parents > 1, cluster=cluster
            ),
        }
        for j, k in enumerate(ks)
    ]
    return source.finding(
        "seeds",
        command=command,
        checks=[*_recipes(members), *over_pairs([(before[i % parents], d) for i, d in enumerate(members)])],
        options={"level": options.level, "seed": options.seed, "K": K},
        estimates=[_estimate(source, d["name"], k, float(values[d["name"]][:, j].mean()), base.shape[1])
                   for j, k in enumerate(ks) for d in source.checkpoints],
        differences=[_difference(_of(before), _of(members), c, base.shape[1]) for c in changes],
        seeds=rows,
        changes=changes,
        interquartile_mean={
            f"pass@{k}": interquartile_mean(stacked[:, :, j].mean(1)) for j, k in enumerate(ks)
        },
        best_of_bias_sd=best_of_bias(len(members)),
        brittleness=_brittleness(rows, changes),
        tables=[_table(rows, ks)],
        notes=_notes(rows, changes, options.level),
    )  # fmt: skip


def _values(source: Source, ks: Sequence[int]) -> dict[str, np.ndarray]:
    """(M, K) pass@k of each problem by checkpoint, problems in one order."""
    sides = {}
    for d in source.checkpoints:
        side = source.counts[source.counts["checkpoint"] == d["name"]].set_index("problem")
        sides[d["name"]] = side[["n", "c"]].sort_index()
    return {
        name: pass_at_k(side["n"].to_numpy(), side["c"].to_numpy(), list(ks))
        for name, side in aligned(sides).items()
    }


def _clusters(source: Source) -> np.ndarray | None:
    """Codes (M,) of the clusters of the problems, in the order of `_values`; None without clusters."""
    if "cluster" not in source.counts:
        return None
    first = source.counts.drop_duplicates("problem").set_index("problem").sort_index()
    return np.asarray(np.unique(first["cluster"].astype(str), return_inverse=True)[1])


def _reward(described: dict[str, Any]) -> float | None:
    if not described["path"] or (run := run_of(Path(described["path"]))) is None:
        return None
    return final_reward(run)


def _estimate(source: Source, name: str, k: int, value: float, problems: int) -> dict[str, Any]:
    return {"checkpoint": name, "measure": f"pass@{k}", "label": f"pass@{k}", "unit": "rate", "digits": 4,
            "estimate": value, "low": None, "high": None, "problems": problems}  # fmt: skip


def _of(group: Sequence[dict[str, Any]]) -> str:
    return str(group[0]["name"]) if len(group) == 1 else f"mean of {len(group)} seeds ({group[0]['recipe']})"


def _difference(a: str, b: str, change: dict[str, Any], problems: int) -> dict[str, Any]:
    k = change["k"]
    return {"a": a, "b": b, "measure": f"pass@{k}", "label": f"pass@{k}", "unit": "rate", "digits": 4,
            "estimate": change["estimate"], "low": change["low"], "high": change["high"],
            "problems": problems}  # fmt: skip


def _brittleness(rows: Sequence[dict[str, Any]], changes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Spread over seeds on test beside that in training; like rewards with unlike test scores are brittle."""
    rewards = [r["training_reward"] for r in rows]
    known = all(r is not None for r in rewards)
    reward_sd = float(np.std(rewards, ddof=1)) if known else None
    out: dict[str, Any] = {"training_reward_sd": reward_sd}
    for change in changes:
        spread = change["seed_sd"]
        out[f"pass@{change['k']}_seed_sd"] = spread
        out[f"pass@{change['k']}_ratio"] = spread / reward_sd if reward_sd else None
    return out


def _recipes(members: Sequence[dict[str, Any]]) -> list[Check]:
    recipes = {d["recipe"] for d in members}
    numbers = [(d["lineage"] or {}).get("seed") for d in members]
    one = len(recipes) == 1 and None not in recipes
    text = f"recipes {', '.join(map(str, sorted(map(str, recipes))))}; seeds {', '.join(map(str, numbers))}"
    if None in recipes or None in numbers:
        return [check("one recipe", None, None, f"lineage does not say recipe and seed of all: {text}")]
    distinct = len(set(numbers)) == len(numbers)
    return [check("one recipe", one and distinct, numbers, text)]


def _table(rows: Sequence[dict[str, Any]], ks: Sequence[int]) -> dict[str, Any]:
    columns = ["checkpoint", "seed", "training reward", *(f"pass@{k}" for k in ks)]
    keys = ["checkpoint", "seed", "training_reward", *(f"pass@{k}" for k in ks)]
    return {"title": "Every seed", "columns": columns, "rows": [[r[k] for k in keys] for r in rows]}


def _notes(rows: Sequence[Any], changes: Sequence[dict[str, Any]], level: float) -> list[str]:
    bias = best_of_bias(len(rows))
    notes = [
        f"The best of {len(rows)} equal seeds is expected {bias:.2f} seed standard deviations above their "
        "mean: never report it alone."
    ]
    for c in changes:
        spread = "not told" if c["seed_sd"] is None else f"{100 * c['seed_sd']:.1f} points"
        notes.append(
            f"pass@{c['k']}: mean change {100 * c['estimate']:+.1f} points "
            f"[{100 * c['low']:+.1f}, {100 * c['high']:+.1f}] over seeds and problems; "
            f"seeds spread by {spread}."
        )
    return notes


def run(asked: Asked, *, parents: int = 1) -> Finding:
    """The probe as the contract runs it. parents: see `seeds`."""
    return seeds(asked.source, asked.options, parents=parents, command=asked.command)
