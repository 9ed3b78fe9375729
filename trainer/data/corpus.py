"""Pre-training data: a mixture tokenized once into shards, dealt out to steps by whole documents."""

from __future__ import annotations

import hashlib
import json
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from evals.core.errors import UserError
from evals.core.files import write_file
from evals.core.keys import content_hash, derive_seed
from trainer.config.schema import PretrainConfig
from trainer.data.sources import texts_of
from trainer.distributed import ranks as distributed
from trainer.run.files import write_folder

BLOCK = 64  # documents taken from one source at a time
SHARD = 1 << 26  # tokens
SAMPLE = 5000  # documents that a tokenizer is trained on, at most


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents in the order of training.

    shards: token ids, memory-mapped. offsets: tokens before each shard. starts, lengths: of every document,
    in the order of training. fingerprint: of the content.
    """

    shards: list[np.ndarray]
    offsets: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    fingerprint: str

    def document(self, number: int) -> list[int]:
        """Token ids of one document."""
        start = int(self.starts[number])
        shard = int(np.searchsorted(self.offsets, start, side="right")) - 1
        first = start - int(self.offsets[shard])
        ids: list[int] = self.shards[shard][first : first + int(self.lengths[number])].tolist()
        return ids


def prepare(folder: Path, config: PretrainConfig) -> None:
    """Make tokenizer and shards of a run's data, going on where a killed call stopped.

    One rank works, the others wait for its marker.
    """
    while distributed.rank() > 0 and not (folder / "DONE").is_file():
        time.sleep(1.0)
    if (folder / "DONE").is_file():
        return
    if not (folder / "tokenizer").is_dir():
        write_folder(folder / "tokenizer", _tokenizer(config).save_pretrained)
    tokenizer = open_tokenizer(folder)
    number = 0
    while (state := _state(folder, number, config))["total"] < config.tokens:
        if not (folder / f"shard-{number:05d}").is_dir():
            _write_shard(folder / f"shard-{number:05d}", state, tokenizer, config)
        number += 1
    hashes = [_state(folder, i + 1, config)["hash"] for i in range(number)]
    write_file(folder / "DONE", content_hash(hashes) + "\n")


def open_tokenizer(folder: Path) -> Any:
    """The tokenizer of prepared data."""
    from evals.checkpoints.tokenizer import load_tokenizer

    return load_tokenizer(folder / "tokenizer")


def vocabulary(tokenizer: Any, config: PretrainConfig) -> int:
    """Rows of the model's embedding: as configured, or a given tokenizer's entries rounded up to 64.

    So are those of one trained here where the mixture gave less than half of what was asked for: such
    an embedding would be taken for that of another tokenizer (`evals.checkpoints.config.check_vocabulary`).
    """
    asked = config.tokenizer is None and config.vocab_size <= 2 * len(tokenizer)
    return config.vocab_size if asked else -(-len(tokenizer) // 64) * 64


def open_corpus(folder: Path, config: PretrainConfig) -> Corpus:
    """Prepared data in the order of training: a permutation of all documents keyed by data.seed."""
    names = sorted(folder.glob("shard-*"))
    shards = [np.load(f / "tokens.npy", mmap_mode="r") for f in names]
    offsets = np.cumsum([0] + [len(s) for s in shards])[:-1]
    ends = np.concatenate([np.load(f / "ends.npy") + o for f, o in zip(names, offsets, strict=True)])
    starts = np.concatenate([[0], ends[:-1]])
    order = np.random.default_rng(derive_seed("document-order", config.data.seed)).permutation(len(ends))
    mark = (folder / "DONE").read_text("utf-8").strip()
    return Corpus(shards, offsets, starts[order], (ends - starts)[order], mark)


def steps(corpus: Corpus, batch_tokens: int) -> list[tuple[int, int]]:
    """Documents [first, last) of every step: as many whole ones as fit into batch_tokens, at least one."""
    ends = np.cumsum(corpus.lengths)
    cuts, first, seen = [], 0, 0
    while first < len(ends):
        last = max(int(np.searchsorted(ends, seen + batch_tokens, side="right")), first + 1)
        cuts.append((first, last))
        first, seen = last, int(ends[last - 1])
    return cuts


def _tokenizer(config: PretrainConfig) -> Any:
    from evals.checkpoints.tokenizer import load_tokenizer, train_tokenizer

    if config.tokenizer is None:
        whole, count = sum(s.weight for s in config.sources), min(SAMPLE, 100 + config.tokens // 64)
        taken = [
            islice(texts_of(s, config.data), max(1, round(count * s.weight / whole))) for s in config.sources
        ]
        return train_tokenizer((text for texts in taken for text in texts), config.vocab_size)
    try:
        tokenizer = load_tokenizer(config.tokenizer)
    except (OSError, ValueError) as error:
        raise UserError(f"no tokenizer at {config.tokenizer}; give its folder or hub id") from error
    if tokenizer.eos_token_id is None:
        raise UserError(f"the tokenizer {config.tokenizer} has no end-of-sequence token; set eos_token in it")
    return tokenizer


def _state(folder: Path, number: int, config: PretrainConfig) -> dict[str, Any]:
    """Where shard `number` begins: documents and tokens taken from every source, tokens in all."""
    if number == 0:
        zero = [0] * len(config.sources)
        return {"documents": zero, "tokens": zero, "total": 0}
    file = folder / f"shard-{number - 1:05d}" / "state.json"
    return dict(json.loads(file.read_text("utf-8")))


def _write_shard(path: Path, state: dict[str, Any], tokenizer: Any, config: PretrainConfig) -> None:
    flat, ends = array("I"), array("q")
    room = min(SHARD, config.tokens - state["total"])
    documents, tokens = list(state["documents"]), list(state["tokens"])
    streams = [texts_of(s, config.data, d) for s, d in zip(config.sources, documents, strict=True)]
    while len(flat) < room:
        # the source that is furthest behind its share of the tokens comes next
        number = min(range(len(streams)), key=lambda i: tokens[i] / config.sources[i].weight)
        before, block = len(flat), list(islice(streams[number], BLOCK))
        if not block:
            raise UserError(
                f"source {config.sources[number].path} ends after {tokens[number]} tokens; lower "
                f"pretrain.tokens (now {config.tokens}) or its weight, or raise its epochs"
            )
        for ids in tokenizer(block, add_special_tokens=False)["input_ids"]:
            documents[number] += 1
            for piece in pieces([*ids, tokenizer.eos_token_id], config.sequence):
                flat.extend(piece)
                ends.append(len(flat))
            if len(flat) >= room:
                break
        tokens[number] += len(flat) - before

    def fill(folder: Path) -> None:
        kind = np.uint16 if len(tokenizer) <= 1 << 16 else np.uint32
        ids, cuts = np.array(flat, dtype=kind), np.array(ends, dtype=np.int64)
        np.save(folder / "tokens.npy", ids)
        np.save(folder / "ends.npy", cuts)
        digest = hashlib.sha256(ids.tobytes() + cuts.tobytes()).hexdigest()[:32]
        after = {"documents": documents, "tokens": tokens, "total": state["total"] + len(flat)}
        (folder / "state.json").write_text(json.dumps(after | {"hash": digest}), "utf-8")

    write_folder(path, fill)


def pieces(ids: list[int], longest: int) -> Iterator[list[int]]:
    """A document cut to pieces of at most `longest` tokens; a last piece of one token predicts nothing."""
    for start in range(0, len(ids), longest):
        piece = ids[start : start + longest]
        if len(piece) > 1:
            yield piece
