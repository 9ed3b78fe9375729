"""Checks of how two cells were asked: text before ids, what was left out, what was never found."""

import json
import shutil

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
        (CELL | {"bare_form": "x"}, CELL | OTHER | {"bare_form": "y"}, True, "in two tokenizers"),
        (CELL | {"bare_form": "x"}, CELL | OTHER | {"bare_form": "x"}, False, "(as BOS)"),
        (CELL, CELL | {"prompt_hash": "q"}, False, "token ids differ"),
        (CELL, CELL | {"prompt": "other"} | OTHER, False, "the texts of the prompts differ"),
        (CHAT, CHAT | {"prompt": "other"} | OTHER, None, "each in a chat template of its own"),
        (CELL, CHAT, False, "A is asked gsm8k, 8 shots, in plain text; B plain-boxed, 0 shots, in its chat"),
        (CELL, CELL | {"stops": ["x"]}, False, "the prompts differ: stops None against ['x']"),
        (CHAT | {"stops": ["<|im_end|>"]}, CHAT | {"stops": []}, True, "the same prompts"),
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


@pytest.fixture(scope="module")
def chatty(tmp_path_factory, tiny_checkpoint):
    """The tiny checkpoint with other weights' lineage gone and a chat template: an instruct model."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("chatty") / "instruct")
    (folder / "lineage.json").unlink()
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>"
    )
    return folder


def test_each_checkpoint_is_asked_as_it_wants_to_be(probes, tmp_path, tiny_checkpoint, chatty):
    """A base with exemplars beside a chat, in one command; the base asked in other ways; draws are told."""
    out = tmp_path / "out"
    ask = tmp_path / "base.toml"
    ask.write_text('template = "gsm8k"\nshots = 1\n')
    run = ["--ckpt", tiny_checkpoint, "--ckpt", chatty, "--n", 4, "--limit", 6, "--max-tokens", 4]
    run += ["--out", out]
    result = probes(
        "expand", *run, "--ask-a", ask, "--base-temperature", 1, "--base-template", "math", "--base-shots", 0
    )
    assert result.code == 0, result.err
    found = json.loads((out / "findings.json").read_text())["findings"][-1]
    reports = [c["report"] for c in found["checkpoints"]]
    assert [(r["template"], r["shots"], r["chat"]) for r in reports] == [
        ("gsm8k", 1, False), ("plain-boxed", 0, True),
    ]  # fmt: skip
    assert reports[0]["stops"] == ["\nQuestion:"]
    assert reports[0]["prompt"].endswith("Question: {question}\nAnswer:")
    assert reports[1]["prompt"].startswith("<user>{question}\nLet's think")
    prompt = next(c for c in found["comparisons"][0]["confounds"] if c["name"] == "prompt")
    assert prompt["detail"] == (
        "the prompts differ: A is asked gsm8k, 1 shots, in plain text; "
        "B plain-boxed, 0 shots, in its chat template"
    )
    rows = [r["name"] for r in found["comparisons"][0]["robustness"]["rows"]]
    assert rows[:3] == ["A asked with 0 shots", "A asked with temperature 1", "A asked with template math"]
    told = probes("entropy", *run, "--ask-a", ask, "--scored", 1)
    assert told.code == 0, told.err
    assert "instruct: 24 further samples are drawn: those there were asked differently (temper" in told.err
    assert "base: 24 further" in told.err


def test_wrong_ways_of_asking_are_one_sentence_before_anything_is_drawn(
    probes, tmp_path, tiny_checkpoint, chatty
):
    def refused(says, *options, ckpt=chatty):
        out = tmp_path / "out"
        result = probes("passk", "--ckpt", ckpt, "--limit", 2, *options, "--out", out, "--quiet")
        assert result.code == 2
        assert result.err.count("\n") == 1
        assert says in result.err
        assert not list(out.rglob("*.parquet"))

    bad = tmp_path / "bad.toml"
    bad.write_text('queston = "{question}"\n')
    refused("has no field 'queston'; did you mean 'question'?", "--template", bad)
    refused("template gsm8k has 8 exemplars, not 9", "--template", "gsm8k", "--shots", 9)
    refused("the tokenizer has no chat template", "--chat", "on", ckpt=tiny_checkpoint)
    refused("a system prompt and arguments of a chat template need a chat", "--chat", "off", "--system", "x")
    refused("exceed the model's context of 512; set --max-tokens to", "--max-tokens", 100_000)
    raising = shutil.copytree(chatty, tmp_path / "raising")
    (raising / "chat_template.jinja").write_text("{{ raise_exception('no system role') }}")
    refused("the tokenizer's chat template fails (no system role)", ckpt=raising)
