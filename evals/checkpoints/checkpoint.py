"""Checkpoints: Hugging Face folders, PEFT adapters, hub ids (`name@revision`): checked and fingerprinted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evals.checkpoints.adapters import Adapter, read_adapter
from evals.checkpoints.fingerprint import EMBEDDINGS, HEADS, file_hash, fingerprints
from evals.checkpoints.forms import check_sizes, explained, has_weights, read_object, weight_files
from evals.checkpoints.locating import locate
from evals.checkpoints.stored import Stored, stored_tensors, wrapped
from evals.core.bounds import depth_of, finite
from evals.core.errors import UserError
from evals.core.keys import content_hash

LINEAGE: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("recipe", "parent", "parent_name", "parent_tensors", "data"), (str,)),
    **dict.fromkeys(("step", "tokens", "flops", "seed"), (int, float)),
}  # what a checkpoint may say of itself
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
)
TOKENIZER_MODELS = ("tokenizer.model", "spiece.model", "vocab.txt", "*.tiktoken")  # where no JSON holds it


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint found and checked.

    name: as the user gave it. path: the folder of config and weights (of the base, where it is an adapter).
    weights, tokenizer: fingerprints of the files that are loaded, never of names; they key what is kept.
    lineage: what lineage.json says (parent, recipe, step, tokens, …), or None.
    tensors: fingerprint of the tensors that are loaded: equal where two checkpoints have the same weights;
    None where they are behind a server.
    files: the weight files that are loaded. tokenizer_path: the folder of the
    tokenizer, where it is not `path`.
    adapter: what is merged into the weights, or None. own_code: whether code in the folder may be run.
    plain: whether other programs read the same weights and tokenizer from `path`.
    """

    name: str
    path: Path
    config: dict[str, Any]
    weights: str
    tokenizer: str
    lineage: dict[str, Any] | None
    tensors: str | None = None
    files: tuple[Path, ...] = ()
    tokenizer_path: Path | None = None
    adapter: Adapter | None = None
    own_code: bool = False
    plain: bool = True

    @property
    def size(self) -> int:
        """Bytes of its weight files."""
        return sum(file.stat().st_size for file in self.files)

    def stored(self) -> dict[str, Stored]:
        """The tensors of its weight files by name, without those of an adapter."""
        return stored_tensors(self.files, self.name)


def open_checkpoint(
    name: str, *, tokenizer: str | None = None, trust_remote_code: bool = False
) -> Checkpoint:
    """Find, check and fingerprint a checkpoint; UserError where it is missing, half-written or none.

    tokenizer: folder or hub id of its tokenizer (default: its own folder). trust_remote_code: run the code
    that its config names (`auto_map`); without it a checkpoint that needs its own code is refused.
    """
    path = locate(name, code=trust_remote_code)
    adapted = (path / "adapter_config.json").is_file()
    if adapted and not has_weights(path):
        return _open_adapter(name, path, tokenizer, trust_remote_code)
    config = read_object(path / "config.json", name)
    if config is None or not ("architectures" in config or "model_type" in config):
        raise explained(path, name)
    check_sizes(config, name)
    files = weight_files(path, name)
    if adapted:
        raise UserError(
            f"{name} holds both whole weights ({files[0].name}) and an adapter (adapter_config.json); "
            "move one "
            "of the two into a folder of its own, and give the one that is meant"
        )
    small = [f for f in (path / "config.json", path / "generation_config.json") if f.is_file()]
    small += _own_code(path) if trust_remote_code else []
    weights, tensors, each = fingerprints(small, files, stored_tensors(files, name))
    _check_ties(config, each, name)
    found = Checkpoint(
        name, path, config, weights, "", lineage_of(path, name), tensors, tuple(files),
        path, own_code=trust_remote_code, plain=not wrapped(files, name),
    )  # fmt: skip
    return _with_tokenizer(found, tokenizer, path)


def _open_adapter(name: str, path: Path, tokenizer: str | None, trust_remote_code: bool) -> Checkpoint:
    """An adapter as a checkpoint: its base and what is merged into it on loading. Lineage names the base."""
    adapter = read_adapter(path, name)
    base = adapter.base if adapter.revision is None else f"{adapter.base}@{adapter.revision}"
    folder = locate(base, near=path, code=trust_remote_code)
    own = str(path) if tokenizer is None and _tokenizer_files(path) else tokenizer
    under = open_checkpoint(str(folder), tokenizer=own, trust_remote_code=trust_remote_code)
    if under.adapter is not None:
        raise UserError(
            f"adapter {name} has another adapter as its base ({base}); merge that one first, and save "
            "it whole"
        )
    own_lineage = lineage_of(path, name)
    trained_on = (own_lineage or {}).get("parent_tensors")
    if trained_on and under.tensors and trained_on != under.tensors:
        raise UserError(
            f"adapter {name} was trained on other weights than its base {base} now has; give the base that "
            "it was trained on"
        )
    above = {"parent": under.weights, "parent_name": base, "prompt": (under.lineage or {}).get("prompt")}
    return replace(
        under,
        name=name,
        weights=content_hash("adapted weights", under.weights, adapter.weights),
        tensors=content_hash("adapted", under.tensors, adapter.tensors) if adapter.tensors else under.tensors,
        lineage=own_lineage or above,
        adapter=adapter,
        plain=False,
    )


def lineage_of(path: Path, name: str) -> dict[str, Any] | None:
    """What lineage.json says; UserError where it could not stand in a finding."""
    found = read_object(path / "lineage.json", name)
    if found is None:
        return None
    wrong = [k for k, kinds in LINEAGE.items() if not isinstance(found.get(k), (*kinds, type(None)))]
    if wrong or depth_of(found) > 4 or not finite(found) or len(str(found)) > 100_000:
        what = f"its {wrong[0]} is {type(found[wrong[0]]).__name__}" if wrong else "it holds no plain values"
        raise UserError(f"the lineage.json of checkpoint {name} is damaged ({what}); correct or remove it")
    return found


def _check_ties(config: Mapping[str, Any], tensors: Mapping[str, str], name: str) -> None:
    """UserError where config.json ties the output head to the embedding and the files have two different."""
    text = config.get("text_config")
    tied = config.get(
        "tie_word_embeddings", text.get("tie_word_embeddings") if isinstance(text, dict) else None
    )
    heads = {tensors[t] for t in tensors if t.endswith(HEADS)}
    embeddings = {tensors[t] for t in tensors if t.endswith(EMBEDDINGS)}
    if tied and heads and embeddings and not heads & embeddings:
        raise UserError(
            f"checkpoint {name} is damaged: config.json ties the output head to the embedding, and "
            "its weight "
            "files have two different ones; set tie_word_embeddings to false, or save it again"
        )


def _with_tokenizer(found: Checkpoint, tokenizer: str | None, path: Path) -> Checkpoint:
    """The checkpoint with the tokenizer of its folder, or of another one."""
    at = path if tokenizer is None else locate(tokenizer, weights=False, code=found.own_code)
    if not _tokenizer_files(at):
        where = "no tokenizer files" if tokenizer is None else f"no tokenizer files in {tokenizer}"
        raise UserError(
            f"checkpoint {found.name} has {where}; save its tokenizer into the same folder, or give "
            "the folder "
            "that has it with --tokenizer"
        )
    return replace(
        found,
        tokenizer_path=at,
        tokenizer=_tokenizer_fingerprint(at, found.own_code),
        plain=found.plain and at == path,
    )


def _own_code(path: Path) -> list[Path]:
    """The Python files of a folder whose settings name code of its own: they decide what is computed."""
    names = ("config.json", "tokenizer_config.json")
    mapped = any("auto_map" in (read_object(path / file, str(path)) or {}) for file in names)
    return sorted(path.glob("*.py")) if mapped else []


def _tokenizer_files(path: Path) -> list[Path]:
    """The files that decide a tokenizer, in the order of their fingerprint."""
    files = [path / f for f in TOKENIZER_FILES if (path / f).is_file()]
    if not any((path / f).is_file() for f in ("tokenizer.json", "vocab.json")):
        files += sorted(f for pattern in TOKENIZER_MODELS for f in path.glob(pattern))
    return files


def _tokenizer_fingerprint(path: Path, own_code: bool = False) -> str:
    code = _own_code(path) if own_code else []
    return content_hash("tokenizer", [file_hash(f) for f in (*_tokenizer_files(path), *code)])
