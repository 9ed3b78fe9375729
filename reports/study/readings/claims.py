"""The paper's claims (arXiv 2606.04272) as differences that the study can measure, and the two controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evals.core.errors import UserError
from reports.study.driver.plan import RECIPES
from reports.study.readings.contrasts import MARGIN, K, below_margin, outcome, reading
from reports.study.readings.tables import MOST_BITS, Tables, Values

AFTER = {"sft-rl": "sft", "sft-gold-rl": "sft-gold"}  # seed by seed from the other's end
Arm = tuple[str, str]  # (where, recipe) of `reports.study.driver.collect`
BASE: Arm = ("cells", "base")
TEXT_MARGIN = 0.02  # bits per byte within which held-out text is as likely as before
GENERAL = (  # what it is called, the column, the kinds of items or documents
    ("accuracy", "correct", ()),
    ("facts", "correct", ("facts",)),
    ("stories", "correct", ("stories",)),
    ("text of facts and stories", "bits", ("facts", "stories")),
    ("text of problems and drills", "bits", ("problems", "drills")),
)
NARROW = 0.04  # half width above which a control is not said to behave
CEILING = 0.99  # of general capability: above it on both sides nothing is concluded


@dataclass(frozen=True, slots=True)
class Part:
    """One difference, b - a, and what the claim says of it: up, down or same.

    measure: a number k for pass@k, "general" for general capability, "text" for bits per byte. starts:
    first, later (all but the first), last, all, or arms (those of the arm b), which are averaged.
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
    primary: bool = False  # planned with 80% power; the others are exploratory


def _two(b: str, a: str, says: tuple[str, str]) -> tuple[Part, ...]:
    return Part(b, a, 1, says[0]), Part(b, a, K, says[1])


CLAIMS = (
    Claim("1", "RL is effective early: from the first checkpoint it raises pass@1",
          (Part("rl", "base", 1, "up", "first"),), primary=True),
    Claim("1", "from later checkpoints RL beats SFT on pass@1", (Part("rl", "sft", 1, "up", "later"),)),
    Claim("1", "RL from the last checkpoint comes within the margin of SFT→RL on pass@1",
          (Part("rl", "sft-rl", 1, "same", "last"),)),
    Claim("2", "with one demonstration per question RL beats SFT on pass@1", (Part("rl", "sft", 1, "up"),),
          primary=True),
    Claim("2", f"with all demonstrations SFT is ahead of RL at pass@8 and pass@{K}",
          (Part("sft-gold", "rl", 8, "up"), Part("sft-gold", "rl", K, "up"))),
    Claim("4", f"direct RL expands: pass@1 and pass@{K} rise", _two("rl", "base", ("up", "up")),
          primary=True),
    Claim("4", f"RL after SFT sharpens: pass@1 rises, pass@{K} falls", _two("sft-rl", "sft", ("up", "down"))),
    Claim("4", f"RL after SFT-Gold sharpens: pass@1 rises, pass@{K} falls",
          _two("sft-gold-rl", "sft-gold", ("up", "down"))),
    Claim("5", "RL leaves general capability as it was", (Part("rl", "base", "general", "same"),),
          primary=True),
    Claim("5", "SFT lowers general capability", (Part("sft", "base", "general", "down"),)),
    Claim("5", "SFT-Gold lowers general capability", (Part("sft-gold", "base", "general", "down"),)),
    Claim("6", f"parallel averaging has the best pass@{K}: above RL, SFT, SFT→RL and the base",
          tuple(Part("parallel", a, K, "up") for a in ("rl", "sft", "sft-rl", "base"))),
    Claim("6", "parallel averaging leaves general capability as it was",
          (Part("parallel", "base", "general", "same"),)),
    Claim("6", "pass@1 of parallel averaging is below that of RL", (Part("parallel", "rl", 1, "down"),),
          primary=True),
)  # fmt: skip

ARMS = (  # RL changed in one thing, where the study has such arms
    Claim("ours", f"MaxRL expands: pass@1 and pass@{K} rise",
          (Part("maxrl", "base", 1, "up", "arms"), Part("maxrl", "base", K, "up", "arms"))),
    Claim("ours", f"MaxRL is ahead of RL at pass@{K}", (Part("maxrl", "rl", K, "up", "arms"),)),
    Claim("ours", f"RL for pass@k expands: pass@1 and pass@{K} rise",
          (Part("pass-at-k", "base", 1, "up", "arms"), Part("pass-at-k", "base", K, "up", "arms"))),
    Claim("ours", f"RL for pass@k is ahead of RL at pass@{K}", (Part("pass-at-k", "rl", K, "up", "arms"),)),
    Claim("ours", f"at equal samples groups of 32 are ahead of groups of 4 at pass@{K}",
          (Part("n-32", "n-4", K, "up", "arms"),)),
    Claim("ours", f"at equal samples groups of 32 are ahead of groups of 8 at pass@{K}",
          (Part("n-32", "rl", K, "up", "arms"),)),
    Claim("ours", "RL leaves bits per byte of held-out text as they were",
          (Part("rl", "base", "text", "same"),)),
    Claim("ours", "SFT raises bits per byte of held-out text", (Part("sft", "base", "text", "up"),)),
    Claim("ours", "SFT-Gold raises bits per byte of held-out text",
          (Part("sft-gold", "base", "text", "up"),)),
    Claim("ours", "parallel averaging leaves bits per byte of held-out text as they were",
          (Part("parallel", "base", "text", "same"),)),
)  # fmt: skip


def claims_of(tables: Tables) -> tuple[Claim, ...]:
    """The claims that the study was made for: the paper's, and those on its arms where it has any."""
    return (*CLAIMS, *ARMS) if tables.has_arms else CLAIMS


def starts_of(tables: Tables, part: Part) -> list[int]:
    """Tokens of the starts that a part means."""
    every = tables.starts
    own = tables.counts[(tables.counts["where"] == "arms") & (tables.counts["recipe"] == part.b)]
    arms = sorted(int(s) for s in own["start"].unique()) if part.starts == "arms" else []
    return {"all": every, "first": every[:1], "later": every[1:], "last": every[-1:], "arms": arms}[
        part.starts
    ]


def judged(tables: Tables, claim: Claim, temperature: float) -> dict[str, Any]:
    """A claim with its parts measured; "not studied" where the study has not the samples."""
    parts: list[dict[str, Any]] = []
    for part in claim.parts:
        starts = starts_of(tables, part)
        try:
            if paired := AFTER.get(part.b) == part.a:
                b, a = same_seeds(tables, part.b, part.a, starts, temperature, part.measure)
            else:
                b, a = (_values(tables, r, part.measure, starts, temperature) for r in (part.b, part.a))
        except UserError:
            parts = []
            break
        k = part.measure if isinstance(part.measure, int) else 1
        margin = TEXT_MARGIN / MOST_BITS if part.measure == "text" else MARGIN
        many = len(claim.parts)
        measured = reading(b, a, k, parts=many, any_part=True, paired=paired, margin=margin)
        if part.measure == "general" and min(measured["a"], measured["b"]) > CEILING:
            measured |= {"state": "ceiling", "size": None}  # a test that nobody fails cannot tell
        about = {"b_name": part.b, "a_name": part.a, "measure": part.measure, "says": part.says}
        parts.append(about | {"starts": starts} | measured)
    return {
        "question": claim.question,
        "claim": claim.text,
        "temperature": temperature,
        "outcome": outcome(parts),
        "below_margin": outcome(parts) == "reproduced" and below_margin(parts),
        "parts": parts,
        "note": claim.note,
        **({"primary": claim.primary} if tables.has_arms else {}),
    }


def same_seeds(
    tables: Tables, b: str, a: str, starts: list[int], temperature: float, measure: int | str
) -> tuple[Values, Values]:
    """Values of the training seeds that both recipes have, in one order; UserError where there is none."""
    have = [tables.seeds("cells", recipe, starts, temperature) for recipe in (b, a)]
    if not (common := sorted(set(have[0]) & set(have[1]))):
        raise UserError(f"no seed of {b} was trained from one of {a}")
    first, second = (
        _values(tables, recipe, measure, starts, temperature)[[seeds.index(s) for s in common]]
        for seeds, recipe in zip(have, (b, a), strict=True)
    )
    return first, second


def _values(tables: Tables, recipe: str, measure: int | str, starts: list[int], temperature: float) -> Values:
    if not starts:
        raise UserError("there is no such start; run the study with more of them")
    if measure == "general":
        return tables.general(recipe, starts, "correct")
    if measure == "text":
        return tables.general(recipe, starts, "bits")
    where = "cells" if recipe in ("base", *RECIPES) else "arms"
    return tables.values(where, recipe, starts, temperature, int(measure))


def general(tables: Tables) -> list[dict[str, Any]]:
    """General capability of every recipe against the base, over all starts: accuracy, and bits per byte."""
    rows = []
    for recipe in RECIPES if tables.has_arms else ():
        for what, column, kinds in GENERAL:
            margin = MARGIN if column == "correct" else TEXT_MARGIN / MOST_BITS
            try:
                b, a = (tables.general(r, tables.starts, column, kinds) for r in (recipe, "base"))
            except UserError:
                continue
            about = {"recipe": recipe, "what": what, "measure": "text" if column == "bits" else "general"}
            rows.append({**about, **reading(b, a, 1, margin=margin)})
    return rows


def controls(tables: Tables, temperature: float) -> list[dict[str, Any]]:
    """Base against a second draw of itself, and RL with random rewards: nothing should rise.

    Meaned over starts, and in a study with arms also from every start.
    """
    rows = []
    for starts in _over(tables, tables.starts):
        for k in (1, K):
            a, b = (tables.values(*BASE, starts, temperature, k, draw=d) for d in (0, 1))
            name = "base against a second draw of itself" + _from(starts, tables.starts)
            rows.append({"control": name, **reading(b, a, k, parts=2), "seeds_known": None})
    trained = tables.counts[tables.counts["recipe"] == "random"]
    if len(trained := trained[trained["temperature"] == temperature]):
        where, every = str(trained["where"].iloc[0]), sorted(int(s) for s in trained["start"].unique())
        for starts in _over(tables, every):
            for k in (1, K):
                b = tables.values(where, "random", starts, temperature, k)
                a = tables.values(*BASE, starts, temperature, k)
                name = "RL with random rewards" + _from(starts, every)
                rows.append({"control": name, **reading(b, a, k, parts=2)})
    return [row | {"behaves": behaving(row)} for row in rows]


def behaving(row: dict[str, Any]) -> bool | None:
    """Whether a control behaves; None where its interval cannot tell, or is wider than ±NARROW.

    Nothing may change between two draws of the base; random rewards may do harm.
    """
    if row["state"] in ("up", "down"):
        return row["state"] == "down" and "draw" not in row["control"]
    good = {"same"} if "draw" in row["control"] else {"same", "not up"}
    return True if row["state"] in good and row["high"] - row["low"] < 2 * NARROW else None


def _over(tables: Tables, starts: list[int]) -> list[list[int]]:
    single = tables.has_arms and len(starts) > 1
    return [starts, *([s] for s in starts)] if single else [starts]


def _from(starts: list[int], every: list[int]) -> str:
    return "" if starts == every else f", from {starts[0] / 1e6:.1f}M"
