"""What reaches vLLM, with a stand-in for it: what a model is loaded with, what comes of its answers."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from evals.asking import Asking
from evals.core.errors import UserError
from evals.engines import open_engine
from evals.engines.vllm_options import VllmOptions, vllm_options
from evals.records import Request, SamplingOptions
from evals.sampling.cell import draw_cell
from tests.evals.fake_engine import world_problems
from tests.evals.tiny import checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(checkpoint(tmp_path_factory.mktemp("vllm") / "tiny"))


@pytest.fixture
def vllm(monkeypatch):
    """A module `vllm` that answers every prompt with the token 7; `loaded`: arguments of its models."""
    module, platforms = ModuleType("vllm"), ModuleType("vllm.platforms")
    platforms.current_platform = SimpleNamespace(is_cuda_alike=lambda: True)
    module.platforms, module.__version__, module.loaded, module.logprob = platforms, "0.32.0+cpu", [], -0.25
    module.SamplingParams = lambda **how: SimpleNamespace(**how)

    class LLM:
        def __init__(self, **how):
            if how.get("quantization") == "awq":
                raise ValueError("the weights are not quantised")
            module.loaded.append(how)

        def generate(self, inputs, how, use_tqdm):
            module.asked = how
            at = {7: SimpleNamespace(logprob=module.logprob)}
            one = SimpleNamespace(token_ids=[7], logprobs=[at], finish_reason="stop")
            return [
                SimpleNamespace(outputs=[one], prompt_logprobs=[{t: at[7]} for t in i["prompt_token_ids"]])
                for i in inputs
            ]

    module.LLM = LLM
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setitem(sys.modules, "vllm.platforms", platforms)
    return module


def test_options_reach_the_model(folder, vllm):
    given = ("tensor_parallel_size=2", "gpu_memory_utilization=0.5", "max_model_len=300", "quantization=fp8")
    engine = open_engine(folder, engine="vllm", dtype="float16", vllm=given)
    assert not vllm.loaded  # not before it is needed
    assert engine.context == 300
    assert engine.identity["quantization"] == "fp8"
    engine.sample([Request((1, 2), 5)], SamplingOptions(1.0, 0.9, 3, 8, min_p=0.1))
    (how,) = vllm.loaded
    assert {k: how[k] for k in ("tensor_parallel_size", "gpu_memory_utilization", "quantization")} == {
        "tensor_parallel_size": 2, "gpu_memory_utilization": 0.5, "quantization": "fp8",
    }  # fmt: skip
    assert (how["max_model_len"], how["dtype"]) == (301, "float16")
    assert (vllm.asked[0].min_p, vllm.asked[0].top_k, vllm.asked[0].seed) == (0.1, 3, 5)


def test_the_context_is_what_prompts_and_responses_need(folder, vllm, tmp_path):
    """Not the 1024 of the config: a cell says what its longest prompt and response come to."""
    from evals.store import SampleStore

    engine = open_engine(folder, engine="vllm")
    asking = Asking(template="world", shots=0, chat=False, stops=(), max_tokens=64)
    draw_cell(engine, world_problems(), asking, 2, SampleStore(tmp_path / "s"), "a")
    (how,) = vllm.loaded
    assert "gpu_memory_utilization" not in how
    longest = max(len(r) for r in [engine.encode(p.question) for p in world_problems().problems])
    assert longest < how["max_model_len"] < 400
    with pytest.raises(UserError, match="give --vllm max_model_len=900"):
        engine.score([[1] * 800], [[7] * 100])
    assert open_engine(folder, engine="vllm")._llm() is not None
    assert vllm.loaded[-1]["max_model_len"] == 1025


def test_numbers_that_are_none_end_the_run(folder, vllm):
    engine = open_engine(folder, engine="vllm")
    vllm.logprob = float("nan")
    with pytest.raises(UserError, match="NaN or infinite logits at token 1 of its response to problem p3"):
        engine.sample([Request((1, 2), 5, "p3")], SamplingOptions())
    with pytest.raises(UserError, match="NaN or infinite logits at token 1 of its response to text 2 of 2"):
        engine.score([[1], [1]], [[], [7]])


def test_what_cannot_be_is_one_sentence(folder, vllm):
    assert vllm_options(()) == VllmOptions()
    for text, told in [
        ("tensor_parallel=2", "did you mean 'tensor_parallel_size'"),
        ("speed=9", "choose among tensor_parallel_size"),
        ("tensor_parallel_size=0", "whole number from 1"),
        ("gpu_memory_utilization=2", "a share above 0"),
        ("max_model_len", "whole number from 1"),
    ]:
        with pytest.raises(UserError, match=told):
            vllm_options([text])
    with pytest.raises(UserError, match="--vllm goes with --engine vllm"):
        open_engine(folder, vllm=("max_model_len=9",))
    engine = open_engine(folder, engine="vllm", vllm=("quantization=awq",))
    with pytest.raises(UserError, match=r"vLLM does not load .*not quantised; try other --vllm options"):
        engine.sample([Request((1,), 0)], SamplingOptions())


def test_processes_with_models_over_several_gpus_take_turns(monkeypatch):
    import os

    import torch

    from evals.engines.gpus import one_gpu

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    one_gpu(1, 2)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "6,7"
