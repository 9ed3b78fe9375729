"""One architecture of every family: greedy tokens are those of `generate`, log-probabilities those "
"of the model."""

import pytest
import torch

from evals.checkpoints.checkpoint import open_checkpoint
from evals.engines import open_engine
from evals.records import Request, SamplingOptions
from tests.evals.small import FAMILIES, model, tokenizer

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
