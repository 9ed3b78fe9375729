"""Training prompts: problems rendered and tokenized exactly as evaluation does it, 0-shot; their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.asking.asking import Asking
from evals.asking.prompts import ids_of
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from evals.problems import ProblemSet, load_problems
from evals.records import Problem
from trainer.config.schema import Questions, RLConfig
from trainer.data.asking import asking_of, of_world, opened
from trainer.run.console import say


@dataclass(frozen=True, slots=True)
class Prompts:
    """Problems that can be asked, the ids of their prompts, and the fingerprint of the set.

    before: what the prompts have said of every response already; see `opened`. long: problems left out for
    the length of their prompts.
    """

    problems: list[Problem]
    ids: list[tuple[int, ...]]
    fingerprint: str
    before: str
    long: list[Problem]


def training_problems(config: Questions, *, quiet: bool = True) -> ProblemSet:
    """The problems of RL and of SFT: the same for the same `problems`, `levels`, `limit`, `data_seed`.

    Says how many others the limit leaves out.
    """
    found = problem_set(config, config.problems, config.limit)
    if found.rest:
        told = f"{found.rest} further problems are left out; raise limit"
        say(f"the first {config.limit} problems of {config.problems} are trained on: {told}", quiet)
    return found


def problem_set(config: Questions, spec: str, limit: int) -> ProblemSet:
    """The first `limit` problems of `spec`; the synthetic world's with the configured levels, number and seed
    where the spec says nothing of them."""
    if of_world(spec):
        name, _, query = spec.partition("?")
        levels = ",".join(map(str, config.levels))
        usual = {"levels": levels, "count": limit, "seed": config.data_seed}
        named = [part.partition("=")[0] for part in query.split("&")]
        more = [f"{key}={value}" for key, value in usual.items() if key not in named]
        spec = f"{name}?{'&'.join([*([query] if query else []), *more])}"
    return load_problems(spec, limit=limit)


def prompts_of(found: ProblemSet, asking: Asking, tokenizer: Any, longest: int) -> Prompts:
    """The prompts of at most `longest` tokens."""
    ids = [ids_of(p, asking, tokenizer) for p in found.problems]
    fits = [i for i, prompt in enumerate(ids) if 0 < len(prompt) <= longest]
    kept = [found.problems[i] for i in fits]
    long = [p for p, prompt in zip(found.problems, ids, strict=True) if len(prompt) > longest]
    before = opened(asking, tokenizer)
    return Prompts(kept, [ids[i] for i in fits], found.fingerprint, before, long)


def training_prompts(config: RLConfig, tokenizer: Any, context: int, *, quiet: bool = False) -> Prompts:
    """Prompts that leave `max_tokens` of the model's `context`; longer ones are left out and counted."""
    most = min(config.max_prompt_tokens, context - config.max_tokens)
    found = training_problems(config, quiet=quiet)
    asked = prompts_of(found, asking_of(config), tokenizer, most)
    say_long(asked, most, "prompts", quiet)
    if not asked.ids:
        raise UserError(
            f"{config.problems} has no prompt of at most {most} tokens (the model's context is {context}, "
            f"max_tokens {config.max_tokens}); lower max_tokens or take a model of longer context"
        )
    say_few(len(asked.ids), config.prompts, "prompts", quiet)
    return asked


def say_few(count: int, size: int, what: str, quiet: bool) -> None:
    """Say so where a step takes more than there are."""
    if count < size:
        say(f"{count} {what}, of which a step takes {size}: some stand in it more than once", quiet)


def say_long(asked: Prompts, most: int, what: str, quiet: bool) -> None:
    """Say how many prompts of more than `most` tokens are left out, where there are any."""
    if asked.long:
        told = f"{len(asked.long)} {what} of more than {most} tokens are left out"
        say(f"{told} (the first: {asked.long[0].id})", quiet)


def batch_of(count: int, size: int, seed: int, step: int, stream: str = "rl-order") -> list[int]:
    """What a step takes of `count`: epochs of permutations keyed by (stream, seed, epoch), read on."""
    chosen: list[int] = []
    while len(chosen) < size:
        epoch, at = divmod(step * size + len(chosen), count)
        order = np.random.default_rng(derive_seed(stream, seed, epoch)).permutation(count)
        chosen.extend(int(i) for i in order[at : at + size - len(chosen)])
    return chosen
