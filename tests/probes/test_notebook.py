"""The main probe in one line: every way in gives the same finding, and the finding shows itself."""

from pathlib import Path

import pandas as pd
import pytest

import probes
from analysis import AnalysisError
from evals.core.errors import UserError

COUNTS = Path(__file__).parent / "kept" / "counts.csv"


@pytest.fixture(scope="module")
def frame():
    return pd.read_csv(COUNTS)


def test_a_frame_arrays_and_a_csv_give_one_finding(frame):
    by_frame = probes.compare(frame, "base", "rl", K=8)
    by_csv = probes.compare(COUNTS, "base", "rl", K=8)
    wide = frame.pivot(index="problem", columns="checkpoint", values="c")
    by_arrays = probes.compare(wide["base"], list(wide["rl"]), n=16, K=8)
    unlike = probes.compare(wide["base"], wide["rl"], n=(16, [16] * 60), K=8)
    right = [[[j < c for j in range(16)] for c in wide[name]] for name in ("base", "rl")]
    in_place = probes.compare(list(wide["base"]), wide["rl"], 16, K=8)
    for other in (by_csv, by_arrays, unlike, in_place, probes.compare(*right, K=8)):
        assert other.comparison.delta == by_frame.comparison.delta
        assert other.verdict == by_frame.verdict
    assert [(c.a, c.b) for c in by_arrays.comparisons] == [("A", "B")]
    assert by_frame.comparison.options.K_declared is True
    assert [(c.a, c.b) for c in probes.compare(frame).comparisons] == [("base", "rl"), ("base", "sft")]


def test_matrices_may_have_different_numbers_of_samples(frame):
    wide = frame.pivot(index="problem", columns="checkpoint", values="c")
    a = [[j < c for j in range(16)] for c in wide["base"]]
    b = [[j < c for j in range(32)] for c in wide["rl"]]
    counted = probes.compare(wide["base"], wide["rl"], (16, 32), K=8)
    assert probes.compare(a, b, K=8).comparison.delta == counted.comparison.delta


def test_level_and_margin_reach_the_comparison(frame):
    usual = probes.compare(frame, "base", "rl", K=8)
    other = probes.compare(frame, "base", "rl", K=8, level=0.2, margin=0.07)
    options = other.comparison.options
    assert (options.level, options.margin) == (0.2, 0.07)
    width = [c.delta.high[0] - c.delta.low[0] for c in (usual.comparison, other.comparison)]
    assert width[1] < 0.8 * width[0]


def test_a_store_gives_its_samples(toy_source):
    found = probes.compare(toy_source.store.path, "base", "sharp", K=32)
    assert found.comparison.verdict.outcome == "sharpening"
    assert found.verdict.outcome == "undetermined"  # a fifth of the toy's answers would be guessed right
    assert found.comparison.robustness.rows
    assert found.checkpoints[0].report["temperature"] == 1.0


def test_the_finding_shows_its_card_and_gives_frames(frame):
    found = probes.compare(frame, "base", "rl", K=8)
    assert repr(found) == str(found)
    assert f"{found.comparison.delta.estimate[0]:+.4f}" in repr(found)
    html = found._repr_html_()
    assert 'class="card undetermined"' in html
    assert f"{found.comparison.passk['a'].estimate[0]:.4f}" in html
    table = found.to_frame()
    row = table.query("kind == 'difference' and measure == 'pass@8'").iloc[0]
    assert row["estimate"] == found.comparison.delta.estimate[found.comparison.at(8)]
    assert len(table.query("kind == 'verdict'")) == 2


def test_names_in_html_are_text(frame):
    evil = "<script>alert(1)</script>"
    found = probes.compare(frame.replace({"checkpoint": {"rl": evil}}), "base", evil)
    assert "<script" not in found._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ((pd.DataFrame({"problem": []}),), {}, "no column 'checkpoint'"),
        (([1, 2], [1]), {"n": 4}, "two equal lists"),
        (([1, 9], [1, 2]), {"n": 4}, "9"),
        (([1, 2], [1, 2]), {}, "give n"),
        (([[1, 2]], [[1, 2]]), {}, "two equal lists"),
        ((COUNTS, "base", "nobody"), {}, "no checkpoint 'nobody'"),
        (("nowhere.csv",), {}, "cannot be read"),
        ((COUNTS, "base"), {}, "needs two checkpoints"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(arguments, options, says):
    with pytest.raises((UserError, AnalysisError), match=says):
        probes.compare(*arguments, **options)


def test_the_face_loads_nothing_until_it_is_used():
    import subprocess
    import sys

    code = "import sys, probes, reports; sys.exit(bool({'pandas', 'scipy', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
