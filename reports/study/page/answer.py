"""The study's answer in one paragraph, put together from its findings."""

from __future__ import annotations

from typing import Any

from reports.study.page.markdown import points
from reports.study.readings.claims import CLAIMS

VERBS = {
    "expansion": "expands what the model can solve",
    "sharpening": "sharpens what it could already solve",
    "coverage-only": "raises coverage alone",
    "regression": "loses what the model could solve",
    "no-change": "changes nothing by the margin",
    "undetermined": "is not decided by these samples",
}


def answer(found: dict[str, Any]) -> str:
    """What the study found on the paper's main question, with how many claims held."""
    main, K = found["temperatures"][0], found["options"]["K"]
    verdicts = {v["recipe"]: v for v in found["verdicts"] if v["temperature"] == main and v["start"] is None}
    papers = {c.text for c in CLAIMS}
    outcomes = [c["outcome"] for c in found["claims"] if c["temperature"] == main and c["claim"] in papers]
    held, failed, open_ = (outcomes.count(o) for o in ("reproduced", "not reproduced", "undetermined"))
    behaves = sum(c["behaves"] is True for c in found["controls"])
    seeds = max(len(s) for s in found["seeds"].values())
    named = {"rl": "Direct RL", "sft-rl": "SFT→RL", "parallel": "parallel averaging"}
    planned = any(c.get("primary") for c in found["claims"])
    verb = VERBS[verdicts["rl"]["verdict"]["outcome"]]
    short = f"In this world, from these starts, direct RL {verb}. " if planned else ""
    readings = "; ".join(_one(name, verdicts[recipe], K) for recipe, name in named.items())
    return (
        "Did training expand what a model can solve, or only sharpen it? A model of one million parameters, "
        f"pre-trained on a synthetic world, was taken at {len(found['starts'])} checkpoints through six "
        f"recipes with {seeds} training {'seed' if seeds == 1 else 'seeds'} each, and every cell was asked "
        f"{found['problems']} test problems {_asked(found['asked'])}. {short}Against the base, over all "
        f"checkpoints: {readings}. "
        f"Of {len(outcomes)} claims of the paper that are differences between recipes, {held} are "
        f"reproduced, {failed} are not, and {open_} are undetermined at this scale; {behaves} of "
        f"{len(found['controls'])} control readings behave. This is one small world: it shows what the "
        "method can tell, not what larger models do.\n"
    )


def _asked(often: dict[str, int]) -> str:
    own = f", a base {often['base']} times" if often["base"] != often["cells"] else ""
    return f"{often['cells']} times{own}"


def _one(name: str, row: dict[str, Any], K: int) -> str:
    first, large = (points(r) for r in row["readings"])
    kind = f" ({row['verdict']['kind']})" if row["verdict"]["kind"] else ""
    return f"{name} is *{row['verdict']['outcome']}*{kind}, pass@1 {first} points, pass@{K} {large}"
