"""Measuring checkpoints: what is measured already is not measured again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
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
CLOZE_ITEMS = 400


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
    $EXCURSIONS_DATA). The world is asked only of checkpoints that were all trained on it. limit: only the
    first items of each benchmark. world_seed: seed of the world that the checkpoints were trained on. One
    file a checkpoint and task is written under `out`/items; where it is there already nothing is run.
    """
    if unknown := [t for t in tasks if t not in TASKS]:
        raise UserError(f"no capability task {unknown[0]!r}; choose among {', '.join(TASKS)}")
    found = [open_checkpoint(name) for name in checkpoints]
    tasks = _askable(tasks, found, progress)
    folder = data_folder(data)
    files = {task: find(folder, task) if folder else None for task in tasks if task in BENCHMARKS}
    written: list[Path] = []
    labels = short_labels(c.name for c in found)
    for checkpoint in found:
        label = labels[checkpoint.name]
        model: Any = None
        for task in tasks:
            about = [checkpoint.weights, checkpoint.tokenizer, task, limit, dtype]
            about += [world_seed, CLOZE_ITEMS] if task == "world" else [_digest(files[task])]
            path = Path(out) / "items" / f"{content_hash(*about)}.parquet"
            written.append(path)
            if path.is_file():
                continue
            if progress:
                progress(f"{label}: {task}")
            if task == "world":
                results = _world(checkpoint, world_seed, dtype, limit)
            else:
                model = model or open_model(checkpoint, dtype, batch)
                results = {(task, m): r for m, r in run_task(model, task, files[task], limit).items()}
            write_items(path, _rows(label, checkpoint.weights, results))
    items = read_items(written)
    return items.assign(checkpoint=items["weights"].map({c.weights: labels[c.name] for c in found}))


def _askable(
    tasks: Sequence[str], found: Sequence[Checkpoint], progress: Callable[[str], None] | None
) -> list[str]:
    """The tasks without the synthetic world, where a checkpoint was not trained on it: it cannot know it."""
    strangers = [c.name for c in found if not _of_the_world(c)]
    if "world" not in tasks or not strangers:
        return list(tasks)
    left = [task for task in tasks if task != "world"]
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
    checkpoint: Checkpoint, seed: int, dtype: str | None, limit: int | None
) -> dict[tuple[str, str], dict[str, bool]]:
    from evals.capability.cloze import score_cloze
    from evals.engines import open_engine
    from evals.world import cloze

    items = cloze(seed=seed, count=min(limit or CLOZE_ITEMS, CLOZE_ITEMS))
    return score_cloze(open_engine(checkpoint, dtype=dtype), items)


def _rows(label: str, weights: str, results: dict[tuple[str, str], dict[str, bool]]) -> list[dict[str, Any]]:
    return [
        {
            "checkpoint": label,
            "weights": weights,
            "task": task,
            "metric": metric,
            "item": item,
            "correct": correct,
        }
        for (task, metric), items in results.items()
        for item, correct in items.items()
    ]


def _digest(file: Path | None) -> str:
    """What the items are: the bytes of a local file, or the hub's."""
    return "hub" if file is None else hashlib.sha256(file.read_bytes()).hexdigest()
