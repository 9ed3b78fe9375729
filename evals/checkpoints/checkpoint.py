"""Checkpoints: Hugging Face folders or hub ids (`name@revision`): checked, fingerprinted, with lineage."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from evals.core.bounds import depth_of, finite, loads, read_small
from evals.core.errors import UserError
from evals.core.keys import content_hash

LINEAGE: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("recipe", "parent", "parent_name", "data"), (str,)),
    **dict.fromkeys(("step", "tokens", "flops", "seed"), (int, float)),
}  # what a checkpoint may say of itself
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint found and checked.

    name: as the user gave it. weights, tokenizer: fingerprints of content, never of names.
    lineage: what lineage.json says (parent, recipe, step, tokens, …), or None.
    """

    name: str
    path: Path
    config: dict[str, Any]
    weights: str
    tokenizer: str
    lineage: dict[str, Any] | None


def open_checkpoint(name: str) -> Checkpoint:
    """Find, check and fingerprint a checkpoint; UserError where it is missing, half-written or none."""
    path = _locate(name)
    config = read_object(path / "config.json", name)
    if config is None or not ("architectures" in config or "model_type" in config):
        raise UserError(
            f"{name} is no checkpoint: it has no config.json of a model; give a Hugging Face folder"
        )
    files = _weight_files(path, name)
    if not any((path / f).is_file() for f in TOKENIZER_FILES):
        raise UserError(f"checkpoint {name} has no tokenizer files; save its tokenizer into the same folder")
    small = [path / "config.json", path / "generation_config.json"]
    weights = content_hash("weights", [_file_hash(f) for f in (*small, *files) if f.is_file()])
    tokens = content_hash(
        "tokenizer", [_file_hash(path / f) for f in TOKENIZER_FILES if (path / f).is_file()]
    )
    return Checkpoint(name, path, config, weights, tokens, _lineage(path, name))


def _lineage(path: Path, name: str) -> dict[str, Any] | None:
    """What lineage.json says; UserError where it could not stand in a finding."""
    found = read_object(path / "lineage.json", name)
    if found is None:
        return None
    wrong = [k for k, kinds in LINEAGE.items() if not isinstance(found.get(k), (*kinds, type(None)))]
    if wrong or depth_of(found) > 4 or not finite(found) or len(str(found)) > 100_000:
        what = f"its {wrong[0]} is {type(found[wrong[0]]).__name__}" if wrong else "it holds no plain values"
        raise UserError(f"the lineage.json of checkpoint {name} is damaged ({what}); correct or remove it")
    return found


def _locate(name: str) -> Path:
    """The folder of a local checkpoint, or of a downloaded snapshot of a hub id."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise UserError(f"{name} is a file, not a checkpoint folder; give the folder that holds config.json")
    repo, _, revision = name.partition("@")
    if name.startswith((".", "/", "~")) or repo.count("/") > 1 or not repo.strip("/"):
        raise UserError(
            f"checkpoint {name} does not exist; give a local folder or a hub id such as owner/name"
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(repo, revision=revision or None, ignore_patterns=["*.bin", "*.pth", "*.gguf"])
        )
    except Exception as error:
        raise UserError(
            f"checkpoint {name} is no local folder and the hub did not give it ({type(error).__name__}); "
            "check the name, or download it elsewhere and give its folder"
        ) from error


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


def _weight_files(path: Path, name: str) -> list[Path]:
    """The complete weight files of a checkpoint, in order; half-written ones are an error."""
    index = read_object(path / "model.safetensors.index.json", name)
    if index is not None:
        files = [path / f for f in _indexed(index, name)]
    else:
        files = sorted(path.glob("*.safetensors")) or sorted(path.glob("pytorch_model*.bin"))
    if not files:
        raise UserError(
            f"checkpoint {name} is half-written: it has no weight files; let the run that makes it finish"
        )
    for file in files:
        if not file.is_file() or (file.suffix == ".safetensors" and not _complete(file)):
            raise UserError(
                f"checkpoint {name} is half-written: {file.name} is missing or cut off; save it again"
            )
    return files


def _indexed(index: dict[str, Any], name: str) -> list[str]:
    """The file names in an index of weights, in order."""
    entries = index.get("weight_map")
    names: list[Any] = list(entries.values()) if isinstance(entries, dict) else [None]
    if not all(isinstance(n, str) and n == Path(n).name for n in names):
        raise UserError(
            f"checkpoint {name} is damaged: model.safetensors.index.json names no weight files; save it again"
        )
    return sorted(set(names))


def _complete(file: Path) -> bool:
    """Whether a safetensors file has all the bytes that its header announces."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(8)
        if len(head) < 8 or (length := struct.unpack("<Q", head)[0]) > size - 8:
            return False
        try:
            header = json.loads(stream.read(length))
            ends = [int(entry["data_offsets"][1]) for key, entry in header.items() if key != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            return False
    return 8 + length + max(ends, default=0) == size


def _file_hash(path: Path) -> tuple[str, int, str]:
    stat = path.stat()
    return path.name, stat.st_size, _hash_of(str(path.resolve()), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _hash_of(path: str, size: int, modified: int) -> str:
    """SHA-256 of a file's bytes; size and time of change only key the cache."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
