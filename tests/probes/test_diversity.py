"""Diversity by hand, by brute force, and by its invariants."""

import math

import numpy as np
import pandas as pd
import pytest

from probes.diversity import path_tables, text_table
from probes.entropy import answer_table
from probes.measures.text_diversity import bleu, distinct, path, self_bleu, words


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("12+5=17. So the answer is \\boxed{17}.", ("12+5=17",)),
        ("Step 1: 3*7=21. Step 2: 21 - 4 = 17.", ("3*7=21", "21-4=17")),
        ("She makes 9 * 2 = $<<9*2=18>>18 every day", ("9*2=18",)),
        ("It takes 2/2=<<2/2=1>>1 bolt; 1,000 x 2 = 2,000.00", ("2/2=1", "1000*2=2000")),
        ("no equation here", ()),
        ("", ()),
        ("8 ÷ 2 = 4 and 4×2=8", ("8/2=4", "4*2=8")),
    ],
)
def test_paths(text, steps):
    assert path(text) == steps


def test_hostile_text_is_read_in_bounded_time():
    assert path("1+" * 500_000) == ()
    assert len(words("a" * 10_000_000)) == 1


def test_distinct_by_hand():
    texts = [["a", "b", "a"], ["b", "a"]]
    assert distinct(texts, 1) == pytest.approx(2 / 5)
    assert distinct(texts, 2) == pytest.approx(2 / 3)  # ab, ba, ba
    assert math.isnan(distinct(texts, 4))


def test_bleu():
    text = words("the number is 12 + 5 = 17 .")
    assert bleu(text, text) == pytest.approx(1.0)
    assert bleu(text, ["nothing"]) == 0.0
    assert bleu([], text) == bleu(text, []) == 0.0
    assert 0 < bleu(text[:6], text) < 1  # a brevity penalty
    assert self_bleu([text] * 5, 3, np.random.default_rng(0)) == pytest.approx(1.0)
    assert math.isnan(self_bleu([text], 3, np.random.default_rng(0)))


def test_answer_table_counts_missing_answers_as_a_kind():
    frame = pd.DataFrame({"problem": ["x"] * 4 + ["y"] * 2, "answer": ["3", "3", None, None, "1", "1"]})
    table = answer_table(frame)
    assert table.loc["x", "no_answer"] == 0.5
    assert table.loc["x", "top_answer"] == 0.5
    assert table.loc["x", "effective_answers"] == pytest.approx(2 * math.exp(1 / 8))
    assert table.loc["y", "answer_entropy"] == 0.0


def test_paths_are_compared_at_equal_numbers_of_correct_samples():
    many = ["1+1=2", "2*1=2", "3-1=2", "1+1=2"]
    a = pd.DataFrame({"problem": ["x"] * 4, "text": many, "correct": [True] * 4})
    b = pd.DataFrame({"problem": ["x"] * 4, "text": many, "correct": [True, True, False, False]})
    tables = path_tables({"a": a, "b": b})
    assert tables["b"].loc["x", "paths"] == 2.0
    assert tables["a"].loc["x", "paths"] == pytest.approx(11 / 6)  # of the 6 pairs one is alike


def test_text_table_does_not_depend_on_the_order_of_samples():
    texts = ["one two three four", "one two", "five six seven eight", "one two"]
    frame = pd.DataFrame({"problem": ["x"] * 4, "text": texts, "answer": ["1", "2", None, "1"]})
    one, other = text_table(frame), text_table(frame.iloc[::-1])
    assert one.loc["x"].to_dict() == pytest.approx(other.loc["x"].to_dict())
    assert one.loc["x", "duplicates"] == 0.25
