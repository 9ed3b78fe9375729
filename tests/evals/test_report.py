"""Repeated samples: what is seen, beside what independent draws would show."""

import math
from dataclasses import replace

import pytest

from analysis.comparison.options import declared_K
from evals.grading.report_table import show_reports
from evals.grading.store_grading import cell_report, grade_store
from evals.records import Sample, SamplingOptions
from evals.store import SampleStore
from tests.evals.fake_engine import FakeEngine, arguments, sample, world_problems

FACES = 50
UNTRUNCATED = SamplingOptions(temperature=1.0, top_p=1.0, max_tokens=64)


class Die(FakeEngine):
    """One token of FACES, all equally likely; with `few`, as if noise were reused, only three."""

    few = False

    def _one(self, request):
        face = 1 + request.seed % (3 if self.few else FACES)
        return Sample(f"\\boxed{{{face}}}", (face,), (-math.log(FACES),), "stop")


def report(path, engine, **changes):
    store = SampleStore(path)
    cell = sample(engine, world_problems(40), **arguments(store, n=32, **changes))
    grade_store(store, [cell])
    return cell_report(store, cell)


class Reasons(Die):
    """Says of `unsaid` of 32 samples nothing, and of the others by turns that they were cut off, or ended."""

    unsaid = 8

    def _one(self, request):
        place = request.seed % 32
        reason = None if place < self.unsaid else ("length", "stop")[place % 2]
        return Sample("\\boxed{1}", (1,), (-1.0,), reason)


@pytest.mark.parametrize(("unsaid", "known"), [(0, True), (8, False), (32, False)])
def test_the_rate_of_what_was_cut_off_is_given_where_it_is_known(tmp_path, monkeypatch, unsaid, known):
    """Fails where the rate is that of the few samples of which a reason is told."""
    monkeypatch.setattr(Reasons, "unsaid", unsaid)
    found = report(tmp_path / "s", Reasons())["truncated"]
    assert found == pytest.approx(0.5, abs=0.05) if known else found is None


def test_independent_draws_repeat_as_expected(tmp_path):
    """The expectation is exact for a fair die: the mean over i < n of 1 - (1 - 1/50)^i."""
    found = report(tmp_path / "s", Die(), options=UNTRUNCATED)
    exact = sum(1 - (1 - 1 / FACES) ** i for i in range(32)) / 32
    assert found["duplicates_expected"] == pytest.approx(exact, rel=1e-5)
    assert found["duplicates"] == pytest.approx(exact, abs=0.03)


def test_draws_that_are_not_independent_stand_out(tmp_path):
    """The planted fault: an engine that reuses its noise shows three faces and reports fifty."""
    engine = Die()
    engine.few = True
    found = report(tmp_path / "s", engine, options=UNTRUNCATED)
    assert found["duplicates"] > found["duplicates_expected"] + 0.3


@pytest.mark.parametrize("changed", [{"temperature": 0.6}, {"top_p": 0.9}, {"top_k": 5}, {"min_p": 0.1}])
def test_the_expectation_is_unknown_where_the_distribution_was_changed(tmp_path, changed):
    options = replace(UNTRUNCATED, **changed)
    assert report(tmp_path / "s", Die(), options=options)["duplicates_expected"] is None


def test_the_table_tells_the_k_of_the_verdict(tmp_path, capsys):
    """Of three samples the verdict rests on K = 2; the table said 1."""
    store = SampleStore(tmp_path / "s")
    cell = sample(Die(), world_problems(4), **arguments(store, n=3, options=UNTRUNCATED))
    grade_store(store, [cell])
    show_reports([cell_report(store, cell)])
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("K (by default)")]
    assert line.split()[-1] == str(declared_K(3, None)) == "2"
