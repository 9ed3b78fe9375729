"""The audit: it lists the disagreements with another grader and nothing else."""

import json

import pytest

from evals.core.errors import UserError
from evals.grading.audit import GRADERS, audit, lines
from evals.store import SampleStore
from tests.evals.fake_engine import arguments, sample, world_problems
from tests.evals.test_responses import Base

ROWS = [
    ("What is 1/2?", "\\frac{1}{2}", ["\\boxed{0.5}", "\\boxed{0.25}"]),
    ("When?", "\\text{4:30 p.m.}", ["\\boxed{4:30 \\text{ p.m.}}", "\\boxed{5:30 \\text{ p.m.}}"]),
    ("Which n?", "3", ["\\boxed{3}", "\\boxed{n \\approx 3}"]),
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "samples.jsonl"
    rows = [
        {"idx": i, "question": q, "gt": gold, "answer": gold, "code": code, "pred": code, "score": [True] * 2}
        for i, (q, gold, code) in enumerate(ROWS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_only_disagreements_are_listed(log):
    pytest.importorskip("math_verify")
    done = []
    found = audit([log], progress=lambda n, total: done.append((n, total)))
    assert found.attrs["samples"] == 6
    assert done[-1] == (6, 6)
    assert set(found["answer"]) == {"4:30 \\text{ p.m.}", "n \\approx 3"}
    assert (found["ours"] != found["theirs"]).all()
    text = lines(found)
    assert text[-1] == "2 of 6 samples differ"
    assert "ours right (equal)\ttheirs wrong" in "".join(text)


def test_an_unknown_grader_is_a_user_error(log):
    with pytest.raises(UserError, match="no grader named nobody"):
        audit([log], against="nobody")


def test_what_is_compared_is_the_response_that_is_graded(tmp_path, monkeypatch):
    """Not the box of a problem that a base model went on to invent."""
    monkeypatch.setitem(GRADERS, "nobody", ("tests.evals.verify.pool_tasks:refused", "json"))
    problems, store = world_problems(4), SampleStore(tmp_path / "s")
    sample(Base(problems), problems, **arguments(store, template="gsm8k", shots=8, n=2))
    found = audit(store, against="nobody")
    assert (found.attrs["samples"], list(found["ours"])) == (8, [True] * 8)
    assert list(found["answer"]) == list(found["gold"])
