"""The vLLM engine: offline `LLM`, one request per sample with its own seed.

One engine holds one GPU; for several GPUs start one process each on a share of the problems
(`evals sample --shard i/N …`, with `evals.engines.gpus.one_gpu(i)` or CUDA_VISIBLE_DEVICES=i).
Exact batch invariance needs kernels that vLLM has for some GPUs only: set VLLM_BATCH_INVARIANT=1 there.
Without it, samples of other batches may differ in the last bits of the logits, and so, rarely, in a token.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.checkpoints.config import context_of, eos_ids
from evals.checkpoints.tokenizer import load_tokenizer
from evals.core.errors import UserError, first_line
from evals.records import Request, Sample, SamplingOptions

SEEDS = 2**31


class VllmEngine:
    """Samples and scores with vLLM. See `evals.engines.Engine` for the interface."""

    def __init__(self, checkpoint: Checkpoint, *, dtype: str | None = None) -> None:
        vllm = _vllm()
        on_gpu = vllm.platforms.current_platform.is_cuda_alike()
        dtype = dtype or ("bfloat16" if on_gpu else "float32")
        self.tokenizer = load_tokenizer(checkpoint.path)
        self.eos_ids = eos_ids(checkpoint, self.tokenizer)
        self.context = context_of(checkpoint, self.tokenizer)
        try:
            self._llm = vllm.LLM(
                model=str(checkpoint.path),
                dtype=dtype,
                max_model_len=self.context
                + 1,  # scoring a full context samples one token that is thrown away
                enable_prefix_caching=True,
                # a prompt in pieces rewinds a seeded generator, which the CPU's cannot do
                enable_chunked_prefill=bool(on_gpu),
                enforce_eager=not on_gpu,
                logprobs_mode="raw_logprobs",  # temperature 1, top-p 1, whatever is sampled
                generation_config="vllm",  # no sampling options but those of the request
                disable_log_stats=True,
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise UserError(
                f"vLLM does not load {checkpoint.name}: {first_line(error)}; try --engine torch"
            ) from error
        self.identity: dict[str, Any] = {
            "weights": checkpoint.weights,
            "tokenizer": checkpoint.tokenizer,
            "engine": "vllm",
            "version": vllm.__version__.partition("+")[0],
            "dtype": dtype,
        }

    def encode(self, text: str) -> tuple[int, ...]:
        """See Engine."""
        return tuple(self.tokenizer(text, add_special_tokens=True)["input_ids"])

    def load_weights(self, weights: Mapping[str, Any]) -> None:
        """Take new weights, tensors by their names in a checkpoint; nothing is kept of the old ones.

        Prefixes cached under the old weights are dropped: their keys and values are of another model.
        `identity` stays the checkpoint's, so what is sampled from other weights belongs into no store.
        """
        how = {"weights_iterator": iter(weights.items())}
        self._llm.collective_rpc("reload_weights", kwargs=how)
        if not self._llm.reset_prefix_cache():
            raise RuntimeError("vLLM kept prefixes of the old weights: requests were still running")

    def sample(self, requests: Sequence[Request], options: SamplingOptions) -> list[Sample]:
        """See Engine. Seeds count modulo 2^31; top_k 0 and temperature 0 mean what they mean there."""
        vllm = _vllm()
        how = [
            vllm.SamplingParams(
                n=1,
                seed=request.seed % SEEDS,
                temperature=options.temperature,
                top_p=options.top_p,
                top_k=options.top_k,
                max_tokens=options.max_tokens,
                stop=list(options.stops) or None,
                stop_token_ids=list(self.eos_ids),
                logprobs=0,
                skip_special_tokens=False,
                spaces_between_special_tokens=False,
            )
            for request in requests
        ]
        outputs = self._generate([request.prompt_ids for request in requests], how)
        return [self._sample(output.outputs[0], options.stops) for output in outputs]

    def _sample(self, output: Any, stops: tuple[str, ...]) -> Sample:
        ids = tuple(output.token_ids)
        logprobs = tuple(at[token].logprob for at, token in zip(output.logprobs, ids, strict=True))
        reason = "stop" if output.finish_reason == "stop" else "length"
        return Sample(self._text(ids, stops), ids, logprobs, reason)

    def _text(self, ids: tuple[int, ...], stops: tuple[str, ...]) -> str:
        """The response without its EOS, cut before the first stop text, decoded as the torch engine does.

        vLLM's own text is decoded token by token and leaves out bytes of a character that is cut off.
        """
        body = ids[:-1] if ids and ids[-1] in self.eos_ids else ids
        text = str(self.tokenizer.decode(body, clean_up_tokenization_spaces=False))
        cuts = [text.index(stop) for stop in stops if stop in text]
        return text[: min(cuts)] if cuts else text

    def score(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """See Engine. From the prompt log-probabilities of prompt and response together."""
        vllm = _vllm()
        pairs = list(zip(prompt_ids, response_ids, strict=True))
        if not all(prompt for prompt, _ in pairs):
            raise ValueError("an empty prompt has no first-token probability")
        asked = [i for i, (_, response) in enumerate(pairs) if response]
        how = vllm.SamplingParams(max_tokens=1, prompt_logprobs=0, temperature=0.0, detokenize=False)
        outputs = self._generate([[*pairs[i][0], *pairs[i][1]] for i in asked], [how] * len(asked))
        scores: list[list[float]] = [[] for _ in pairs]
        for i, output in zip(asked, outputs, strict=True):
            prompt, response = pairs[i]
            places = output.prompt_logprobs[len(prompt) :]
            scores[i] = [at[token].logprob for at, token in zip(places, response, strict=True)]
        return scores

    def _generate(self, prompts: Sequence[Sequence[int]], how: Sequence[Any]) -> list[Any]:
        if not prompts:
            return []
        inputs = [{"prompt_token_ids": list(ids)} for ids in prompts]
        return list(self._llm.generate(inputs, list(how), use_tqdm=False))


def _vllm() -> Any:
    """The vllm module, told to stay in this process, to be quiet, and to report to nobody."""
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "1")  # by one, see above
    try:
        import vllm
        import vllm.platforms
    except ImportError as error:
        raise UserError(
            f"vLLM cannot be imported ({error}); install excursions[vllm], or use --engine torch"
        ) from error
    return vllm
