"""Prompts: exemplars that are right and new, shots, chat templates, hashes."""

import re
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice

import pytest
from tokenizers import AddedToken

from evals.asking import Asking, asking_file, settled
from evals.asking.options import askings
from evals.asking.prompts import (
    chat_text,
    check_turns,
    end_of_turn,
    prompt_ids,
    prompt_text,
    render,
    turns_of,
)
from evals.asking.rendering import little_memory
from evals.asking.templates import names, template
from evals.checkpoints.tokenizer import train_tokenizer
from evals.core.errors import UserError
from evals.problems.hub import worked_examples
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


@dataclass
class Reader:
    """As much of an engine as prompts need."""

    tokenizer: object

    def encode(self, text):
        return tuple(self.tokenizer(text)["input_ids"])


def chat(shots=0, **changes):
    return Asking("gsm8k", shots, chat=True, **changes)


def test_a_chat_prompt_has_exemplars_as_turns(tokenizer):
    text = prompt_text(PROBLEM, chat(2), tokenizer)
    assert text.startswith("<s><user>Question: A bakery")
    assert text.count("<user>") == 3
    assert text.count("<assistant>") == 3
    assert text.endswith(f"<user>Question: {PROBLEM.question}\nAnswer:<assistant>")
    text = prompt_text(PROBLEM, chat(system="Be brief.", prefix="<think>"), tokenizer)
    assert text.startswith("<s><system>Be brief.<user>")
    assert text.endswith("<assistant><think>")


FORMS = {
    "plain": CHAT,
    "a newline first": "\n" + CHAT,
    "two special tokens first": "{{ bos_token }}{{ eos_token }}" + CHAT,
    "none": CHAT.removeprefix("{{ bos_token }}"),
}


@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_chat_ids_are_those_of_the_tokenizers_own_method(tokenizer, form, adds):
    """Seen to fail: special tokens twice, where the template starts with anything but one BOS."""
    from tokenizers.processors import TemplateProcessing

    first = tokenizer.bos_token_id
    single = "<s> $A" if adds else "$A"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=single, special_tokens=[("<s>", first)] if adds else []
    )
    tokenizer.chat_template = FORMS[form]
    turns = turns_of(PROBLEM, "gsm8k", 2)
    try:
        due = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=True)
        ids = prompt_ids(PROBLEM, chat(2), Reader(tokenizer))
        raw = prompt_ids(PROBLEM, Asking("gsm8k", 2, chat=False), Reader(tokenizer))
    finally:
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A", special_tokens=[])
        tokenizer.chat_template = CHAT
    assert list(ids) == list(getattr(due, "input_ids", None) or due["input_ids"])
    assert (raw[0] == first) == adds


def test_a_clock_and_chance_in_a_template_are_the_same_in_every_run(tokenizer):
    clock = "{{ strftime_now('%d %b %Y %H:%M') }} {{ range(10 ** 4) | random }} {{ think }}" + CHAT
    tokenizer.chat_template = clock
    try:
        texts = {prompt_text(PROBLEM, chat(chat_args={"think": "no"}), tokenizer) for _ in range(3)}
    finally:
        tokenizer.chat_template = CHAT
    (text,) = texts
    assert text.startswith("26 Jul 2024 00:00 ")
    assert " no<s>" in text


def test_a_template_that_raises_is_one_sentence(tokenizer):
    tokenizer.chat_template = "{{ raise_exception('System role not supported') }}"
    turns = turns_of(PROBLEM, "gsm8k", 0, "Be brief.")
    try:
        with pytest.raises(UserError, match=r"fails \(System role not supported\); ask without a system"):
            chat_text(turns, tokenizer)
        with pytest.raises(UserError, match=r"fails .*; ask in plain text with --chat off"):
            chat_text(turns[1:], tokenizer)
    finally:
        tokenizer.chat_template = CHAT


@pytest.mark.parametrize(
    ("form", "asked", "says"),
    [
        (
            CHAT.replace("in messages %}", "in messages if m.role != 'system' %}"),
            {"system": "x"},
            "system prompt out",
        ),
        ("<s><user>{{ messages[-1]['content'] }}<assistant>", {"shots": 2}, "examples out, .*give --shots 0"),
        (
            "<s><user>{{ messages[-1]['content'] }}<assistant>",
            {"system": "x"},
            "system prompt out; ask without",
        ),
    ],
)
def test_a_template_that_leaves_a_part_out_is_named(tokenizer, form, asked, says):
    tokenizer.chat_template = form
    try:
        check_turns(chat(), tokenizer)
        with pytest.raises(UserError, match=says):
            check_turns(chat(**asked), tokenizer)
    finally:
        tokenizer.chat_template = CHAT
    check_turns(chat(2, system="Be brief."), tokenizer)


PARTS = "{% for m in messages %}<{{ m.role }}>{% for c in m.content %}{{ c.text }}{% endfor %}{% endfor %}"


@pytest.mark.parametrize("form", [PARTS, "<s>What is asked?<assistant>"])
def test_a_template_that_leaves_the_question_out_is_refused(tokenizer, form):
    """Seen to fail: every problem was asked with one prompt that has no question."""
    own = deepcopy(tokenizer)
    own.chat_template = form
    with pytest.raises(UserError, match=r"leaves the question out, .*--chat off"):
        check_turns(chat(), own)


LOOP = "{% for i in range(99999) %}{% for k in range(99999) %}{% endfor %}{% endfor %}"
GROW = "{% set s = namespace(x='a' * 999) %}{% for i in range(60) %}{% set s.x = s.x ~ s.x %}{% endfor %}"


@pytest.mark.parametrize(
    ("stranger", "words"),
    [
        (LOOP, "does not come to an end"),
        (GROW, "fails"),
        ("{{ 'x' * 10 ** 13 }}", "fails"),
        ("{{ 9 ** 9 ** 9 }}", "powers"),
        ("{% generation %}{{ messages[0].content ** 9 }}{% endgeneration %}", "powers"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "fails"),
        ("{{ " + "(" * 900 + "1" + ")" * 900 + " }}", "fails"),
        ("{% for %}", "fails"),
        ("{{ messages.nothing.at.all }}", "fails"),
        ("{{ ''.__class__.__mro__ }}", "fails"),
        ("{% include '/etc/passwd' %}", "fails"),
    ],
)
def test_templates_of_strangers_come_to_an_end(tokenizer, monkeypatch, stranger, words):
    monkeypatch.setattr("evals.asking.rendering.SECONDS", 0.3 if stranger == LOOP else 60)
    monkeypatch.setattr("evals.asking.rendering.MEMORY", 200 << 20)
    tokenizer.chat_template = stranger
    try:
        with little_memory(), pytest.raises(UserError, match=words) as met:
            prompt_text(PROBLEM, chat(), tokenizer)
    finally:
        tokenizer.chat_template = CHAT
    assert "\n" not in str(met.value)
    assert "<assistant>" in prompt_text(PROBLEM, chat(), tokenizer)


def test_chat_needs_a_template_of_the_tokenizer(tokenizer):
    bare = train_tokenizer(["a b c"], 300)
    with pytest.raises(UserError, match="no chat template"):
        prompt_text(PROBLEM, chat(), bare)
    with pytest.raises(UserError, match="8 exemplars, not 9"):
        prompt_text(PROBLEM, chat(9), tokenizer)
    with pytest.raises(UserError, match="no chat template"):
        settled(Asking(chat=True), None, has_chat=False)
    with pytest.raises(UserError, match="need a chat"):
        settled(Asking(system="x"), None, has_chat=False)


TRAINED = {"prompt": {"template": "world", "shots": 4}}


@pytest.mark.parametrize(
    ("lineage", "has_chat", "prompt"),
    [
        (None, False, ("plain-boxed", 0, False)),
        (None, True, ("plain-boxed", 0, True)),
        ({"recipe": "rl"}, True, ("plain-boxed", 0, True)),
        (TRAINED, False, ("world", 4, False)),
        (TRAINED, True, ("world", 4, False)),  # training used plain text
        ({"prompt": {"template": "world", "chat": True}}, True, ("world", 0, True)),
    ],
)
def test_the_lineage_and_the_tokenizer_settle_the_prompt(lineage, has_chat, prompt):
    asking = settled(Asking(), lineage, has_chat)
    assert (asking.template, asking.shots, asking.chat) == prompt
    assert settled(Asking("math", 1, chat=False), lineage, has_chat).told() == "math, 1 shots, plain text"


@pytest.mark.parametrize(
    ("given", "lineage", "has_chat", "prompt"),
    [
        ({}, None, False, ("gsm8k", 8, False)),  # a base model
        ({}, None, True, ("plain-boxed", 0, True)),
        ({"shots": 5}, None, True, ("gsm8k", 5, True)),
        ({"shots": 0}, None, False, ("plain-boxed", 0, False)),
        ({"chat": False}, None, True, ("gsm8k", 8, False)),
        ({"template": "math"}, None, False, ("math", 0, False)),
        ({}, TRAINED, False, ("world", 4, False)),
        ({"shots": 2}, TRAINED, False, ("world", 2, False)),
    ],
)
def test_a_base_model_is_asked_a_benchmark_with_its_worked_examples(given, lineage, has_chat, prompt):
    asking = settled(Asking(**given), lineage, has_chat, worked_examples("gsm8k:test"))
    assert (asking.template, asking.shots, asking.chat) == prompt
    assert settled(asking, lineage, has_chat, worked_examples("gsm8k")) == asking
    assert worked_examples("world:test") is worked_examples("x/gsm8k.jsonl") is None


TURN = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}CLOSE{% endfor %}"


@pytest.mark.parametrize(
    ("close", "end"),
    [("<|im_end|>\n", "<|im_end|>"), ("{{ eos_token }}", "EOS"), ("", None), ("\n", None), ("done", None)],
    ids=["Qwen", "Mistral", "GLM", "a newline", "words"],
)
def test_what_closes_a_turn_is_a_special_token_or_nothing(tokenizer, close, end):
    own = deepcopy(tokenizer)
    own.add_tokens([AddedToken("<|im_end|>", special=True)])  # in no map of special tokens, as Phi's
    own.chat_template = TURN.replace("CLOSE", close)
    found = end_of_turn(own, chat())
    assert (None if found is None else own.decode([found])) == (own.eos_token if end == "EOS" else end)


def test_templates_bring_their_stops():
    def stops(name, shots, **changes):
        return settled(Asking(name, shots, **changes), None, has_chat=True).stops

    assert stops("gsm8k", 8, chat=False) == ("\nQuestion:",)
    assert stops("math", 1, chat=False) == ("\nProblem:",)
    assert stops("plain-boxed", 1, chat=False)[0].startswith("\nLet's think step by step")
    assert stops("gsm8k", 0, chat=False) == stops("gsm8k", 8) == ()
    assert stops("gsm8k", 8, chat=False, stops=()) == ()
    assert stops("gsm8k", 8, chat=False, stops=("x",)) == ("x",)


def test_a_template_of_the_users_own(tmp_path):
    (tmp_path / "shots.jsonl").write_text('{"question": "1+1?", "solution": "2"}\n')
    file = tmp_path / "mine.toml"
    file.write_text('question = "Q: {question}\\nA:"\nanswer = " {solution}"\nbetween = "\\n"\n'
                    'exemplars = "shots.jsonl"\n')  # fmt: skip
    assert render(PROBLEM, str(file), 1) == f"Q: 1+1?\nA: 2\nQ: {PROBLEM.question}\nA:"
    assert settled(Asking(str(file), 1), None, has_chat=False).stops == ("\nQ:",)
    file.write_text('question = "{question}"\nstops = ["END"]\n')
    assert settled(Asking(str(file), 0), None, has_chat=True).stops == ("END",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('queston = "{question}"', "no field 'queston'; did you mean 'question'"),
        ('question = "Q"', "question has no {question}"),
        ('question = "{question}"\nanswer = "A"', "answer has no {solution}"),
        ("question = 3", "question must be a text"),
        ('question = "{question}"\nstops = "x"', "stops is not a list"),
        ('question = "{question}"\nexemplars = "none.jsonl"', "exemplars .*none.jsonl cannot be read"),
        ('question = "{question}"\nexemplars = "bad.jsonl"', "bad.jsonl line 2 is no exemplar"),
        ("question = ", "is not TOML"),
    ],
)
def test_templates_that_are_wrong_are_named(tmp_path, text, says):
    (tmp_path / "bad.jsonl").write_text('{"question": "1+1?", "solution": "2"}\n{"question": "1+1?"}\n')
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=says):
        template(str(file))


def test_an_asking_file_is_checked(tmp_path):
    file = tmp_path / "ask.toml"
    file.write_text('template = "gsm8k"\nshots = 8\nchat = false\ntemperature = 1\nstops = ["x"]\n')
    assert asking_file(file) == Asking("gsm8k", 8, False, stops=("x",), temperature=1.0)
    for text, says in (
        ("temprature = 1", "no field 'temprature'; did you mean 'temperature'"),
        ('shots = "8"', "shots cannot be '8'; give a whole number"),
        ("chat = 1", "chat cannot be 1; give true or false"),
        ("top_p = 1.5", "top_p is 1.5; it must be above 0 and at most 1"),
        ("top_p = 0", "top_p is 0.0; it must be above 0"),
        ("temperature = 1e-40", "temperature is 1e-40; it must be 0 .greedy. or at least 0.001"),
        ("min_p = 1", "min_p is 1.0; it must be at least 0 .off. and below 1"),
        ("top_k = -1", "top_k is -1; it must be at least 0"),
        ("max_tokens = 0", "max_tokens is 0; it must be at least 1"),
    ):
        file.write_text(text)
        with pytest.raises(UserError, match=says):
            asking_file(file)


def test_options_are_given_once_or_once_per_checkpoint(tmp_path):
    file = tmp_path / "ask.toml"
    file.write_text('template = "math"\nshots = 2\n')
    assert askings({"shots": [4]}, 3) == (Asking(shots=4),)
    assert askings({"shots": [8, 0], "chat": ["off", "auto"], "stop": ["x"]}, 2) == (
        Asking(shots=8, chat=False, stops=("x",)), Asking(shots=0, stops=("x",)),
    )  # fmt: skip
    assert askings({"ask_b": file, "shots": [1]}, 2) == (Asking(shots=1), Asking("math", 1))
    assert askings({"stop": [""]}, 2) == (Asking(stops=()),)
    assert askings({"chat_args": ["enable_thinking=false,name=x"]}, 1)[0].chat_args == {
        "enable_thinking": False, "name": "x",
    }  # fmt: skip
    written = {"chat_args": ["a=True,b=False, c=None,d=false,e=1.5"]}
    assert askings(written, 1)[0].chat_args == {"a": True, "b": False, "c": None, "d": False, "e": 1.5}
    for values, says in (
        ({"shots": [1, 2]}, "--shots was given 2 times for 3 checkpoints; give one, or one each"),
        ({"chat": ["maybe"]}, "choose one of on, off, auto"),
        ({"chat_args": ["x"]}, "NAME=VALUE"),
    ):
        with pytest.raises(UserError, match=says):
            askings(values, 3)


def test_the_prefix_of_a_response_ends_the_prompt(tokenizer):
    """In plain text and in a chat: what is graded with the response was asked before it."""
    problem = Problem("p", "1+1?", "2")
    for chat, engine in ((False, None), (True, tokenizer)):
        asked = settled(Asking(shots=0, chat=chat, prefix="Let me see: "), None, True)
        plain = settled(Asking(shots=0, chat=chat), None, True)
        assert prompt_text(problem, asked, engine) == prompt_text(problem, plain, engine) + "Let me see: "
