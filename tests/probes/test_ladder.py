"""A ladder of base checkpoints: token equivalents, gains per tenfold of compute, what is refused."""

import numpy as np
import pandas as pd
import pytest

from evals.core.errors import UserError
from probes.inputs.sources import Source, blank
from probes.measures.ladder import counted, gains, pretraining_loss, told_in_tokens, with_ladder
from probes.readiness import readiness

RNG = np.random.default_rng(0)
ABILITY = RNG.normal(-1.5, 1.5, 150)


def counts_of(**shifts):
    """Counts of checkpoints whose problems' log-odds are shifted; a tuple is (shift, spread of the odds)."""
    parts = []
    for name, given in shifts.items():
        shift, scale = given if isinstance(given, tuple) else (given, 1.0)
        p = 1 / (1 + np.exp(-(scale * ABILITY + shift)))
        c = RNG.binomial(32, p)
        ids = [f"{i:03d}" for i in range(len(p))]
        parts.append(pd.DataFrame({"problem": ids, "checkpoint": name.replace("_", "-"), "n": 32, "c": c}))
    frame = pd.concat(parts, ignore_index=True)
    names = list(dict.fromkeys(frame["checkpoint"]))
    return Source(frame, [blank(n) for n in names], {"name": "planted", "fingerprint": None, "count": 150})


LADDER = {"m1": 0.0, "m2": 0.6, "m3": 1.2, "m4": 1.8}
TOKENS = ["m1=1e9", "m2=2e9", "m3=4e9", "m4=8e9"]


def test_rl_in_tokens():
    """RL as good as two steps further, at every k; and a sharpened one, whose tries gain nothing."""
    source = counts_of(**LADDER, rl=1.2, sharp=(3.0, 2.5))
    found = readiness(with_ladder(source, TOKENS, ["rl=1e9", "sharp=1e9"], ["m1=3.2", "m2=3"]))
    by = {(r["checkpoint"], r["k"]): r for r in found.extra("equivalents")}
    for k in (1, 16):
        estimate, low, high = by["rl", k]["multiple"]
        assert low < 4 < (high or np.inf)
        assert 2.5 < estimate < 6
    assert by["sharp", 1]["tokens"][1] > by["sharp", 16]["tokens"][2]
    said = "its first try is worth more pre-training than its 16 tries are: sharpening, said in tokens."
    assert found.notes == (f"sharp: {said}",)
    assert [p["checkpoint"] for p in found.extra("points")] == list(LADDER)
    assert found.extra("points")[0]["loss"] == 3.2
    multiple = next(e for e in found.estimates if e.measure == "token_multiple@1" and e.checkpoint == "rl")
    assert multiple.estimate == by["rl", 1]["multiple"][0]


def test_beyond_the_ladder_is_a_bound():
    source = counts_of(m1=0.0, m2=0.6, rl=4.0)
    found = readiness(with_ladder(source, TOKENS[:2], ["rl=1e9"], []))
    row = found.extra("equivalents")[0]
    assert row["tokens"] == [None, None, None]
    table = found.tables[-1]
    assert table.rows[0][2] == "more than 2B, where the ladder ends"


def test_what_is_no_ladder():
    source = counts_of(m1=0.0, rl=1.0)
    with pytest.raises(UserError, match="--tokens m9=1: no checkpoint 'm9'; choose among m1, rl"):
        with_ladder(source, ["m9=1"], [], [])
    for wrong in ("much", "nan", "inf", "-1e9", "0"):
        with pytest.raises(UserError, match=f"'{wrong}' is no number above 0; write NAME=NUMBER"):
            with_ladder(source, [f"m1={wrong}"], [], [])
    with pytest.raises(UserError, match="'nan' is no number; write NAME=NUMBER"):
        with_ladder(source, [], [], ["m1=nan"])
    with pytest.raises(UserError, match="write NAME=NUMBER"):
        with_ladder(source, ["m1"], [], [])
    assert readiness(with_ladder(source, ["m1=1e9"], ["rl=1e9"], [])).extra("equivalents") == []
    assert told_in_tokens([]) == []
    assert [counted(x) for x in (4.2e9, 1.5e6, 2e3, 12)] == ["4.2B", "1.5M", "2k", "12"]


def test_trained_checkpoints_alone_are_the_bases_of_what_follows():
    source = counts_of(s1=0.0, s2=0.6)
    found = readiness(with_ladder(source, [], ["s1=1e9", "s2=2e9"], []))
    assert [p["checkpoint"] for p in found.extra("points")] == ["s1", "s2"]


def test_gain_per_tenfold_of_compute():
    """Three checkpoints of a run, whose rates rise by .1 with each tenfold of its FLOPs."""
    rates, checkpoints = {}, []
    for i, flops in enumerate((1e15, 1e16, 1e17)):
        lineage = {"parent": "p", "seed": 0, "flops": flops}
        checkpoints.append(blank(f"rl-{i}") | {"recipe": "rl", "lineage": lineage})
        rates[f"rl-{i}"] = pd.DataFrame({"first": [0.1 * i, 0.2 + 0.1 * i], "large": [0.5, 0.5]})
    found = gains(checkpoints, rates)
    assert list(found) == ["rl-2"]
    assert found["rl-2"]["gain_first"].tolist() == pytest.approx([0.1, 0.1])
    assert found["rl-2"]["gain_large"].tolist() == pytest.approx([0, 0])
    assert gains(checkpoints[:1], rates) == {}


def test_two_runs_of_one_recipe_and_seed_stay_two():
    """Fails where they are one line: their gains were a mixture, and of equal compute one was lost."""
    rates, checkpoints = {}, []
    for run, start, shift in (("a", 0.2, 0.0), ("b", 0.5, 0.5), ("c", 0.6, 0.0)):
        for i in range(2):
            name, lineage = f"{run}{i}", {"parent": "p", "seed": 0, "flops": 10 ** (15 + shift + i)}
            checkpoints.append(
                blank(name) | {"recipe": "rl", "lineage": lineage, "path": f"runs/{run}/{name}"}
            )
            rates[name] = pd.DataFrame({"first": [start + 0.1 * i] * 3, "large": [0.5] * 3})
    found = gains(checkpoints, rates)
    assert {name: round(float(f["gain_first"].mean()), 6) for name, f in found.items()} == dict.fromkeys(
        ("a1", "b1", "c1"), 0.1
    )
    for d in checkpoints:
        d["path"] = None
    with pytest.raises(UserError, match="a0 and c0 have one parent, recipe, seed and compute"):
        gains(checkpoints, rates)


def test_bases_of_two_seeds_are_no_ladder():
    source = counts_of(**LADDER, other=0.3, rl=1.2)
    found = readiness(with_ladder(source, [*TOKENS, "other=2e9"], ["rl=1e9"], []))
    assert found.extra("equivalents") == []
    (said,) = [c for c in found.checks if c.name == "ladder"]
    assert (said.passed, "m2 and other both saw 2,000,000,000 tokens" in said.detail) == (False, True)
    alone = readiness(with_ladder(source, [*TOKENS, "other=3e9"], ["rl=1e9"], []))
    assert alone.extra("equivalents")
    assert "ladder" not in [c.name for c in alone.checks]


def test_pretraining_loss_is_that_before_the_checkpoint(tmp_path):
    (tmp_path / "step-000100").mkdir()
    rows = [f'{{"step": {i}, "loss": {i if i <= 100 else 0}}}' for i in range(1, 151)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(rows) + "\n")
    described = {"path": str(tmp_path / "step-000100"), "lineage": {"step": 100}}
    assert pretraining_loss(described) == pytest.approx(np.mean([96, 97, 98, 99, 100]))
    assert pretraining_loss({"path": None, "lineage": None}) is None
