"""What of a sample is graded: a base model's own answer, never that of a problem it went on to invent."""

import json
import time

import pytest

from evals.asking import Asking
from evals.grading.export import export_samples
from evals.grading.published import every_eval_ever
from evals.grading.responses import Reading, reading_of, response_of
from evals.grading.store_grading import cell_report, grade_store
from evals.readers import import_samples
from evals.records import Sample
from evals.sampling.cell import draw_cell
from evals.store import SampleStore
from evals.store.reading import counts
from tests.evals.fake_engine import FakeEngine, arguments, sample, world_problems

GSM8K = {"prompt_form": "x", "template": "gsm8k", "shots": 8, "chat": False}
MATH = GSM8K | {"template": "math"}
BOXED = GSM8K | {"template": "plain-boxed"}
ONE = " 2 + 3 = 5.\n#### 5"
BOX = " It is $\\boxed{5}$."
NEXT = "\n\nQuestion: What is 1 + 1?\nAnswer: 1 + 1 = 2.\n#### 2"

ENDS = [  # what the cell was asked, what is the response, what comes after it
    (GSM8K, ONE, NEXT),
    (GSM8K, ONE, "\nQuestion: What is 1 + 1?\nAnswer: \\boxed{2}"),
    (GSM8K, ONE, "\n\nQ2: What is 1 + 1?\nA: #### 2"),
    (GSM8K, ONE, "\n\nThe next day Tom buys 3 more.\n#### 8"),
    (GSM8K, ONE, "\n\n" + "x" * 100_000 + "\\boxed{2}"),
    (GSM8K, BOX, NEXT),
    (GSM8K, " So the answer is 5.", "\n\nTom has 7.\nThe answer is 7."),
    (GSM8K, " He cannot know.", "\n\nQuestion: What is 1 + 1?\n#### 2"),  # no answer of its own
    (MATH, BOX, "\n\nProblem: What is 1 + 1?\nSolution: $\\boxed{2}$"),
    (MATH, BOX, " Problem 2. What is 1 + 1? $\\boxed{2}$"),
    (MATH, " Either $\\boxed{1}$ or $\\boxed{2}$.", "\n\nProblem: And then? \\boxed{3}"),
    (MATH, " $\\boxed{\\frac{1}{2}}$", "\n\n\\boxed{3}"),
    (MATH, " \\boxed{never closed\nso $\\boxed{4}$.", "\n\n\\boxed{3}"),
    (BOXED, "It is $\\boxed{5}$.", "\n\nWhat is 1 + 1?\nLet's think step by step.\n\\boxed{2}"),
    (BOXED | {"shots": 0}, "It is $\\boxed{5}$.\n\nIndeed.", "\n\nQuestion: What is 1 + 1? \\boxed{2}"),
    (GSM8K | {"shots": 0}, ONE, "\nQuestion: What is 1 + 1?\nAnswer: #### 2"),
]


@pytest.mark.parametrize(("info", "own", "more"), ENDS)
def test_a_response_ends_with_the_block_of_its_answer(info, own, more):
    reading = reading_of(info)
    text, ran_on = response_of(own + more, reading)
    assert (text.rstrip("\n "), ran_on) == (own, True)
    assert response_of(own, reading) == (own, False)
    assert response_of(own + "\n\n", reading)[1] is False


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ({}, ONE + NEXT),  # another tool's samples: nothing is known of how they were asked
        (GSM8K | {"chat": True}, ONE + NEXT),
        (BOXED | {"shots": 0}, "First \\boxed{4}.\n\nNo, wait: it is \\boxed{5}. This solves the problem."),
        (GSM8K | {"shots": 0}, "\nQuestion: read it again.\nAnswer: 2 + 3 = 5\n#### 5"),
        (MATH, "<think>\\boxed{1}\n\nProblem: no</think> so \\boxed{5}"),
        (MATH, "<think>\\boxed{1}\n\nProblem: never ends"),
    ],
)
def test_all_of_it_is_graded_where_nothing_says_that_it_ran_on(info, text):
    assert response_of(text, reading_of(info)) == (text, False)


def test_a_phrase_that_is_repeated_is_read_once():
    """A base model may say "the answer is" until its tokens end; the time is its length, not its square."""
    reading = reading_of(GSM8K)
    times = []
    for count in (500, 8_000):
        text = "the answer is " * count
        start = time.process_time()
        assert response_of(text, reading) == (text, False)
        times.append(time.process_time() - start)
    assert times[1] < 100 * max(times[0], 1e-3)
    assert (
        response_of("the answer is the answer is 5\n\nand more", reading)[0]
        == "the answer is the answer is 5"
    )


def test_what_the_prompt_opened_belongs_to_the_response():
    thinking = {"prompt_form": "x", "chat": True, "prompt": "<|assistant|>\n<think>\n"}
    assert reading_of(thinking).before == "<think>"
    assert response_of("so \\boxed{5}", reading_of(thinking))[0].startswith("<think>")  # never ended
    prefix = GSM8K | {"prefix": "The answer is \\boxed{"}
    assert response_of("5}.", reading_of(prefix)) == ("The answer is \\boxed{5}.", False)
    gone = reading_of(GSM8K | {"template": "gone.toml"})
    assert gone == Reading(plain=True, shots=8)


class Base(FakeEngine):
    """Answers every problem rightly, in the form of the exemplars, then invents a next one with a box."""

    def __init__(self, problems):
        super().__init__(context=100_000)
        self.answers = {p.question: p.answer for p in problems.problems}

    def _one(self, request):
        question = bytes(request.prompt_ids).decode().rpartition("Question: ")[2].removesuffix("\nAnswer:")
        text = f" So it is {self.answers[question]}.\n#### {self.answers[question]}"
        return Sample(f"{text}\n\nQuestion: What is 1 + 1?\nAnswer: \\boxed{{2}}", (1,), (-1.0,), "length")


def test_a_base_that_answers_and_then_invents_a_problem_is_right(tmp_path):
    """Seen to fail: the box of the invented problem was graded, pass@1 = 0."""
    problems, store = world_problems(12), SampleStore(tmp_path / "s")
    cell = sample(Base(problems), problems, **arguments(store, template="gsm8k", shots=8))
    grade_store(store, [cell])
    report = cell_report(store, cell)
    assert (report["strict"], report["ran_on"]) == (1.0, 1.0)
    assert report["prompt"].endswith("Question: {question}\nAnswer:")


class Opened(Base):
    """Closes the box that a prefix opened."""

    def _one(self, request):
        question = bytes(request.prompt_ids).decode().rpartition("Question: ")[2].partition("\nAnswer:")[0]
        text = f"{self.answers[question]}}}." + NEXT * 9
        return Sample(text, (1,) * 300, (-1.0,) * 300, "length")


@pytest.mark.parametrize(("engine", "prefix"), [(Base, ""), (Opened, "The answer is \\boxed{")])
def test_what_is_exported_is_graded_alike_when_it_is_imported(tmp_path, engine, prefix):
    """Seen to fail: the whole text, of which a part was graded, or which was graded after a prefix."""
    problems, store = world_problems(12), SampleStore(tmp_path / "s")
    asking = Asking("gsm8k", 8, chat=False, stops=(), max_tokens=400, prefix=prefix)
    cell = draw_cell(engine(problems), problems, asking, 2, store, "a")
    grade_store(store, [cell])
    said = counts(store, [cell]).set_index("problem")["c"]
    assert set(said) == {2}
    export_samples(store, tmp_path / "out.jsonl")
    every_eval_ever(store, tmp_path / "shared")
    for out in ("out.jsonl", "shared"):
        other = SampleStore(tmp_path / f"{out} again")
        cells = import_samples([tmp_path / out], other)
        grade_store(other, cells)
        assert counts(other, cells).set_index("problem")["c"].to_dict() == said.to_dict()
    row = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert row["raw_text"] in store.samples([cell], ["text"])["text"].tolist()
    assert row["raw_text"] != row["text"]
