"""Opening an engine on a checkpoint."""

from __future__ import annotations

from typing import Any

from evals.checkpoints.checkpoint import Checkpoint, open_checkpoint, read_object
from evals.core.errors import UserError, first_line
from evals.engines import Engine

ENGINES = ("torch", "vllm")
CONTEXT = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length")  # in a config


def open_engine(
    checkpoint: str | Checkpoint, *, engine: str = "torch", dtype: str | None = None, rows: int = 256
) -> Engine:
    """An engine on a checkpoint folder or hub id.

    engine: "torch" (in process) or "vllm". dtype: "float32", "bfloat16", … (default: float32 on a CPU,
    bfloat16 on a GPU). rows: rows that the torch engine decodes together.
    """
    found = open_checkpoint(checkpoint) if isinstance(checkpoint, str) else checkpoint
    if engine == "torch":
        return _torch_engine(found, dtype, rows)
    if engine == "vllm":
        from evals.engines.vllm_engine import VllmEngine

        return VllmEngine(found, dtype=dtype)
    raise UserError(f"no engine {engine!r}; choose one of {', '.join(ENGINES)}")


def _torch_engine(found: Checkpoint, dtype: str | None, rows: int) -> Engine:
    import torch

    from evals.checkpoints.tokenizer import load_tokenizer
    from evals.engines.decoders import Decoder, Olmo2Decoder, TransformersDecoder
    from evals.engines.olmo2 import Olmo2Shape
    from evals.engines.torch_engine import TorchEngine

    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = getattr(torch, dtype or ("bfloat16" if device == "cuda" else "float32"), None)
    if not isinstance(kind, torch.dtype):
        raise UserError(f"no dtype {dtype!r}; choose float32, bfloat16 or float16")
    tokenizer = load_tokenizer(found.path)
    decoder: Decoder
    try:
        if Olmo2Shape.from_config(found.config) is not None:
            decoder = Olmo2Decoder(load_olmo2(found).to(device, kind).eval())
        else:
            from transformers import AutoModelForCausalLM

            model = AutoModelForCausalLM.from_pretrained(str(found.path), dtype=kind)
            decoder = TransformersDecoder(model.to(device).eval())
    except Exception as error:  # torch, transformers and safetensors raise dozens of kinds
        reason = "its weights do not fit its config.json" if "state_dict" in str(error) else first_line(error)
        raise UserError(f"checkpoint {found.name} does not load: {reason}; save it again") from error
    return TorchEngine(
        decoder,
        tokenizer,
        eos_ids=eos_ids(found, tokenizer),
        context=context_of(found, tokenizer),
        identity={
            "weights": found.weights,
            "tokenizer": found.tokenizer,
            "engine": "torch",
            "version": torch.__version__.partition("+")[0],
            "dtype": str(kind).removeprefix("torch."),
        },
        rows=rows,
    )


def load_olmo2(found: Checkpoint) -> Any:
    """The `Olmo2` module of a checkpoint in fp32; ValueError where its config is of another architecture."""
    from safetensors.torch import load_file

    from evals.engines.olmo2 import Olmo2, Olmo2Shape

    shape = Olmo2Shape.from_config(found.config)
    if shape is None:
        raise ValueError(f"{found.name} is not an Olmo2ForCausalLM that this package represents")
    state: dict[str, Any] = {}
    for file in sorted(found.path.glob("*.safetensors")):
        state |= load_file(file)
    model = Olmo2(shape)
    if shape.tie_word_embeddings:
        state.setdefault("lm_head.weight", state["model.embed_tokens.weight"])
    model.load_state_dict({k: v.float() for k, v in state.items()})
    return model


def context_of(found: Checkpoint, tokenizer: Any) -> int:
    """Longest prompt plus response in tokens: of the config, else of the tokenizer."""
    said = [found.config.get(name) for name in CONTEXT]
    longest = next((v for v in said if v is not None), tokenizer.model_max_length)
    if not isinstance(longest, int | float) or longest < 2:
        raise UserError(
            f"checkpoint {found.name} is damaged: its context of {longest!r} tokens is none; mend config.json"
        )
    return int(longest)


def eos_ids(found: Checkpoint, tokenizer: Any) -> tuple[int, ...]:
    """Ids that end a response: of the generation config, the config and the tokenizer."""
    generation = read_object(found.path / "generation_config.json", found.name) or {}
    ids: set[int] = set()
    for value in (generation.get("eos_token_id"), found.config.get("eos_token_id"), tokenizer.eos_token_id):
        listed = value if isinstance(value, list) else [] if value is None else [value]
        if wrong := [v for v in listed if not isinstance(v, int)]:
            raise UserError(
                f"checkpoint {found.name} is damaged: eos_token_id {wrong[0]!r} is no number; mend its config"
            )
        ids |= set(listed)
    if not ids:
        raise UserError(
            f"the tokenizer of {found.name} has no end-of-sequence token; set eos_token in its config"
        )
    return tuple(sorted(ids))
