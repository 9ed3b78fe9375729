"""Sampling a checkpoint into a store: what is there is not drawn again, and kills lose one chunk at most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evals.asking.templates import render, render_chat
from evals.core.errors import UserError
from evals.core.keys import content_hash, derive_seed
from evals.engines.engine import Engine
from evals.records import Problem, Request, Sample, SamplingOptions

if TYPE_CHECKING:
    from evals.store import SampleStore

Progress = Callable[[int, int], None]
BATCHES = 4  # engine batches in one chunk: prompts of like length then meet in one batch


@dataclass(frozen=True, slots=True)
class Plan:
    """One cell's sampling: every sample of a cell follows from the plan, its problem and its index."""

    cell: str
    info: dict[str, Any]
    options: SamplingOptions
    seed: tuple[Any, ...]
    prompts: dict[str, tuple[int, ...]]


def sample(
    engine: Engine,
    problem_set: Any,
    *,
    n: int,
    options: SamplingOptions,
    template: str,
    shots: int,
    seed: int,
    store: SampleStore,
    checkpoint_name: str,
    draw: int = 0,
    chat: bool = False,
    progress: Progress | None = None,
    shard: tuple[int, int] | None = None,
) -> str:
    """Draw what the store lacks of `n` samples of every problem; returns the cell (a content hash).

    The cell is decided by weights, tokenizer, engine, options, the form of the prompt, seed and draw; the
    seed of a sample by (seed, draw, weights, problem, index). So n = 32 is a prefix of n = 128, draws
    1, 2, … are independent of draw 0, and checkpoints are independent of each other given the problem, as
    paired inference assumes. progress(done, total) is called after every chunk. shard (i, N): only the
    problems whose hash falls to i of N. UserError for prompts that are empty or leave no room for a
    response in the model's context, and where another run is drawing the same samples.
    """
    problems = _share(problem_set.problems, shard)
    plan = _plan(engine, problems, options, template, shots, seed, draw, chat)
    with store.writing(plan.cell, shard or (0, 1)):
        store.add_cell(plan.cell, {"checkpoint": checkpoint_name, **plan.info})
        store.add_problems(problems)
        store.compact([plan.cell])
        present = _present(store, plan.cell)
        done = sum(i < n for p in problems for i in present.get(p.id, ()))
        total = n * len(problems)
        if progress:
            progress(done, total)
        for chunk in _chunks(problems, n, BATCHES * getattr(engine, "rows", 256)):
            wanted = [(p, i) for p, i in chunk if i not in present.get(p, ())]
            if not wanted:
                continue
            requests = [Request(plan.prompts[p], derive_seed(*plan.seed, p, i)) for p, i in wanted]
            drawn = engine.sample(requests, options)
            store.add(
                _row(plan, checkpoint_name, shots, place, request, got)
                for place, request, got in zip(wanted, requests, drawn, strict=True)
            )
            done += len(wanted)
            if progress:
                progress(done, total)
        store.compact([plan.cell])
    return plan.cell


def parse_shard(text: str) -> tuple[int, int]:
    """`i/N` as (i, N), 0 ≤ i < N."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and int(part) < int(parts)):
        raise UserError(f"--shard {text!r} is not I/N with I from 0 to N-1, as in 0/4")
    return int(part), int(parts)


def shard_of(problem: str, parts: int) -> int:
    """Which of `parts` shards a problem belongs to: by its hash, whatever the problem set."""
    return derive_seed("shard", problem) % parts


def _share(problems: Sequence[Problem], shard: tuple[int, int] | None) -> list[Problem]:
    if shard is None:
        return list(problems)
    part, parts = shard
    if parts < 1 or not 0 <= part < parts:
        raise UserError(f"shard {part}/{parts} does not exist; give i/N with i from 0 to N-1")
    return [p for p in problems if shard_of(p.id, parts) == part]


def _plan(
    engine: Engine,
    problems: Sequence[Problem],
    options: SamplingOptions,
    template: str,
    shots: int,
    seed: int,
    draw: int,
    chat: bool,
) -> Plan:
    """The cell, and the prompt of every problem, checked."""

    def encode(problem: Problem) -> tuple[int, ...]:
        if chat:
            return engine.encode(render_chat(problem, template, shots, getattr(engine, "tokenizer", None)))
        return engine.encode(render(problem, template, shots))

    if not engine.eos_ids:
        raise UserError("the tokenizer has no end-of-sequence token; set eos_token in its config")
    if mute := [p.id for p in problems if not p.question.strip()]:
        raise UserError(f"problem {mute[0]} has no question; mend the problems")
    prompts = {p.id: encode(p) for p in problems}
    _check_prompts(prompts, options, engine.context, shots)
    identity = engine.identity
    form = content_hash(
        encode(Problem("", "{question}", ""))
    )  # template, exemplars, chat form, special tokens
    info = {
        "weights": identity.get("weights"),
        "tokenizer": identity.get("tokenizer"),
        "engine": identity.get("engine"),
        "engine_version": identity.get("version"),
        "dtype": identity.get("dtype"),
        **options.to_dict(),
        "template": template,
        "prompt_form": form,
        "shots": shots,
        "chat": chat,
        "seed": seed,
        "draw": draw,
    }
    decisive = {k: v for k, v in info.items() if k != "template"}
    return Plan(
        content_hash("cell", decisive, identity),
        info,
        options,
        ("sample", seed, draw, identity.get("weights")),
        prompts,
    )


def _check_prompts(
    prompts: dict[str, tuple[int, ...]], options: SamplingOptions, context: int, shots: int
) -> None:
    for problem, ids in prompts.items():
        if not ids:
            raise UserError(f"the prompt of problem {problem} is empty; use a template that asks something")
    if not prompts:
        return
    longest = max(prompts, key=lambda p: len(prompts[p]))
    size = len(prompts[longest])
    if size >= context:
        fewer = " or fewer shots" if shots else ""
        raise UserError(
            f"the prompt of problem {longest} has {size} tokens and the model's context is {context}; "
            f"use shorter problems{fewer}"
        )
    if size + options.max_tokens > context:
        raise UserError(
            f"the longest prompt ({size} tokens, problem {longest}) and {options.max_tokens} more exceed the "
            f"model's context of {context}; set --max-tokens to {context - size} or less"
        )


def _present(store: SampleStore, cell: str) -> dict[str, set[int]]:
    """Indices that are in the store, by problem."""
    rows = store.sample_table.read(cell, ["problem", "index"])
    present: dict[str, set[int]] = {}
    for problem, index in zip(rows["problem"].to_pylist(), rows["index"].to_pylist(), strict=True):
        present.setdefault(problem, set()).add(index)
    return present


def _chunks(problems: Sequence[Problem], n: int, size: int) -> Iterator[list[tuple[str, int]]]:
    """Places (problem, index) in chunks that depend on the problems alone, not on what is there already.

    Engines round differently in batches of different shape; whole chunks drawn again after a kill, or for
    the next indices of a top-up, are batches of the same shape.
    """
    from evals.store.blocks import DEPTH

    step = max(1, size // DEPTH)
    for first in range(0, n, DEPTH):
        indices = range(first, min(first + DEPTH, n))
        for start in range(0, len(problems), step):
            yield [(p.id, i) for p in problems[start : start + step] for i in indices]


def _row(
    plan: Plan, name: str, shots: int, place: tuple[str, int], request: Request, got: Sample
) -> dict[str, Any]:
    problem, index = place
    prompt = content_hash(list(request.prompt_ids))
    return {
        "key": content_hash(plan.cell, prompt, request.seed),
        "cell": plan.cell,
        "checkpoint": name,
        "problem": problem,
        "index": index,
        "seed": request.seed,
        "prompt_hash": prompt,
        "shots": shots,
        "temperature": plan.options.temperature,
        "top_p": plan.options.top_p,
        "top_k": plan.options.top_k,
        "max_tokens": plan.options.max_tokens,
        "prompt_tokens": len(request.prompt_ids),
        "tokens": None if got.token_ids is None else len(got.token_ids),
        "finish_reason": got.finish_reason,
        "text": got.text,
        "token_ids": got.token_ids,
        "logprobs": got.logprobs,
    }
