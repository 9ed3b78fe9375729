"""Benchmarks by name, and any data set of the hub, through `datasets`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from evals.core.hub import hub_or_cache
from evals.problems.files import Placed, read_rows
from evals.problems.local import VARIABLE, local_file


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Where a benchmark stands on the hub, and what a local file in its place must hold.

    configs: all are read, in order. splits: the first is the default. worked: template and number of the
    worked examples with which a base model is asked, as its makers and the usual harnesses do.
    """

    path: str
    splits: tuple[str, ...]
    columns: str
    configs: tuple[str | None, ...] = (None,)
    worked: tuple[str, int] = ("math", 4)


MATH_SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)

BENCHMARKS = {
    "gsm8k": Benchmark("openai/gsm8k", ("test", "train"), "question and answer", ("main",), ("gsm8k", 8)),
    "math": Benchmark("EleutherAI/hendrycks_math", ("test", "train"), "problem and solution", MATH_SUBJECTS),
    "math500": Benchmark("HuggingFaceH4/MATH-500", ("test",), "problem and answer"),
    "aime24": Benchmark("HuggingFaceH4/aime_2024", ("train",), "problem and answer"),
    "aime25": Benchmark("math-ai/aime25", ("test",), "problem and answer"),
    "amc23": Benchmark("math-ai/amc23", ("test",), "question and answer"),
    "minerva": Benchmark("math-ai/minervamath", ("test",), "question and answer"),
    "olympiadbench": Benchmark(
        "Hothan/OlympiadBench", ("train",), "question and final_answer", ("OE_TO_maths_en_COMP",)
    ),
    "openmathinstruct": Benchmark(
        "nvidia/OpenMathInstruct-2",
        ("train_1M", "train_2M", "train_5M", "train"),
        "problem, expected_answer and generated_solution (one row per solution)",
    ),
}


def worked_examples(spec: str) -> tuple[str, int] | None:
    """(template, shots) with which a base model is asked a benchmark; None for other problems."""
    found = BENCHMARKS.get(spec.partition("?")[0].partition(":")[0])
    return found.worked if found else None


def benchmark_rows(name: str, split: str | None, data: Path | None = None) -> Iterator[Placed]:
    """Rows of a benchmark, from the folder of local data if it is there (`evals.problems.local`).

    Raises UserError that says which file to bring where the hub does not answer.
    """
    found = BENCHMARKS[name]
    split = split or found.splits[0]
    if split not in found.splits:
        raise UserError(f"{name} has no split {split!r}; choose one of {', '.join(found.splits)}")
    if (file := local_file(name, split, data)) is not None:
        yield from read_rows(file)
        return
    bring = (
        f"bring it as DIR/{name}/{split}.jsonl with columns {found.columns}, and give --data DIR "
        f"(or set {VARIABLE})"
    )
    for config in found.configs:
        yield from hub_rows(found.path, split=split, config=config, bring=bring)


def hub_rows(
    path: str, *, split: str, config: str | None = None, revision: str | None = None, bring: str | None = None
) -> Iterator[Placed]:
    """Rows of a data set of the hub, streamed from the local cache of `datasets`.

    bring: what the user can do where the hub does not give it.
    """
    bring = bring or "check name and split, or bring it as a local JSONL file and give its path"
    rows = _load(path, config, split, revision, bring)
    kinds = {
        name: getattr(kind, "dtype", "") for name, kind in (getattr(rows, "features", None) or {}).items()
    }
    narrow = {name: kind for name, kind in kinds.items() if kind in ("float16", "float32")}
    for number, row in enumerate(rows, 1):
        short = {name: _shortest(row[name], kind) for name, kind in narrow.items() if row[name] is not None}
        yield f"{path} {split} row {number}", {**row, **short} if short else row


def _shortest(value: float, kind: str) -> float:
    """A number of a narrow type as it is written there: 0.1, not 0.10000000149011612."""
    import numpy as np

    return float(str(np.dtype(kind).type(value)))


def _load(path: str, config: str | None, split: str, revision: str | None, bring: str) -> Any:
    """One split; every failure of download or name becomes a UserError."""
    there = hub_or_cache()
    if not there and not _cached(path):
        raise UserError(f"the hub did not give {path} (it cannot be reached); {bring}")
    from datasets import load_dataset

    with _quiet("huggingface_hub.utils._http"):  # five warnings before the error say nothing more
        try:
            return load_dataset(path, config, split=split, revision=revision)
        except Exception as error:  # datasets, huggingface_hub and the network raise dozens of kinds
            reason = type(error).__name__ if there else "it cannot be reached"
            raise UserError(f"the hub did not give {path} ({reason}); {bring}") from error


def _cached(path: str) -> bool:
    """Whether `datasets` may have it: to ask it costs seconds of imports."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets")
    return (cache / path.replace("/", "___")).exists() or (cache / path.lower().replace("/", "___")).exists()


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
