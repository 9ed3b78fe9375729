"""The other readings of one question, each against what was planted."""

import numpy as np
import pandas as pd
import pytest

from analysis import Options, PairedCounts, pass_at_k
from analysis.comparison.joint import verdict_on_counts
from probes.comparison.robustness import asked, at_budget, guessed, robustness
from probes.findings.types import Verdict

OPTIONS = Options(K=8, replicates=1000)


def tallies(p, n=16, seed=0, **changes):
    """A tally as `evals.store.tally` gives it; every sample has an answer and ended by itself."""
    rng = np.random.default_rng(seed)
    c = rng.binomial(n, p)
    size = len(p)
    table = {
        "n": np.full(size, n), "correct": c, "lenient": c, "answered": n, "guess": 0, "finished": n,
        "correct_finished": c, "tokens": 10 * n,
    }  # fmt: skip
    return pd.DataFrame(table | changes, index=[f"p{i}" for i in range(size)]).astype(float)


def declared(a, b):
    pair = PairedCounts.from_arrays(a["n"], a["correct"], b["n"], b["correct"])
    return Verdict.model_validate(verdict_on_counts(pair, OPTIONS))


def rows(a, b):
    found = robustness(declared(a, b), a, b, OPTIONS, 8)
    return found, {r.name: r for r in found.rows}


@pytest.fixture
def p():
    return np.random.default_rng(1).beta(0.5, 2, 400)


def test_a_true_gain_is_robust(p):
    a, b = tallies(p), tallies(np.minimum(1, 0.15 + p), seed=1)
    found, by_name = rows(a, b)
    assert found.robust is True
    assert {r.outcome for r in found.rows} == {"expansion"}
    assert len(by_name) == 5
    assert found.sentence == "Robust: the same verdict in all 5 other readings."


def test_a_gain_in_form_alone_hangs_on_the_grading(p):
    """B writes the asked form more often; leniently graded nothing changed."""
    a, b = tallies(p), tallies(np.minimum(1, 0.15 + p), seed=1)
    b["lenient"] = tallies(p, seed=3)["correct"]
    found, by_name = rows(a, b)
    assert found.robust is False
    assert by_name["graded leniently"].outcome in ("no-change", "undetermined")
    assert "graded leniently it is" in found.sentence


def test_a_gain_by_longer_answers_hangs_on_equal_k():
    p = np.random.default_rng(1).beta(0.5, 4, 600)
    a = tallies(p, n=64)
    b = tallies(1 - (1 - p) ** 2, n=64, seed=1, tokens=2 * 10 * 64)  # two tries of A in one sample
    found, by_name = rows(a, b)
    row = by_name["at equal tokens, not equal k"]
    assert declared(a, b).outcome == "expansion"
    assert row.outcome in ("no-change", "undetermined")
    assert found.robust is False


def guessing(solved, floor, seed, n=32):
    """A tally of samples of which those that are no solution are right at the rate `floor`."""
    rng = np.random.default_rng(seed)
    c = rng.binomial(n, solved + (1 - solved) * floor)
    guess = rng.binomial(n, floor, solved.size)
    return tallies(solved, n=n, seed=seed, correct=c, lenient=c, correct_finished=c, guess=guess)


def claims(change, floors, runs=12):
    """(headlines, verdicts) of planted changes of what is solved, under floors of each checkpoint."""
    out = []
    for seed in range(runs):
        solved = np.random.default_rng(seed).beta(0.5, 2, 400) * (np.arange(400) % 3 > 0)
        a = guessing(solved, floors[0], 2 * seed)
        b = guessing(np.minimum(1, solved + change), floors[1], 2 * seed + 1)
        verdict = declared(a, b)
        check = guessed(verdict, robustness(verdict, a, b, OPTIONS, 8).rows)
        out.append(("undetermined" if check and check.voids else verdict.outcome, verdict.outcome))
    return [list(x) for x in zip(*out, strict=True)]


def test_a_floor_that_rose_is_no_expansion():
    """Nothing changed but the rate of lucky guesses, from 2 to 6 percent."""
    headlines, verdicts = claims(0.0, (0.02, 0.06))
    assert verdicts.count("expansion") >= 11
    assert sum(h not in ("undetermined", "no-change") for h in headlines) <= 1


def test_a_true_gain_stays_beside_a_small_floor():
    headlines, verdicts = claims(0.15, (0.01, 0.01))
    assert verdicts.count("expansion") == headlines.count("expansion") == 12


def test_without_guesses_the_row_is_the_verdict(p):
    a, b = tallies(p), tallies(np.minimum(1, 0.04 + p), seed=1)
    row, verdict = rows(a, b)[1]["corrected for guessing"], declared(a, b)
    assert (row.outcome, row.kind) == (verdict.outcome, verdict.kind)
    assert row.large == verdict.numbers[1].estimate


def test_what_the_samples_do_not_say_is_said(p):
    a, b = tallies(p), tallies(p, seed=1)
    a["finished"] = np.nan
    b["answered"] = 4.0  # fewer than K samples with an answer
    found, by_name = rows(a, b)
    assert by_name["only samples not cut off"].outcome is None
    assert by_name["only samples not cut off"].detail == "the samples do not say"
    assert "keep 8 such samples" in by_name["only samples with an answer"].detail
    assert found.robust is None or declared(a, b).outcome != "undetermined"


def test_other_prompts_are_rows():
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 2, 300)
    pair = PairedCounts.from_arrays(16, rng.binomial(16, np.minimum(1, p + 0.3)), 16, rng.binomial(16, p))
    row = asked([("A with 8 shots", pair)], OPTIONS, 8)[0]
    assert row.name == "A with 8 shots"
    assert row.outcome == "regression"


def test_budgets_between_whole_k():
    n, c = np.array([10, 10]), np.array([3, 0])
    low, high = pass_at_k(n, c, [2, 3]).T
    assert at_budget(n, c, 2.0) == pytest.approx(low)
    assert at_budget(n, c, 2.25) == pytest.approx(0.75 * low + 0.25 * high)
