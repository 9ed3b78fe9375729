"""One-shot RLVR: the verdict card of real rollout counts, and the problems that changed."""

from __future__ import annotations

import re
from dataclasses import asdict
from functools import partial
from pathlib import Path

from analysis.counts import PairedCounts
from analysis.measures.sharpening_tax import sharpening_tax
from analysis.problems.changes import changes
from reports.published.data import load
from reports.published.parts import WIDTH, Grid, Run

A, B = "visits_1-8", "visits_last8"
NAMES = {A: "early policy (first 8 visits)", B: "late policy (last 8 visits)"}
LISTED = 10


def run(folder: Path | None = None) -> Run:
    """The section on one-shot RLVR."""
    from probes import compare
    from probes.findings.terminal import text
    from reports.drawings import plot

    frame = load("one_shot_rlvr.csv.gz", folder)
    found = compare(frame, A, B)
    one = found.comparisons[0]
    listed = changes(PairedCounts.from_frame(frame, A, B))
    tries = one.model_dump()["tries"]
    draw = partial(plot, found, "passk")
    tax = sharpening_tax(PairedCounts.from_frame(frame, A, B), one.options.K)
    return Run(
        name="One-shot RLVR: the same run, early and late",
        source="github.com/ypwang61/One-Shot-RLVR (Y. Wang et al., arXiv:2504.20571): rollouts of one "
        "training run of "
        "Qwen2.5-Math-1.5B, 500 steps; the first 8 and the last 8 visits of each of 1,209 training prompts, "
        "n = 64",
        licence="Apache-2.0",
        can="whether the late policy solves more than the early one, at the first try and within 32, on the "
        "prompts "
        "that it was trained on.",
        cannot="anything about the base model or about unseen problems: the early policy is already in "
        "training (a "
        "count spans 8 visits while the weights move), and these are training prompts. Prompt, grader and "
        "truncation are not known from counts.",
        cards=[
            "Early against late training, not base against RL; training prompts; one "
            "run.\n" + _card(text(found, WIDTH))
        ],
        grids=[
            Grid(
                "One try of the late policy is worth how many of the early one, m(k) (95%):",
                ("k", "m(k)", "95%"),
                _tries(tries),
            ),
            Grid(
                f"Problems whose rate changed, false discovery rate {listed.fdr:.0%}: "
                f"{int(listed.improved.sum())} "
                f"improved (the {LISTED} largest are shown), {int(listed.worsened.sum())} worsened:",
                ("problem", "change", "early", "late", "q"),
                _problems(listed),
            ),
        ],
        notes=[
            f"Sharpening tax at K = {tax.K}: S, the share of the room above pass@1 that further tries reach, "
            f"goes from {tax.a.estimate:.3f} to {tax.b.estimate:.3f}; tax {tax.tax.estimate:+.3f} (95% "
            f"{tax.tax.low:+.3f} to {tax.tax.high:+.3f}; one model drawn twice {tax.null[0]:+.3f} to "
            f"{tax.null[1]:+.3f}): further tries gain less than before, although more is solved at every k."
        ],
        figure=("one_shot", "pass@k of the early and of the late policy, with bands"),
        draw=draw,
        record={"comparison": one.model_dump(mode="json"), "changes": listed.to_dict(), "tax": asdict(tax)},
    )


def _card(drawn: str) -> str:
    """A card of the terminal without its frame."""
    lines = [re.sub(r"^│ ?| *│$", "", line) for line in drawn.splitlines() if not line.startswith(("╭", "╰"))]
    return "\n".join(line.rstrip() for line in lines)


def _tries(tries: dict[str, list[float | None]]) -> list[tuple[str, str, str]]:
    rows = []
    for k, m, low, high in zip(*(tries[key] for key in ("k", "estimate", "low", "high")), strict=True):
        upper = "beyond the early policy's 64 tries" if high is None else f"{high:.2f}"
        rows.append((str(k), f"{m:.2f}", f"{low:.2f} to {upper}"))
    return rows


def _problems(listed: object) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for word in ("worsened", "improved"):
        for r in listed.listed(getattr(listed, word))[:LISTED]:  # type: ignore[attr-defined]
            rows.append(
                (str(r["problem"]), word, f"{r['rate_a']:.3f}", f"{r['rate_b']:.3f}", f"{r['q']:.2g}")
            )
    return rows
