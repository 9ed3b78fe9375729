"""Prompts: exemplars that are right and new, shots, chat templates, hashes."""

import re
from itertools import islice

import pytest

from evals.asking.templates import default_prompt, names, render, render_chat, template
from evals.checkpoints.tokenizer import train_tokenizer
from evals.core.errors import UserError
from evals.records import Problem
from evals.verify import grade
from evals.world import documents
from evals.world.drafts import split_of

PROBLEM = Problem.make("What is {question} in {solution}?", "1")
EQUATION = re.compile(r"(\d+(?: ?[-+*/] ?\d+)+) = (\d+)")


@pytest.mark.parametrize(("name", "count"), [("gsm8k", 8), ("math", 8), ("plain-boxed", 8), ("world", 8)])
def test_exemplars_are_there_and_all_different(name, count):
    rows = template(name).exemplars
    assert len({r["question"] for r in rows}) == len(rows) == count


def value(text):
    """The value of numbers joined by + - * /, from left to right with the usual precedence."""
    terms, ops = re.split(r" ?[-+] ?", text), re.findall(r"[-+]", text)

    def product(term):
        numbers, signs = [float(n) for n in re.split(r" ?[*/] ?", term)], re.findall(r"[*/]", term)
        out = numbers[0]
        for sign, number in zip(signs, numbers[1:], strict=True):
            out = out * number if sign == "*" else out / number
        return out

    total = product(terms[0])
    for op, term in zip(ops, terms[1:], strict=True):
        total += product(term) if op == "+" else -product(term)
    return total


@pytest.mark.parametrize("row", template("gsm8k").exemplars, ids=lambda r: r["question"][:20])
def test_equations_of_gsm8k_exemplars_hold_and_end_in_the_answer(row):
    text = row["solution"].replace("(30 - 6) / 2 = 12", "24 / 2 = 12")
    found = EQUATION.findall(text)
    assert found
    assert all(value(left) == float(right) for left, right in found)
    answer = text.rsplit("#### ", 1)[1]
    assert found[-1][1] == answer
    assert grade(answer, row["solution"]).route == "hash"


GOLDS = ["12", "\\frac19", "(x-7)(x+2)", "2\\sqrt{13}", "[1,5]", "12", "4", "3"]


@pytest.mark.parametrize(("row", "gold"), list(zip(template("math").exemplars, GOLDS, strict=True)))
def test_math_exemplars_end_in_a_box_that_holds_the_answer(row, gold):
    verdict = grade(gold, row["solution"])
    assert verdict.correct
    assert verdict.route.startswith("box")


def test_world_exemplars_are_of_the_training_split_and_right():
    for row in template("world").exemplars:
        steps = re.findall(r"(\d+)([-+*/])(\d+)=(\d+)", row["solution"])
        assert all(value(f"{a} {op} {b}") == float(c) for a, op, b, c in steps)
        assert grade(steps[-1][3], row["solution"]).correct
        assert split_of(tuple((int(a), op, int(b)) for a, op, b, _ in steps)) == "train"


def test_no_exemplar_is_a_problem_of_a_benchmark(shared_data):
    from evals.problems import load_problems

    files = ["gsm8k/train.jsonl", "gsm8k/test.jsonl", "math/test.jsonl"]
    asked = {p.question for f in files for p in load_problems(str(shared_data / f)).problems}
    assert not asked & {r["question"] for name in names() for r in template(name).exemplars}


@pytest.mark.parametrize("shots", [0, 1, 4, 8])
@pytest.mark.parametrize("name", ["gsm8k", "math", "world", "plain-boxed"])
def test_a_prompt_has_its_shots_and_then_the_question(name, shots):
    text = render(PROBLEM, name, shots)
    rows = template(name).exemplars
    assert [r["question"] in text for r in rows] == [i < shots for i in range(len(rows))]
    assert text.rindex(PROBLEM.question) > max([text.index(r["solution"]) for r in rows[:shots]], default=-1)
    assert text.count(PROBLEM.question) == 1  # braces of a problem are not filled in


def test_four_shots_are_the_first_of_eight():
    eight, four = render(PROBLEM, "math", 8), render(PROBLEM, "math", 4)
    assert eight.startswith(four[: four.rindex("Problem:")])


@pytest.mark.parametrize("shots", [-1, 9])
def test_shots_that_are_not_there_are_refused(shots):
    with pytest.raises(UserError, match=f"8 exemplars, not {shots}"):
        render(PROBLEM, "gsm8k", shots)
    with pytest.raises(UserError, match="no prompt template 'gsm9k'"):
        render(PROBLEM, "gsm9k", 0)


def test_hashes_tell_templates_apart():
    hashes = {template(n).hash for n in names()}
    assert len(hashes) == len(names())


CHAT = (
    "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer():
    made = train_tokenizer(islice(documents(), 50), 300)
    made.add_special_tokens({"bos_token": "<s>"})
    made.chat_template = CHAT
    return made


def test_a_chat_prompt_has_exemplars_as_turns(tokenizer):
    text = render_chat(PROBLEM, "gsm8k", 2, tokenizer)
    assert text.startswith("<s><user>Question: A bakery")
    assert text.count("<user>") == 3
    assert text.count("<assistant>") == 3
    assert text.endswith(f"<user>Question: {PROBLEM.question}\nAnswer:<assistant>")


def test_a_first_token_that_the_tokenizer_adds_is_not_written_twice(tokenizer):
    from tokenizers.processors import TemplateProcessing

    first = tokenizer.bos_token_id
    backend = tokenizer.backend_tokenizer
    backend.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", first)])
    try:
        ids = tokenizer(render_chat(PROBLEM, "gsm8k", 0, tokenizer))["input_ids"]
    finally:
        backend.post_processor = TemplateProcessing(single="$A", special_tokens=[])
    assert ids.count(first) == 1
    assert ids[0] == first


def test_chat_needs_a_template_of_the_tokenizer(tokenizer):
    bare = train_tokenizer(["a b c"], 300)
    with pytest.raises(UserError, match="no chat template"):
        render_chat(PROBLEM, "gsm8k", 0, bare)
    with pytest.raises(UserError, match="8 exemplars, not 9"):
        render_chat(PROBLEM, "gsm8k", 9, tokenizer)


@pytest.mark.parametrize(
    ("lineage", "prompt"),
    [
        (None, ("plain-boxed", 0)),
        ({"recipe": "rl"}, ("plain-boxed", 0)),
        ({"prompt": {"template": "world", "shots": 4}}, ("world", 4)),
    ],
)
def test_the_lineage_picks_the_prompt(lineage, prompt):
    assert default_prompt(lineage) == prompt
