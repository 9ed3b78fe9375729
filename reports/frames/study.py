"""A study's findings as the frames that the paper's figures take.

Two sources: expand findings of a study's cells (recipe, tokens, seed and step by their lineage), and tables
of findings (parquet or CSV) that have the columns of `reports.figures.panels` already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from evals.core.errors import UserError
from probes.findings.types import Comparison, Curve, Described, Finding
from reports.figures.panels import COLUMNS
from reports.frames.probed import estimates, rollout_rows
from reports.inputs import finding_files, number

WANTED = (1, 8, 32)  # the k of the paper's figures
UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "K"))
KEY = ("benchmark", "metric", "series", "x", "seed", "step")


class Who(NamedTuple):
    """A checkpoint that a number is of: its path or name, and what tells its samples from others."""

    name: str
    samples: tuple[str, ...]


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
    """pass@k and accuracies of every checkpoint with a lineage; paired differences from where it started.

    A checkpoint that several findings measured on the same samples counts as in the first of them. UserError
    where two others have the same place in the study (recipe, tokens, seed, step) and differing numbers.
    """
    tokens = [t for f in findings for c in f.checkpoints if (t := (c.lineage or {}).get("tokens"))]
    size, letter = next(((s, u) for s, u in UNITS if max(tokens, default=0) >= s), UNITS[-1])
    rows: dict[tuple[Any, ...], tuple[Sequence[Who], dict[str, Any]]] = {}
    for i, finding in enumerate(findings):
        for who, row in _rows(finding, i):
            row |= {"x_axis": f"pretrain_tokens_{letter}", "x": row["x"] / size}
            first, held = rows.setdefault(tuple(row[c] for c in KEY), (who, row))
            if [w.samples for w in first] != [w.samples for w in who] and not _same(held["y"], row["y"]):
                raise UserError(_clash(first, who, held, row))
    return pd.DataFrame([row for _, row in rows.values()])


def _same(x: float, y: float) -> bool:
    return math.isclose(x, y, abs_tol=1e-9) or (math.isnan(x) and math.isnan(y))


def _clash(first: Sequence[Who], second: Sequence[Who], held: dict[str, Any], row: dict[str, Any]) -> str:
    one, two = (" → ".join(w.name for w in who) for who in (first, second))
    if one == two:
        one, two = (f"{one} (samples {', '.join(who[-1].samples)})" for who in (first, second))
    known = [f"{k} {row[k]}" for k in ("seed", "step") if row[k] is not None]
    place = ", ".join([f"{row['series']} on {row['benchmark']}", *known])
    return (
        f"{one} and {two} have one place in the study ({place}) and differ in {row['metric']}: "
        f"{held['y']:.4g} and {row['y']:.4g}; leave one out, or give it a recipe or a seed of its own in its "
        "lineage.json"
    )


def _rows(finding: Finding, i: int) -> list[tuple[Sequence[Who], dict[str, Any]]]:
    known = {c.name: c for c in finding.checkpoints}
    who = {name: _who(finding, c, i) for name, c in known.items()}
    out: list[tuple[Sequence[Who], dict[str, Any]]] = []
    for comparison in finding.comparisons:
        a, b = comparison.a, comparison.b
        start, end = (_place(finding, known[name]) for name in (a, b))
        out += [((who[a],), row) for row in _curve(start, "pass", comparison, comparison.passk["a"])]
        out += [((who[b],), row) for row in _curve(end, "pass", comparison, comparison.passk["b"])]
        if _excursion(start, end):  # less the base checkpoint with the same tokens
            change = _curve(end, "delta_pass", comparison, comparison.delta)
            out += [((who[a], who[b]), row) for row in change]
    for row in estimates(finding):
        name = row.pop("checkpoint")
        place = _place(finding, known[name])
        if place:
            out.append(((who[name],), place | {k: v for k, v in row.items() if v is not None}))
    return out


def _who(finding: Finding, checkpoint: Described, i: int) -> Who:
    """A checkpoint of finding i; one of which the name alone is known is the same only within its finding."""
    c, problems = checkpoint, finding.problems and finding.problems.fingerprint
    samples = c.cell or c.fingerprint or c.path or f"{c.name} of finding {i + 1}"
    return Who(c.path or c.name, (samples, *([problems] if problems else [])))


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
