"""Where our verifier and another grader disagree: a list to be read by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from evals.store import SampleStore

GRADERS = {"math-verify": ("evals.grading.audit:math_verify", "math_verify")}
COLUMNS = [
    "checkpoint",
    "problem",
    "index",
    "gold",
    "answer",
    "route",
    "ours",
    "theirs",
    "reason",
    "response",
]
SHOWN = 400  # last characters of a response in the list
BLOCK = 512


def audit(
    what: Sequence[Path | str] | SampleStore,
    against: str = "math-verify",
    workers: int = 1,
    deadline: float = 10.0,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """The samples on which `grade` (strict) and another grader disagree, one row each.

    what: a store, or paths of one store or of files of any known format. Both graders run in worker
    processes; theirs is None where it gave no verdict within the deadline (seconds) or raised.
    Attribute `samples` of the frame's `attrs` is the number compared.
    """
    import pandas as pd

    from evals.readers.opening import opened

    target = _grader(against)
    rows: list[dict[str, Any]] = []
    if isinstance(what, Sequence):
        with opened([Path(path) for path in what], None) as (store, cells):
            count = _compare(store, list(cells), target, workers, deadline, rows, progress)
    else:
        count = _compare(what, sorted(what.cells()), target, workers, deadline, rows, progress)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame.attrs["samples"] = count
    return frame


def _grader(name: str) -> str:
    """The worker's function of a grader, checked to be installed."""
    from importlib.util import find_spec

    if name not in GRADERS:
        raise UserError(f"no grader named {name}; known: {', '.join(GRADERS)}")
    target, module = GRADERS[name]
    if find_spec(module) is None:
        raise UserError(f"{name} is not installed; install it with pip install 'excursions[{name}]'")
    return target


def _compare(
    store: SampleStore,
    cells: Sequence[str],
    target: str,
    workers: int,
    deadline: float,
    rows: list[dict[str, Any]],
    progress: Callable[[int, int], None] | None,
) -> int:
    """Append the disagreements of some cells to `rows`; returns the number of samples compared."""
    from evals.grading.responses import reading_of, response_of
    from evals.verify import Grader
    from evals.verify.pool.processes import Pool

    problems = store.problems()
    done = 0
    names = {cell: str(store.cell(cell)["checkpoint"]) for cell in cells}
    total = sum(store.sample_table.count(cell) for cell in cells)
    with Grader("reward", workers) as ours, Pool(target, workers, deadline, 4096) as theirs:
        for cell in cells:
            reading = reading_of(store.cell(cell))
            samples = store.samples([cell], ["problem", "index", "text"])
            for start in range(0, len(samples), BLOCK):
                block = samples.iloc[start : start + BLOCK]
                texts = [response_of(text or "", reading)[0] for text in block["text"]]
                pairs = [(problems[p].answer, t) for p, t in zip(block["problem"], texts, strict=True)]
                questions = [problems[p].question for p in block["problem"]]
                asked = [(*pair, q) for pair, q in zip(pairs, questions, strict=True)]
                verdicts = ours.grade_many(asked)
                others = theirs.map(pairs)
                for row, pair, verdict, other in zip(
                    block.itertuples(index=False, name=None), pairs, verdicts, others, strict=True
                ):
                    if other.get("correct") != verdict.correct:
                        rows.append(_row(names[cell], row, pair, verdict, other))
                done += len(block)
                if progress:
                    progress(done, total)
    return done


def _row(name: str, row: Any, pair: tuple[str, str], verdict: Any, other: dict[str, Any]) -> dict[str, Any]:
    """One disagreement; reason is ours, or why theirs gave no verdict."""
    reason = verdict.reason
    if "correct" not in other:
        reason += f"; theirs: {other.get('lost') or other.get('error')}"
    return {
        "checkpoint": name,
        "problem": row[0],
        "index": int(row[1]),
        "gold": pair[0],
        "answer": verdict.answer,
        "route": verdict.route,
        "ours": verdict.correct,
        "theirs": other.get("correct"),
        "reason": reason,
        "response": pair[1][-SHOWN:],
    }


def lines(found: pd.DataFrame) -> list[str]:
    """The list as text: one line for each disagreement, and how many there are."""
    said = {True: "right", False: "wrong", None: "no verdict"}
    text = [
        f"{row['checkpoint']}\t{row['problem']}/{row['index']}\tgold {row['gold']!r}"
        f"\tanswer {row['answer']!r}\tours {said[row['ours']]} ({row['reason']})"
        f"\ttheirs {said[row['theirs']]}"
        for row in found.to_dict("records")
    ]
    return [*text, f"{len(found):,} of {found.attrs['samples']:,} samples differ"]


def math_verify(gold: str, response: str) -> dict[str, Any]:
    """The verdict of math-verify (run in a worker only: it turns answers into code)."""
    from math_verify import parse, verify

    from evals.verify import accepted

    right = parse(response, parsing_timeout=None)
    wrapped = [one if "$" in one or "\\boxed" in one else f"${one}$" for one in accepted(gold)]
    golds = [parse(one, parsing_timeout=None) for one in wrapped]
    return {"correct": any(verify(left, right, timeout_seconds=None) for left in golds)}
