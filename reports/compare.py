"""Two studies (or findings) side by side: where they agree, where they differ, and in what they were made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.errors import UserError
from evals.core.files import write_file
from probes.findings.rows import Cell, Grid
from reports.figures.export import save
from reports.figures.style import PAGE, figure, looks, plain, styled
from reports.frames import findings as frames
from reports.inputs import Pair, expansions, load_findings
from reports.rounding import with_interval
from reports.tables import csv, latex, markdown

KEY = ("problems", "a", "b")


def compare_studies(first: Path, second: Path, out: Path) -> list[str]:
    """Write the comparisons that both hold side by side: a figure and a table; returns what was written.

    Comparisons match by problem set and names of the checkpoints; a study with one comparison only matches
    another with one only, whatever the names. UserError where nothing matches.
    """
    frame = matched(*(expansions(load_findings(p)) for p in (first, second)))
    if frame.empty:
        raise UserError(
            f"{first} and {second} have no comparison in common: their problem sets or the names of their "
            "checkpoints differ; probe the same pairs on the same problems"
        )
    names = labels(first, second)
    save(side_by_side(frame, names), frame, out, "compare")
    table = compare_table(frame, names)
    for ending, text in (("tex", latex(table)), ("md", markdown(table)), ("table.csv", csv(table))):
        write_file(out / f"compare.{ending}", text)
    return ["compare"]


def labels(first: Path, second: Path) -> tuple[str, str]:
    """Short distinct names of the two."""
    one, two = first.resolve(), second.resolve()
    if one.name != two.name:
        return first.name or str(one), second.name or str(two)
    return str(first), str(second)


def matched(first: Sequence[Pair], second: Sequence[Pair]) -> pd.DataFrame:
    """One row per comparison that both hold: problems, a, b, and of each study (…_1, …_2) `frames.ends`."""
    tables = [_rows(first), _rows(second)]
    if all(len(t) == 1 for t in tables):
        one, two = tables[0].iloc[0], tables[1].iloc[0]
        both = {k: one[k] if one[k] == two[k] else f"{one[k]} / {two[k]}" for k in KEY}
        tables = [t.assign(**both) for t in tables]
    return tables[0].merge(tables[1], on=list(KEY), suffixes=("_1", "_2"))


def _rows(pairs: Sequence[Pair]) -> pd.DataFrame:
    rows = [
        {"problems": (f.problems and f.problems.name) or "", "a": c.a, "b": c.b} | frames.ends(c)
        for f, c in pairs
    ]
    return pd.DataFrame(rows).drop_duplicates(list(KEY)) if rows else pd.DataFrame(columns=list(KEY))


@styled
def side_by_side(frame: pd.DataFrame, names: tuple[str, str]) -> Any:
    """Δpass@1 and Δpass@K of every comparison under both studies, one below the other.

    frame: a, b, and first, first_low, first_high, large, large_low, large_high (rates), each with the
    suffixes _1 and _2.
    """
    fig = figure(PAGE, 1.0 + 0.36 * len(frame))
    panels = fig.subplots(1, 2, sharey=True)
    drawn = list(looks([f"{n}\0" for n in names]).values())
    for axes, key, title in zip(panels, ("first", "large"), ("Δpass@1", "Δpass@K"), strict=True):
        axes.axvline(0, color="black", linewidth=0.8)
        for suffix, look, name, shift in zip(("_1", "_2"), drawn, names, (-0.15, 0.15), strict=True):
            at = 100 * frame[key + suffix]
            below, above = at - 100 * frame[f"{key}_low{suffix}"], 100 * frame[f"{key}_high{suffix}"] - at
            axes.errorbar(
                at,
                [i + shift for i in range(len(frame))],
                xerr=[below.clip(lower=0), above.clip(lower=0)],
                fmt=look.marker,
                color=look.colour,
                capsize=2,
                linewidth=1,
                label=plain(name),
            )
        axes.set_title(title)
        axes.set_xlabel("points")
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
    panels[0].set_yticks(range(len(frame)), [plain(f"{r.a} → {r.b}", 44) for r in frame.itertuples()])
    panels[0].set_ylim(len(frame) - 0.4, -0.6)
    fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return fig


def compare_table(frame: pd.DataFrame, names: tuple[str, str]) -> Grid:
    """Verdict and both differences of each study, and whether the verdicts agree."""
    rows = []
    for _, r in frame.iterrows():
        row = [Cell(str(r["problems"])), Cell(str(r["a"])), Cell(str(r["b"]))]
        for suffix in ("_1", "_2"):
            row.append(Cell(str(r["outcome" + suffix])))
            for key in ("first", "large"):
                found = tuple(round(100 * float(r[key + end + suffix]), 10) for end in ("", "_low", "_high"))
                row.append(Cell(with_interval(*found, signed=True), found))
        row.append(Cell("yes" if r["outcome_1"] == r["outcome_2"] else "no"))
        rows.append(tuple(row))
    heads = ["problems", "A", "B"]
    for name in names:
        heads += [f"{name}: verdict", f"{name}: Δpass@1", f"{name}: Δpass@K"]
    caption = f"{names[0]} and {names[1]}: differences B − A in points, with paired intervals."
    return Grid("compare", caption, (*heads, "same verdict"), tuple(rows))
