"""What must stand beside a cell's accuracy: how it was sampled, and what the grading met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evals.core.keys import content_hash
from evals.grading.responses import RAN_ON
from evals.problems.preflight import golds_warning
from evals.records import truncates
from evals.store.aligned import Aligned, aligned
from evals.store.schema import NO_ANSWER

if TYPE_CHECKING:
    from evals.store import SampleStore

UNSAID = 0.01  # share of samples whose end may be unknown where the rate of the others is given
REPEATS_READ = 100  # problems whose log-probs are read for the expected share of repeats
DESCRIBED = ("template", "shots", "chat", "system", "chat_args", "prefix", "prompt", "bare_form", "tokenizer",
             "temperature", "top_p", "top_k", "min_p", "max_tokens", "stops", "engine", "engine_version",
             "dtype")  # fmt: skip


def cell_report(store: SampleStore, cell: str, held: Aligned | None = None) -> dict[str, Any]:
    """One cell as a plain dictionary; what is not known is None.

    held: its samples and grades, where they are read already, or only a part of them is meant.
    Rates are over samples: strict, lenient (accuracy), extraction_failures (no answer found), truncated
    (ended by max_tokens), truncated_credited (truncated, and right only to the lenient grader),
    duplicates (texts that repeat an earlier one of the same problem), duplicates_expected (what
    independent draws would show, by the samples' own probabilities; known at temperature 1 without
    truncation of the distribution), guess_floor (strictly right for another problem's answer).
    ran_on is the share of samples that went on after their answer to another problem (known of cells that
    were sampled here). golds says how many golds no other wording can match. verifier_errors
    counts time-outs and errors; routes counts where answers were found.
    """
    info = store.cell(cell)
    held = aligned(store, cell) if held is None else held
    samples, grades = held.samples, held.grades
    sizes = np.bincount(held.problem)
    truncated, known = pc.equal(samples["finish_reason"], "length"), store.problems()
    return {
        "checkpoint": info["checkpoint"],
        "cell": cell,
        "problems": len(sizes),
        "samples": grades.num_rows,
        "n": int(sizes.min()),
        "n_most": int(sizes.max()),
        **{name: info.get(name) for name in DESCRIBED},
        "prompt_hash": _prompt_hash(held),
        "strict": _rate(grades["correct"]),
        "lenient": _rate(grades["lenient"]),
        "extraction_failures": _rate(pc.equal(grades["stage"], NO_ANSWER)),
        "routes": _routes(grades["route"]),
        "truncated": _truncated_rate(truncated),
        "truncated_credited": _credited(grades, truncated),
        "ran_on": _ran_on(grades) if "flags" in grades.column_names else None,
        "verifier_errors": _errors(grades),
        "golds": golds_warning([known[p] for p in held.ids if p in known]),
        "duplicates": _duplicates(held),
        "duplicates_expected": _expected_duplicates(store, cell, held),
        "mean_tokens": pc.mean(samples["tokens"]).as_py(),
        "guess_floor": _rate(grades["guess"]),
    }


def _rate(values: pa.ChunkedArray) -> float | None:
    """Share of true values among those that are known; None if none is."""
    mean = pc.mean(values).as_py()
    return None if mean is None else float(mean)


def _truncated_rate(truncated: pa.ChunkedArray) -> float | None:
    """The rate where it is known of nearly all samples; some tools say it only of those cut off."""
    return None if truncated.null_count > UNSAID * len(truncated) else _rate(truncated)


def _prompt_hash(held: Aligned) -> str | None:
    """One hash for the prompts of all problems; None where a prompt is not known."""
    prompts = held.samples["prompt_hash"].combine_chunks()
    if prompts.null_count:
        return None
    distinct = _pairs(held.problem, prompts.indices)
    texts = prompts.dictionary.to_pylist()
    found: dict[str, list[str]] = {}
    for problem, prompt in zip(*(c.to_pylist() for c in distinct.columns), strict=True):
        found.setdefault(held.ids[problem], []).append(texts[prompt])
    return content_hash(sorted((problem, min(asked), max(asked)) for problem, asked in found.items()))


def _pairs(first: np.ndarray, second: pa.Array) -> pa.Table:
    """The distinct pairs of two columns."""
    table = pa.table({"first": first, "second": second})
    return table.group_by(["first", "second"], use_threads=False).aggregate([])


def _routes(routes: pa.ChunkedArray) -> dict[str, int]:
    found = {str(item["values"]): int(item["counts"]) for item in pc.value_counts(routes).to_pylist()}
    return dict(sorted(found.items()))


def _ran_on(grades: pa.Table) -> float:
    """Share of samples of which the grading left out what came after the response."""
    flags = grades["flags"].combine_chunks()
    return (
        pc.sum(pc.equal(flags.flatten(), RAN_ON)).as_py() / grades.num_rows if len(flags.flatten()) else 0.0
    )


def _errors(grades: pa.Table) -> int:
    """Samples whose verdict is a time-out, the death of the verifier's process, or an error of its own."""
    return int(pc.sum(pc.is_in(grades["stage"], pa.array(["pool", "error"]))).as_py() or 0)


def _duplicates(held: Aligned) -> float:
    distinct = _pairs(held.problem, held.grades["text_hash"]).num_rows
    return 1 - distinct / held.grades.num_rows


def _expected_duplicates(store: SampleStore, cell: str, held: Aligned) -> float | None:
    """Expected share of samples that repeat an earlier one, were all drawn independently.

    Sample number i with probability p repeats an earlier one with probability 1 - (1 - p)^i: the mean over
    samples is unbiased. Read from at most `REPEATS_READ` problems.
    """
    info = store.cell(cell)
    if (info.get("temperature"), info.get("top_p")) != (1, 1) or truncates(info):
        return None
    some = sorted(held.ids)[:REPEATS_READ]
    table = store.sample_table.read(cell, ["index", "logprobs"], some)
    table = table.filter(pc.less_equal(table["index"], int(held.index.max())))
    if not table.num_rows or table["logprobs"].null_count:
        return None
    logprobs = table["logprobs"].combine_chunks()
    starts = logprobs.offsets.to_numpy()
    sums = np.concatenate(([0.0], np.cumsum(logprobs.values.to_numpy(zero_copy_only=False), dtype=float)))
    p = np.exp(sums[starts[1:]] - sums[starts[:-1]]).clip(0, 1)
    return float(np.mean(1 - (1 - p) ** table["index"].to_numpy()))


def _credited(grades: pa.Table, truncated: pa.ChunkedArray) -> float | None:
    """Share of samples that were cut off, have no answer to the strict grader, and yet pass as right."""
    if truncated.null_count == len(truncated):
        return None
    cut = pc.fill_null(truncated, False)
    return float(np.mean(pc.and_(cut, pc.and_not(grades["lenient"], grades["correct"])).to_numpy()))
