"""The vLLM engine: offline `LLM`, one request per sample with its own seed.

One engine holds one GPU, or several that share a model too large for one (`--vllm tensor_parallel_size=4`).
For speed start one process for each GPU on a part of the problems (`--processes N`, or `--part i/N` with
CUDA_VISIBLE_DEVICES=i).
Exact batch invariance needs kernels that vLLM has for some GPUs only: set VLLM_BATCH_INVARIANT=1 there.
Without it, samples of other batches may differ in the last bits of the logits, and so, rarely, in a token.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.checkpoints.config import context_name, context_of, eos_ids
from evals.checkpoints.tokenizer import encode, tokenizer_of
from evals.core.errors import UserError, first_line
from evals.engines.texts import text_of
from evals.engines.vllm_options import VllmOptions
from evals.records import Request, Sample, SamplingOptions

SEEDS = 2**31


class VllmEngine:
    """Samples and scores with vLLM. See `evals.engines.Engine` for the interface.

    The model is loaded when it is first needed: `reserve` may say before how long a text will be.
    """

    def __init__(
        self, checkpoint: Checkpoint, *, dtype: str | None = None, options: VllmOptions | None = None
    ) -> None:
        vllm = _vllm()
        self._on_gpu = vllm.platforms.current_platform.is_cuda_alike()
        dtype = dtype or ("bfloat16" if self._on_gpu else "float32")
        self.checkpoint, self.options = checkpoint, options or VllmOptions()
        self.tokenizer = tokenizer_of(checkpoint)
        self.eos_ids = eos_ids(checkpoint, self.tokenizer)
        self.context, self.context_name = context_of(checkpoint, self.tokenizer), context_name(checkpoint)
        self.context = min(self.context, self.options.max_model_len or self.context)
        self._length, self._loaded = self.context, None
        self.identity: dict[str, Any] = {
            "weights": checkpoint.weights,
            "tokenizer": checkpoint.tokenizer,
            "engine": "vllm",
            "version": vllm.__version__.partition("+")[0],
            "dtype": dtype,
        }
        if self.options.quantization:
            self.identity["quantization"] = self.options.quantization

    def reserve(self, tokens: int) -> None:
        """No prompt and response together will be longer than this: the model is loaded with that context.

        Without a word it is loaded with all of its own, of which the cache of one sequence alone may not fit
        into a GPU.
        """
        if self._loaded is None and not self.options.max_model_len:
            self._length = min(self.context, tokens)

    def _llm(self, longest: int = 0) -> Any:
        """The model, loaded with room for texts of `longest` tokens."""
        if self._loaded is None:
            self._length = max(self._length, longest)
            self._loaded = self._load()
        elif longest > self._length:
            raise UserError(
                f"vLLM holds {self.checkpoint.name} for {self._length} tokens and a text has {longest}; give "
                f"--vllm max_model_len={longest}"
            )
        return self._loaded

    def _load(self) -> Any:
        chosen = {name: getattr(self.options, name) for name in ("gpu_memory_utilization", "quantization")}
        try:
            return _vllm().LLM(
                model=str(self.checkpoint.path),
                trust_remote_code=self.checkpoint.own_code,
                dtype=self.identity["dtype"],
                max_model_len=self._length + 1,  # scoring samples one token that is thrown away
                tensor_parallel_size=self.options.tensor_parallel_size,
                enable_prefix_caching=True,
                # a prompt in pieces rewinds a seeded generator, which the CPU's cannot do
                enable_chunked_prefill=bool(self._on_gpu),
                enforce_eager=not self._on_gpu,
                logprobs_mode="raw_logprobs",  # temperature 1, top-p 1, whatever is sampled
                generation_config="vllm",  # no sampling options but those of the request
                disable_log_stats=True,
                **{name: value for name, value in chosen.items() if value is not None},
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise UserError(
                f"vLLM does not load {self.checkpoint.name}: {first_line(error)}; try other --vllm options "
                "(gpu_memory_utilization, max_model_len, tensor_parallel_size), or --engine torch"
            ) from error

    def encode(self, text: str) -> tuple[int, ...]:
        """See Engine."""
        return encode(self.tokenizer, text)

    def load_weights(self, weights: Mapping[str, Any]) -> None:
        """Take new weights, tensors by their names in a checkpoint; nothing is kept of the old ones.

        Prefixes cached under the old weights are dropped: their keys and values are of another model.
        `identity` stays the checkpoint's, so what is sampled from other weights belongs into no store.
        """
        how = {"weights_iterator": iter(weights.items())}
        self._llm().collective_rpc("reload_weights", kwargs=how)
        if not self._llm().reset_prefix_cache():
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
                min_p=options.min_p,
                max_tokens=options.max_tokens,
                stop=list(options.stops) or None,
                stop_token_ids=list(self.eos_ids),
                logprobs=0,
                skip_special_tokens=False,
                spaces_between_special_tokens=False,
            )
            for request in requests
        ]
        outputs = self._generate([request.prompt_ids for request in requests], how, options.max_tokens)
        return [
            self._sample(output.outputs[0], request, options.stops)
            for output, request in zip(outputs, requests, strict=True)
        ]

    def _sample(self, output: Any, request: Request, stops: tuple[str, ...]) -> Sample:
        """vLLM's own text is decoded token by token and leaves out bytes of a character that is cut off."""
        ids = tuple(output.token_ids)
        logprobs = tuple(at[token].logprob for at, token in zip(output.logprobs, ids, strict=True))
        self._check(logprobs, f"problem {request.problem}" if request.problem else "a prompt")
        reason = "stop" if output.finish_reason == "stop" else "length"
        return Sample(text_of(self.tokenizer, ids, self.eos_ids, stops), ids, logprobs, reason)

    def _check(self, logprobs: Sequence[float], whose: str) -> None:
        """Log-probabilities that are no numbers end the run: they are of logits that are none."""
        bad = next((i for i, value in enumerate(logprobs) if not math.isfinite(value)), None)
        if bad is not None:
            raise UserError(
                f"checkpoint {self.checkpoint.name} gives NaN or infinite logits at token {bad + 1} of its "
                f"response to {whose}; its weights are damaged or overflow in this dtype: check them, or try "
                "--dtype float32"
            )

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
            self._check(scores[i], f"text {i + 1} of {len(pairs)}")
        return scores

    def _generate(self, prompts: Sequence[Sequence[int]], how: Sequence[Any], response: int = 0) -> list[Any]:
        if not prompts:
            return []
        inputs = [{"prompt_token_ids": list(ids)} for ids in prompts]
        llm = self._llm(max(map(len, prompts)) + response)
        return list(llm.generate(inputs, list(how), use_tqdm=False))


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
