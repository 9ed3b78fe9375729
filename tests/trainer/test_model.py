"""The model against transformers, ragged batches against single sequences, sampling against scoring."""

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from evals.checkpoints.checkpoint import open_checkpoint
from evals.checkpoints.loading import load_olmo2
from evals.core.keys import derive_seed
from evals.engines.decoders import Olmo2Decoder
from evals.engines.decoders.padded import PaddedDecoder
from evals.engines.decoders.stream import StreamDecoder
from evals.engines.torch_engine import TorchEngine
from evals.models.olmo2 import Olmo2Shape, rotary, rotate
from evals.models.ragged import Ragged, forks, ragged
from evals.records import Request, SamplingOptions
from tests.trainer.tiny import plain, streamed

GENERATOR = torch.Generator().manual_seed(0)
PLAIN = SamplingOptions(temperature=1.0, top_p=1.0, max_tokens=12)


def sequences(lengths, vocab=64):
    return [torch.randint(0, vocab, (n,), generator=GENERATOR).tolist() for n in lengths]


def test_a_saved_checkpoint_is_the_same_function_in_transformers(parent):
    ours = load_olmo2(open_checkpoint(str(parent)))
    theirs = AutoModelForCausalLM.from_pretrained(parent, dtype=torch.float32)
    ids = torch.tensor(sequences([40]))
    with torch.no_grad():
        torch.testing.assert_close(ours(ids), theirs(ids).logits, rtol=1e-5, atol=1e-5)


def test_config_states_rope_theta_where_every_engine_looks(parent):
    config = open_checkpoint(str(parent)).config
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"] == 10000.0
    assert AutoModelForCausalLM.from_pretrained(parent).config.rope_parameters["rope_theta"] == 10000.0


def test_ragged_stream_gives_what_single_sequences_give(model):
    """Fault 12 (planted and seen to fail: padding on the left)."""
    batch = sequences([3, 40, 17, 1, 90, 18])
    flat = [i for s in batch for i in s]
    with torch.no_grad():
        together = streamed(model, flat, ragged([len(s) for s in batch])).split([len(s) for s in batch])
        for one, s in zip(together, batch, strict=True):
            torch.testing.assert_close(one, plain(model, s), rtol=1e-10, atol=1e-12)


def test_documents_do_not_see_each_other(model):
    """Fault 13: changing document 1 leaves document 2 exactly equal (planted: all in one row)."""
    first, other, second = sequences([20, 20, 30])
    layout = ragged([20, 30])
    with torch.no_grad():
        a = streamed(model, first + second, layout)[20:]
        b = streamed(model, other + second, layout)[20:]
    assert torch.equal(a, b)


def test_documents_of_one_length_are_not_copied_and_come_out_the_same_to_the_bit(native, monkeypatch):
    """Planted and seen to fail: every layout straight; the rectangle turned over."""
    ids = torch.tensor(sequences([12, 12, 12])).flatten()
    layout = ragged([12, 12, 12])
    assert layout.straight
    assert not ragged([12, 11, 12]).straight
    assert not forks([4], [[5, 5]]).straight
    found = []
    for copied in (False, True):
        if copied:
            monkeypatch.setattr(Ragged, "straight", False)
        native.zero_grad()
        logits = native(ids, layout)
        logits.square().sum().backward()
        found.append([logits.detach(), *(p.grad.clone() for p in native.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_rotation_and_its_derivative_are_those_of_the_formula():
    """Planted and seen to fail: the derivative turning forwards; the sign on the other half."""
    cos, sin = (t[:, None] for t in rotary(torch.tensor([0, 3, 50]), 6, 10000.0, torch.float64))
    x, y = torch.randn(2, 3, 2, 6, generator=GENERATOR, dtype=torch.float64)
    x.requires_grad_()
    plain = x * cos + torch.cat((-x[..., 3:], x[..., :3]), -1) * sin
    expected = torch.autograd.grad((plain * y).sum(), x)[0]
    rotated = rotate(x, cos, sin)
    assert torch.equal(rotated, plain)
    assert torch.equal(torch.autograd.grad((rotated * y).sum(), x)[0], expected)


def test_responses_to_a_shared_prompt_see_it_and_not_each_other(model):
    """Planted and seen to fail: positions of responses from their own start; a row's last token lost."""
    prompts, groups = sequences([6, 40, 1]), [sequences([4, 30]), sequences([50]), sequences([1, 2, 19])]
    flat = [i for p, rs in zip(prompts, groups, strict=True) for i in [*p, *(j for r in rs for j in r)]]
    layout = forks([len(p) for p in prompts], [[len(r) for r in rs] for rs in groups])
    assert layout.forked
    assert len(flat) == 47 + 106
    with torch.no_grad():
        found = iter(streamed(model, flat, layout))
        for prompt, responses in zip(prompts, groups, strict=True):
            alone = [plain(model, [*prompt, *r]) for r in responses]
            for row in (*alone[0][: len(prompt)], *(v for a in alone for v in a[len(prompt) :])):
                torch.testing.assert_close(next(found), row, rtol=1e-10, atol=1e-12)


def test_two_forwards_are_bit_equal(model):
    """Fault 14 (planted and seen to fail: dropout after the MLP)."""
    ids = sequences([50])[0]
    assert torch.equal(streamed(model, ids), streamed(model, ids))


def engine_of(decoder, tokenizer, rows=256):
    return TorchEngine(decoder, tokenizer, eos_ids=(0,), context=512, rows=rows)


def requests(groups, size, vocab=64):
    prompts = sequences([5, 9, 5, 30, 12, 9][:groups], vocab)
    return [Request(tuple(p), derive_seed(g, i)) for g, p in enumerate(prompts) for i in range(size)]


def test_samples_do_not_depend_on_batch_order_or_decoder(parent, tokenizer):
    """Fault 12 (planted and seen to fail: the padding of shorter prompts not hidden)."""
    model = load_olmo2(open_checkpoint(str(parent)))
    theirs = AutoModelForCausalLM.from_pretrained(parent, dtype=torch.float32)
    wanted = requests(6, 5, len(tokenizer))
    together = engine_of(Olmo2Decoder(model), tokenizer).sample(wanted, PLAIN)
    apart = engine_of(Olmo2Decoder(model), tokenizer, rows=3).sample(wanted[::-1], PLAIN)[::-1]
    assert [s.token_ids for s in together] == [s.token_ids for s in apart]
    for decoder in (StreamDecoder(theirs), PaddedDecoder(theirs), PaddedDecoder(theirs, one_length=True)):
        other = engine_of(decoder, tokenizer).sample(wanted, PLAIN)
        assert [s.token_ids for s in together] == [s.token_ids for s in other]
    assert any(len(s.token_ids) < 12 for s in together) or len({s.token_ids for s in together}) == len(
        together
    )


def test_rows_that_finish_early_leave_the_others_unchanged(native, tokenizer):
    """Token ids below 20 end a response here, so rows finish all the time and the batch is compacted."""
    wanted = requests(6, 8)
    options = SamplingOptions(temperature=1.0, top_p=1.0, max_tokens=30)
    many = TorchEngine(native.float().decoder(), tokenizer, eos_ids=tuple(range(6)), context=512)
    together = many.sample(wanted, options)
    alone = [many.sample([w], options)[0] for w in wanted]
    assert [s.token_ids for s in together] == [s.token_ids for s in alone]
    assert len({len(s.token_ids) for s in together}) > 5
    assert all((s.token_ids[-1] < 6) == (s.finish_reason == "stop") for s in together)


def test_reported_log_probs_are_those_of_scoring_whatever_the_temperature(model, tokenizer):
    """Fault 6: sampler against scorer, fp32, at most 1e-5 (planted: tempered log-probs reported)."""
    engine = engine_of(model.float().decoder(), tokenizer)
    for temperature in (0.6, 1.0, 1.3):
        wanted = requests(4, 3)
        samples = engine.sample(wanted, SamplingOptions(temperature, 1.0, 0, 12))
        scored = engine.score([w.prompt_ids for w in wanted], [s.token_ids for s in samples])
        for sample, score in zip(samples, scored, strict=True):
            np.testing.assert_allclose(sample.logprobs, score, atol=1e-5)


def test_shape_refuses_what_the_module_cannot_represent(parent):
    config = open_checkpoint(str(parent)).config
    assert Olmo2Shape.from_config(config | {"model_type": "llama"}) is None
    assert Olmo2Shape.from_config(config | {"attention_bias": True}) is None
    assert Olmo2Shape.from_config(config | {"rope_parameters": {"rope_type": "yarn"}}) is None
    for older in ({"type": "linear", "factor": 4.0}, {"type": "yarn", "factor": 4.0}):
        assert Olmo2Shape.from_config(config | {"rope_scaling": older}) is None
