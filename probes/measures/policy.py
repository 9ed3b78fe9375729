"""Answer policy: what training did to the right and to the wrong answers, beside two halves of A's samples.

Right answer amplified: it was among A's three most frequent and grew. Tail discovery: it was outside them and
below 5%, and is among B's. Wrong mode: a wrong answer that was not A's most frequent one is B's. Mass: of the
right answer, and of the most frequent wrong one (2607.16097). Definitions: `analysis.measures.answer_policy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.measures.answer_policy import MEASURES, PolicyChange, answer_policy, by_difficulty
from probes.findings.rows import interval_cell, number
from probes.inputs.frames import answer_codes, graded
from probes.inputs.sources import Source

WORDS = dict(
    zip(
        MEASURES,
        (
            "right answer amplified",
            "tail discovery",
            "wrong answer became the mode",
            "mass on the right answer",
            "mass on the dominant wrong one",
        ),
        strict=True,
    )
)
SHORT = ("amplified", "discovered", "wrong mode", "mass right", "mass wrong")
EVERY = "all problems"


def policy(source: Source, pairs: Sequence[tuple[str, str]], level: float, seed: int) -> list[dict[str, Any]]:
    """One row per pair, group of problems (all, and by A's difficulty) and measure: observed, null, excess.

    Rows: a, b, group, problems, n, measure, observed, null, estimate (observed less null), low, high.
    """
    codes = answer_codes(graded(source, []))
    counts = source.counts.drop_duplicates("problem").set_index("problem")
    how: dict[str, Any] = {"level": level, "seed": seed}
    how["cluster"] = counts["cluster"].to_dict() if "cluster" in counts else None
    rows: list[dict[str, Any]] = []
    for a, b in pairs:
        if min(len(labels) for labels, _ in codes[a].values()) < 2 or len(codes[a]) < 2:
            continue
        groups = {EVERY: answer_policy(codes[a], codes[b], **how)}
        groups |= by_difficulty(codes[a], codes[b], **how)
        for name, found in groups.items():
            rows += [{"a": a, "b": b, "group": name, **row} for row in _rows(found)]
    return rows


def _rows(found: PolicyChange) -> Iterator[dict[str, Any]]:
    for name in MEASURES:
        excess = found.excess[name]
        varies = excess.error > 0  # where no problem varies the bootstrap has no interval to give
        yield {
            "measure": name, "problems": found.problems, "n": found.n,
            "observed": found.observed[name].estimate, "null": found.null[name],
            "estimate": excess.estimate,
            "low": excess.low if varies else None, "high": excess.high if varies else None,
        }  # fmt: skip


def policy_differences(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of all problems, as differences of a finding: what exceeds two halves of A."""
    kept = ("a", "b", "measure", "problems", "estimate", "low", "high")
    return [
        {k: row[k] for k in kept} | {"label": f"{WORDS[row['measure']]}, beyond A twice", "digits": 4}
        for row in rows
        if row["group"] == EVERY
    ]


def policy_tables(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each pair two tables: all problems with the null, and the excess by A's difficulty."""
    out = []
    for a, b in dict.fromkeys((r["a"], r["b"]) for r in rows):
        mine = [r for r in rows if (r["a"], r["b"]) == (a, b)]
        whole = [r for r in mine if r["group"] == EVERY]
        lines = [
            [WORDS[r["measure"]], number(r["observed"], 3, "+" if "mass" in r["measure"] else ""),
             number(r["null"], 3, "+" if "mass" in r["measure"] else ""), number(r["estimate"], 3, "+"),
             interval_cell(r["low"], r["high"]).text]
            for r in whole
        ]  # fmt: skip
        title = f"Answers, {a} -> {b}: {whole[0]['problems']} problems, {whole[0]['n']} samples a side"
        columns = ["shares of problems; changes of mass", "A to B", "halves of A", "beyond it", "interval"]
        out.append({"title": title, "columns": columns, "rows": lines})
        groups = [g for g in dict.fromkeys(r["group"] for r in mine) if g != EVERY]
        cells = {(r["group"], r["measure"]): r for r in mine}
        lines = [
            [f"{g} ({cells[g, MEASURES[0]]['problems']})", *(_short(cells[g, m]) for m in MEASURES)]
            for g in groups
        ]
        if lines:
            title = "Beyond halves of A, by how often A is right in samples of their own"
            out.append({"title": title, "columns": ["problems", *SHORT], "rows": lines})
    return out


def _short(row: Mapping[str, Any]) -> str:
    return f"{number(row['estimate'], 3, '+')} {interval_cell(row['low'], row['high']).text}"
