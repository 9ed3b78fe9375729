"""The readiness finding: what base checkpoints solve of the training prompts, against what RL reached."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import Options
from analysis.comparison.options import declared_K
from analysis.estimators.passk import pass_at_k, pass_hat_k
from evals.checkpoints.checkpoint import open_checkpoint
from evals.checkpoints.runs import checkpoints, final_reward
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from probes.findings.checks import check
from probes.findings.types import Check, Finding
from probes.inputs.contract import Asked
from probes.inputs.frames import equal_n, graded
from probes.inputs.sources import Source, pairs_of
from probes.measures.ladder import (
    equivalent_estimates,
    equivalent_tables,
    gains,
    is_trained,
    pretraining_loss,
    reward_per_decade,
    token_equivalents,
    tokens_of,
    told_in_tokens,
    two_at_once,
    with_ladder,
)
from probes.measures.paired import Measure, infer
from probes.measures.work_shown import guess_floors, work_measures, work_tables

PERMUTATIONS = 10_000
FEW = 5  # points below which a rank correlation carries no interval


def mixed_share(n: np.ndarray, c: np.ndarray, group: int) -> np.ndarray:
    """Chance (M,) that a group of `group` samples has both right and wrong ones: 1 - p^G - (1-p)^G.

    Unbiased from counts without replacement, 1 - C(c, G)/C(n, G) - C(n-c, G)/C(n, G); needs n >= G.
    Only such groups carry a gradient in GRPO.
    """
    return pass_at_k(n, c, [group])[:, 0] - pass_hat_k(n, c, [group])[:, 0]


def spearman(x: Sequence[float], y: Sequence[float], level: float = 0.05, seed: int = 0) -> dict[str, Any]:
    """Spearman's rank correlation with Fisher's interval (error 1.03/sqrt(N-3); Fieller 1957) and a
    permutation p-value. None where fewer than 3 points or one side is constant; no interval below FEW.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    count = len(x)
    none = {"estimate": None, "low": None, "high": None, "p": None, "points": count}
    if count < 3 or len(set(x)) == 1 or len(set(y)) == 1:
        return none
    ranks = [rankdata(v) - (count + 1) / 2 for v in (x, y)]
    scale = np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1])
    rho = float(ranks[0] @ ranks[1] / scale)
    rng = np.random.default_rng(derive_seed("spearman", seed))
    shuffled = rng.permuted(np.tile(ranks[1], (PERMUTATIONS, 1)), axis=1) @ ranks[0] / scale
    p = float((1 + (np.abs(shuffled) >= abs(rho) - 1e-12).sum()) / (1 + PERMUTATIONS))
    if count < FEW:
        return none | {"estimate": rho, "p": p}
    half = float(ndtri(1 - level / 2)) * 1.03 / np.sqrt(count - 3)
    z = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    return {"estimate": rho, "low": float(np.tanh(z - half)), "high": float(np.tanh(z + half)), "p": p,
            "points": count}  # fmt: skip


def reached(runs: Sequence[Path]) -> pd.DataFrame:
    """What each RL run reached: parent (weights fingerprint), run, final training reward, lineage seed.

    UserError where a run's checkpoints do not say what they were trained from.
    """
    rows = []
    for run in runs:
        last = open_checkpoint(str(checkpoints(run)[-1]))
        parent = (last.lineage or {}).get("parent")
        if parent is None:
            raise UserError(f"{run} does not say what it was trained from (lineage.json); readiness needs it")
        rows.append(
            {
                "parent": parent,
                "run": str(run),
                "reward": final_reward(run),
                "gain": reward_per_decade(run),
                "seed": (last.lineage or {}).get("seed"),
            }
        )
    return pd.DataFrame(rows, columns=["parent", "run", "reward", "gain", "seed"])


def readiness(
    source: Source,
    runs: Sequence[Path] = (),
    options: Options | None = None,
    *,
    group: int | None = None,
    command: Sequence[str] = (),
) -> Finding:
    """The readiness finding of base checkpoints, and of checkpoints trained from them.

    Trained ones are those whose recipe is not base: they are worth so many pre-training tokens where the
    bases are a ladder that their start is part of (`probes.measures.ladder`), and several of one run gain so
    much per decade of its FLOPs. runs: RL runs from these checkpoints, matched by lineage; what a
    checkpoint reached is the mean final
    training reward of its runs. group: rollouts per prompt (default: the largest power of two up to n/2).
    """
    options = options or Options()
    n = int(source.counts["n"].min())
    K = declared_K(n, options.K)
    group = group or K
    tables = {d["name"]: _table(source, d["name"], K, group) for d in source.checkpoints}
    ends = reached(runs)
    bases = _bases(source, set(ends["parent"]))
    counts = source.counts.drop_duplicates("problem").set_index("problem").loc[tables[bases[0]["name"]].index]
    cluster = pd.factorize(counts["cluster"])[0] if "cluster" in counts else None
    worth = token_equivalents(source.checkpoints, tables, (1, K), cluster, options.level, options.seed)
    for name, gained in gains(source.checkpoints, tables).items():
        tables[name] = tables[name].join(gained)
    if source.store is not None:
        work = work_tables(source, equal_n(graded(source, ["text"]))[0])
        tables = {name: table.join(work[name]) for name, table in tables.items()}
    measures = (
        Measure("first", "pass@1 on these prompts", "rate", digits=4),
        Measure("large", f"pass@{K} on these prompts", "rate", digits=4),
        Measure("mixed", f"groups of {group} with right and wrong", "rate", digits=4),
        *work_measures(n),
        Measure("gain_first", "pass@1 per tenfold of its FLOPs", "rate", digits=4),
        Measure("gain_large", f"pass@{K} per tenfold of its FLOPs", "rate", digits=4),
    )
    pairs = [(a["name"], b["name"]) for a, b in pairs_of(source.checkpoints, "first")]
    found = infer(tables, measures, pairs, level=options.level, seed=options.seed, groups=source.groups)
    points = _points(bases, ends, tables)
    return source.finding(
        "readiness",
        command=command,
        checks=[*_checks(source, points), *_ladder(source)],
        options={"level": options.level, "seed": options.seed, "K": K, "group": group},
        estimates=found["estimates"] + guess_floors(source) + equivalent_estimates(worth),
        differences=found["differences"],
        notes=told_in_tokens(worth),
        points=points,
        correlation=_correlations(points, "reached", options),
        correlation_of_gain=_correlations(points, "gain", options),
        equivalents=worth,
        tables=[*_points_table(points, K), *equivalent_tables(worth)],
    )


def _ladder(source: Source) -> list[Check]:
    """A check that fails where trained checkpoints have no ladder of one base."""
    doubt = two_at_once(source.checkpoints)
    trained = any(map(is_trained, source.checkpoints))
    return [check("ladder", False, None, f"no equivalent in tokens: {doubt}")] if doubt and trained else []


def _table(source: Source, name: str, K: int, group: int) -> pd.DataFrame:
    side = source.counts[source.counts["checkpoint"] == name].set_index("problem").sort_index()
    n, c = side["n"].to_numpy(), side["c"].to_numpy()
    rates = pass_at_k(n, c, [1, K])
    return pd.DataFrame(
        {"first": rates[:, 0], "large": rates[:, 1], "mixed": mixed_share(n, c, group)}, index=side.index
    )


def _bases(source: Source, starts: set[Any]) -> list[dict[str, Any]]:
    """What RL starts from: base checkpoints, trained ones that a run names as its parent, or else all."""
    found = [d for d in source.checkpoints if not is_trained(d) or d["fingerprint"] in starts]
    return found or list(source.checkpoints)


def _points(
    bases: Sequence[dict[str, Any]], ends: pd.DataFrame, tables: dict[str, pd.DataFrame]
) -> list[dict[str, Any]]:
    """One point per base checkpoint: what it solves, its loss and tokens, what RL reached and gained."""
    out: list[dict[str, Any]] = []
    for d in bases:
        own = ends[ends["parent"] == d["fingerprint"]]
        rewards, gained = own["reward"].dropna(), own["gain"].dropna()
        table = tables[d["name"]]
        out.append(
            {
                "checkpoint": d["name"],
                "tokens": tokens_of(d),
                "loss": pretraining_loss(d),
                **{column: float(table[column].mean()) for column in ("first", "large", "mixed")},
                "reached": float(rewards.mean()) if len(rewards) else None,
                "gain": float(gained.mean()) if len(gained) else None,
                "runs": len(rewards),
            }
        )
    return out


def _correlations(points: Sequence[dict[str, Any]], target_name: str, options: Options) -> dict[str, Any]:
    """Rank correlations over base checkpoints with what RL reached or gained; tokens are a common cause."""
    known = [p for p in points if p[target_name] is not None]
    target = [p[target_name] for p in known]
    out = {}
    for name in ("first", "large", "mixed", "loss", "tokens"):
        if any(p[name] is None for p in known):
            continue
        out[name] = spearman([p[name] for p in known], target, options.level, options.seed)
    return out


def _points_table(points: Sequence[dict[str, Any]], K: int) -> list[dict[str, Any]]:
    if all(p["reached"] is None and p["loss"] is None for p in points):
        return []
    columns = ["base", "tokens", "loss", "pass@1", f"pass@{K}", "mixed groups", "RL reached",
               "per tenfold FLOPs", "runs"]  # fmt: skip
    keys = ("checkpoint", "tokens", "loss", "first", "large", "mixed", "reached", "gain", "runs")
    rows = [[p[k] for k in keys] for p in points]
    return [{"title": "Base against what RL reached (training reward)", "columns": columns, "rows": rows}]


def _checks(source: Source, points: Sequence[dict[str, Any]]) -> list[Check]:
    known = [p for p in points if p["reached"] is not None]
    with_tokens = sum(p["tokens"] is not None for p in known)
    return [
        check("points", len(known) >= FEW or None, len(known),
              f"{len(known)} base checkpoints with an RL run: a rank correlation needs {FEW} or more"),
        check("common cause", None, with_tokens,
              "tokens seen move both: their own correlation stands beside, where lineage tells them"),
        check("prompts", None, source.problems["name"],
              f"problems of {source.problems['name']}: readiness is meant on the training prompts"),
    ]  # fmt: skip


def run(
    asked: Asked,
    *,
    rl: Sequence[Path] | None = None,
    group: int | None = None,
    tokens: Sequence[str] | None = None,
    trained: Sequence[str] | None = None,
    loss: Sequence[str] | None = None,
) -> Finding:
    """The probe as the contract runs it. rl: folders of RL runs; group: rollouts of a prompt.

    tokens, trained, loss: `probes.measures.ladder.with_ladder`.
    """
    source = with_ladder(asked.source, tokens or (), trained or (), loss or ())
    return readiness(source, rl or (), asked.options, group=group, command=asked.command)
