"""Extraction: what counts as the answer of a response, and what does not."""

import pytest

from evals.core.errors import UserError
from evals.grading.store_grading import grade_store
from evals.store import SampleStore
from evals.verify import extract, format_reward, grade
from evals.verify.extract.lenient import fallbacks
from evals.verify.extract.thinking import TAGS, check_tags, visible
from evals.verify.limits import MAX_LENGTH


@pytest.mark.parametrize(
    ("response", "answer", "route"),
    [
        ("So \\boxed{12}.", "12", "boxed"),
        ("So $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}", "boxed"),
        ("\\fbox{7}", "7", "boxed"),
        ("\\boxed 7 is it", "7", "boxed"),
        ("\\boxed{\\boxed{12}}", "12", "boxed"),
        ("\\boxed{\\{1,2\\}}", "\\{1,2\\}", "boxed"),
        ("\\\\boxed{840}", "840", "boxed"),
        ("\\boxed{3}, no: \\boxed{5}", "5", "boxed"),
        ("$\\boxed{3}$ or $\\boxed{4}$", "3 , 4", "boxed"),
        ("\\boxed{3}\\text{ and }\\boxed{4}", "3 , 4", "boxed"),
        ("$x=\\boxed{3}$ or $x=\\boxed{4}$", "3 , 4", "boxed"),
        ("\\boxed{1}\\boxed{2}", "1 , 2", "boxed"),
        ("\\boxed{3}. \\boxed{4}", "4", "boxed"),
        ("\\boxed{9} then \\boxed{1}, \\boxed{2}", "1 , 2", "boxed"),
        ("\\boxed{12} and then it stops: \\boxed{1", "12", "boxed"),
        ("\\boxed{004}, **Final Answer** \\boxed{004}", "004", "boxed"),
        ("The final answer is $41$, $42$ or $43$. I hope it is correct.", "$41$, $42$ or $43$", "answer-is"),
        ("The answer is 3.5. Done.", "3.5", "answer-is"),
        ("The answer is:\n\n$$x = 5$$\n\nDone", "x = 5", "answer-is"),
        ("the answer is **42**.", "42", "answer-is"),
        ("The answer is 5. But no. The answer is 6.", "6", "answer-is"),
        ("so many\n#### 1,234", "1,234", "hash"),
        ("#### 5\nQuestion: next", "5", "hash"),
        ("work\nA: 90,000", "90,000", "answer-line"),
        ("A: 90,000\nmore", None, "none"),
        ("<answer>5</answer>", "5", "tag"),
        ("<answer>The answer is $5$.</answer>", "$5$", "answer-is"),
        ("<answer>\nThe answer is 5\n</answer>", "5", "answer-is"),
        ("<answer>**Answer:** 5</answer>", "5", "tag"),
        ("The answer is <answer>5</answer>.", "5", "tag"),
        ("<think>\\boxed{3}</think> It is \\boxed{4}.", "4", "boxed"),
        ("<think>\\boxed{3}</think> It is four.", None, "none"),
        ("<think>\\boxed{3}", None, "unfinished-think"),
        ("a</think>\\boxed{2}<think>\\boxed{3}", None, "unfinished-think"),
        ("", None, "none"),
        ("no answer here, 12 perhaps", None, "none"),
    ],
)
def test_the_answer_of_a_response(response, answer, route):
    found = extract(response)
    assert (found.text, found.route) == (answer, route)


def test_several_different_boxes_are_flagged():
    assert "multi_box" in extract("\\boxed{1} no \\boxed{2}").flags
    assert "multi_box" not in extract("\\boxed{2} yes \\boxed{2}").flags
    assert "multi_box" not in extract("\\boxed{\\boxed{2}}").flags


@pytest.mark.parametrize(
    ("response", "answer", "route"),
    [
        ("-5", "-5", "whole"),
        ("\\frac{10}{9}", "\\frac{10}{9}", "whole"),
        ("It costs 12 dollars, so 7 remain.", "7", "last-number"),
        ("Hence the value is 3/4 here.", "3/4", "last-number"),
        ("We get $x=5$ in the end.", "x=5", "last-formula"),
        ("We get $x=5$, that is 6 more.", "6", "last-number"),
        ("The value 12 is given to $x$.", "12", "last-number"),
        (
            "So \\[ \\begin{pmatrix}1\\\\2\\end{pmatrix} \\] is it.",
            " \\begin{pmatrix}1\\\\2\\end{pmatrix} ",
            "last-formula",
        ),
        ("\\boxed{3} and 4", "3", "boxed"),
        ("<think>7", None, "unfinished-think"),
        ("none at all", None, "none"),
    ],
)
def test_the_lenient_answer(response, answer, route):
    strict = extract(response)
    found = strict if strict.text is not None else next(fallbacks(visible(response) or ""), strict)
    assert (found.text, found.route) == (answer, route)


def test_reward_mode_has_no_last_number_and_eval_mode_records_both():
    reward = grade("12", "We could try n = 10, n = 11, n = 12")
    assert (reward.correct, reward.reason, reward.lenient) == (False, "no answer", None)
    both = grade("12", "We could try n = 10, n = 11, n = 12", "eval")
    assert (both.correct, both.lenient, both.lenient_answer, both.route) == (False, True, "12", "none")
    strict = grade("12", "\\boxed{12} or 13", "eval")
    assert (strict.correct, strict.lenient, strict.lenient_route) == (True, True, "boxed")


def test_a_box_longer_than_an_answer_may_be_is_over_the_limit():
    verdict = grade("3", "\\boxed{" + "3" * 5000 + "} and the rest" + " x" * 5000)
    assert (verdict.correct, verdict.reason, verdict.flags) == (False, "limit:length", ("limit",))
    assert len(verdict.answer) <= MAX_LENGTH


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("\\boxed{3}", 1.0),
        ("\\boxed{3} so \\boxed{3}", 1.0),
        ("\\boxed{3} so \\boxed{4}", 0.5),
        ("\\boxed{}", 0.0),
        ("\\boxed{3", 0.0),
        ("#### 3", 0.0),
        ("<think>\\boxed{3}", 0.0),
        ("", 0.0),
    ],
)
def test_format_reward(text, reward):
    assert format_reward(text) == reward


def test_a_verdict_is_no_truth_value():
    with pytest.raises(TypeError, match="not a truth value"):
        bool(grade("1", "\\boxed{2}"))


def test_every_thinking_tag_is_seen_and_more_can_be_added(monkeypatch):
    for opening, closing in TAGS:
        assert extract(f"{opening}\\boxed{{1}}").text is None, opening
        assert extract(f"{opening}\\boxed{{1}}{closing}\\boxed{{2}}").text == "2", opening
    assert extract("(musing)\\boxed{1}(/musing)").text == "1"
    monkeypatch.setenv("EXCURSIONS_THINKING_TAGS", '[["(musing)", "(/musing)"]]')
    assert extract("(musing)\\boxed{1}(/musing)").text is None
    assert extract("(musing)\\boxed{1}(/musing)\\boxed{2}").text == "2"
    check_tags()
    monkeypatch.setenv("EXCURSIONS_THINKING_TAGS", "not JSON")
    assert extract("\\boxed{1}").text == "1"


@pytest.mark.parametrize(
    "added", ["[['<plan>', '</plan>']]", '["<plan>"]', '["ab"]', "3", '[["", "x"]]', '[["a", 1]]']
)
def test_added_tags_that_are_no_pairs_are_named_before_a_store_is_graded(monkeypatch, tmp_path, added):
    """They were passed over: what stood in thinking was graded."""
    monkeypatch.setenv("EXCURSIONS_THINKING_TAGS", added)
    with pytest.raises(UserError, match="no JSON list of pairs of texts"):
        grade_store(SampleStore(tmp_path), [])
