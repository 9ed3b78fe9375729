"""Progress: what is shown, and that a long batch is never silent."""

import pytest

from evals.asking.asking import Asking
from evals.checkpoints.checkpoint import open_checkpoint
from evals.core import progress
from evals.engines import open_engine
from evals.sampling.cell import draw_cell
from evals.store import SampleStore
from tests.evals import small
from tests.evals.fake_engine import world_problems


@pytest.fixture
def clock(monkeypatch):
    """Seconds that the progress line believes to pass: a second at each look."""
    seconds = iter(range(100_000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(seconds)))


def test_a_long_batch_says_every_ten_seconds_how_far_it_is(tmp_path, clock, capsys):
    small.saved(tmp_path / "model")
    engine = open_engine(open_checkpoint(str(tmp_path / "model")), rows=4)
    asking = Asking("world", 0, chat=False, max_tokens=30, temperature=1.0, top_p=1.0)
    line = progress.Line("sample model")
    draw_cell(engine, world_problems(2), asking, 2, SampleStore(tmp_path / "store"), "m", progress=line)
    shown = capsys.readouterr().err.splitlines()
    inside = [one for one in shown if "(4 in work, token " in one]
    assert inside[0].startswith("sample model  0/4  (4 in work, token ")
    assert inside[0].endswith(" of at most 30)")
    assert len(inside) <= 4
    assert shown[-1].startswith("sample model  4/4  ")


def test_nothing_is_said_of_a_part_before_the_first_report_or_when_quiet(clock, capsys):
    line = progress.Line("x")
    for _ in range(50):
        line.within("early")
    silent = progress.Line("x", quiet=True)
    silent(0, 9)
    for _ in range(50):
        silent.within("quiet")
    assert capsys.readouterr().err == ""
