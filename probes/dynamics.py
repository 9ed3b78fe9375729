"""The dynamics finding: pass@1, pass@K, entropy and work shown along the checkpoints of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import Options, pass_at_k
from analysis.comparison.options import declared_K
from evals.checkpoints.runs import metrics, run_of
from evals.core.labels import short_labels
from probes.entropy import answer_table, comparable, token_table
from probes.findings.checks import check, over_pairs
from probes.findings.types import Finding
from probes.inputs.frames import equal_n, graded
from probes.inputs.sources import Source, pairs_of
from probes.measures.paired import Measure, infer
from probes.measures.work_shown import guess_floors, work_measures, work_tables

ENTROPY = ["entropy", "entropy_bits", "tokens", "bytes"]
TRAINING = ("reward", "entropy", "kl", "zero_variance", "truncated", "response_tokens")


def dynamics(
    source: Source,
    options: Options | None = None,
    *,
    scores: Mapping[str, pd.DataFrame] | None = None,
    command: Sequence[str] = (),
) -> Finding:
    """The dynamics finding: checkpoints in the order given, each beside the first, paired by problem.

    scores: own scores of each checkpoint (see `probes.measures.log_probs`) for token entropy; without
    them, the entropy
    of answers alone. Where the checkpoints lie in a run's folder its metrics stand beside, step by step.
    """
    options = options or Options()
    n = int(source.counts["n"].min())
    K = declared_K(n, options.K) if n > 1 else 1
    tables = {d["name"]: _rates(source, d["name"], K) for d in source.checkpoints}
    checks = over_pairs(pairs_of(source.checkpoints, "first"))
    if source.store is not None:
        samples, same_n = equal_n(graded(source, ["text"]))
        checks.append(same_n)
        work = work_tables(source, samples)
        for name, frame in samples.items():
            tables[name] = tables[name].join([answer_table(frame)[["answer_entropy"]], work[name]])
    if scores is not None:
        for name in tables:
            tables[name] = tables[name].join(token_table(scores[name])[ENTROPY])
    else:
        checks.append(check("token entropy", None, None, "not measured: give checkpoints and --scored"))
    tokens, differ = comparable(
        source, scores, (Measure("entropy", "token entropy", "nats/token", over="tokens"),)
    )
    checks += differ
    measures = (
        Measure("first", "pass@1", "rate", digits=4),
        Measure("large", f"pass@{K}", "rate", digits=4),
        Measure("answer_entropy", "answer entropy", "nats"),
        *tokens,
        *work_measures(n),
    )
    pairs = [(a["name"], b["name"]) for a, b in pairs_of(source.checkpoints, "first")]
    found = infer(tables, measures, pairs, level=options.level, seed=options.seed, groups=source.groups)
    return source.finding(
        "dynamics",
        command=command,
        checks=checks,
        options={"level": options.level, "seed": options.seed, "K": K},
        estimates=found["estimates"] + guess_floors(source),
        differences=found["differences"],
        steps=[{"checkpoint": d["name"], "step": (d["lineage"] or {}).get("step"),
                "tokens": (d["lineage"] or {}).get("tokens")} for d in source.checkpoints],
        training=_training(source),
    )  # fmt: skip


def _rates(source: Source, name: str, K: int) -> pd.DataFrame:
    side = source.counts[source.counts["checkpoint"] == name].set_index("problem").sort_index()
    rates = pass_at_k(side["n"].to_numpy(), side["c"].to_numpy(), [1, K] if K > 1 else [1])
    return pd.DataFrame({"first": rates[:, 0], "large": rates[:, -1]}, index=side.index)


def _training(source: Source) -> list[dict[str, Any]]:
    """Metrics of the runs that the checkpoints lie in: run, step, and those of TRAINING that are there.

    A run has the name of its folder, with as many of the folders above as tell the runs apart.
    """
    runs = {run_of(Path(d["path"])) for d in source.checkpoints if d["path"]} - {None}
    names = short_labels(str(run) for run in runs)
    out = []
    for run in sorted(runs, key=str):
        assert run is not None
        frame = metrics(run)
        columns = [c for c in TRAINING if c in frame]
        if "step" not in frame or not columns:
            continue
        for row in frame[["step", *columns]].to_dict("records"):
            values = {str(k): v if np.isfinite(v) else None for k, v in row.items()}
            out.append({"run": names[str(run)], **values})
    return out
