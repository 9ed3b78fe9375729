"""The synthetic world: an independent reading of its questions, solutions that hold, disjoint splits."""

import itertools
import re
import sys
from collections import Counter
from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.core.errors import UserError
from evals.core.keys import content_hash
from evals.verify import grade
from evals.world import SPLITS, STYLES, Mixture, cloze, documents, problems
from evals.world.corpus import DRILL
from evals.world.drafts import drafts, split_of
from evals.world.general import ATLAS, RELATIONS, fact

ALL_LEVELS = tuple(range(1, 13))
EQUATION = re.compile(r"([\d(][\d+*/()-]*)=(\d+)")

PROBLEMS_HASH = "feb52ae5bcb9f7d55fd22008826794f9"
CLOZE_HASH = "9e1e24a6fb0b2d50958a73a0b51fb2f3"

START = [
    (r"^\w+ has (\d+) boxes with (\d+) \w+ in each\.", lambda a, b: a * b),
    (r"^\w+ (?:has|finds|buys) (\d+) \w+\.", lambda a: a),
]
CHANGE = [
    (r"^Then \w+ gets (\d+) more\.", lambda v, x: v + x),
    (r"^A friend gives \w+ (\d+) \w+\.", lambda v, x: v + x),
    (r"^\w+ adds (\d+)\.", lambda v, x: v + x),
    (r"^Then \w+ loses (\d+)\.", lambda v, x: v - x),
    (r"^\w+ gives away (\d+) \w+\.", lambda v, x: v - x),
    (r"^\w+ sells (\d+)\.", lambda v, x: v - x),
    (r"^Then \w+ doubles the number of \w+\.", lambda v: 2 * v),
    (r"^Then \w+ triples the number of \w+\.", lambda v: 3 * v),
    (r"^\w+ shares them equally among (\d+) bags and keeps one bag\.", lambda v, x: Fraction(v, x)),
    (r"^\w+ has (\d+) more \w+ than \w+\.", lambda v, x: v + v + x),
    (r"^\w+ has (\d+) fewer \w+ than \w+\.", lambda v, x: v + v - x),
]


def read(question):
    """The answer to a question, from its words alone."""
    value, text = None, question
    while not text.startswith("How many "):
        for pattern, work in START if value is None else CHANGE:
            if found := re.match(pattern, text):
                numbers = [int(n) for n in found.groups()]
                value = work(*numbers) if value is None else work(value, *numbers)
                text = text[found.end() :].lstrip()
                break
        else:
            raise AssertionError(f"no reading of {text!r}")
    return value


def value(text):
    """The value of an expression of numbers, + - * / and brackets, read by hand."""
    tokens = re.findall(r"\d+|[-+*/()]", text)
    assert "".join(tokens) == text

    def atom():
        token = tokens.pop(0)
        if token == "(":
            inside = total()
            assert tokens.pop(0) == ")"
            return inside
        return Fraction(int(token))

    def product():
        out = atom()
        while tokens and tokens[0] in "*/":
            out = out * atom() if tokens.pop(0) == "*" else out / atom()
        return out

    def total():
        out = product()
        while tokens and tokens[0] in "+-":
            out = out + product() if tokens.pop(0) == "+" else out - product()
        return out

    out = total()
    assert not tokens
    return out


@pytest.fixture(scope="module")
def world():
    """Problems of every split, at levels inside and outside of any training range, small and large."""
    return {
        (split, largest): problems(split, count=96, levels=ALL_LEVELS, seed=7, largest=largest)
        for split in SPLITS
        for largest in (99, 999)
    }


def test_every_question_read_by_itself_has_the_gold_answer(world):
    for found in world.values():
        for p in found:
            assert read(p.question) == int(p.answer), p.question


def test_every_equation_of_every_solution_holds_and_the_box_is_the_gold(world):
    for found in world.values():
        for p in found:
            for style, text in zip(STYLES, p.solutions, strict=True):
                for left, right in EQUATION.findall(text):
                    assert value(left) == int(right), (style, text)
                verdict = grade(p.answer, text)
                assert verdict.correct, (style, text)
                assert text.count("\\boxed{") == 1
                assert text.startswith(" ")


def test_solutions_show_at_least_six_ways(world):
    assert len(STYLES) >= 6
    for found in world.values():
        assert all(len(set(p.solutions)) >= 6 for p in found)


def test_styles_are_told_apart_by_their_words(world):
    marks = {"numbered": "Step 1:", "told": "gives", "checked": ", as ", "totals": "The numbers are"}
    for p in world["test", 99]:
        by_style = dict(zip(STYLES, p.solutions, strict=True))
        assert {s for s, t in by_style.items() if marks.get(s, "\0") in t} == set(marks)
        assert not EQUATION.search(by_style["direct"])


def test_the_level_is_the_number_of_operations(world):
    for (_, largest), found in world.items():
        assert Counter(p.meta["level"] for p in found) == dict.fromkeys(ALL_LEVELS, 8)
        for p in found:
            results = [int(right) for _, right in EQUATION.findall(p.solutions[STYLES.index("equations")])]
            assert len(results) == p.meta["level"] == len(p.meta["template"])
            assert max(results) <= largest
            assert min(results) >= 1


@pytest.mark.parametrize("largest", [99, 9999])
def test_splits_share_no_arithmetic(largest):
    skeletons = {
        split: {d.skeleton for d in islice(drafts(split, seed=s, levels=(1, 2, 3, 4), largest=largest), 150)}
        for s, split in enumerate(SPLITS)
    }
    assert all(split_of(k) == split for split, found in skeletons.items() for k in found)
    assert not skeletons["train"] & skeletons["test"]
    assert not skeletons["train"] & skeletons["validation"]
    assert not skeletons["test"] & skeletons["validation"]


def test_pretraining_tells_no_problem_of_another_split():
    held = {p.question for s in ("test", "validation") for p in problems(s, count=150, levels=(1, 2, 3))}
    for text in islice(documents(Mixture(), seed=3), 600):
        if text.startswith("Problem: "):
            question, solution = text.removeprefix("Problem: ").split("\nSolution:")
            assert question not in held
            assert grade(str(read(question)), solution).correct


def test_drills_hold_and_are_of_the_training_split():
    for text in islice(documents(Mixture(problems=0, stories=0, facts=0, largest=999)), 100):
        found = re.findall(r"(\d+)([-+*/])(\d+)=(\d+)\.", text)
        assert len(found) == DRILL
        for a, op, b, c in found:
            assert value(f"{a}{op}{b}") == int(c)
            assert split_of(((int(a), op, int(b)),)) == "train"


def floor(found):
    """Chance that the answer of another problem is right."""
    counts = Counter(p.answer for p in found)
    return sum(n * (n - 1) for n in counts.values()) / (len(found) * (len(found) - 1))


def test_a_large_range_makes_guesses_rare():
    floors = [floor(problems("test", count=200, levels=(2, 3, 4), largest=m)) for m in (99, 999, 9999)]
    assert floors[0] < 0.03
    assert floors[1] < 0.004
    assert floors[2] < 0.001


def test_the_world_is_the_same_everywhere_and_for_good():
    """Bytes that studies rest on: a change here changes every result."""
    found = problems("test", seed=3, count=100, levels=(1, 2, 3, 4, 6))
    rows = [(p.id, p.question, p.answer, p.solutions, dict(p.meta)) for p in found]
    assert content_hash(rows) == PROBLEMS_HASH
    assert content_hash(list(islice(documents(seed=1), 500))) == "6da5bfda67c03492fa629258ea3ac129"
    assert content_hash([(c.context, c.choices, c.answer) for c in cloze(count=100)]) == CLOZE_HASH


@given(st.integers(0, 2**32), st.sampled_from(SPLITS), st.integers(1, 30))
@settings(deadline=None, max_examples=8)
def test_fewer_problems_are_a_prefix_of_more(seed, split, count):
    more = problems(split, seed=seed, count=30, levels=(2, 3))
    assert problems(split, seed=seed, count=count, levels=(2, 3)) == more[:count]
    assert len({p.id for p in more}) == 30


@given(st.integers(0, 400), st.integers(0, 5))
@settings(deadline=None, max_examples=8)
def test_documents_can_be_started_anywhere(start, seed):
    whole = list(islice(documents(seed=seed), start + 3))
    assert list(islice(documents(seed=seed, start=start), 3)) == whole[start:]


def test_cloze_items_have_one_right_choice_and_agree_with_the_documents():
    told = {fact(4, place, r)[0] for text in islice(documents(Mixture(0, 0, 0, 1), seed=4), 1000)
            for place in re.findall(r"[A-Z]\w+", text) for r in RELATIONS
            if fact(4, place, r)[0] in text}  # fmt: skip
    for item in cloze(seed=4, count=200):
        assert len(set(item.choices)) == 4
        if item.task == "facts":
            assert item.context + item.choices[item.answer] in told
            assert not any(item.context + c in told for i, c in enumerate(item.choices) if i != item.answer)
    places = Counter(item.answer for item in cloze(count=400))
    assert min(places.values()) > 60  # no position gives the answer away


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: problems("nowhere"), "no split 'nowhere'"),
        (lambda: problems("test", levels=(0,)), "from 1 to 12"),
        (lambda: problems("test", levels=()), "from 1 to 12"),
        (lambda: problems("test", largest=50), "from 99 to 999999"),
        (lambda: Mixture(problems=-1), "at least 0"),
        (lambda: Mixture(styles={"poetry": 1.0}), "no solution style 'poetry'"),
        (lambda: Mixture(largest=5), "from 99 to 999999"),
    ],
)
def test_wrong_worlds_are_refused(call, words):
    with pytest.raises(UserError, match=words):
        call()


def test_a_world_that_has_no_more_problems_says_so(monkeypatch):
    few = list(islice(drafts("test", seed=0, levels=(1,)), 10))
    monkeypatch.setattr(sys.modules["evals.world.splits"], "drafts", lambda *_, **__: itertools.cycle(few))
    with pytest.raises(UserError, match="fewer than 20 distinct test problems"):
        problems("test", levels=(1,), count=20)


def test_the_graded_world_tells_some_facts_often_and_asks_for_all_of_them_alike():
    """Bytes of the graded world; the place of rank 1 is told of ten times as often as that of rank 10."""
    mixture = Mixture(0, 0, 0, 1, graded=True)
    told = [re.findall(r"\w+", text) for text in islice(documents(mixture, seed=4), 4000)]
    counts = [sum(place in words for words in told) for place in ATLAS]
    assert counts[0] > 5 * counts[9] > 5 * counts[99] > 0
    assert sum(c > 0 for c in counts) > 400
    items = cloze(seed=4, count=2000, graded=True)
    asked = [i.context for i in items if i.task == "facts"]
    assert len(set(asked)) == len(asked) == 1000
    assert all(len(set(i.choices)) == 4 for i in items)
    texts = list(islice(documents(Mixture(graded=True), seed=1), 300))
    assert content_hash(texts) == "487b0d217c80b88c900f6aa635f7dab0"
    rows = [(c.context, c.choices, c.answer) for c in items[:100]]
    assert content_hash(rows) == "bbf954f8acaf1bbce271ed7b278a5608"


def test_a_graded_story_has_one_ending_that_agrees_with_what_was_told():
    """Read from the words alone: the pet that ran away, its colour and its owner."""
    for item in cloze(seed=1, count=400, graded=True):
        told = {p: (n, c) for n, c, p in re.findall(r"([A-Z]\w+) had a (\w+) (\w+)\.", item.context)}
        if item.task == "facts" or not told:
            continue
        lost = re.search(r"the (\w+) ran away", item.context)[1]
        name, colour = told[lost]
        right = [f" the {colour} {lost} back to {name}." in c for c in item.choices]
        assert right.index(True) == item.answer
        assert sum(right) == 1
