"""A study's findings as the frames that the paper's figures take.

Two sources: expand findings of a study's cells (recipe, tokens, seed and step by their lineage), and tables
of findings (parquet or CSV) that have the columns of `reports.figures.panels` already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.errors import UserError
from probes.findings.types import Comparison, Curve, Described, Finding
from reports.figures.panels import COLUMNS
from reports.frames.probed import estimates, rollout_rows
from reports.inputs import finding_files, number

WANTED = (1, 8, 32)  # the k of the paper's figures
UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "K"))
KEY = ("benchmark", "metric", "series", "x", "seed", "step")


def study_findings(run: Path) -> list[Finding]:
    """All findings of a study, none where it has only tables."""
    from probes.findings.finding import read_findings

    try:
        files = finding_files(run)
    except UserError:
        if not _tables(run):
            raise
        return []
    return [f for file in files for f in read_findings(file)]


def study_numbers(run: Path, findings: Sequence[Finding]) -> pd.DataFrame:
    """Every number of a study: figure, benchmark, metric, series, x_axis, x, y, low, high, seed (percent).

    UserError where neither the findings nor a table beside them hold any.
    """
    frames = [_table(p) for p in _tables(run)]
    frames += [rollout_rows(f) for f in findings if f.probe == "rollouts"]
    frames.append(from_findings(findings))
    full = [f for f in frames if not f.empty]
    if not full:
        raise UserError(
            f"the findings of {run} name no recipe and no tokens seen, so that no figure of a study can be "
            "drawn; probe checkpoints that have a lineage.json, or use `reports html`"
        )
    return pd.concat(full, ignore_index=True)


def _tables(run: Path) -> list[Path]:
    """Tables that may hold numbers of figures: in the folder itself and in its findings."""
    if run.is_file():
        return []
    return sorted(
        p for f in (run, run / "findings") for e in ("*.parquet", "*.csv", "*.csv.gz") for p in f.glob(e)
    )


def _table(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, comment="#")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not a table: {error}") from error
    if not set(COLUMNS) <= set(frame.columns):
        return pd.DataFrame(columns=[*COLUMNS])
    return frame


def from_findings(findings: Sequence[Finding]) -> pd.DataFrame:
    """pass@k and accuracies of every checkpoint with a lineage; paired differences from where it started."""
    tokens = [t for f in findings for c in f.checkpoints if (t := (c.lineage or {}).get("tokens"))]
    size, letter = next(((s, u) for s, u in UNITS if max(tokens, default=0) >= s), UNITS[-1])
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for finding in findings:
        for row in _rows(finding):
            row |= {"x_axis": f"pretrain_tokens_{letter}", "x": row["x"] / size}
            rows.setdefault(tuple(row[c] for c in KEY), row)
    return pd.DataFrame(list(rows.values()))


def _rows(finding: Finding) -> list[dict[str, Any]]:
    known = {c.name: c for c in finding.checkpoints}
    out = []
    for comparison in finding.comparisons:
        start, end = (_place(finding, known[name]) for name in (comparison.a, comparison.b))
        out += _curve(start, "pass", comparison, comparison.passk["a"])
        out += _curve(end, "pass", comparison, comparison.passk["b"])
        if _excursion(start, end):  # less the base checkpoint with the same tokens
            out += _curve(end, "delta_pass", comparison, comparison.delta)
    for row in estimates(finding):
        place = _place(finding, known[row.pop("checkpoint")])
        if place:
            out.append(place | {k: v for k, v in row.items() if v is not None})
    return out


def _place(finding: Finding, checkpoint: Described) -> dict[str, Any] | None:
    """Where a checkpoint stands in the study, None where its lineage does not say."""
    lineage = checkpoint.lineage or {}
    recipe = checkpoint.recipe or lineage.get("recipe")
    if recipe is None or lineage.get("tokens") is None:
        return None
    return {
        "benchmark": (finding.problems and finding.problems.name) or "problems",
        "series": recipe,
        "x": float(lineage["tokens"]),
        "seed": lineage.get("seed"),
        "step": lineage.get("step"),
    }


def _excursion(start: dict[str, Any] | None, end: dict[str, Any] | None) -> bool:
    """Whether a pair is an excursion beside the base checkpoint that it started from."""
    if not start or not end or start["x"] != end["x"]:
        return False
    return start["series"] == "base" and end["series"] != "base"


def shown_k(k: Sequence[int]) -> list[int]:
    """The k that are drawn: the paper's, where they were measured; else the first, the last, one between."""
    if set(WANTED) <= set(k):
        return list(WANTED)
    middle = min(k, key=lambda one: abs(math.log2(one) - math.log2(max(k)) / 2))
    return sorted({k[0], middle, max(k)})


def _curve(
    place: dict[str, Any] | None, metric: str, comparison: Comparison, curve: Curve
) -> list[dict[str, Any]]:
    """The drawn k of a curve with their intervals, in percent; none where the place is not known."""
    if place is None:
        return []
    ends = {"y": "estimate", "low": "low", "high": "high"}
    return [
        place
        | {"metric": f"{metric}@{k}"}
        | {name: 100 * number(curve.at(end, comparison.k.index(k))) for name, end in ends.items()}
        for k in shown_k(comparison.k)
    ]


def lines_and_dots(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with seeds as the panels take them: one seed keeps its interval on the line, several are dots.

    Of the steps of one excursion only the last counts here.
    """
    if "step" in frame.columns:
        last = frame.groupby(["benchmark", "metric", "series", "x", "seed"], dropna=False)["step"].transform(
            "max"
        )
        frame = frame[frame["step"].isna() | (frame["step"] == last)]
    if "seed" not in frame.columns:
        return frame
    keys = ["benchmark", "metric", "series", "x_axis", "x"]
    count = frame.groupby(keys)["seed"].transform("nunique")
    alone = frame[count == 1]
    return pd.concat([frame, alone.assign(seed=float("nan"))], ignore_index=True)


def with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells that the study's shape asks for and that are not there, as rows without y.

    Every recipe is asked for at every starting checkpoint from which any excursion was run.
    """
    lines = frame[frame["series"] != "base"]
    present = set(zip(lines["benchmark"], lines["metric"], lines["series"], lines["x"], strict=True))
    gaps = [
        {"benchmark": b, "metric": m, "series": s, "x_axis": axis, "x": x, "y": float("nan")}
        for (b, m, axis), group in lines.groupby(["benchmark", "metric", "x_axis"], sort=False)
        for s in dict.fromkeys(group["series"])
        for x in dict.fromkeys(group["x"])
        if (b, m, s, x) not in present
    ]
    return pd.concat([frame, pd.DataFrame(gaps)], ignore_index=True) if gaps else frame
