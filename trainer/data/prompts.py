"""Training prompts: problems rendered and tokenized exactly as evaluation does it, 0-shot; their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.asking.prompts import render
from evals.checkpoints.tokenizer import encode
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from evals.problems import ProblemSet, load_problems
from evals.records import Problem
from trainer.config.load import Questions, RLConfig
from trainer.run.console import say


@dataclass(frozen=True, slots=True)
class Prompts:
    """Problems that can be asked, the ids of their prompts, and the fingerprint of the set."""

    problems: list[Problem]
    ids: list[tuple[int, ...]]
    fingerprint: str


def training_problems(config: Questions) -> tuple[Problem, ...]:
    """The problems of RL and of SFT: the same for the same `problems`, `levels`, `limit`, `data_seed`."""
    return _problem_set(config).problems


def _problem_set(config: Questions) -> ProblemSet:
    spec = config.problems
    if spec.startswith("world:") and "?" not in spec:
        levels = ",".join(map(str, config.levels))
        spec += f"?levels={levels}&count={config.limit}&seed={config.data_seed}"
    return load_problems(spec, limit=config.limit)


def training_prompts(config: RLConfig, tokenizer: Any, context: int) -> Prompts:
    """Prompts that leave `max_tokens` of the model's `context`; longer ones are left out and counted."""
    found = _problem_set(config)
    ids = [encode(tokenizer, render(p, config.template, 0)) for p in found.problems]
    most = min(config.max_prompt_tokens, context - config.max_tokens)
    fits = [i for i, prompt in enumerate(ids) if 0 < len(prompt) <= most]
    if len(fits) < len(ids):
        first = next(p.id for p, prompt in zip(found.problems, ids, strict=True) if len(prompt) > most)
        say(f"{len(ids) - len(fits)} prompts of more than {most} tokens are left out (the first: {first})")
    if not fits:
        raise UserError(
            f"{config.problems} has no prompt of at most {most} tokens (the model's context is {context}, "
            f"max_tokens {config.max_tokens}); lower max_tokens or take a model of longer context"
        )
    return Prompts([found.problems[i] for i in fits], [ids[i] for i in fits], found.fingerprint)


def batch_of(count: int, size: int, seed: int, step: int, stream: str = "rl-order") -> list[int]:
    """What a step takes of `count`: epochs of permutations keyed by (stream, seed, epoch), read on."""
    chosen: list[int] = []
    while len(chosen) < size:
        epoch, at = divmod(step * size + len(chosen), count)
        order = np.random.default_rng(derive_seed(stream, seed, epoch)).permutation(count)
        chosen.extend(int(i) for i in order[at : at + size - len(chosen)])
    return chosen
