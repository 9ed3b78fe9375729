"""Options of decoding that cut the distribution, wherever a number holds for the whole one alone."""

import pandas as pd
import pytest

from evals.records import truncates
from probes.entropy import _temperature
from probes.findings.checks import confounds
from probes.inputs.frames import right_alike
from probes.likelihood import _kl_check
from probes.passk import majority

WHOLE = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None}


@pytest.mark.parametrize(
    ("how", "cut"),
    [({}, False), ({"top_k": -1}, False), ({"min_p": 0.0}, False), ({"top_p": None}, False),
     ({"top_p": 0.95}, True), ({"top_k": 20}, True), ({"min_p": 0.05}, True)],
)  # fmt: skip
def test_what_cuts_is_seen_by_every_measure_of_the_whole_distribution(toy_source, how, cut):
    """Fails where min-p goes unseen, and where vLLM's top-k of -1, which is off, is taken for one."""
    assert truncates(WHOLE | how) is cut
    described = [d | {"report": d["report"] | WHOLE | how} for d in toy_source.checkpoints[:2]]
    (a, b) = described
    checks = {c.name: c for c in confounds(a["report"], b["report"])}
    if "top_p" not in how or how["top_p"]:
        assert checks["support"].passed is (None if cut else True)
    assert _kl_check(b, True).passed is not cut
    if how.get("min_p"):
        assert "min-p 0.05" in checks["support"].detail
        assert "--min-p 0" in _kl_check(b, True).detail


def test_token_entropy_says_min_p(toy_source, monkeypatch):
    for d in toy_source.checkpoints:
        monkeypatch.setitem(d, "report", d["report"] | WHOLE | {"min_p": 0.1})
    scores = {
        d["name"]: pd.DataFrame({"problem": ["x"], "entropy": [1.0], "logprobs": [1.0]})
        for d in toy_source.checkpoints
    }
    (found,) = _temperature(toy_source, scores)
    assert (found.passed, "min-p 0.1" in found.detail) == (False, True)


def test_right_answers_are_one_answer_however_they_are_written():
    """Fails where 1/2 and 0.5, both right, are two answers: the vote was lost to a wrong one."""
    answers = ["1/2"] * 3 + ["0.5"] * 3 + ["2"] * 4 + [None]
    frame = pd.DataFrame(
        {"problem": "p", "answer": answers, "correct": [a in ("1/2", "0.5") for a in answers]}
    )
    other = frame.assign(problem="q", answer=frame["answer"].replace("1/2", "0.50"))
    both = right_alike(pd.concat([frame, other], ignore_index=True))
    seen = both.dropna().groupby("problem")["answer"].unique().map(list).to_dict()
    assert seen == {"p": ["1/2", "2"], "q": ["0.50", "2"]}
    assert both["answer"].isna().sum() == 2
    assert majority(both).tolist() == [1.0, 1.0]
    assert majority(frame).tolist() == [0.0]
