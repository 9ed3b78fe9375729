"""Claims, controls and verdicts on tables whose answers were planted."""

import re
from dataclasses import replace

import numpy as np
import pytest

from reports.study.build import after, asked, verdicts
from reports.study.page import page, sections
from reports.study.page.answer import _alone, answer
from reports.study.page.markdown import million
from reports.study.readings.claims import CLAIMS, behaving, claims_of, controls, general, judged
from reports.study.readings.contrasts import below_margin, gap_sign, outcome, reading
from tests.reports.micro.planted import GENERAL, RATES, STARTS, planted


@pytest.fixture(scope="module")
def tables():
    return planted()


@pytest.fixture(scope="module")
def arms_tables():
    return planted(arms=ARMS_RATES)


def of(tables, start_of_text: str) -> dict:
    claim = next(c for c in CLAIMS if c.text.startswith(start_of_text))
    return judged(tables, claim, 1.0)


@pytest.mark.parametrize(
    ("text", "planted_outcome"),
    [
        ("RL is effective early", "reproduced"),
        ("from later checkpoints RL beats SFT", "reproduced"),
        ("RL from the last checkpoint comes within", "not reproduced"),
        ("with all demonstrations SFT is ahead", "reproduced"),
        ("direct RL expands", "reproduced"),
        ("RL after SFT sharpens", "reproduced"),
        ("RL leaves general capability", "reproduced"),
        ("SFT lowers general capability", "reproduced"),
        ("parallel averaging has the best", "reproduced"),
        ("parallel averaging leaves general", "reproduced"),
        ("pass@1 of parallel averaging is below", "not reproduced"),
    ],
)
def test_planted_answers_are_found(tables, text, planted_outcome) -> None:
    """Effects far above the noise come out as they were planted, with intervals that cover the truth."""
    found = of(tables, text)
    assert found["outcome"] == planted_outcome


def test_effects_are_differences_of_planted_rates(tables) -> None:
    """Δpass@1 of RL is the mean of the planted differences, within its own interval."""
    part = of(tables, "direct RL expands")["parts"][0]
    truth = (30 * 0.30 + 15 * 0.10 + 15 * 0.05) / 60
    assert part["low"] < truth < part["high"]
    assert part["estimate"] == pytest.approx(truth, abs=0.01)
    assert part["seeds"] == [1, 3]
    assert part["units"] == 60


def test_equal_recipes_give_no_claim() -> None:
    """Where every recipe is the base, nothing rises or falls, in six studies."""
    wrong = 0
    for key in range(6):
        equal = planted(dict.fromkeys(RATES, RATES["base"]), general=dict.fromkeys(GENERAL, 0.9), key=key)
        parts = [p for c in CLAIMS for p in judged(equal, c, 1.0)["parts"]]
        wrong += any(p["state"] in ("up", "down") for p in parts if p["measure"] == 1)
    assert wrong <= 3  # five differences of pass@1 in a study, each at 5%


def test_controls_behave_on_null_and_show_a_planted_fault(tables) -> None:
    """A second draw and random rewards change nothing; a control that rises is told."""
    assert all(row["behaves"] is not False for row in controls(tables, 1.0))
    better = planted({**RATES, "base": RATES["base"]})
    rows = better.counts["where"] == "random"
    better.counts.loc[rows, "c"] = np.minimum(64, better.counts.loc[rows, "c"] + 15)
    assert any(r["behaves"] is False for r in controls(better, 1.0) if "random" in r["control"])


def test_a_test_that_nobody_fails_tells_nothing() -> None:
    """General capability at the ceiling on both sides is neither the same nor lower."""
    full = planted(general=dict.fromkeys(GENERAL, 1.0))
    full.capability["correct"] = True
    assert of(full, "RL leaves general capability")["outcome"] == "undetermined"
    assert of(full, "SFT lowers general capability")["outcome"] == "undetermined"


def test_one_seed_says_that_seeds_are_not_known() -> None:
    """A study that was stopped after one seed is still judged, and marked."""
    part = of(planted(seeds=(0,)), "direct RL expands")["parts"][0]
    assert part["seeds_known"] is False
    assert part["seed_sd"] is None


def test_missing_recipe_is_not_studied(tables) -> None:
    """No samples, no outcome."""
    counts = tables.counts[tables.counts["recipe"] != "parallel"]
    fewer = planted()
    fewer = type(fewer)(**{**{f: getattr(fewer, f) for f in fewer.__slots__}, "counts": counts, "known": {}})
    assert of(fewer, "parallel averaging has the best")["outcome"] == "not studied"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["up", "up"], "reproduced"),
        (["up", "open"], "undetermined"),
        (["up", "same"], "not reproduced"),
        (["open", "down"], "not reproduced"),
        (["not down", "up"], "undetermined"),
        ([], "not studied"),
    ],
)
def test_outcome_of_parts_that_should_rise(states, expected) -> None:
    assert outcome([{"state": s, "size": None, "says": "up"} for s in states]) == expected


def test_more_parts_make_wider_intervals() -> None:
    """Bonferroni: the joint interval of four parts contains that of one."""
    rng = np.random.default_rng(1)
    a, b = rng.random((1, 50)), rng.random((3, 50))
    one, four = reading(b, a, 1), reading(b, a, 1, parts=4)
    assert four["low"] < one["low"] < one["estimate"] < one["high"] < four["high"]


def test_verdicts_of_planted_recipes(tables) -> None:
    """RL expands and SFT→RL sharpens, over all starts."""
    by = {v["recipe"]: v["verdict"]["outcome"] for v in verdicts(tables, 1.0) if v["start"] is None}
    assert by["rl"] == "expansion"
    assert by["sft-rl"] == "sharpening"


def test_rl_after_sft_has_a_verdict_against_that_sft(tables) -> None:
    rows = {v["recipe"]: v for v in after(tables, 1.0)}
    assert rows["sft-rl"]["against"] == "sft"
    assert rows["sft-rl"]["verdict"]["outcome"] == "sharpening"
    own = of(tables, "RL after SFT sharpens")["parts"][0]["estimate"]
    assert rows["sft-rl"]["readings"][0]["estimate"] == pytest.approx(own)


def test_the_answer_says_where_a_single_start_has_another_verdict(tables) -> None:
    rows = verdicts(tables, 1.0)
    assert _alone({"verdicts": rows}, 1.0) == ""
    first = next(v for v in rows if v["recipe"] == "rl" and v["start"] == STARTS[0])
    first["verdict"] = {"outcome": "undetermined", "kind": ""}
    assert (
        _alone({"verdicts": rows}, 1.0)
        == f" (over all; from {million(STARTS[0])} it is *undetermined* alone)"
    )


ARMS_RATES = {
    "random": RATES["base"],
    "maxrl": (0.70, 0.40, 0.30),
    "pass-at-k": RATES["rl"],
    "n-4": (0.50, 0.05, 0.0),
    "n-32": (0.60, 0.30, 0.20),
}


@pytest.mark.parametrize(
    ("text", "planted_outcome"),
    [
        ("MaxRL expands", "reproduced"),
        ("MaxRL is ahead of RL", "reproduced"),
        ("RL for pass@k expands", "reproduced"),
        ("RL for pass@k is ahead", "undetermined"),
        ("at equal samples groups of 32 are ahead of groups of 4", "reproduced"),
        ("RL leaves bits per byte", "reproduced"),
        ("SFT raises bits per byte", "reproduced"),
    ],
)
def test_planted_arms_are_found_at_their_own_start(arms_tables, text, planted_outcome) -> None:
    """Arms are compared with the cells of their start; held-out text shows what was forgotten."""
    claim = next(c for c in claims_of(arms_tables) if c.text.startswith(text))
    found = judged(arms_tables, claim, 1.0)
    assert found["outcome"] == planted_outcome
    if "bits" not in text:
        assert {tuple(p["starts"]) for p in found["parts"]} == {(2000,)}


def test_general_capability_of_every_recipe_is_the_same_or_lost(tables, arms_tables) -> None:
    """Planted: RL and averaging as the base, 0.3 lost by SFT; held-out text says so too."""
    states = {(r["recipe"], r["what"]): r["state"] for r in general(arms_tables)}
    assert states["rl", "accuracy"] == states["parallel", "text of facts and stories"] == "same"
    assert states["sft", "accuracy"] == states["sft", "facts"] == states["sft", "stories"] == "down"
    assert states["sft", "text of problems and drills"] == "up"
    assert general(tables) == []


def test_random_rewards_as_an_arm_are_a_control(arms_tables) -> None:
    rows = controls(arms_tables, 1.0)
    assert len([r for r in rows if "draw" in r["control"]]) == 2 * (1 + len(STARTS))
    assert sum("from 0.0M" in r["control"] for r in rows) == 2 * len(STARTS)
    rows = [r for r in rows if "random" in r["control"]]
    assert [r["k"] for r in rows] == [1, 32]
    assert all(r["behaves"] is not False for r in rows)


def test_a_study_without_arms_has_the_papers_claims_alone(tables, arms_tables) -> None:
    assert len(claims_of(tables)) == len(CLAIMS) < len(claims_of(arms_tables))
    assert "primary" not in judged(tables, CLAIMS[0], 1.0)
    assert sum(judged(arms_tables, c, 1.0)["primary"] for c in CLAIMS) == 5


def test_the_page_of_a_planned_study_has_a_verb_the_plan_and_general_capability(arms_tables) -> None:
    """What only such a study has: in the answer, the claims, the controls, and a table of its own."""
    starts = arms_tables.starts
    found = {
        "temperatures": [1.0],
        "options": {"K": 32, "margin": 0.02},
        "starts": starts,
        "problems": 60,
        "asked": asked(arms_tables, 1.0),
        "seeds": {"rl": [0, 1, 2]},
        "claims": [judged(arms_tables, c, 1.0) for c in claims_of(arms_tables)],
        "controls": [c | {"temperature": 1.0} for c in controls(arms_tables, 1.0)],
        "verdicts": verdicts(arms_tables, 1.0),
        "general": general(arms_tables),
    }
    text = text_of_answer = answer(found)
    assert "from these starts, direct RL expands coverage: more problems are solved at the first" in text
    assert "Of 5 primary claims of the paper 4 came out reproduced, 1 not reproduced" in text
    assert f"of {len(CLAIMS) - 5} exploratory claims" in text
    text = page._claims(found)
    assert "it raises pass@1 (primary) | pass@1, RL − base from 0.0M: " in text
    assert re.search(r"held-out text, SFT − base: \+0\.(29|30)\d* \[.*\] bits per byte \| reproduced", text)
    assert "60 test problems 64 times. In this world" in text_of_answer
    assert "| pass@32, RL − base |" in page._planned(found)
    assert "from 0.0M" in sections.control_table(found)
    shown = sections.general_table(found)
    assert re.search(r"\| SFT \| accuracy \| [89]\d\.\d% \| −(29|30).* \| down \|", shown)
    assert re.search(r"\| RL \| text of facts and stories \| 1\.1\d\d bits \| .* per byte \| same \|", shown)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"state": "down", "size": "within"}, "reproduced"),  # a loss that is shown, and shown to be small
        ({"state": "same", "size": "within"}, "reproduced"),
        ({"state": "up", "size": "beyond"}, "not reproduced"),
        ({"state": "down", "size": None}, "undetermined"),  # a loss, and nobody knows how large
        ({"state": "not down", "size": None}, "undetermined"),
        ({"state": "ceiling", "size": None}, "undetermined"),
    ],
)
def test_that_nothing_changes_is_a_claim_of_equivalence(part, expected) -> None:
    assert outcome([part | {"says": "same"}]) == expected


def test_a_small_gain_is_named_as_one(tables) -> None:
    """A direction counts however small it is, and the page says that it is."""
    up = {"says": "up", "state": "up"}
    assert below_margin([up | {"size": "within"}, up | {"size": "beyond"}])
    assert not below_margin([up | {"size": None}])
    assert not below_margin([{"says": "same", "state": "same", "size": "within"}])
    assert of(tables, "direct RL expands")["below_margin"] is False


def test_the_gap_of_two_gains_is_shown_or_not() -> None:
    """gap_sign: equal gains have none, however many problems; a gain at one try alone has one."""
    rng = np.random.default_rng(0)
    base = rng.random((1, 400)) / 2
    more = base + 0.2 + rng.normal(0, 0.01, (5, 400))
    assert gap_sign((more, base), (more + 0.1, base + 0.1)) == 0
    assert gap_sign((more, base), (np.repeat(base + 0.3, 5, 0), base + 0.3)) == 1
    assert gap_sign((np.repeat(base, 5, 0), base), (more + 0.1, base + 0.1)) == -1


@pytest.mark.parametrize(
    ("control", "state", "half", "behaves"),
    [
        ("a second draw", "same", 0.01, True),
        ("a second draw", "open", 0.01, None),
        ("a second draw", "down", 0.01, False),
        ("random rewards", "down", 0.05, True),  # wide, and below zero
        ("random rewards", "not up", 0.05, None),  # too wide to tell
        ("random rewards", "not down", 0.01, None),  # a gain is not ruled out
        ("random rewards", "up", 0.01, False),
    ],
)
def test_a_control_behaves_where_it_can_tell(control, state, half, behaves) -> None:
    assert behaving({"control": control, "state": state, "low": -half, "high": half}) is behaves


def test_text_is_told_apart_by_kind() -> None:
    """Planted: only documents of one kind become harder to expect after RL."""
    for kind, what in (("stories", "text of facts and stories"), ("problems", "text of problems and drills")):
        found = planted(arms=ARMS_RATES)
        mine = found.capability["task"].eq(f"world_text_{kind}") & found.capability["recipe"].eq("rl")
        found.capability.loc[mine, "bits"] += 1.0
        states = {r["what"]: r["state"] for r in general(found) if r["recipe"] == "rl"}
        assert states.pop(what) == "up"
        assert set(states.values()) == {"same"}


def test_base_and_cells_are_asked_as_often_as_their_own_counts_say(tables) -> None:
    fewer = planted()
    rows = fewer.counts["recipe"] != "base"
    fewer.counts.loc[rows, "n"], fewer.counts.loc[rows, "c"] = 32, 0
    assert asked(fewer, 1.0) == {"base": 64, "cells": 32}


def test_seeds_are_paired_by_number_and_not_by_place() -> None:
    """SFT→RL of seed 1 against SFT of seed 1, where seed 0 of one of them is missing."""
    found = planted()
    counts = found.counts
    gone = (counts["recipe"] == "sft") & (counts["seed"] == 0)
    shifted = (counts["recipe"] == "sft-rl") & (counts["seed"] == 0)
    counts.loc[shifted, "c"] = 0
    found = replace(found, counts=counts[~gone], known={})
    part = of(found, "RL after SFT sharpens")["parts"][0]
    assert part["seeds"] == [2, 2]
    assert part["estimate"] == pytest.approx(
        0.2, abs=0.05
    )  # seed 0 of SFT→RL, which solves nothing, is left out
