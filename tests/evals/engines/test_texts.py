"""Stop texts are found whatever their characters are made of."""

from itertools import islice

import pytest

from evals.checkpoints.tokenizer import train_tokenizer
from evals.engines.texts import ended, text_of
from evals.world import documents


@pytest.fixture(scope="module")
def tokenizer():
    """Byte-level, trained on English: a kana is three tokens, an emoji four."""
    return train_tokenizer(islice(documents(), 100), 300)


@pytest.mark.parametrize(
    "stop", ["ありがとうご", "こたえはここまで", "🙂🙃😀😁😂", "é" * 30, "\n\nProblem:", "。"]
)
def test_a_stop_ends_the_response_with_its_last_token_and_not_before(tokenizer, stop):
    """Seven kana and five emoji are twenty tokens: looking back by characters missed them."""
    before = "2 + 2 = 4 だから 4 🙂 "
    ids = tokenizer(before + stop, add_special_tokens=False)["input_ids"]
    for end in range(1, len(ids)):
        assert not ended(tokenizer, ids[:end], (stop,))
    assert ended(tokenizer, ids, (stop, "unheard of"))
    assert text_of(tokenizer, ids, (0,), (stop,)) == before


def test_without_stops_nothing_is_decoded():
    assert not ended(None, [1, 2, 3], ())


def test_the_text_is_cut_at_the_first_stop_and_has_no_eos(tokenizer):
    ids = tokenizer("one two three", add_special_tokens=False)["input_ids"]
    assert text_of(tokenizer, [*ids, 0], (0,), (" three", " two")) == "one"
    assert text_of(tokenizer, [*ids, 0], (0,), ()) == "one two three"
