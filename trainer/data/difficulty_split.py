"""Easy and hard training prompts: problems split by how often a base checkpoint solves them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from evals.core.files import write_file, write_json
from evals.grading.store_grading import grade_store
from evals.problems import ProblemSet
from evals.records import Problem
from evals.sampling import Where, sample
from evals.store import SampleStore
from evals.store.reading import counts
from trainer.config.schema import Questions
from trainer.data.asking import asked, asking_of, splits_of

KINDS = ("easy", "hard", "between")


def split_spec(spec: str) -> str:
    """The problems that training takes for a spec: of a benchmark its train split."""
    return splits_of(Questions(problems=spec)).get("problems", spec)


def bounds(n: int, easy: int | None = None, hard: int | None = None) -> tuple[int, int]:
    """(fewest correct of an easy problem, most correct of a hard one), of n samples.

    The paper's are 16 and 8 of 64 (arXiv 2606.04272): a quarter and an eighth of n where none are given.
    """
    easy, hard = n // 4 if easy is None else easy, n // 8 if hard is None else hard
    if not 0 <= hard < easy <= n:
        raise UserError(
            f"with n = {n}, at least {easy} correct (easy) and at most {hard} (hard) make no split; "
            "choose 0 <= hard < easy <= n"
        )
    return easy, hard


def split(
    correct: Mapping[str, int], n: int, easy: int | None = None, hard: int | None = None
) -> dict[str, str]:
    """Problem id -> "easy", "hard" or "between", from the number of correct ones of n samples; in order."""
    least, most = bounds(n, easy, hard)
    return {p: "easy" if c >= least else "hard" if c <= most else "between" for p, c in correct.items()}


def split_problems(
    ckpt: str,
    problems: ProblemSet,
    out: Path,
    *,
    n: int = 64,
    easy: int | None = None,
    hard: int | None = None,
    max_tokens: int = 1024,
    seed: int = 0,
    where: Where | None = None,
) -> dict[str, int]:
    """Sample every problem n times as training asks, and write easy.jsonl and hard.jsonl to `out`.

    They are files of problems, solutions included, as `--set problems=FILE` of rl and sft takes them;
    counts.json has n and the correct samples of every problem. Returns the number of problems of each kind.
    where: by what they are drawn (default: here). What `out` holds is not drawn again: a larger n adds
    samples, other bounds need none.
    """
    bounds(n, easy, hard)
    found = open_checkpoint(ckpt)
    store = SampleStore(out / "store")
    asking = replace(asking_of(asked(Questions(problems=problems.name), found)), max_tokens=max_tokens)
    cell = sample(found, problems, asking, n, where or Where(), store, Path(ckpt).name, seed=seed)
    grade_store(store, [cell])
    table = counts(store, [cell], problems={p.id for p in problems.problems}, n=n)
    number = dict(zip(table["problem"], table["c"].astype(int).tolist(), strict=True))
    correct = {p.id: number[p.id] for p in problems.problems}
    kinds = split(correct, n, easy, hard)
    for kind in ("easy", "hard"):
        write_file(out / f"{kind}.jsonl", "".join(_line(p) for p in problems.problems if kinds[p.id] == kind))
    write_json(out / "counts.json", {"checkpoint": ckpt, "n": n, "correct": correct})
    return {kind: list(kinds.values()).count(kind) for kind in KINDS}


def _line(problem: Problem) -> str:
    row = {"question": problem.question, "answer": problem.answer, "solutions": list(problem.solutions)}
    return json.dumps(row | {k: v for k, v in problem.meta.items() if k == "level"}) + "\n"
