"""One architecture of every family: greedy tokens are those of `generate`, log-probabilities those "
"of the model."""

import json
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig

from evals.asking import Asking
from evals.checkpoints.checkpoint import open_checkpoint
from evals.checkpoints.config import context_of
from evals.core.errors import UserError
from evals.engines import open_engine
from evals.records import Request, SamplingOptions
from evals.sampling.cell import _check_prompts
from tests.evals.small import CAPPED, FAMILIES, WIDTH, model, saved, tokenizer

PROMPTS = ("the sum of two numbers is", "12 +", "a number and another number, of which the sum is 42")


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_tokens_and_log_probabilities_are_those_of_transformers(family, tmp_path):
    made = model(family)
    made.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    engine = open_engine(open_checkpoint(str(tmp_path)), dtype="float32")
    assert engine.context == 256
    prompts = [engine.encode(p) for p in PROMPTS]
    found = engine.sample([Request(p, 0) for p in prompts], SamplingOptions(max_tokens=20, temperature=0.0))
    scores = engine.score(prompts, [s.token_ids for s in found])
    for prompt, sample, scored in zip(prompts, found, scores, strict=True):
        ids = torch.tensor([prompt])
        with torch.no_grad():
            greedy = made.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False
            )
            whole = made(greedy).logits[0].log_softmax(-1)
        new = greedy[0, len(prompt) :]
        assert list(sample.token_ids) == new.tolist()
        wanted = whole[len(prompt) - 1 : -1].gather(-1, new[:, None])[:, 0]
        assert torch.allclose(torch.tensor(scored), wanted, rtol=0, atol=2e-5)
        assert torch.allclose(torch.tensor(sample.logprobs), wanted, rtol=0, atol=2e-5)


def capped(folder, monkeypatch):
    """A Gemma 2 in a folder, and the model with its attention as published."""
    monkeypatch.setitem(FAMILIES, "gemma2", ("Gemma2Config", CAPPED))
    saved(folder, "gemma2")
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()


def test_attention_is_capped_as_published(tmp_path, monkeypatch):
    made = capped(tmp_path, monkeypatch)
    engine = open_engine(open_checkpoint(str(tmp_path)), dtype="float32")
    ids = engine.encode(PROMPTS[2])
    with torch.no_grad():
        wanted = made(torch.tensor([ids])).logits[0].log_softmax(-1)[torch.arange(len(ids) - 1), ids[1:]]
    found = torch.tensor(engine.score([ids[:1]], [ids[1:]])[0])
    assert torch.allclose(found, wanted, rtol=0, atol=2e-5)
    other = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="sdpa").eval()
    with torch.no_grad():
        uncapped = other(torch.tensor([ids])).logits[0].log_softmax(-1)
    assert (uncapped[torch.arange(len(ids) - 1), ids[1:]] - wanted).abs().max() > 1e-3


def test_training_and_lm_eval_cap_attention_too(tmp_path, monkeypatch):
    from trainer.models.wrapped import load_wrapped

    capped(tmp_path, monkeypatch)
    found = open_checkpoint(str(tmp_path))
    wrapped = load_wrapped(found, tokenizer())
    for one in (wrapped, wrapped.twin(), wrapped.base()):
        assert one.inner.config._attn_implementation == "eager"
    pytest.importorskip("lm_eval", reason="lm-eval is not installed")
    from evals.capability.harness import open_model

    assert open_model(found, None, 1).model.config._attn_implementation == "eager"


def test_longrope_ends_where_its_factors_switch(tmp_path, monkeypatch):
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 8,
        "long_factor": [4.0] * 8,
    }
    phi = WIDTH | {"num_key_value_heads": 2, "original_max_position_embeddings": 64, "rope_parameters": rope}
    monkeypatch.setitem(FAMILIES, "phi3", ("Phi3Config", phi))
    found = open_checkpoint(str(saved(tmp_path, "phi3")))
    engine = open_engine(found)
    assert engine.context == 64
    for other in ("rope_scaling", "rope_parameters"):
        nested = {other: {"type": "longrope", "original_max_position_embeddings": 32}}
        config = {"max_position_embeddings": 256, "text_config": nested}
        assert context_of(replace(found, config=config), tokenizer()) == 32
    ids = engine.encode(PROMPTS[2] * 9)
    options = SamplingOptions(max_tokens=54, temperature=1.0)
    alone = engine.sample([Request(ids[:10], 3)], options)[0]
    beside = engine.sample([Request(ids[:10], 3), Request(ids[:60], 1)], options)[0]
    assert alone.token_ids == beside.token_ids
    with pytest.raises(UserError, match=r"original_max_position_embeddings .* is 64"):
        _check_prompts({"p": ids[:70]}, Asking(), engine.context, engine.context_name)


def test_a_context_that_config_json_leaves_out_is_the_architecture_s(tmp_path):
    """As in Gemma 3 of 4B and more, whose text_config has no more than what differs from the defaults."""
    found = open_checkpoint(str(saved(tmp_path, "gemma3-composite")))
    own = tokenizer()
    assert own.model_max_length > 10**9
    less = {k: v for k, v in found.config["text_config"].items() if k != "max_position_embeddings"}
    (tmp_path / "config.json").write_text(json.dumps(found.config | {"text_config": less}))
    assert context_of(open_checkpoint(str(tmp_path)), own) == Gemma3TextConfig().max_position_embeddings
    assert context_of(found, own) == 256
