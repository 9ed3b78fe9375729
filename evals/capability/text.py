"""Loss on plain text, bits per byte, document by document: sensitive where multiple choice is not."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from evals.checkpoints.checkpoint import open_checkpoint
from evals.checkpoints.tokenizer import encode, tokenizer_of
from evals.core.errors import UserError
from evals.core.files import write_file
from evals.core.keys import content_hash
from evals.core.labels import short_labels
from evals.problems.files import SUFFIXES, read_rows

if TYPE_CHECKING:
    import pandas as pd

    from evals.engines.engine import Engine

DOCUMENTS = 300  # of the world, where no text is given
HELD_OUT = 10**8  # number of the first of them: far beyond any pre-training run
PIECE = 2000  # characters of a document that is cut out of a plain text file
ROWS = 32  # windows scored together


def text_loss(
    checkpoints: Sequence[str],
    out: Path,
    *,
    text: Path | None = None,
    limit: int | None = None,
    dtype: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Bits and bytes of every document under every checkpoint: columns weights, document, bits, bytes.

    text: a file of rows with a column text (.jsonl, .json, .parquet, .csv), or plain text, cut at paragraphs
    into documents of about PIECE characters; without one, documents of the synthetic world that no run was
    trained on. Every token is predicted, the first after what the tokenizer sets before a text (else after
    the end-of-text token), long documents in windows of the model's context that do not overlap. What `out`
    holds already is not measured again. UserError for a text without documents.
    """
    import pandas as pd

    from evals.engines.open import usual_dtype

    chosen = list(islice(documents(text), limit or (DOCUMENTS if text is None else None)))
    if len(chosen) < 2:
        raise UserError(f"{text} holds fewer than two documents; give a longer text")
    labels, kind = short_labels(checkpoints), usual_dtype(dtype)
    frames = []
    for name in checkpoints:
        found = open_checkpoint(name)
        about: list[object] = [found.weights, found.tokenizer, kind, chosen]
        about += [start] if (start := encode(tokenizer_of(found), "")) else []
        path = out / "text" / f"{content_hash(*about)}.parquet"
        if not path.is_file():
            from evals.engines import open_engine

            if progress:
                progress(f"{labels[name]}: {len(chosen)} documents")
            bits = losses(open_engine(found, dtype=dtype), chosen)
            frame = pd.DataFrame({"weights": found.weights, "document": range(len(chosen)), "bits": bits,
                                  "bytes": [len(d.encode()) for d in chosen]})  # fmt: skip
            stream = io.BytesIO()
            frame.to_parquet(stream, index=False)
            write_file(path, stream.getvalue())
        frames.append(pd.read_parquet(path))
    both = pd.concat(frames, ignore_index=True).drop_duplicates(["weights", "document", "bits"])
    if both.duplicated(["weights", "document"]).any():
        raise UserError(
            "two checkpoints have the same weights and different tokenizers, and a loss is kept by its "
            "weights alone; measure these one at a time"
        )
    return both


def documents(text: Path | None) -> Iterator[str]:
    """The documents of a file, or endless ones of the world; see `text_loss`."""
    if text is None:
        from evals.world import documents as of_the_world

        yield from of_the_world(start=HELD_OUT)
    elif text.suffix in SUFFIXES:
        for where, row in read_rows(text):
            if not isinstance(row.get("text"), str):
                raise UserError(f"{where} has no text in a column 'text'; give rows with one")
            if row["text"].strip():
                yield row["text"]
    else:
        yield from _pieces(text)


def _pieces(path: Path) -> Iterator[str]:
    """Plain text, cut at empty lines (and at PIECE characters where there are none)."""
    try:
        paragraphs = path.read_text("utf-8").split("\n\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"text {path} cannot be read ({error}); give a file in UTF-8") from error
    held = ""
    for paragraph in paragraphs:
        held += paragraph + "\n\n"
        while len(held) >= PIECE:
            cut = held if len(held) < 2 * PIECE else held[:PIECE]
            yield cut
            held = held[len(cut) :]
    if held.strip():
        yield held


def losses(engine: Engine, texts: Sequence[str]) -> list[float]:
    """Bits of each text: -log2 of its probability after the end-of-text token.

    Where the tokenizer sets tokens before a text, such as BOS, every window begins with them in the place of
    that token, and they are not scored.
    """
    bos = tuple(engine.encode(""))
    encoded = [engine.encode(t) for t in texts]
    if any(ids[: len(bos)] != bos for ids in encoded):
        bos = ()
    start, size = bos or (engine.eos_ids[0],), engine.context - 1 - len(bos)
    windows = [
        (i, ids[at : at + size], (*bos, *ids[at - 1 : at]) if at > len(bos) else start)
        for i, ids in enumerate(encoded)
        for at in range(len(bos), len(ids), size)
    ]
    bits = [0.0] * len(texts)
    for at in range(0, len(windows), ROWS):
        part = windows[at : at + ROWS]
        scored = engine.score([before for _, _, before in part], [ids for _, ids, _ in part])
        for (i, _, _), values in zip(part, scored, strict=True):
            bits[i] -= sum(values) / math.log(2)
    return bits
