"""Measuring checkpoints: what is measured already is not measured again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.capability.harness import FILES, open_model, run_task
from evals.capability.local import find
from evals.capability.results import read_items, write_items
from evals.checkpoints.checkpoint import Checkpoint, open_checkpoint
from evals.core.errors import UserError
from evals.core.keys import content_hash
from evals.core.labels import short_labels
from evals.problems.local import data_folder

if TYPE_CHECKING:
    import pandas as pd

BENCHMARKS = tuple(FILES)
TASKS = ("world", *BENCHMARKS)
GRADED = "world-graded"  # of a checkpoint trained on the graded world: only where asked for
CLOZE_ITEMS = {"world": 400, GRADED: 2000}
TEXTS = 100  # held-out documents of every kind
TEXT_WORLD: dict[str, Any] = {"levels": (1, 2, 3, 4, 5), "largest": 299, "graded": True}


Results = dict[tuple[str, str], dict[str, Any]]  # {(task, metric): {item: value}}


def capability(
    checkpoints: Sequence[str],
    out: Path | str,
    *,
    tasks: Sequence[str] = TASKS,
    data: Path | None = None,
    limit: int | None = None,
    world_seed: int = 0,
    dtype: str | None = None,
    batch: int = 32,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Measure checkpoints on tasks; returns the items of these checkpoints (`evals.capability.results`).

    data: folder of local files in the place of the hub (one per task, named after it; default:
    $EXCURSIONS_DATA). The world is asked only of checkpoints that were all trained on it; `world-graded`, its
    facts and stories of graded difficulty and bits per byte of held-out documents, where it is named, of
    those trained on `data.graded`. limit: only the
    first items of each benchmark. Equal weights under two names are measured once and returned under each.
    world_seed: seed of the world that the checkpoints were trained on. One
    file a checkpoint and task is written under `out`/items; where it is there already nothing is run.
    """
    if unknown := [t for t in tasks if t not in (*TASKS, GRADED)]:
        raise UserError(f"no capability task {unknown[0]!r}; choose among {', '.join((*TASKS, GRADED))}")
    import pandas as pd

    from evals.engines.open import usual_dtype

    found = [open_checkpoint(name) for name in dict.fromkeys(checkpoints)]
    tasks = _askable(tasks, found, progress)
    folder = data_folder(data)
    files = {task: find(folder, task) if folder else None for task in tasks if task in BENCHMARKS}
    labels = short_labels(c.name for c in found)
    kind = usual_dtype(dtype)
    parts = []
    for checkpoint in found:
        label, written = labels[checkpoint.name], list[Path]()
        model: Any = None
        for task in tasks:
            about = [checkpoint.weights, checkpoint.tokenizer, task, limit, kind]
            about += [world_seed, CLOZE_ITEMS[task]] if task in CLOZE_ITEMS else _source(files[task])
            path = Path(out) / "items" / f"{content_hash(*about)}.parquet"
            written.append(path)
            if path.is_file():
                continue
            if progress:
                progress(f"{label}: {task}")
            bits: Results = {}
            if task in CLOZE_ITEMS:
                results, bits = _world(checkpoint, task, world_seed, dtype, limit)
            else:
                model = model or open_model(checkpoint, dtype, batch)
                results = {(task, m): r for m, r in run_task(model, task, files[task], limit).items()}
            rows = _rows(label, checkpoint.weights, results, "correct")
            write_items(path, rows + _rows(label, checkpoint.weights, bits, "bits"))
        parts.append(read_items(written).assign(checkpoint=label))
    return pd.concat(parts, ignore_index=True)


def _askable(
    tasks: Sequence[str], found: Sequence[Checkpoint], progress: Callable[[str], None] | None
) -> list[str]:
    """The tasks without the synthetic world, where a checkpoint was not trained on it: it cannot know it."""
    strangers = [c.name for c in found if not _of_the_world(c)]
    if not strangers or not set(CLOZE_ITEMS) & set(tasks):
        return list(tasks)
    left = [task for task in tasks if task not in CLOZE_ITEMS]
    if not left:
        raise UserError(
            f"{strangers[0]} was not trained on the synthetic world (its lineage.json does not say so); "
            f"choose other tasks with --task, such as {BENCHMARKS[0]}"
        )
    if progress:
        progress(f"world: left out, {strangers[0]} was not trained on it")
    return left


def _of_the_world(checkpoint: Checkpoint) -> bool:
    prompt = (checkpoint.lineage or {}).get("prompt")
    return isinstance(prompt, dict) and prompt.get("template") == "world"


def _world(
    checkpoint: Checkpoint, task: str, seed: int, dtype: str | None, limit: int | None
) -> tuple[Results, Results]:
    from evals.capability.cloze import bits_per_byte, held_out, score_cloze
    from evals.engines import open_engine
    from evals.world import cloze

    graded, most = task == GRADED, CLOZE_ITEMS[task]
    engine = open_engine(checkpoint, dtype=dtype)
    right = score_cloze(engine, cloze(seed=seed, count=min(limit or most, most), graded=graded))
    if not graded:
        return right, {}
    texts = held_out(seed=seed, count=min(limit or TEXTS, TEXTS), **TEXT_WORLD)
    return right, {(f"world_text_{k}", "bits_per_byte"): bits_per_byte(engine, t) for k, t in texts.items()}


def _rows(label: str, weights: str, results: Results, column: str) -> list[dict[str, Any]]:
    return [
        {"checkpoint": label, "weights": weights, "task": task, "metric": metric, "item": item, column: value}
        for (task, metric), items in results.items()
        for item, value in items.items()
    ]


def _source(file: Path | None) -> list[str]:
    """What the items are, the bytes of a local file or the hub's, and which lm-eval asks them."""
    digest = "hub" if file is None else hashlib.sha256(file.read_bytes()).hexdigest()
    try:
        return [digest, version("lm_eval")]
    except PackageNotFoundError:
        return [digest]  # `open_model` says what to install
