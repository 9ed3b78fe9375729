"""The paper's claims (arXiv 2606.04272) as differences that the study can measure, and the two controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evals.core.errors import UserError
from reports.study.readings.contrasts import K, outcome, reading
from reports.study.readings.tables import Tables, Values

AFTER = {"sft-rl": "sft", "sft-gold-rl": "sft-gold"}  # seed by seed from the other's end
Arm = tuple[str, str]  # (where, recipe) of `reports.study.driver.collect`
BASE: Arm = ("cells", "base")
CEILING = 0.99  # of general capability: above it on both sides nothing is concluded


@dataclass(frozen=True, slots=True)
class Part:
    """One difference, b - a, and what the claim says of it: up, down or same.

    measure: a number k for pass@k, "general" for general capability. starts: first, later (all but the
    first), last, or all, which are meaned.
    """

    b: str
    a: str
    measure: int | str
    says: str
    starts: str = "all"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of the paper: its question there, a sentence, and the differences that decide it."""

    question: str
    text: str
    parts: tuple[Part, ...]
    note: str = ""


def _two(b: str, a: str, says: tuple[str, str]) -> tuple[Part, ...]:
    return Part(b, a, 1, says[0]), Part(b, a, K, says[1])


CLAIMS = (
    Claim("1", "RL is effective early: from the first checkpoint it raises pass@1",
          (Part("rl", "base", 1, "up", "first"),)),
    Claim("1", "from later checkpoints RL beats SFT on pass@1", (Part("rl", "sft", 1, "up", "later"),)),
    Claim("1", "RL from the last checkpoint comes within the margin of SFT→RL on pass@1",
          (Part("rl", "sft-rl", 1, "same", "last"),)),
    Claim("2", "with one demonstration per question RL beats SFT on pass@1", (Part("rl", "sft", 1, "up"),)),
    Claim("2", f"with all demonstrations SFT is ahead of RL at pass@8 and pass@{K}",
          (Part("sft-gold", "rl", 8, "up"), Part("sft-gold", "rl", K, "up"))),
    Claim("4", f"direct RL expands: pass@1 and pass@{K} rise", _two("rl", "base", ("up", "up"))),
    Claim("4", f"RL after SFT sharpens: pass@1 rises, pass@{K} falls", _two("sft-rl", "sft", ("up", "down"))),
    Claim("4", f"RL after SFT-Gold sharpens: pass@1 rises, pass@{K} falls",
          _two("sft-gold-rl", "sft-gold", ("up", "down"))),
    Claim("5", "RL leaves general capability as it was", (Part("rl", "base", "general", "same"),)),
    Claim("5", "SFT lowers general capability", (Part("sft", "base", "general", "down"),)),
    Claim("5", "SFT-Gold lowers general capability", (Part("sft-gold", "base", "general", "down"),)),
    Claim("6", f"parallel averaging has the best pass@{K}: above RL, SFT, SFT→RL and the base",
          tuple(Part("parallel", a, K, "up") for a in ("rl", "sft", "sft-rl", "base"))),
    Claim("6", "parallel averaging leaves general capability as it was",
          (Part("parallel", "base", "general", "same"),)),
    Claim("6", "pass@1 of parallel averaging is below that of RL", (Part("parallel", "rl", 1, "down"),)),
)  # fmt: skip


def starts_of(tables: Tables, which: str) -> list[int]:
    """Tokens of the starts that a part means."""
    every = tables.starts
    return {"all": every, "first": every[:1], "later": every[1:], "last": every[-1:]}[which]


def judged(tables: Tables, claim: Claim, temperature: float) -> dict[str, Any]:
    """A claim with its parts measured; "not studied" where the study has not the samples."""
    parts: list[dict[str, Any]] = []
    for part in claim.parts:
        starts = starts_of(tables, part.starts)
        try:
            b, a = (_values(tables, r, part.measure, starts, temperature) for r in (part.b, part.a))
        except UserError:
            parts = []
            break
        k = part.measure if isinstance(part.measure, int) else 1
        measured = reading(b, a, k, parts=len(claim.parts), paired=AFTER.get(part.b) == part.a)
        if part.measure == "general" and min(measured["a"], measured["b"]) > CEILING:
            measured["state"] = "ceiling"  # a test that nobody fails cannot tell
        about = {"b_name": part.b, "a_name": part.a, "measure": part.measure, "says": part.says}
        parts.append(about | {"starts": starts} | measured)
    return {
        "question": claim.question,
        "claim": claim.text,
        "temperature": temperature,
        "outcome": outcome(parts),
        "parts": parts,
        "note": claim.note,
    }


def _values(tables: Tables, recipe: str, measure: int | str, starts: list[int], temperature: float) -> Values:
    if not starts:
        raise UserError("there is no such start; run the study with more of them")
    if measure == "general":
        return tables.items(recipe, starts)
    return tables.values("cells", recipe, starts, temperature, int(measure))


def controls(tables: Tables, temperature: float) -> list[dict[str, Any]]:
    """Base against a second draw of itself, and RL with random rewards: nothing should rise."""
    rows = []
    for k in (1, K):
        a, b = (tables.values(*BASE, tables.starts, temperature, k, draw=d) for d in (0, 1))
        rows.append({"control": "base against a second draw of itself", **reading(b, a, k, parts=2)})
    trained = tables.counts[tables.counts["where"] == "random"]
    if len(trained := trained[trained["temperature"] == temperature]):
        start = [int(trained["start"].iloc[0])]
        for k in (1, K):
            b = tables.values("random", "random", start, temperature, k)
            a = tables.values(*BASE, start, temperature, k)
            rows.append({"control": "RL with random rewards", **reading(b, a, k, parts=2)})
    for row in rows:
        wrong = {"up", "down"} if "draw" in row["control"] else {"up"}
        row["behaves"] = None if row["state"] == "open" else row["state"] not in wrong
    return rows
