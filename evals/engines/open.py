"""Opening an engine on a checkpoint."""

from __future__ import annotations

from evals.checkpoints.checkpoint import Checkpoint, open_checkpoint
from evals.core.errors import UserError, first_line
from evals.engines.engine import Engine

ENGINES = ("torch", "vllm", "server")
ROWS, SLOW_ROWS = 256, 32  # decoded together by default: on a GPU or of a small model; else on a CPU
SMALL = 20_000_000  # parameters
PROBE = "A farmer has 3 sheep and buys 14 more. How many sheep has he now? He has 3 + 14 = 17 sheep."


def find_checkpoint(name: str, engine: str = "torch", server: str | None = None) -> Checkpoint:
    """The checkpoint of a folder or hub id; with engine "server", the model of this name at `server`."""
    if engine == "server":
        from evals.engines.server import server_checkpoint

        return server_checkpoint(name, server)
    if server:
        raise UserError(f"--server goes with --engine server, not with --engine {engine}")
    return open_checkpoint(name)


def open_engine(
    checkpoint: str | Checkpoint,
    *,
    engine: str = "torch",
    dtype: str | None = None,
    rows: int | None = None,
    server: str | None = None,
    vllm: tuple[str, ...] = (),
) -> Engine:
    """An engine on a checkpoint folder or hub id.

    engine: "torch" (in process), "vllm" or "server". dtype: "float32", "bfloat16", … (default: float32 on a
    CPU, bfloat16 on a GPU). rows: rows that the torch engine decodes together, requests that a server gets at
    once (default: by the device; on a CPU a batch of a large model is to end within a minute or so).
    server: URL of the server. vllm: KEY=VALUE, see `evals.engines.vllm_options.VllmOptions`.
    """
    if vllm and engine != "vllm":
        raise UserError(f"--vllm goes with --engine vllm, not with --engine {engine}")
    found = find_checkpoint(checkpoint, engine, server) if isinstance(checkpoint, str) else checkpoint
    if engine == "server":
        from evals.engines.server.engine import ServerEngine

        return ServerEngine(found, server or "", **({"rows": rows} if rows else {}))
    if engine == "torch":
        return _torch_engine(found, dtype, rows)
    if engine == "vllm":
        from evals.engines.vllm_engine import VllmEngine
        from evals.engines.vllm_options import vllm_options

        return VllmEngine(found, dtype=dtype, options=vllm_options(vllm))
    raise UserError(f"no engine {engine!r}; choose one of {', '.join(ENGINES)}")


def _torch_engine(found: Checkpoint, dtype: str | None, rows: int | None) -> Engine:
    import torch

    from evals.checkpoints.config import context_of, eos_ids
    from evals.checkpoints.loading import load_olmo2
    from evals.checkpoints.tokenizer import load_tokenizer
    from evals.engines.decoders import Decoder, Olmo2Decoder
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
            from evals.engines.decoders.proof import decoder_for

            decoder = decoder_for(model.to(device).eval(), found.name, tokenizer(PROBE)["input_ids"])
    except UserError:
        raise
    except Exception as error:  # torch, transformers and safetensors raise dozens of kinds
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise UserError(f"{found.name} does not fit into memory; give --dtype bfloat16") from error
        reason = "its weights do not fit its config.json" if "state_dict" in str(error) else first_line(error)
        raise UserError(f"checkpoint {found.name} does not load: {reason}; save it again") from error
    quick = device == "cuda" or sum(p.numel() for p in decoder.model.parameters()) < SMALL
    rows = rows or (ROWS if quick else SLOW_ROWS)
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
        chunk=4 * rows if quick else rows,
        name=found.name,
    )
