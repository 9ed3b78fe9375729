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
DECLARED = ("K", "level", "margin", "target")  # on what a verdict rests beside the counts


def compare_studies(first: Path, second: Path, out: Path) -> list[str]:
    """Write the comparisons that both hold side by side: a figure and a table; returns what was written.

    Comparisons match by problem set and names of the checkpoints; a study with one comparison only matches
    another with one only, whatever the names. UserError where nothing matches, and where one study has
    differing findings of one comparison.
    """
    if first.resolve() == second.resolve():
        raise UserError(f"{first} is given twice; give two studies or findings")
    one, two = (expansions(load_findings(p)) for p in (first, second))
    frame = matched(one, two, (str(first), str(second)))
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


def matched(
    first: Sequence[Pair], second: Sequence[Pair], studies: tuple[str, str] = ("study 1", "study 2")
) -> pd.DataFrame:
    """One row per comparison that both hold: problems, a, b, and of each study (…_1, …_2) its numbers.

    The numbers are those of `frames.ends`, beside level, margin and target as declared. studies: names for
    the UserError that is raised where one study has differing findings of one comparison.
    """
    tables = [_rows(pairs, study) for pairs, study in zip((first, second), studies, strict=True)]
    if all(len(t) == 1 for t in tables):
        one, two = tables[0].iloc[0], tables[1].iloc[0]
        both = {k: one[k] if one[k] == two[k] else f"{one[k]} / {two[k]}" for k in KEY}
        tables = [t.assign(**both) for t in tables]
    return tables[0].merge(tables[1], on=list(KEY), suffixes=("_1", "_2"))


def _rows(pairs: Sequence[Pair], study: str) -> pd.DataFrame:
    rows = [
        {"problems": (f.problems and f.problems.name) or "", "a": c.a, "b": c.b}
        | frames.ends(c)
        | {
            "level": c.options.level,
            "margin": c.options.margin,
            "target": c.options.target or "population",
        }
        for f, c in pairs
    ]
    if not rows:
        return pd.DataFrame(columns=list(KEY))
    table = pd.DataFrame(rows).drop_duplicates()
    if (twice := table.duplicated(list(KEY))).any():
        asked, a, b = table.loc[twice, list(KEY)].iloc[0]
        raise UserError(
            f"{study} holds differing findings of {a} → {b} on {asked or 'unnamed problems'}; give the "
            "findings.json of one of them"
        )
    return table


def _differing(row: Any) -> str:
    """What the two studies declared differently of a row of `matched`: "K = 2 / 32"; "" for nothing."""
    ends = {name: (row[f"{name}_1"], row[f"{name}_2"]) for name in DECLARED if f"{name}_1" in row}
    return ", ".join(f"{name} = {one} / {two}" for name, (one, two) in ends.items() if one != two)


@styled
def side_by_side(frame: pd.DataFrame, names: tuple[str, str]) -> Any:
    """Δpass@1 and Δpass@K of every comparison under both studies, one below the other.

    frame: a, b, and K, first, first_low, first_high, large, large_low, large_high (rates), each with the
    suffixes _1 and _2. K stands above where all have one, else at each comparison.
    """
    ks = sorted({*frame["K_1"], *frame["K_2"]})
    large = f"Δpass@{ks[0]}" if len(ks) == 1 else "Δpass@K"
    fig = figure(PAGE, 1.0 + 0.36 * len(frame))
    panels = fig.subplots(1, 2, sharey=True)
    drawn = list(looks([f"{n}\0" for n in names]).values())
    for axes, key, title in zip(panels, ("first", "large"), ("Δpass@1", large), strict=True):
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
    panels[0].set_yticks(range(len(frame)), [_tick(r, len(ks) > 1) for _, r in frame.iterrows()])
    panels[0].set_ylim(len(frame) - 0.4, -0.6)
    fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return fig


def _tick(row: Any, with_k: bool) -> str:
    """The name of a comparison, and on a second line its K (where asked for) and what differs."""
    one_k = with_k and row["K_1"] == row["K_2"]
    declared = [*([f"K = {row['K_1']}"] if one_k else []), *([d] if (d := _differing(row)) else [])]
    return "\n".join([plain(f"{row['a']} → {row['b']}", 44), *([", ".join(declared)] if declared else [])])


def compare_table(frame: pd.DataFrame, names: tuple[str, str]) -> Grid:
    """Verdict, K and both differences of each study, and whether the verdicts agree.

    Verdicts are compared where both rest on the same K, level, margin and target.
    """
    rows = []
    for _, r in frame.iterrows():
        row = [Cell(str(r["problems"])), Cell(str(r["a"])), Cell(str(r["b"]))]
        for suffix in ("_1", "_2"):
            row += [Cell(str(r["outcome" + suffix])), Cell(f"{r['K' + suffix]}", (int(r["K" + suffix]),))]
            for key in ("first", "large"):
                found = tuple(round(100 * float(r[key + end + suffix]), 10) for end in ("", "_low", "_high"))
                row.append(Cell(with_interval(*found, signed=True), found))
        agree = "yes" if r["outcome_1"] == r["outcome_2"] else "no"
        row.append(Cell(f"not compared: {declared}" if (declared := _differing(r)) else agree))
        rows.append(tuple(row))
    heads = ["problems", "A", "B"]
    for name in names:
        heads += [f"{name}: verdict", f"{name}: K", f"{name}: Δpass@1", f"{name}: Δpass@K"]
    caption = f"{names[0]} and {names[1]}: differences B − A in points, with paired intervals."
    if any(_differing(r) for _, r in frame.iterrows()):
        caption += " Verdicts at different K, level, margin or target are not compared."
    return Grid("compare", caption, (*heads, "same verdict"), tuple(rows))
