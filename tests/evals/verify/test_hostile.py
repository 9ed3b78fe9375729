"""Hostile input: no exception, nothing executed, everything bounded by limits and by the work budget."""

import math
import random
import subprocess
import sys
import threading

import pytest
from hypothesis import HealthCheck, given, settings

from evals.verify import extract, format_reward, grade, grade_answer, limits
from evals.verify.compare.symbolic import prove
from evals.verify.decide import decide
from evals.verify.extract.lenient import fallbacks
from evals.verify.parse.answers import Failure, parse
from evals.verify.values.exact import Work
from tests.evals.verify import grammar
from tests.evals.verify.hostile import answers, attacks, golds, long_responses, payloads, responses
from tests.evals.verify.probes import probes

GOLDS = ("3", "x^2+1", "1,2,3", "\\sqrt{2}", "(0,1)", "\\frac{1}{2004!}")
QUIET = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(golds, responses)
@QUIET
def test_fuzzed_responses_get_a_verdict(gold, response):
    verdict = grade(gold, response, "eval")
    assert verdict.correct in (True, False)
    assert verdict.lenient in (True, False)
    assert not verdict.reason.startswith("error"), verdict
    assert math.isfinite(verdict.ms)


@given(answers)
@QUIET
def test_fuzzed_answers_equal_themselves_or_do_not_parse(answer):
    if isinstance(parse(answer), Failure):
        return
    verdict = grade_answer(answer, answer + " ")
    assert verdict.correct or not answer.strip() or verdict.stage == "extract", verdict


@given(responses)
@QUIET
def test_extraction_and_format_reward_take_anything(response):
    assert 0.0 <= format_reward(response) <= 1.0
    assert extract(response).flags in ((), ("multi_box",))
    assert all(found.flags == ("lenient",) for found in fallbacks(response))


@pytest.mark.parametrize("name", attacks())
def test_attacks_are_bounded(name):
    for gold in GOLDS:
        verdict = grade(gold, f"\\boxed{{{attacks()[name]}}}", "eval")
        assert not verdict.correct
        assert not verdict.reason.startswith("error"), verdict


@pytest.mark.parametrize("name", long_responses())
def test_long_responses_are_bounded(name):
    verdict = grade("3.25", long_responses()[name], "eval")
    assert not verdict.correct
    assert not verdict.reason.startswith("error"), verdict


def test_repeated_parts_are_not_split_in_all_ways():
    """Patterns that may split one text in many ways take hours for some of these; all together take 0.1 s."""
    done = subprocess.run([sys.executable, "-c", REPEATED], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (done.stdout, done.stderr[-500:])


def test_probes_with_hostile_golds_are_bounded():
    for name, (answer, against) in probes().items():
        for gold in against:
            verdict = grade(gold, f"\\boxed{{{answer}}}", "eval")
            assert not verdict.reason.startswith("error"), (name, gold[:80], verdict)


def test_costly_expressions_of_a_grammar_get_a_verdict():
    for seed in range(2500):
        rng = random.Random(seed)
        answer = grammar.answer(rng)
        gold = grammar.gold(rng, answer)
        verdict = grade(gold, f"\\boxed{{{answer}}}", "eval")
        assert not verdict.reason.startswith("error"), (seed, gold, answer, verdict)


REPEATED = """
import signal
from evals.verify import grade
from tests.evals.verify.hostile import repeated
signal.alarm(10)  # ends the process, whatever it does
for name, (gold, response) in repeated().items():
    print(name, flush=True)
    assert not grade(gold, response).correct
"""
SMALL_MEMORY = """
import resource
from evals.verify import grade
grade("\\\\sqrt2", "\\\\boxed{1+\\\\sqrt3}")
resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
for inner in ("\\\\infty", "\\\\operatorname{erf}(\\\\infty)", "f(\\\\infty)"):
    text, gold = ("1+2(" * 36 + "%s+%s" % pair + ")" * 36 for pair in (("1", inner), (inner, "1")))
    verdict = grade(gold, "\\\\boxed{" + text + "}")
    assert verdict.correct or "f(" in inner, (inner, verdict)
    verdict = grade(gold, "\\\\boxed{" + text.replace("1+2", "2+2", 1) + "}")
    assert not verdict.correct and not verdict.reason.startswith("error"), verdict
matrices = "\\\\begin{pmatrix}1&2\\\\\\\\3&4\\\\end{pmatrix}" * 30
assert grade(matrices + " .", "\\\\boxed{" + matrices + "}").reason == "limit:size"
"""


def test_nesting_costs_what_it_says_and_not_what_it_expands_to():
    done = subprocess.run([sys.executable, "-c", SMALL_MEMORY], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-1500:]


def test_long_texts_are_not_kept():
    from evals.verify.parse.answers import parse as kept

    before = kept.__wrapped__
    text = ",".join(["1"] * 150)
    assert kept("1,2") is kept("1,2")
    assert kept(text) is not kept(text)
    assert before is not kept


def test_the_work_budget_ends_a_comparison():
    work = Work()
    work.spend(limits.WORK)
    with pytest.raises(limits.LimitError, match="work"):
        work.spend(1)


def test_all_readings_of_a_response_share_one_budget(monkeypatch):
    """The box is wrong, the sentence after it right; together they cost more than either."""
    cost = "+".join(f"\\sin({i}+\\sqrt{{{i}}})" for i in range(2, 20))
    gold, response = f"1+{cost}", f"\\boxed{{{cost}}} The final answer is ${cost}+2-1$"
    spent = [decide(gold, answer).spent for answer in (cost, f"{cost}+2-1")]
    for budget, enough in ((sum(spent) + 1, True), (max(spent) + 1, False)):
        monkeypatch.setattr("evals.verify.values.exact.WORK", budget)
        monkeypatch.setattr("evals.verify.grading.WORK", budget)
        assert grade(gold, response, "eval").lenient is enough


def test_the_gamma_function_is_not_asked_beside_an_integer():
    """It needs twice the digits there, and tables of seconds."""
    for near in ("1+10^{-300}", "\\pi-\\pi+1+10^{-300}i", "2+\\sqrt{10^{-301}}", "\\pi \\cdot 10^{-200}"):
        assert grade_answer(f"({near})!", f"({near}+\\pi-\\pi)!").reason == "undecided"
    assert grade_answer("(1/2)!", "\\frac{\\sqrt\\pi}{2}").correct
    assert grade_answer("\\binom{\\pi}{2}", "\\frac{\\pi(\\pi-1)}{2}").correct


def test_letters_of_choices_do_not_nest():
    for gold, answer in (("(A) " * 450 + "3", "3"), ("3", "(A) " * 450 + "3"), ("(A) " * 99 + "3", "3")):
        verdict = grade_answer(gold, answer)
        assert not verdict.correct
        assert not verdict.reason.startswith("error"), verdict
    assert grade_answer("(A) 3", "3").correct


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("1+" * 400 + "1", "limit:tokens"),
        ("x" * 2001, "limit:length"),
        ("(" * 41 + "1" + ")" * 41, "limit:nesting"),
        ("1" * 401, "limit:digits"),
        (",".join("1" for _ in range(250)), "limit:members"),
        ("3001!", "limit:factorial"),
        ("2^{1000001}", "limit:exponent"),
        ("1e5001", "limit:exponent"),
    ],
)
def test_static_limits(answer, reason):
    verdict = grade("3", f"\\boxed{{{answer}}}")
    assert (verdict.correct, verdict.reason, verdict.flags) == (False, reason, ("limit",))


def test_payloads_are_not_run(tmp_path):
    target = tmp_path / "created"
    for payload in payloads(str(target)):
        for gold in ("3", "x", payload):
            verdict = grade(gold, f"\\boxed{{{payload}}}", "eval")
            assert not verdict.reason.startswith("error"), verdict
            grade_answer(gold, payload)
        parsed = parse(payload)
        if not isinstance(parsed, Failure) and type(parsed.value).__name__ in ("Op", "Sym"):
            prove(parsed.value, parsed.value)
    assert list(tmp_path.iterdir()) == []


def test_verdicts_are_the_same_in_threads_and_in_any_order():
    rows = [(g, f"\\boxed{{{a}}}") for g in GOLDS for a in (*GOLDS, "2+1", "1+x^2", "{3,2,1}", "0<x<1")]
    expected = [grade(*row).correct for row in rows]
    found = {}

    def work(name, order):
        found[name] = {row: grade(*row).correct for row in order}

    threads = [
        threading.Thread(target=work, args=(i, rows[::-1] if i % 2 else rows[i:] + rows[:i]))
        for i in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for verdicts in found.values():
        assert [verdicts[row] for row in rows] == expected
