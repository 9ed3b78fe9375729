"""Pre-training data: documents tokenized once to a flat file, cut into steps by whole documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from evals.errors import UserError
from evals.world import STYLES, Mixture, documents
from trainer.config import PretrainConfig, WorldData
from trainer.files import write_folder

CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Corpus:
    """Tokens (int32, memory-mapped), the end of every document in them, and their content's fingerprint."""

    tokens: np.ndarray
    ends: np.ndarray
    fingerprint: str


def world_documents(data: WorldData) -> Iterator[str]:
    """The endless documents of a mixture of the synthetic world."""
    styles = data.styles or dict.fromkeys(STYLES, 1.0)
    mixture = Mixture(data.problems, data.drills, data.stories, data.facts, tuple(data.levels), styles)
    return documents(mixture, seed=data.seed)


def prepare(folder: Path, config: PretrainConfig) -> tuple[Corpus, Any]:
    """(corpus, tokenizer) of a run: made on the first call, read from `folder` afterwards."""
    from evals.tokenizer import load_tokenizer, train_tokenizer

    if not (folder / "DONE").is_file():

        def fill(target: Path) -> None:
            tokenizer = train_tokenizer(islice(world_documents(config.data), 5000), config.vocab_size)
            tokenizer.save_pretrained(target / "tokenizer")
            tokens, ends = _tokenize(world_documents(config.data), tokenizer, config)
            np.save(target / "tokens.npy", tokens)
            np.save(target / "ends.npy", ends)
            (target / "DONE").write_text(
                hashlib.sha256(tokens.tobytes() + ends.tobytes()).hexdigest()[:32] + "\n"
            )

        write_folder(folder, fill)
    corpus = Corpus(
        np.load(folder / "tokens.npy", mmap_mode="r"),
        np.load(folder / "ends.npy"),
        (folder / "DONE").read_text().strip(),
    )
    return corpus, load_tokenizer(folder / "tokenizer")


def _tokenize(texts: Iterator[str], tokenizer: Any, config: PretrainConfig) -> tuple[np.ndarray, np.ndarray]:
    """Token ids of documents, each ended by EOS and cut to pieces of `sequence`, until the budget is full."""
    flat: list[int] = []
    ends: list[int] = []
    while len(flat) < config.tokens:
        batch = list(islice(texts, CHUNK))
        if not batch:
            raise UserError(f"the data ends after {len(flat)} tokens; lower tokens (now {config.tokens})")
        for ids in tokenizer(batch)["input_ids"]:
            whole = [*ids, tokenizer.eos_token_id]
            for start in range(0, len(whole), config.sequence):
                piece = whole[start : start + config.sequence]
                if len(piece) > 1:
                    flat.extend(piece)
                    ends.append(len(flat))
            if len(flat) >= config.tokens:
                break
    return np.array(flat, dtype=np.int32), np.array(ends, dtype=np.int64)


def steps(corpus: Corpus, batch_tokens: int) -> list[tuple[int, int]]:
    """Documents [first, last) of every step: as many whole ones as fit into batch_tokens, at least one."""
    cuts, first, start = [], 0, 0
    while first < len(corpus.ends):
        last = int(np.searchsorted(corpus.ends, start + batch_tokens, side="right"))
        last = max(last, first + 1)
        cuts.append((first, last))
        first, start = last, int(corpus.ends[last - 1])
    return cuts


def document(corpus: Corpus, index: int) -> np.ndarray:
    """Token ids of one document."""
    start = int(corpus.ends[index - 1]) if index else 0
    return np.asarray(corpus.tokens[start : corpus.ends[index]])
