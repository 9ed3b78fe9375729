"""Checks of how two cells were asked: text before ids, what was left out, what was never found."""

import pytest

from probes.findings.checks import confounds

CELL = {
    "template": "gsm8k", "shots": 8, "chat": False, "prompt": "Q {question}", "tokenizer": "t",
    "prompt_hash": "p", "extraction_failures": 0.0, "ran_on": 0.0, "lenient": 0.5,
    "strict": 0.5, "duplicates": 0.0, "guess_floor": 0.0, "verifier_errors": 0,
}  # fmt: skip
CHAT = CELL | {"template": "plain-boxed", "shots": 0, "chat": True}
OTHER = {"tokenizer": "u", "prompt_hash": "q"}


def found(name, a, b):
    return next(c for c in confounds(a, b) if c.name == name)


@pytest.mark.parametrize(
    ("a", "b", "passed", "says"),
    [
        (CELL, CELL, True, "the same prompts, gsm8k, 8 shots, in plain text"),
        (CELL, CELL | OTHER, True, "in two tokenizers"),
        (CELL, CELL | {"prompt_hash": "q"}, False, "token ids differ"),
        (CELL, CELL | {"prompt": "other"} | OTHER, False, "the texts of the prompts differ"),
        (CHAT, CHAT | {"prompt": "other"} | OTHER, None, "each in a chat template of its own"),
        (CELL, CHAT, False, "A is asked gsm8k, 8 shots, in plain text; B plain-boxed, 0 shots, in its chat"),
        (CHAT, CHAT | {"system": "Be brief."}, False, "with a system prompt"),
        ({k: v for k, v in CELL.items() if k != "prompt"}, CELL, True, "the same prompts"),
    ],
)
def test_the_prompt_is_compared_by_its_text_and_then_by_its_ids(a, b, passed, says):
    """Seen to fail: two tokenizers were a difference in what was asked, always."""
    check = found("prompt", a, b)
    assert check.passed is passed
    assert says in check.detail


@pytest.mark.parametrize(("x", "y", "passed"), [(0, 0.01, True), (0.01, 0.1, False), (1, 1, False)])
def test_extraction_fails_where_little_was_found_on_either_side(x, y, passed):
    """Seen to fail: no answer in 100% and 100% of the samples was no difference, and so all right."""
    check = found("extraction", CELL | {"extraction_failures": x}, CELL | {"extraction_failures": y})
    assert check.passed is passed


def test_samples_that_ran_on_are_told():
    assert found("ran on", CELL, CELL).passed is True
    check = found("ran on", CELL | {"ran_on": 0.3}, CHAT)
    assert (check.passed, check.value) == (False, [0.3, 0.0])
    assert found("ran on", CELL | {"ran_on": None}, CELL).passed is None
