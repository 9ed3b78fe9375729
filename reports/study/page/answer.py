"""The study's answer in one paragraph, put together from its findings."""

from __future__ import annotations

from typing import Any

from reports.study.page.markdown import million, points
from reports.study.readings.claims import CLAIMS, NARROW

VERBS = {
    "expansion": "expands coverage: more problems are solved at the first try, and more within {K} tries",
    "sharpening": "sharpens: more problems are solved at the first try, and not more within {K} tries",
    "coverage-only": "raises coverage alone: more problems are solved within {K} tries, and not at the first",
    "regression": "loses: fewer problems are solved at the first try, or within {K} tries",
    "no-change": "does not change coverage by the margin",
    "undetermined": "is not decided by these samples",
}


def answer(found: dict[str, Any]) -> str:
    """What the study found on the paper's main question, with how many claims held."""
    main, K = found["temperatures"][0], found["options"]["K"]
    verdicts = {v["recipe"]: v for v in found["verdicts"] if v["temperature"] == main and v["start"] is None}
    seeds = max(len(s) for s in found["seeds"].values())
    named = {
        "rl": "RL",
        "sft": "SFT on one demonstration",
        "sft-rl": "SFT→RL",
        "parallel": "parallel averaging",
    }
    planned = any(c.get("primary") for c in found["claims"])
    verb = VERBS[verdicts["rl"]["verdict"]["outcome"]].format(K=K)
    kind = verdicts["rl"]["verdict"]["kind"]
    alone = _alone(found, main)
    short = f"In this world, from these starts, direct RL {verb}{f' ({kind})' if kind else ''}{alone}. "
    short = short if planned else ""
    readings = "; ".join(_one(name, verdicts[recipe], K) for recipe, name in named.items())
    return (
        "Did training expand what a model can solve, or only sharpen it? A model of one million "
        f"parameters, pre-trained on a synthetic world, was taken at {len(found['starts'])} checkpoints "
        f"through six recipes with {seeds} training {'seed' if seeds == 1 else 'seeds'} each, and every "
        f"cell was asked {found['problems']} test problems {_asked(found['asked'])}. {short}Against the "
        f"base, over all checkpoints: {readings}. {_claims(found, main)} {_controls(found)} This is one "
        "small world and one pre-training run: it shows what the method can tell, not what larger models "
        "do.\n"
    )


def _claims(found: dict[str, Any], temperature: float) -> str:
    """How many of the paper's claims came out how, the planned ones apart."""
    papers = {c.text for c in CLAIMS}
    rows = [c for c in found["claims"] if c["temperature"] == temperature and c["claim"] in papers]
    kinds = [("primary", [c for c in rows if c.get("primary")])]
    kinds += [("exploratory" if kinds[0][1] else "", [c for c in rows if not c.get("primary")])]
    texts = []
    for kind, mine in kinds:
        outcomes = [c["outcome"] for c in mine]
        held, failed, open_ = (outcomes.count(o) for o in ("reproduced", "not reproduced", "undetermined"))
        if mine:
            texts.append(
                f"of {len(mine)} {kind} claims of the paper".replace("  ", " ")
                + f" {held} came out reproduced, {failed} not reproduced and {open_} undetermined"
            )
    return "; ".join(texts).capitalize() + "."


def _controls(found: dict[str, Any]) -> str:
    rows = [c for c in found["controls"] if ", from " in c["control"]] or found["controls"]
    good = [c for c in rows if c["behaves"] is True]
    wide = sum(c["high"] - c["low"] > 2 * NARROW for c in good)
    more = f", {wide} of them with an interval wider than planned" if wide else ""
    single = " from single starts" if len(rows) < len(found["controls"]) else ""
    return f"{len(good)} of {len(rows)} control readings{single} behave{more}."


def _alone(found: dict[str, Any], temperature: float) -> str:
    """RL's verdict from each start, where it is not that of all."""
    mine = [v for v in found["verdicts"] if v["recipe"] == "rl" and v["temperature"] == temperature]
    (whole,) = [v["verdict"]["outcome"] for v in mine if v["start"] is None]
    other = [
        f"from {million(v['start'])} it is *{v['verdict']['outcome']}*"
        for v in mine
        if v["start"] is not None and v["verdict"]["outcome"] != whole
    ]
    return f" (over all; {', '.join(other)} alone)" if other else ""


def _asked(often: dict[str, int]) -> str:
    own = f", a base {often['base']} times" if often["base"] != often["cells"] else ""
    return f"{often['cells']} times{own}"


def _one(name: str, row: dict[str, Any], K: int) -> str:
    first, large = (points(r) for r in row["readings"])
    kind = f" ({row['verdict']['kind']})" if row["verdict"]["kind"] else ""
    return f"{name} is *{row['verdict']['outcome']}*{kind}, pass@1 {first} points, pass@{K} {large}"
