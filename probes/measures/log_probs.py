"""Scores: what a checkpoint says of stored samples, kept in chunks so that a stopped run goes on.

OUT/scores/<hash of weights, cell and prompt>/<hash of a chunk's samples>.parquet
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.errors import UserError
from evals.core.keys import content_hash
from probes.inputs.sources import Source

Opener = Callable[[str], Any]
CHUNK = 256  # samples scored between two saves
COLUMNS = ("key", "problem", "index", "tokens", "bytes", "logprobs", "entropy", "outside")


def own_scores(
    source: Source, per_problem: int, out: Path, *, quiet: bool = False, opener: Opener | None = None
) -> dict[str, pd.DataFrame]:
    """Every checkpoint on the first `per_problem` of its own samples of each problem: {name: frame}."""
    how: dict[str, Any] = {"quiet": quiet, "opener": opener}
    return {d["name"]: score_cell(source, d, d, per_problem, out, **how)[0] for d in source.checkpoints}


def score_cell(
    source: Source,
    scorer: dict[str, Any],
    drawn: dict[str, Any],
    per_problem: int,
    out: Path,
    *,
    quiet: bool = False,
    opener: Opener | None = None,
) -> tuple[pd.DataFrame, bool]:
    """The samples of `drawn` scored by the checkpoint `scorer`, each after the scorer's own prompt.

    scorer, drawn: descriptions of checkpoints in the source. opener: path -> engine, for engines other than
    those of checkpoint folders. Returns the frame (one row per sample: key,
    problem, index, tokens, bytes, logprobs of every token, entropy summed over positions, outside = tokens
    outside the scorer's top-p = .95 set) and whether the scorer read the samples' own token ids; if the
    tokenizers differ it reads their text, tokens are then its own, and only values per byte compare.
    """
    from evals.core.progress import Line
    from evals.engines.open import open_engine
    from evals.engines.threads import one_thread

    if source.store is None or scorer["path"] is None:
        raise UserError("likelihoods need the checkpoints themselves; give them with --ckpt")
    store = source.store
    samples = store.samples(
        [drawn["cell"]], columns=["key", "problem", "index", "text", "token_ids", "finish_reason"]
    )
    ids = set(source.counts["problem"])
    samples = samples[samples["problem"].isin(ids) & (samples["index"] < per_problem)].reset_index(drop=True)
    scoring, theirs = store.cell(scorer["cell"]), store.cell(drawn["cell"])
    same = scoring["tokenizer"] == theirs["tokenizer"]
    form = [scoring.get(k) for k in ("template", "prompt_form", "shots", "chat")]
    name = content_hash("scores", scorer["fingerprint"], drawn["cell"], form, same)
    folder = out / "scores" / name
    chunks = [samples.iloc[i : i + CHUNK] for i in range(0, len(samples), CHUNK)]
    engine = None
    line = Line(f"score {drawn['name']} by {scorer['name']}", quiet=quiet)
    frames = []
    for number, chunk in enumerate(chunks):
        path = folder / f"{content_hash(list(chunk['key']))}.parquet"
        if not path.is_file():
            if engine is None:
                one_thread()
                engine = (opener or open_engine)(scorer["path"])
                prompts = _prompts(store, scoring, engine, ids)
            _save(path, _scored(engine, chunk, prompts, same))
        frames.append(pd.read_parquet(path))
        line(min((number + 1) * CHUNK, len(samples)), len(samples))
    return pd.concat(frames, ignore_index=True), same


def _prompts(store: Any, cell: dict[str, Any], engine: Any, ids: set[str]) -> dict[str, tuple[int, ...]]:
    """The prompt of each problem as the cell's checkpoint was asked."""
    from evals.asking.asking import asking_of
    from evals.asking.prompts import prompt_ids

    problems, asking = store.problems(), asking_of(cell)
    return {key: prompt_ids(problems[key], asking, engine) for key in ids}


def _scored(
    engine: Any, chunk: pd.DataFrame, prompts: dict[str, tuple[int, ...]], same: bool
) -> pd.DataFrame:
    from probes.measures.token_statistics import positions

    rows = chunk.to_dict("records")
    responses = [tuple(map(int, r["token_ids"])) if same else _encoded(engine, r) for r in rows]
    found = list(positions(engine, [prompts[p] for p in chunk["problem"]], responses))
    return pd.DataFrame(
        {
            "key": chunk["key"].to_numpy(),
            "problem": chunk["problem"].to_numpy(),
            "index": chunk["index"].to_numpy(),
            "tokens": [len(r) for r in responses],
            "bytes": [len((t or "").encode("utf-8", "replace")) for t in chunk["text"]],
            "logprobs": [f.logp for f in found],
            "entropy": [float(f.entropy.sum()) for f in found],
            "outside": [int(f.outside.sum()) for f in found],
        }
    )


def _encoded(engine: Any, row: dict[Any, Any]) -> tuple[int, ...]:
    """The text in the scorer's own tokens, with its end where the sample ended by itself."""
    ids: Sequence[int] = engine.tokenizer(row["text"] or "", add_special_tokens=False)["input_ids"]
    ended = row["finish_reason"] == "stop"
    return (*ids, engine.eos_ids[0]) if ended else tuple(ids)


def _save(path: Path, frame: pd.DataFrame) -> None:
    import io

    from evals.core.files import write_file

    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    write_file(path, stream.getvalue())
