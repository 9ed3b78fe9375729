"""Every architecture is sampled and scored as transformers does it, or refused in one sentence."""

import pytest
import torch

from evals.core.errors import UserError
from evals.core.keys import derive_seed
from evals.engines import torch_engine
from evals.engines.decoders import Olmo2Decoder, proof, shared, stream
from evals.engines.decoders.padded import PaddedDecoder
from evals.engines.decoders.stream import StreamDecoder
from evals.engines.torch_engine import TorchEngine
from evals.records import Request, SamplingOptions
from tests.evals.engines.architectures import HYBRID, PADDED, STREAM, model

TEXT = torch.randint(3, 90, (34,), generator=torch.Generator().manual_seed(1)).tolist()
GREEDY = SamplingOptions(0.0, 1.0, 0, 12)
FREE = SamplingOptions(1.0, 0.95, 0, 12)
REFUSED = {"RecurrentGemma", "Rwkv"}


class Letters:
    """A tokenizer that decodes an id to one letter."""

    def decode(self, ids, **_):
        return "".join(chr(65 + i) for i in ids)


def engine_of(decoder, **changes):
    return TorchEngine(decoder, Letters(), eos_ids=(2,), context=256, **changes)


def prompts(count=7):
    ids = torch.randint(3, 90, (60,), generator=torch.Generator().manual_seed(2)).tolist()
    return [tuple(ids[i : i + n]) for i, n in enumerate([5, 21, 9, 34, 3, 9, 16][:count])]


def generated(made, prompt, tokens):
    ids = torch.tensor([prompt])
    out = made.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False, eos_token_id=2,
        pad_token_id=0,
    )  # fmt: skip
    return tuple(out[0, len(prompt) :].tolist())


def logprobs(made, prompt, response):
    with torch.no_grad():
        rows = proof.plain(made, [*prompt, *response])[len(prompt) - 1 : -1].log_softmax(-1)
    return rows.gather(-1, torch.tensor(response)[:, None])[:, 0]


def largest_gap(left, right):
    return max(float((torch.tensor(a) - b).abs().max()) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("name", [*STREAM, *PADDED, *(n for n in HYBRID if n not in REFUSED)])
def test_greedy_ids_are_those_of_generate_and_log_probs_those_of_the_model(name):
    """Prompts shorter and longer than the window of those that have one, all in one batch."""
    made = model(name)
    decoder = proof.decoder_for(made, name, TEXT)
    assert isinstance(decoder, StreamDecoder if name in STREAM else PaddedDecoder)
    engine, asked = engine_of(decoder), prompts()
    samples = engine.sample([Request(p, i) for i, p in enumerate(asked)], GREEDY)
    responses = [s.token_ids for s in samples]
    assert responses == [generated(made, p, GREEDY.max_tokens) for p in asked]
    wanted = [logprobs(made, p, r) for p, r in zip(asked, responses, strict=True)]
    most = 5e-5 if name in HYBRID else 2e-5  # a state sums what came before in another order
    assert largest_gap([s.logprobs for s in samples], wanted) < most
    assert largest_gap(engine.score(asked, responses), wanted) < most


@pytest.mark.parametrize("name", ["Llama", "Gemma3Text", "Qwen3Moe", "Bloom", "Mamba"])
def test_samples_do_not_depend_on_the_batch(name):
    """Groups of several rows of a prompt, rows that end early, other orders and sizes of batches."""
    decoder = proof.decoder_for(model(name), name, TEXT)
    asked = [Request(p, derive_seed(g, i)) for g, p in enumerate(prompts()) for i in range(5)]
    ends = {"eos_ids": tuple(range(2, 12))}
    together = TorchEngine(decoder, Letters(), context=256, **ends).sample(asked, FREE)
    apart = TorchEngine(decoder, Letters(), context=256, rows=4, **ends).sample(asked[::-1], FREE)[::-1]
    assert [s.token_ids for s in together] == [s.token_ids for s in apart]
    assert [s.text for s in together] == [s.text for s in apart]
    assert len({len(s.token_ids) for s in together}) > 5


def test_a_window_is_left_behind_by_rows_that_outgrow_it():
    """Responses several windows long: nothing of the prompt is seen at the end."""
    made = model("Mistral")
    engine, options = engine_of(StreamDecoder(made)), SamplingOptions(0.0, 1.0, 0, 40)
    samples = engine.sample([Request(p, 0) for p in prompts()], options)
    assert [s.token_ids for s in samples] == [generated(made, p, 40) for p in prompts()]


def test_a_window_that_the_architecture_does_not_read_is_none():
    """As in Llamas that were converted from Mistral: their own cache would leave it behind."""
    made = model("Llama")
    made.config.sliding_window = 36
    decoder = proof.decoder_for(made, "a", TEXT)
    assert isinstance(decoder, StreamDecoder)
    (sample,) = engine_of(decoder).sample([Request(tuple(TEXT), 0)], GREEDY)
    assert largest_gap([sample.logprobs], [logprobs(made, tuple(TEXT), sample.token_ids)]) < 2e-5


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_not_proven_is_refused_and_says_what_to_use(name):
    with pytest.raises(UserError, match=r"sampling run/7 .*not proven .*--engine vllm, or .*--engine server"):
        proof.decoder_for(model(name), "run/7", TEXT)


def test_a_decoder_that_is_wrong_is_not_taken(monkeypatch):
    """Planted: every position one too far; a window that is ignored."""
    made = model("Llama")
    real = shared.SharedRows.positions
    with monkeypatch.context() as patch:
        patch.setattr(shared.SharedRows, "positions", property(lambda rows: real.fget(rows) + 1))
        assert isinstance(proof.decoder_for(made, "a", TEXT), PaddedDecoder)
    assert isinstance(proof.decoder_for(made, "a", TEXT), StreamDecoder)
    attend = shared.SharedRows.attend
    monkeypatch.setattr(shared.SharedRows, "attend", lambda rows, *a: attend(rows, *a[:4], None))
    assert isinstance(proof.decoder_for(model("Mistral"), "a", TEXT), PaddedDecoder)


def test_memory_that_is_short_is_not_taken_for_a_model_that_cannot(monkeypatch):
    def short(*_):
        raise MemoryError

    monkeypatch.setattr(StreamDecoder, "prefill", short)
    with pytest.raises(MemoryError):
        proof.decoder_for(model("Llama"), "a", TEXT)


def test_the_model_is_left_as_it_was():
    made = model("Gemma3Text")
    before, ids = made.config._attn_implementation, torch.tensor([TEXT])
    logits = made(ids).logits
    engine_of(StreamDecoder(made)).sample([Request(p, 0) for p in prompts()], GREEDY)
    assert made.config._attn_implementation == before
    assert torch.equal(made(ids).logits, logits)


def test_pieces_change_nothing(monkeypatch):
    """A prompt's forward, and the logits of scoring, in pieces as small as they get."""
    made = model("Gemma3Text")
    engine, asked = engine_of(StreamDecoder(made)), [Request(p, i) for i, p in enumerate(prompts())]
    twice = [p for p in prompts() for _ in range(2)]
    responses = [tuple(TEXT[i : i + 2 + i % 5]) for i in range(len(twice))]
    drawn, scored = engine.sample(asked, FREE), engine.score(twice, responses)
    monkeypatch.setattr(stream, "STREAM_TOKENS", 20)
    monkeypatch.setattr(torch_engine, "SCORE_LOGITS", 200)
    assert [s.token_ids for s in engine.sample(asked, FREE)] == [s.token_ids for s in drawn]
    assert largest_gap(engine.score(twice, responses), [torch.tensor(s) for s in scored]) < 2e-5


def broken(made, decoder_of):
    """A decoder whose logits turn to NaN at the fourth token of every response."""
    decoder = decoder_of(made)
    step, steps = decoder.step, []

    def breaks(tokens):
        steps.append(1)
        logits = step(tokens)
        if len(steps) == 3:
            logits[-1, 5] = float("nan")
        return logits

    decoder.step = breaks
    return decoder


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_logits_that_are_no_numbers_end_the_run_and_say_where(wrong):
    made = model("Llama")
    engine = engine_of(broken(made, StreamDecoder), name="run/step-7")
    match = r"checkpoint run/step-7 gives NaN or infinite logits at token 4 of its response to problem p1; "
    with pytest.raises(UserError, match=match):
        engine.sample([Request(p, 0, f"p{i}") for i, p in enumerate(sorted(prompts(2), key=len))], FREE)
    with torch.no_grad():
        made.lm_head.weight[11] = wrong
    engine = engine_of(StreamDecoder(made), name="run/step-7")
    with pytest.raises(UserError, match="at token 1 of its response to problem p0"):
        engine.sample([Request(prompts()[0], 0, "p0")], FREE)
    with pytest.raises(UserError, match="at token 1 of its response to the prompt that ends"):
        engine.score(prompts(2), [(3, 4), (5,)])


def test_scoring_of_olmo2_in_pieces(monkeypatch):
    from evals.models.olmo2 import Olmo2, Olmo2Shape

    made = model("Olmo2")
    own = Olmo2(Olmo2Shape.from_config(made.config.to_dict()))
    own.load_state_dict(made.state_dict())
    engine = engine_of(Olmo2Decoder(own.eval()))
    responses = [tuple(TEXT[: 3 + i]) for i in range(7)]
    wanted = [logprobs(made, p, r) for p, r in zip(prompts(), responses, strict=True)]
    assert largest_gap(engine.score(prompts(), responses), wanted) < 2e-5
    monkeypatch.setattr(torch_engine, "SCORE_LOGITS", 200)
    assert largest_gap(engine.score(prompts(), responses), wanted) < 2e-5
