"""The question says whether a percentage may stand for a bare number, and what is copied; nothing else."""

import pytest

from evals.verify import Grader, grade, grade_answer, unmatchable
from evals.verify.question import asks_percent

ASKS = "Ann sold 20% of 60 eggs. What percentage of them did she keep?"
NOT = "Ann kept 20 percent of 60 eggs. How many did she keep?"


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("What percentage of the eggs is left?", True),
        ("By what percent did the price rise?", True),
        ("Express 3/4 as a percent.", True),
        ("What % of the cars are red?", True),
        ("How large is the chance, in percent?", True),
        ("What is his share, to the nearest whole percent?", True),
        ("该班女生占百分之几？", True),
        (ASKS, True),
        (NOT, False),
        ("What is 20 percent of 50?", False),
        ("What is 20% of 50?", False),
        ("Find twenty-five percent of 80.", False),
        ("The price falls by 12.5 percent. What is it now?", False),
        ("How many eggs are left?", False),
        ("", False),
        (None, False),
    ],
)
def test_whether_a_question_asks_for_a_percentage(question, asks):
    assert asks_percent(question) is asks


@pytest.mark.parametrize(
    ("gold", "answer", "question", "right"),
    [
        ("80", "80\\%", ASKS, True),
        ("80", "80 percent", ASKS, True),
        ("0.5", "0.5\\%", ASKS, True),
        ("\\frac12", "0.5\\%", ASKS, True),
        ("80", "80\\%", None, True),
        ("-20", "-20\\%", ASKS, True),
        ("20, 80", "20\\%, 80\\%", ASKS, True),
        ("80", "0.8", ASKS, False),
        ("80", "80 percent", None, False),
        ("80", "80 percent", NOT, False),
        ("80", "-80\\%", ASKS, False),
        ("0.5", "0.5\\%", None, False),
        ("0.5", "0.5\\%", NOT, False),
        ("1", "1\\%", NOT, False),
        ("80", "81\\%", ASKS, False),
        ("80", "0.8\\%", ASKS, False),
        ("80\\text{ cm}", "80\\%", ASKS, False),
        ("x", "x\\%", ASKS, False),
        ("80\\%", "0.8\\%", ASKS, False),
    ],
)
def test_percent_for_a_bare_gold(gold, answer, question, right):
    found = grade(gold, f"\\boxed{{{answer}}}", question=question)
    assert found.correct is right
    assert grade_answer(gold, answer, question=question).correct is right
    if right and question:
        assert "percent_loose" in found.flags


@pytest.mark.parametrize(
    ("gold", "answer", "question", "right"),
    [
        ("71", "3^4-10", "Compute $3^4-10$.", False),
        ("71", "3^4-10=71", "Compute $3^4-10$.", True),
        ("71", "81-10", "Compute $3^4-10$.", True),
        ("\\frac{5}{6}", "\\dfrac12+\\tfrac13", "What is $\\frac{1}{2}+\\frac{1}{3}$?", False),
        ("x>4", "3x-5>7", "Solve \\[3x - 5 > 7.\\]", False),
        ("x>4", "2x>8", "Solve \\[3x - 5 > 7.\\]", True),
        ("(4,\\infty)", "7<3x-5", "Solve $7 < 3x-5$.", False),
        ("y=2x+1", "2x-y+1=0", "Write $2x-y+1=0$ in slope-intercept form.", False),
        ("(x-1)(x+1)", "x^2-1", "Factor $x^2-1$.", False),
        ("x^2-1", "(x-1)(x+1)", "Expand $(x-1)(x+1)$.", False),
        ("5\\sqrt{2}", "\\sqrt{50}", "Simplify \\(\\sqrt{50}\\).", False),
        ("\\frac{5}{9}", "0.\\overline{5}", "Write $0.\\overline{5}$ as a fraction.", False),
        ("\\frac{2}{3}", "\\dfrac23", "Which is larger, $\\frac{2}{3}$ or $\\frac12$?", True),
        ("\\frac{2}{3}", "2/3", "Which is larger, $\\frac{2}{3}$ or $\\frac12$?", True),
        ("60", "60^\\circ", "Two angles have $60^\\circ$.", True),
        ("20", "20\\%", "It falls by $20\\%$ and then?", True),
        ("\\frac12", "0.5", "It is $0.5$ m long. How much of a meter?", True),
        ("3", "x=3", "Is $x=3$ or $x=4$?", True),
        ("x=3", "x=3", "Is $x=3$ or $x=4$?", True),
        ("71", "3^4-10", None, True),
    ],
)
def test_a_formula_of_the_question_is_no_answer(gold, answer, question, right):
    found = grade(gold, f"\\boxed{{{answer}}}", "eval", question=question)
    assert (found.correct, found.lenient) == (right, right)
    assert right or found.reason == "copied"
    assert grade_answer(gold, answer, question=question).correct is right


def test_what_a_response_says_of_the_question_changes_nothing():
    response = "The question asks: what percentage? So \\boxed{0.5\\%}."
    assert grade("0.5", response, question=NOT).correct is False


def test_workers_know_the_question():
    rows = [("0.5", "\\boxed{0.5\\%}", ASKS), ("0.5", "\\boxed{0.5\\%}", NOT), ("0.5", "\\boxed{0.5\\%}")]
    with Grader(workers=1) as grader:
        assert [found.correct for found in grader.grade_many(rows)] == [True, False, False]


@pytest.mark.parametrize(
    ("gold", "can"),
    [
        ("204", True),
        ("42 (pens)", True),
        ("\\text{even}", True),
        ("5 zorbs", True),
        ('["204"]', False),
        ("\\frac{1}{", False),
        ("{'a': 1}", False),
        ("42 (pens and pencils)", False),
        ("", False),
    ],
)
def test_golds_that_no_other_wording_can_match_are_named(gold, can):
    assert (unmatchable(gold) is None) is can
