"""Published runs: the page is what the command makes, and its numbers are those that were published."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from evals.core.errors import UserError
from reports.published import chess, general, octothinker, page, seeds
from reports.published.claims import along
from reports.published.data import COLUMNS, load, shipped
from reports.published.parts import Run, card

GALLERY = Path(page.__file__).parents[1] / "gallery" / "published"


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return page.sections()


def altered(folder: Path, name: str, change) -> Path:
    """A copy of the shipped tables in which one is changed."""
    shutil.copytree(shipped(), folder, dirs_exist_ok=True)
    frame = pd.read_csv(folder / name)
    change(frame).to_csv(folder / name, index=False)
    return folder


def without_probe_card(text: str) -> str:
    """The page without the card that `probes` words (it has tests of its own), its verdict kept."""
    cards = re.findall(r"^Early against late training.*?^```", text, re.DOTALL | re.MULTILINE)
    assert len(cards) == 1
    assert "EXPANSION" in cards[0]
    assert "pass@1 +12.6 points, pass@32" in " ".join(cards[0].split())
    return text.replace(cards[0], "")


def test_page_is_what_the_command_makes(runs):
    text, record = page.page(runs)
    kept_text = (GALLERY / "README.md").read_text("utf-8")
    assert without_probe_card(kept_text) == without_probe_card(text)
    kept = json.loads((GALLERY / "findings.json").read_text("utf-8"))
    assert kept["claims"] == record["claims"]
    assert [r["name"] for r in kept["runs"]] == [r.name for r in runs]
    for run in runs:
        assert run.figure is None or (GALLERY / "figures" / f"{run.figure[0]}.png").is_file()


def test_shipped_tables_are_small_and_named_with_their_licence():
    files = {p.name: p.stat().st_size for p in shipped().iterdir()}
    licences = (shipped() / "LICENCES.md").read_text("utf-8")
    assert set(files) - {"LICENCES.md"} == set(COLUMNS)
    assert sum(files.values()) < 400_000
    assert all(f"`{name}`" in licences for name in COLUMNS)


def test_six_task_means_are_the_papers():
    table = general.means(load("fork_general.csv.gz")).set_index(["start", "recipe"])["mean"]
    for start, expected in {
        10000: {"base": 44.28, "rl": 44.40, "sft": 39.53, "sft-gold": 38.50,
                "parallel (sft lr 4e-5)": 43.15, "parallel (sft lr 1e-6)": 44.13},
        22000: {"base": 47.25, "rl": 47.58, "sft": 41.13, "sft-gold": 40.08, "sft-rl": 41.25},
    }.items():  # fmt: skip
        for recipe, value in expected.items():
            assert table[start, recipe] == pytest.approx(value, abs=0.01), (start, recipe)


def test_readings_of_general_capability():
    found = general.changes(general.means(load("fork_general.csv.gz")))
    at = {(c["start_step"], c["recipe"]): c for c in found}
    assert {c["reading"] for c in found if c["recipe"] == "rl"} == {"equivalent"}
    assert {at[10000, r]["reading"] for r in ("sft", "sft-gold", "sft-rl")} == {"lost"}
    assert at[10000, "parallel (sft lr 4e-5)"]["reading"] == "undetermined"
    assert at[10000, "parallel (sft lr 1e-6)"]["reading"] == "equivalent"
    for c in found:  # an unpaired difference: the interval is that of two independent means
        assert c["high"] - c["low"] == pytest.approx(2 * 1.96 * 0.0093, abs=0.003)
        assert 100 * c["difference"] == pytest.approx(c["value"] - c["base"], abs=0.011)


def test_partial_evaluations_are_no_checkpoint():
    """The first seed at 4.2B has 100 documents of one task and 500 of another: no six-task mean."""
    table = general.means(load("fork_general.csv.gz"))
    early = table[(table["start"] == 2000) & (table["recipe"] == "rl")]
    assert sorted(early["seed"]) == [2, 3]


def test_a_fall_that_is_planted_is_found(tmp_path):
    def lowered(frame):
        rl = (frame["recipe"] == "rl") & (frame["start_step"] == 22000) & (frame["task"] != "wikitext")
        return frame.assign(value=frame["value"] - 0.05 * rl)

    folder = altered(tmp_path, "fork_general.csv.gz", lowered)
    found = general.changes(general.means(load("fork_general.csv.gz", folder)))
    at = {(c["start_step"], c["recipe"]): c["reading"] for c in found}
    assert at[22000, "rl"] == "lost"
    assert at[10000, "rl"] == "equivalent"


def test_chess():
    found = {(f["arm"], f["task"]): f for f in chess.pairs(load("lang_chess.csv.gz"))}
    assert len(found) == 18
    worst, best = found["SFT5", "worst move"], found["SFT1", "best move"]
    assert (worst["gained"], worst["lost"], worst["reading"]) == (150, 52, "up")
    assert (worst["sft"], worst["rl"]) == pytest.approx((0.292, 0.537), abs=0.001)
    assert (best["gained"], best["lost"], best["reading"]) == (63, 76, "undetermined")
    assert (best["sft"], best["rl"]) == pytest.approx((0.225, 0.193), abs=0.001)


def test_holm_over_all_chess_pairs_takes_back_what_one_pair_alone_would_claim():
    found = chess.pairs(load("lang_chess.csv.gz"))
    taken = [f for f in found if f["p"] < 0.05 and f["reading"] == "undetermined"]
    assert {(f["arm"], f["task"]) for f in taken} == {(a, "best move") for a in ("SFT6", "SFT8", "SFT9")}


def test_math_transitions_against_the_same_model():
    found = seeds.math().record["transitions"]
    assert [(f["gained"], f["lost"]) for f in found[:2]] == [(315, 94), (414, 132)]
    for f in found:
        assert f["b"] - f["a"] == f["gained"] - f["lost"]
        assert f["gained"] > f["same_model"]


def test_collapsed_runs_are_named():
    fallen = octothinker.run().record["fallen"]
    assert "llama.3b_mmwebpro.openr1.91" in fallen
    assert "llama.3b_decay_long.20B" not in fallen


def test_headlines_say_what_they_cannot_tell(runs):
    for run in runs:
        text = " ".join(run.cards)
        assert any(w in text for w in ("unpaired", "no word", "not base against RL", "neither", "unlike"))
    assert card("A, B", "up", "n = 1", ["x"]).splitlines()[1] == "UP (n = 1)"


def test_rates_of_figures_need_both_points():
    numbers = pd.DataFrame(
        [("f", s, "4", f"pass@{k}", y) for s, k, y in (("a", 1, 2), ("a", 32, 20), ("b", 1, 16))],
        columns=["figure", "series", "x", "metric", "y"],
    )
    assert along(numbers, ("f", "a"), ("f", "b"), 1319) == {}


def test_a_table_of_other_columns_is_refused(tmp_path):
    folder = altered(tmp_path, "lang_chess.csv.gz", lambda f: f.drop(columns="answered"))
    with pytest.raises(UserError, match="answered"):
        load("lang_chess.csv.gz", folder)
    with pytest.raises(UserError, match="cannot be read"):
        load("octothinker.csv.gz", tmp_path / "none")
