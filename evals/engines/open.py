"""Opening an engine on a checkpoint."""

from __future__ import annotations

from typing import Any

from evals.checkpoints.checkpoint import Checkpoint, open_checkpoint
from evals.core.errors import UserError
from evals.engines.engine import Engine

ENGINES = ("torch", "vllm", "server")
ROWS, SLOW_ROWS = 256, 32  # decoded together by default: on a GPU or of a small model; else on a CPU
SMALL, MIDDLE = 20_000_000, 500_000_000  # parameters
MIDDLE_ROWS, MIDDLE_LOGITS = 128, 2**23  # of a model between: rows, and logits of them all (34 MB)
PROBE = "A farmer has 3 sheep and buys 14 more. How many sheep has he now? He has 3 + 14 = 17 sheep."


def find_checkpoint(
    name: str,
    engine: str = "torch",
    server: str | None = None,
    *,
    tokenizer: str | None = None,
    trust_remote_code: bool = False,
) -> Checkpoint:
    """The checkpoint of a folder or hub id; with engine "server", the model of this name at `server`.

    tokenizer, trust_remote_code: see `open_checkpoint`.
    """
    if engine == "server":
        from evals.engines.server import server_checkpoint

        if tokenizer:
            raise UserError(
                "--tokenizer goes with --engine torch or vllm: a server has the tokenizer it serves"
            )
        return server_checkpoint(name, server)
    if server:
        raise UserError(f"--server goes with --engine server, not with --engine {engine}")
    return open_checkpoint(name, tokenizer=tokenizer, trust_remote_code=trust_remote_code)


def open_engine(
    checkpoint: str | Checkpoint,
    *,
    engine: str = "torch",
    dtype: str | None = None,
    rows: int | None = None,
    server: str | None = None,
    vllm: tuple[str, ...] = (),
    tokenizer: str | None = None,
    trust_remote_code: bool = False,
) -> Engine:
    """An engine on a checkpoint folder, an adapter's folder or a hub id.

    engine: "torch" (in process), "vllm" or "server". dtype: "float32", "bfloat16", … (default: float32 on a
    CPU, bfloat16 on a GPU). rows: rows that the torch engine decodes together, requests that a server gets at
    once (default: by the device; on a CPU a batch of a large model is to end within a minute or so).
    server: URL of the server. vllm: KEY=VALUE, see `evals.engines.vllm_options.VllmOptions`.
    tokenizer, trust_remote_code: see `open_checkpoint`; of a checkpoint that is open already they are what it
    was opened with.
    """
    if vllm and engine != "vllm":
        raise UserError(f"--vllm goes with --engine vllm, not with --engine {engine}")
    found = (
        find_checkpoint(checkpoint, engine, server, tokenizer=tokenizer, trust_remote_code=trust_remote_code)
        if isinstance(checkpoint, str)
        else checkpoint
    )
    if engine == "server":
        from evals.engines.server.engine import ServerEngine

        return ServerEngine(found, server or "", **({"rows": rows} if rows else {}))
    if engine == "torch":
        return _torch_engine(found, dtype, rows)
    if engine == "vllm":
        from evals.checkpoints.loading import only_plain
        from evals.engines.vllm_engine import VllmEngine
        from evals.engines.vllm_options import vllm_options

        only_plain(found, "vLLM")
        return VllmEngine(found, dtype=dtype, options=vllm_options(vllm))
    raise UserError(f"no engine {engine!r}; choose one of {', '.join(ENGINES)}")


def _torch_engine(found: Checkpoint, dtype: str | None, rows: int | None) -> Engine:
    import torch

    from evals.checkpoints.config import check_vocabulary, context_name, context_of, eos_ids
    from evals.checkpoints.loading import attention, load_causal, load_olmo2, sound
    from evals.checkpoints.tokenizer import encode, tokenizer_of
    from evals.engines.decoders import Decoder, Olmo2Decoder
    from evals.engines.threads import keep_freed_memory
    from evals.engines.torch_engine import TorchEngine
    from evals.models.olmo2 import Olmo2Shape

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        keep_freed_memory()
    kind = dtype_of(usual_dtype(dtype))
    tokenizer = tokenizer_of(found)
    check_vocabulary(found, tokenizer)
    decoder: Decoder
    own: dict[str, str] = {}
    with sound(found):
        if Olmo2Shape.from_config(found.config) is not None:
            decoder = Olmo2Decoder(load_olmo2(found, kind).to(device).eval())
        else:
            from evals.engines.decoders.proof import decoder_for

            model = load_causal(found, kind).to(device)
            own = attention(model.config)
            decoder = decoder_for(model, found.name, encode(tokenizer, PROBE))
    size = sum(p.numel() for p in decoder.model.parameters())
    quick = device == "cuda" or size < SMALL
    rows = rows or (ROWS if quick else rows_on_a_cpu(size, decoder.vocab_size))
    return TorchEngine(
        decoder,
        tokenizer,
        eos_ids=eos_ids(found, tokenizer),
        context=context_of(found, tokenizer),
        context_name=context_name(found),
        identity={
            "weights": found.weights,
            "tokenizer": found.tokenizer,
            "engine": "torch",
            "version": torch.__version__.partition("+")[0],
            "dtype": str(kind).removeprefix("torch."),
            **own,
        },
        rows=rows,
        chunk=4 * rows if quick else rows,
        name=found.name,
    )


def rows_on_a_cpu(parameters: int, vocabulary: int) -> int:
    """Rows of a model that is not small: the more, the faster a token, in memory for caches and logits."""
    if parameters >= MIDDLE:
        return SLOW_ROWS
    return max(SLOW_ROWS, min(MIDDLE_ROWS, MIDDLE_LOGITS // vocabulary))


def usual_dtype(name: str | None) -> str:
    """The name of a type, or where none is given what is usual on this machine."""
    import torch

    return name or ("bfloat16" if torch.cuda.is_available() else "float32")


def dtype_of(name: str) -> Any:
    """The floating-point type of torch of this name; UserError where it is none."""
    import torch

    kind = getattr(torch, name, None)
    if kind not in (torch.float32, torch.bfloat16, torch.float16):
        raise UserError(f"no dtype {name!r}; choose float32, bfloat16 or float16")
    return kind
