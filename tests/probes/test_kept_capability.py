"""Was general capability kept: readings of tasks, and bits per byte of plain text."""

import copy
import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from tokenizers.processors import TemplateProcessing

from evals.capability.text import documents, losses, text_loss
from evals.core.errors import UserError
from evals.engines import open_engine
from probes.capability import capability
from probes.inputs.sources import blank
from tests.evals import small
from tests.probes.conftest import random_checkpoint

A, B = blank("a") | {"fingerprint": "wa"}, blank("b") | {"fingerprint": "wb"}


def items(**right):
    """Items of both checkpoints: task = (right of a, right of b)."""
    rows = [
        {"weights": w, "task": task, "metric": "acc_norm", "item": f"{i}", "correct": bool(x)}
        for task, sides in right.items()
        for w, side in zip(("wa", "wb"), sides, strict=True)
        for i, x in enumerate(side)
    ]
    return pd.DataFrame(rows)


def test_tasks_are_lost_equivalent_or_undetermined():
    rng = np.random.default_rng(0)
    a = rng.random(2000) < 0.6
    lost = a & (rng.random(2000) < 0.85)
    same = a.copy()
    same[:8] = ~same[:8]
    found = capability(items(lost=(a, lost), same=(a, same), few=(a[:30], rng.random(30) < 0.6)), [A, B])
    readings = {d.measure: d.extra("reading") for d in found.differences}
    readings.pop("mean")
    assert readings == {"lost": "lost", "same": "equivalent", "few": "undetermined"}
    wide = capability(items(lost=(a, lost), same=(a, same)), [A, B], margin=0.001)
    assert {d.measure: d.extra("reading") for d in wide.differences}["same"] == "undetermined"


def test_two_results_of_one_checkpoints_weights_are_refused():
    """Fails where the first of them is taken: equal weights under two tokenizers became one model."""
    twice = pd.concat([items(t=([1] * 40, [1] * 40)), items(t=([1] * 40, [0] * 40))])
    with pytest.raises(UserError, match="two results of the weights of b, as of two tokenizers"):
        capability(twice, [A, B])
    equal = pd.concat([items(t=([1] * 40, [0] * 40))] * 2)
    assert {e.problems for e in capability(equal, [A, B]).estimates} == {40}


def test_text_shows_what_multiple_choice_at_its_ceiling_does_not():
    """Every item right under both, and 5% more bits: equivalent by the tasks, worse by the text."""
    rng = np.random.default_rng(1)
    size = rng.integers(300, 900, 60)
    bits = size * rng.normal(2, 0.2, 60)
    text = pd.DataFrame(
        {"weights": ["wa"] * 60 + ["wb"] * 60, "document": [*range(60)] * 2, "bytes": [*size, *size],
         "bits": [*bits, *(bits * 1.05 * rng.normal(1, 0.01, 60))]}
    )  # fmt: skip
    found = capability(items(t=([1] * 400, [1] * 400)), [A, B], text=text)
    by = {d.measure: d for d in found.differences}
    assert by["t"].extra("reading") == "equivalent"
    change = by["bits_per_bytes"]
    assert 0 < change.low < bits.sum() * 0.05 / size.sum() < change.high
    alone = capability(None, [A, B], text=text)
    assert [d.measure for d in alone.differences] == ["bits_per_bytes"]


def test_bits_are_those_of_the_model(tmp_path, tiny_checkpoint):
    """Against a sum over one document at a time, a short one and one longer than a window."""
    import torch

    from evals.checkpoints.checkpoint import open_checkpoint

    engine = open_engine(open_checkpoint(str(tiny_checkpoint)))
    engine.context = 33
    texts = ["Ella has 3 nuts.", "Gus buys 4 pens. " * 12]
    found = losses(engine, texts)
    for text, bits in zip(texts, found, strict=True):
        ids, total = engine.encode(text), 0.0
        for at in range(0, len(ids), 32):
            before = ids[at - 1 : at] or (engine.eos_ids[0],)
            total -= sum(engine.score([before], [ids[at : at + 32]])[0])
        assert bits == pytest.approx(total / math.log(2), rel=1e-5)
    assert torch.isfinite(torch.tensor(found)).all()


def test_what_a_tokenizer_sets_before_a_text_is_not_scored(tmp_path):
    """Fails where BOS is predicted as if it were text, and where windows after the first have none."""
    tokenizer = copy.deepcopy(small.tokenizer())
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    bos = tokenizer.bos_token_id
    tokenizer._tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", bos)]
    )
    folder = small.saved(tmp_path / "bos", vocab_size=len(tokenizer))
    tokenizer.save_pretrained(folder)
    engine = open_engine(str(folder))
    engine.context = 18
    texts = ["the sum", "the sum of two numbers is a number. " * 3]
    for text, bits in zip(texts, losses(engine, texts), strict=True):
        ids, total = engine.encode(text), 0.0
        assert ids[0] == bos
        for at in range(1, len(ids), 16):
            before = (bos, *ids[at - 1 : at]) if at > 1 else (bos,)
            total -= sum(engine.score([before], [ids[at : at + 16]])[0])
        assert bits == pytest.approx(total / math.log(2), rel=1e-5)
    table = text_loss([str(folder)], tmp_path / "out", text=_rows(tmp_path / "t.jsonl", texts))
    engine.context = 256
    assert table["bits"].tolist() == pytest.approx(losses(engine, texts), rel=1e-5)
    other = shutil.copytree(folder, tmp_path / "other")
    tokenizer._tokenizer.post_processor = TemplateProcessing(single="$A", special_tokens=[])
    tokenizer.save_pretrained(other)
    with pytest.raises(UserError, match="the same weights and different tokenizers"):
        text_loss([str(folder), str(other)], tmp_path / "out", text=tmp_path / "t.jsonl")


def _rows(path, texts):
    path.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    return path


def test_documents_of_a_file(tmp_path):
    plain = tmp_path / "a.txt"
    plain.write_text(("word " * 100 + "\n\n") * 9 + "x" * 5000)
    cut = list(documents(plain))
    assert "".join(cut).strip() == plain.read_text().strip()
    assert all(len(c) <= 4000 for c in cut)
    rows = tmp_path / "a.jsonl"
    rows.write_text("".join(json.dumps({"text": t}) + "\n" for t in ("one", " ", "two")))
    assert list(documents(rows)) == ["one", "two"]
    rows.write_text('{"body": "x"}\n')
    with pytest.raises(UserError, match="line 1 has no text in a column 'text'"):
        list(documents(rows))
    rows.write_text('{"text": "only"}\n')
    with pytest.raises(UserError, match="fewer than two documents"):
        text_loss(["nowhere"], tmp_path, text=rows)
    with pytest.raises(UserError, match="cannot be read"):
        list(documents(tmp_path / "none.txt"))


def test_text_of_the_user_on_any_checkpoint(probes, tmp_path, tiny_checkpoint):
    other = random_checkpoint(tmp_path / "other", seed=9)
    text = tmp_path / "plain.txt"
    text.write_text("It was a cold day in the harbour. " * 900)
    args = ["--ckpt", tiny_checkpoint, "--ckpt", other, "--text", text, "--quiet", "--out", tmp_path / "out"]
    result = probes("capability", *args)
    assert result.code == 0, result.err
    assert "loss on plain text (bits/byte)" in result.out
    assert "world" not in result.out


def test_few_items_that_were_all_lost_are_not_equivalent():
    """Of 195 items 2% are lost in truth: 10% of samples were called equivalent within 2 points."""
    wrong = 0.0
    for x in range(4):
        right = [0] * x + [1] * (195 - x)
        (row,) = capability(items(t=([1] * 195, right)), [A, B]).differences
        wrong += binom.pmf(x, 195, 0.02) * (row.extra("reading") == "equivalent")
    assert 0 < wrong <= 0.05
