"""The diversity finding: texts, answers, solution paths and work shown of every checkpoint, at equal n."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.estimators.answers import answer_entropy, distinct_at_k
from evals.core.keys import derive_seed
from probes.findings.checks import check, over_pairs
from probes.findings.types import Finding
from probes.inputs.contract import Asked
from probes.inputs.frames import equal_n, graded
from probes.inputs.sources import Source, pairs_of
from probes.measures.paired import Measure, infer
from probes.measures.text_diversity import distinct, path, self_bleu, words
from probes.measures.work_shown import guess_floors, verdicts, work_k, work_measures, work_tables

READ = 32  # samples of a problem whose texts are read
PAIRS = 10  # pairs of samples for self-BLEU
MEASURES = (
    Measure("paths", "distinct correct solution paths, rarefied", "paths", digits=2),
    Measure("effective_answers", "effective answers", "answers", digits=2),
    Measure("distinct_1", "distinct-1", "rate"),
    Measure("distinct_2", "distinct-2", "rate"),
    Measure("distinct_4", "distinct-4", "rate"),
    Measure("self_bleu", "self-BLEU", "rate"),
    Measure("words", "length", "words", digits=1),
    Measure("duplicates", "byte-identical repeats", "rate"),
)


def text_table(samples: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Per problem: distinct-n, self-BLEU, effective answers, length, duplicates of its samples.

    samples: one row per sample with problem, text, answer; equal numbers of samples make tables comparable.
    """
    rows = []
    for problem, part in samples.groupby("problem", sort=True):
        texts = [str(t or "") for t in part["text"]]
        split = [words(t) for t in texts]
        rng = np.random.default_rng(derive_seed("self-bleu", seed, str(problem)))
        answers = Counter("\0" if pd.isna(a) else str(a).strip() for a in part["answer"])
        rows.append(
            {
                "problem": problem,
                **{f"distinct_{n}": distinct(split, n) for n in (1, 2, 4)},
                "self_bleu": self_bleu(split, PAIRS, rng),
                "effective_answers": float(np.exp(answer_entropy(list(answers.values())))),
                "words": float(np.mean([len(s) for s in split])),
                "duplicates": 1 - len(set(texts)) / len(texts),
            }
        )
    return pd.DataFrame(rows).set_index("problem")


def path_tables(samples: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Per checkpoint and problem: distinct correct solution paths among equally many correct samples.

    Rarefied (Hurlbert 1971) to the smallest number m of correct samples that a checkpoint has of the
    problem; NaN where m < 2. Column paths.
    """
    kinds: dict[str, dict[str, Counter[tuple[str, ...]]]] = {}
    for name, frame in samples.items():
        right = frame[frame["correct"].astype(bool)]
        kinds[name] = {
            str(p): Counter(path(str(t or "")) for t in texts)
            for p, texts in right.groupby("problem")["text"]
        }
    problems = sorted({str(p) for f in samples.values() for p in f["problem"].unique()})
    least = {p: min(sum(k.get(p, Counter()).values()) for k in kinds.values()) for p in problems}
    out = {}
    for name, paths_of in kinds.items():
        values = [_rarefied(paths_of.get(p, Counter()), least[p]) for p in problems]
        out[name] = pd.DataFrame({"paths": values}, index=pd.Index(problems, name="problem"))
    return out


def _rarefied(kinds: Mapping[Any, int], m: int) -> float:
    return float(distinct_at_k(list(kinds.values()), [m])[0]) if m >= 2 else float("nan")


def diversity(
    source: Source,
    *,
    against: str = "first",
    level: float = 0.05,
    seed: int = 0,
    judge: Path | None = None,
    command: Sequence[str] = (),
) -> Finding:
    """The diversity finding of one or more checkpoints.

    judge: a file of another model's verdicts on the derivations (`probes.measures.work_shown.verdicts`).
    """
    samples, same_n = equal_n(graded(source, ["text"]), most=READ)
    work = work_tables(source, samples, verdicts(judge, samples) if judge else None)
    paths = path_tables(samples)
    tables = {
        name: text_table(frame, seed).join([paths[name], work[name]]) for name, frame in samples.items()
    }
    with_paths = int(min(t["paths"].notna().sum() for t in tables.values()))
    text = f"{with_paths} problems have two or more correct samples under every checkpoint"
    compared = pairs_of(source.checkpoints, against)
    enough = check("solution paths", with_paths >= 10 or None, with_paths, text)
    pairs = [(a["name"], b["name"]) for a, b in compared]
    least = min(int(f.groupby("problem").size().min()) for f in samples.values())
    read = {"samples_read": READ, "work_k": work_k(least)}
    measures = [*MEASURES, *work_measures(least, judge is not None)]
    found = infer(tables, measures, pairs, level=level, seed=seed, groups=source.groups)
    return source.finding(
        "diversity",
        command=command,
        checks=[same_n, *over_pairs(compared), enough],
        options={"level": level, "seed": seed, "against": against, **read},
        estimates=found["estimates"] + guess_floors(source),
        differences=found["differences"],
    )


def run(asked: Asked, *, judge: Path | None = None) -> Finding:
    """The probe as the contract runs it. judge: verdicts of a model as judge."""
    return diversity(asked.source, judge=judge, **asked.common())
