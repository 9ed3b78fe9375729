"""Sampling a checkpoint into a store: what is there is not drawn again, and kills lose one chunk at most."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evals.asking.asking import Asking
from evals.asking.prompts import FORM, prompt_ids, prompt_text
from evals.checkpoints.tokenizer import encode
from evals.core.errors import UserError
from evals.core.keys import content_hash, derive_seed
from evals.engines.engine import Engine
from evals.problems.sets import ProblemSet
from evals.records import Problem, Request, Sample, SamplingOptions

if TYPE_CHECKING:
    from evals.store import SampleStore

Progress = Callable[[int, int], None]
Part = tuple[int, int]  # (i, N): the problems whose hash falls to i of N
SOON = 30.0  # seconds between two writes of samples that end one by one
CHUNK = 1024  # samples between two writes, where the engine does not say: several of its batches


@dataclass(frozen=True, slots=True)
class Plan:
    """One cell's sampling: every sample of a cell follows from the plan, its problem and its index."""

    cell: str
    info: dict[str, Any]
    asking: Asking
    seed: tuple[Any, ...]
    prompts: dict[str, tuple[int, ...]]


def draw_cell(
    engine: Engine,
    problem_set: ProblemSet,
    asking: Asking,
    n: int,
    store: SampleStore,
    label: str,
    *,
    seed: int = 0,
    draw: int = 0,
    part: Part | None = None,
    progress: Progress | None = None,
) -> str:
    """Draw what the store lacks of `n` samples of every problem; returns the cell (a content hash).

    asking: settled (`evals.asking.settled`). The cell is decided by weights, tokenizer, engine, options, the
    form of the prompt, seed and draw; the seed of a sample by (seed, draw, weights, problem, index). So
    n = 32 is a prefix of n = 128, draws 1, 2, … are independent of draw 0, and checkpoints are independent
    of each other given the problem, as paired inference assumes. progress(done, total) is called after every
    chunk. part (i, N): only the problems whose hash falls to i of N. UserError for prompts that are empty or
    leave no room for a response in the model's context, and where another run is drawing the same samples.
    """
    problems = problems_of(problem_set.problems, part)
    plan = _plan(engine, problems, asking, seed, draw)
    if hasattr(engine, "reserve") and plan.prompts:
        engine.reserve(max(map(len, plan.prompts.values())) + asking.max_tokens)
    if hasattr(engine, "within"):  # a batch of long responses takes minutes
        engine.within = getattr(progress, "within", None)
    with store.writing(plan.cell, part or (0, 1)):
        store.add_cell(plan.cell, {"checkpoint": label, **plan.info})
        label = store.cell(plan.cell)["checkpoint"]  # the first one, where the cell has several
        store.add_problems(problems)
        store.compact([plan.cell])
        present = present_in(store, plan.cell)
        done = sum(i < n for p in problems for i in present.get(p.id, ()))
        total = n * len(problems)
        if progress:
            progress(done, total)
        for chunk in _chunks(problems, n, getattr(engine, "chunk", CHUNK)):
            wanted = [(p, i) for p, i in chunk if i not in present.get(p, ())]
            if not wanted:
                continue
            requests = [Request(plan.prompts[p], derive_seed(*plan.seed, p, i), p) for p, i in wanted]
            for group in _groups(engine, requests, asking.options):
                store.add(_row(plan, label, wanted[i], requests[i], got) for i, got in group)
                done += len(group)
                if progress:
                    progress(done, total)
        store.compact([plan.cell])
    return plan.cell


def _groups(
    engine: Engine, requests: Sequence[Request], options: SamplingOptions
) -> Iterator[list[tuple[int, Sample]]]:
    """Samples with their places, in groups to be written: every SOON seconds where they end one by one.

    What ended before an error comes before the error.
    """
    finished = getattr(engine, "finished", None)
    if finished is None:
        yield list(enumerate(engine.sample(requests, options)))
        return
    group: list[tuple[int, Sample]] = []
    began, failed = time.monotonic(), None
    try:
        for item in finished(requests, options):
            group.append(item)
            if time.monotonic() - began >= SOON:
                yield group
                group, began = [], time.monotonic()
    except UserError as error:
        failed = error
    if group:
        yield group
    if failed:
        raise failed


def parse_part(text: str) -> Part:
    """`i/N` as (i, N), 0 ≤ i < N."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and int(part) < int(parts)):
        raise UserError(f"--part {text!r} is not I/N with I from 0 to N-1, as in 0/4")
    return int(part), int(parts)


def part_of(problem: str, parts: int) -> int:
    """Which of `parts` parts a problem belongs to: by its hash, whatever the problem set."""
    return derive_seed("shard", problem) % parts


def problems_of(problems: Sequence[Problem], part: Part | None) -> list[Problem]:
    """The problems of part (i, N); all of them where there is no part."""
    if part is None:
        return list(problems)
    number, parts = part
    if parts < 1 or not 0 <= number < parts:
        raise UserError(f"part {number}/{parts} does not exist; give i/N with i from 0 to N-1")
    return [p for p in problems if part_of(p.id, parts) == number]


def _plan(engine: Engine, problems: Sequence[Problem], asking: Asking, seed: int, draw: int) -> Plan:
    """The cell, and the prompt of every problem, checked."""
    if not engine.eos_ids:
        raise UserError("the tokenizer has no end-of-sequence token; set eos_token in its config")
    if mute := [p.id for p in problems if not p.question.strip()]:
        raise UserError(f"problem {mute[0]} has no question; correct the problems")
    prompts = {p.id: prompt_ids(p, asking, engine) for p in problems}
    _check_prompts(prompts, asking, engine.context, getattr(engine, "context_name", "the model's context"))
    if (check_ids := getattr(engine, "check_ids", None)) is not None:
        for problem, ids in prompts.items():
            check_ids(ids, problem)
    identity = engine.identity
    if (decided_by := getattr(engine, "decided_by", None)) is not None:
        identity = identity | decided_by(asking.options)
    decisive = {
        "weights": identity.get("weights"),
        "tokenizer": identity.get("tokenizer"),
        "engine": identity.get("engine"),
        "engine_version": identity.get("version"),
        "dtype": identity.get("dtype"),
        **asking.options.to_dict(),
        "prompt_form": content_hash(prompt_ids(FORM, asking, engine)),  # all that decides it but the problem
        "shots": asking.shots,
        "chat": asking.chat,
        "seed": seed,
        "draw": draw,
    }
    form = {
        "template": asking.template,
        "prompt": prompt_text(FORM, asking, getattr(engine, "tokenizer", None)),
        "bare_form": _bare_form(engine, asking),
    }
    chat = {"system": asking.system, "chat_args": dict(asking.chat_args), "prefix": asking.prefix}
    return Plan(
        content_hash("cell", decisive, identity),
        decisive | form | {k: v for k, v in chat.items() if v},
        asking,
        ("sample", seed, draw, identity.get("weights")),
        prompts,
    )


def _bare_form(engine: Engine, asking: Asking) -> str | None:
    """Hash of the ids of a prompt's text alone: tokenizers may differ in what they set before it."""
    tokenizer = getattr(engine, "tokenizer", None)
    if not callable(tokenizer):
        return None
    return content_hash(encode(tokenizer, prompt_text(FORM, asking, tokenizer), special=False))


def _check_prompts(prompts: dict[str, tuple[int, ...]], asking: Asking, context: int, name: str) -> None:
    for problem, ids in prompts.items():
        if not ids:
            raise UserError(f"the prompt of problem {problem} is empty; use a template that asks something")
    if not prompts:
        return
    longest = max(prompts, key=lambda p: len(prompts[p]))
    size = len(prompts[longest])
    if size >= context:
        fewer = " or fewer shots" if asking.shots else ""
        raise UserError(
            f"the prompt of problem {longest} has {size} tokens and {name} is {context}; "
            f"use shorter problems{fewer}"
        )
    if size + asking.max_tokens > context:
        raise UserError(
            f"the longest prompt ({size} tokens, problem {longest}) and {asking.max_tokens} more exceed "
            f"{name} of {context}; set --max-tokens to {context - size} or less"
        )


def present_in(store: SampleStore, cell: str) -> dict[str, set[int]]:
    """Indices that are in the store, by problem."""
    rows = store.sample_table.read(cell, ["problem", "index"])
    present: dict[str, set[int]] = {}
    for problem, index in zip(rows["problem"].to_pylist(), rows["index"].to_pylist(), strict=True):
        present.setdefault(problem, set()).add(index)
    return present


def _chunks(problems: Sequence[Problem], n: int, size: int) -> Iterator[list[tuple[str, int]]]:
    """Places (problem, index) in chunks that depend on the problems alone, not on what is there already.

    Engines round differently in batches of different shape; whole chunks drawn again after a kill, or for
    the next indices of a top-up, are batches of the same shape. A chunk has `size` samples or a few more: of
    32 each of its problems where n is as large, of all n where it is smaller.
    """
    from evals.store.blocks import DEPTH

    for first in range(0, n, DEPTH):
        indices = range(first, min(first + DEPTH, n))
        step = max(1, size // len(indices))
        for start in range(0, len(problems), step):
            yield [(p.id, i) for p in problems[start : start + step] for i in indices]


def _row(plan: Plan, label: str, place: tuple[str, int], request: Request, got: Sample) -> dict[str, Any]:
    problem, index = place
    prompt = content_hash(list(request.prompt_ids))
    return {
        "key": content_hash(plan.cell, prompt, request.seed),
        "cell": plan.cell,
        "checkpoint": label,
        "problem": problem,
        "index": index,
        "seed": request.seed,
        "prompt_hash": prompt,
        "shots": plan.asking.shots,
        "temperature": plan.asking.temperature,
        "top_p": plan.asking.top_p,
        "top_k": plan.asking.top_k,
        "max_tokens": plan.asking.max_tokens,
        "prompt_tokens": len(request.prompt_ids),
        "tokens": _count(got),
        "finish_reason": got.finish_reason,
        "text": got.text,
        "token_ids": got.token_ids,
        "logprobs": got.logprobs,
    }


def _count(got: Sample) -> int | None:
    """Tokens of a response, where its ids or their log-probabilities are known."""
    known = got.token_ids if got.token_ids is not None else got.logprobs
    return got.length if known is None else len(known)
