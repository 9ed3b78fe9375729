"""The page of published runs: one command writes README.md, findings.json and the figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.core.files import write_file
from reports.published import chess, general, octothinker, rlvr, seeds
from reports.published.claims import claims, prompt_note
from reports.published.parts import Claim, Run, markdown
from reports.study.page.markdown import table

HEAD = """# Published runs, judged

Numbers that others published, read with the statistics of this project: no model was run here. Every section
names its source and licence, what it can and cannot say, and gives a verdict card. Made by

    reports published --out reports/gallery/published

from the tables in [`data/`](data/LICENCES.md) and the points of the paper's figures
(`reports/paper/figures.csv`); `--data FOLDER` reads files of the same names and columns. For counts of your
own: `probes expand --counts file.csv`. All numbers of this page: [`findings.json`](findings.json).

Intervals are 95%; verdicts on pass@1 and pass@K hold jointly. “Equivalent” is a claim (two one-sided tests,
margin 2 points), “undetermined” is not.
"""
CLAIMS = """## The paper's claims on its own data

R. Bansal, C. Mohri, T. Qin, D. Alvarez-Melis, S. Kakade: RL Excursions during Pre-Training, arXiv:2606.04272,
2026. The claims are given in our words. Those on pass@k are judged from the rates in its figures: no counts,
so nothing is paired, and the largest spread that the rates allow is taken. A verdict on training from one run
of each recipe is a verdict on these checkpoints. With n = 32 samples, pass@32 means "any of 32 correct", the
noisiest point of a curve.
"""


def sections(data: Path | None = None) -> list[Run]:
    """All runs of the page, in its order. data: a folder in place of the shipped one."""
    return [
        general.run(data),
        seeds.seeds(data),
        seeds.math(data),
        rlvr.run(data),
        chess.run(data),
        octothinker.run(data),
    ]


def page(runs: Sequence[Run]) -> tuple[str, dict[str, Any]]:
    """The text of README.md, and the record behind it."""
    judged = [*claims(), *(c for run in runs for c in run.claims)]
    text = "\n".join([HEAD, CLAIMS, _table(judged), f"{prompt_note()}\n", *(markdown(run) for run in runs)])
    record = {
        "claims": [{"says": c.says, "state": c.state, "why": c.why} for c in judged],
        "runs": [{"name": r.name, "source": r.source, "licence": r.licence, **r.record} for r in runs],
    }
    return text.rstrip() + "\n", record


def _table(judged: Sequence[Claim]) -> str:
    counts = {s: sum(c.state == s for c in judged) for s in dict.fromkeys(c.state for c in judged)}
    words = ", ".join(f"{n} {state}" for state, n in counts.items())
    rows = [(c.says, f"**{c.state}**", c.why) for c in judged]
    return f"{len(judged)} claims: {words}.\n\n" + table(("claim", "on its own numbers", "why"), rows)


def build_published(out: Path, data: Path | None = None) -> Path:
    """Write README.md, findings.json and figures/*.png into `out`; returns the page's path."""
    from reports.figures.export import png_bytes
    from reports.published.figures import drawn

    runs = sections(data)
    text, record = page(runs)
    for name, figure in drawn(runs, data):
        write_file(out / "figures" / f"{name}.png", png_bytes(figure))
    write_file(out / "findings.json", (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
    write_file(out / "README.md", text.encode())
    return out / "README.md"
