"""What lies in a folder: the weight files of a checkpoint, or what else it is and what to do with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from evals.core.bounds import loads, read_small
from evals.core.errors import UserError

SINGLE = ("model.safetensors", "pytorch_model.bin")
PART = re.compile(r"^(?:model|pytorch_model)-(\d+)-of-(\d+)\.(?:safetensors|bin)$")
SIZES = {
    "num_hidden_layers": 10_000,
    "n_layer": 10_000,
    "num_attention_heads": 100_000,
    "n_head": 100_000,
    "hidden_size": 1_000_000,
    "n_embd": 1_000_000,
    "vocab_size": 100_000_000,
}
OTHERS = ("consolidated", "adapter_model", "optimizer", "scheduler", "training_args", "rng_state")


def read_object(path: Path, name: str) -> dict[str, Any] | None:
    """A JSON file of checkpoint `name`, None where it is absent; UserError where it is damaged."""
    if not path.is_file():
        return None
    try:
        data = loads(read_small(path))
    except (ValueError, OSError) as error:
        raise UserError(
            f"checkpoint {name} is damaged: {path.name} is not readable JSON; save it again"
        ) from error
    if not isinstance(data, dict):
        raise UserError(f"checkpoint {name} is damaged: {path.name} is not a JSON object; save it again")
    return data


def check_sizes(config: dict[str, Any], name: str) -> None:
    """UserError where a config.json gives a size that no model has, before anything of that size is made."""
    inner = config.get("text_config")
    for part in (config, inner if isinstance(inner, dict) else {}):
        for key, most in SIZES.items():
            size = part.get(key)
            if size is not None and (type(size) is not int or not 1 <= size <= most):
                raise UserError(
                    f"checkpoint {name} is damaged: its config.json gives a {key} of {size!r:.40}; fix it"
                )


def has_weights(path: Path) -> bool:
    """Whether whole weights lie in a folder, beside whatever else."""
    return any((path / f).exists() for single in SINGLE for f in (single, f"{single}.index.json"))


def weight_files(path: Path, name: str) -> list[Path]:
    """The weight files that are loaded, in order: safetensors before `.bin`, one file or an index's shards.

    What lies beside them (consolidated copies, optimizers) is left out. UserError where there are none, where
    one is missing, or where a whole file and shards stand side by side, of which programs choose differently.
    """
    for single in SINGLE:
        index = read_object(path / f"{single}.index.json", name)
        shards = None if index is None else _indexed(index, f"{single}.index.json", name)
        if lost := [f for f in shards or () if not (path / f).is_file()]:
            raise UserError(
                f"checkpoint {name} is half-written: {lost[0]} is missing or cut off; save it again"
            )
        if shards and (path / single).is_file() and shards != [single]:
            raise UserError(
                f"checkpoint {name} holds its weights twice: {single}, and the shards of "
                f"{single}.index.json; "
                "remove the one that is out of date"
            )
        shards = shards or ([single] if (path / single).is_file() else _unindexed(path, single, name))
        if shards:
            return [path / f for f in shards]
    raise explained(path, name)


def _indexed(index: dict[str, Any], file: str, name: str) -> list[str]:
    """The file names in an index of weights, in order."""
    entries = index.get("weight_map")
    names: list[Any] = list(entries.values()) if isinstance(entries, dict) else [None]
    if not all(isinstance(n, str) and n == Path(n).name for n in names):
        raise UserError(f"checkpoint {name} is damaged: {file} names no weight files; save it again")
    return sorted(set(names))


def _unindexed(path: Path, single: str, name: str) -> list[str]:
    """Numbered shards without an index, all of them, or one safetensors file of another name."""
    suffix = Path(single).suffix
    names = sorted(p.name for p in path.glob(f"*{suffix}") if not p.name.startswith(OTHERS))
    numbered = {n: (int(m[1]), int(m[2])) for n in names if (m := PART.match(n))}
    if numbered:
        total = max(of for _, of in numbered.values())
        if sorted(i for i, _ in numbered.values()) != list(range(1, total + 1)):
            raise UserError(
                f"checkpoint {name} is half-written: it has {len(numbered)} of {total} parts of its weights "
                "and no index; save it again"
            )
        return list(numbered)
    return names if len(names) == 1 and suffix == ".safetensors" else []


def explained(path: Path, name: str) -> UserError:
    """Why a folder without config or weights is no checkpoint, and what to give instead."""
    if inside := _inside(path):
        last = inside[-1].relative_to(path)
        some = f"one of its {len(inside)} checkpoints" if len(inside) > 1 else "the checkpoint inside"
        return UserError(
            f"{name} is no checkpoint but the folder of a run; give {some}, such as {name}/{last}"
        )
    for form in (_verl, _deepspeed, _distributed, _foreign):
        if (said := form(path, name)) is not None:
            return UserError(said)
    if (path / "config.json").is_file():
        return UserError(
            f"checkpoint {name} is half-written: it has no weight files; let the run that makes it finish"
        )
    return UserError(f"{name} is no checkpoint: it has no config.json of a model; give a Hugging Face folder")


def _inside(path: Path) -> list[Path]:
    """Checkpoint folders inside a folder, in order of the numbers in their names."""
    found = [
        file.parent
        for pattern in ("*/", "checkpoints/*/", "*/*/")
        for marker in ("config.json", "adapter_config.json")
        for file in path.glob(pattern + marker)
        if any(
            file.parent.glob(kind) for kind in ("*.safetensors", "pytorch_model*.bin", "adapter_model.bin")
        )
    ]
    return sorted(set(found), key=lambda p: [int(n) for n in re.findall(r"\d+", str(p.relative_to(path)))])


def _last(path: Path, *patterns: str) -> Path | None:
    """The folder, relative to `path`, of the last file that fits one of the patterns."""
    files = [f for pattern in patterns for f in path.glob(pattern)]
    files.sort(key=lambda f: [int(n) for n in re.findall(r"\d+", str(f.parent.relative_to(path)))])
    return files[-1].parent.relative_to(path) if files else None


def _verl(path: Path, name: str) -> str | None:
    file = "model_world_size_*_rank_*.pt"
    found = _last(path, file, f"actor/{file}", f"global_step_*/{file}", f"global_step_*/actor/{file}")
    if found is None:
        return None
    folder = Path(name) / found
    return (
        f"{name} holds the shards of a verl run; merge them with `python -m verl.model_merger merge "
        f"--backend fsdp --local_dir {folder} --target_dir {folder}/merged` and give {folder}/merged"
    )


def _deepspeed(path: Path, name: str) -> str | None:
    found = _last(
        path, "*_model_states.pt", "global_step*/*_model_states.pt", "*/global_step*/*_model_states.pt"
    )
    if found is None:
        return None
    folder = Path(name) / (found.parent if found.name.startswith("global_step") else found)
    return (
        f"{name} holds the shards of a DeepSpeed run; merge them with `python -m "
        "deepspeed.utils.zero_to_fp32 "
        f"{folder} {folder}/merged`, copy config.json and the tokenizer there, and give {folder}/merged"
    )


def _distributed(path: Path, name: str) -> str | None:
    found = _last(path, "*.distcp", "*/*.distcp", "*/*/*.distcp")
    if found is None:
        return None
    folder = Path(name) / found
    if found.name.startswith("pytorch_model_fsdp"):
        merge = f"accelerate merge-weights {folder} {folder.parent}/merged"
        return (
            f"{name} holds the shards of an FSDP run; merge them with `{merge}`, copy config.json and the "
            f"tokenizer there, and give {folder.parent}/merged"
        )
    return (
        f"{name} holds the shards of a distributed checkpoint (DCP); merge them with `python -m "
        "torch.distributed."
        f"checkpoint.format_utils dcp_to_torch {folder} {folder}/merged/pytorch_model.bin`, copy "
        "config.json and "
        f"the tokenizer there, and give {folder}/merged"
    )


def _foreign(path: Path, name: str) -> str | None:
    """Weights of programs whose files are not read."""
    for pattern, what in (
        ("*.gguf", "a GGUF file, quantised for llama.cpp"),
        ("consolidated*", "weights in their makers' own layout (consolidated)"),
        ("*.h5", "TensorFlow weights"),
        ("*.msgpack", "Flax weights"),
        ("*/mp_rank_*/*.pt", "the shards of a Megatron run"),
    ):
        if any(path.glob(pattern)):
            return (
                f"{name} holds {what}; give the same model as a Hugging Face folder (config.json, "
                "model.safetensors, tokenizer), as its makers' converter writes it"
            )
    return None
