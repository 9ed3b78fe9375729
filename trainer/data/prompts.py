"""Training prompts: problems rendered and tokenized exactly as evaluation does it, 0-shot; their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.asking.asking import Asking
from evals.asking.prompts import prompt_text
from evals.checkpoints.tokenizer import encode
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from evals.problems import ProblemSet, load_problems
from evals.records import Problem
from trainer.config.load import Questions, RLConfig
from trainer.data.asking import asking_of
from trainer.run.console import say


@dataclass(frozen=True, slots=True)
class Prompts:
    """Problems that can be asked, the ids of their prompts, and the fingerprint of the set."""

    problems: list[Problem]
    ids: list[tuple[int, ...]]
    fingerprint: str


def training_problems(config: Questions) -> tuple[Problem, ...]:
    """The problems of RL and of SFT: the same for the same `problems`, `levels`, `limit`, `data_seed`."""
    return problem_set(config, config.problems, config.limit).problems


def problem_set(config: Questions, spec: str, limit: int) -> ProblemSet:
    """The first `limit` problems of `spec`; the synthetic world's with the configured levels and seed."""
    if spec.startswith("world:") and "?" not in spec:
        levels = ",".join(map(str, config.levels))
        spec += f"?levels={levels}&count={limit}&seed={config.data_seed}"
    return load_problems(spec, limit=limit)


def encoded(problem: Problem, asking: Asking, tokenizer: Any) -> tuple[int, ...]:
    """Token ids of a prompt; a chat template writes its special tokens itself."""
    return encode(tokenizer, prompt_text(problem, asking, tokenizer), special=not asking.chat)


def training_prompts(config: RLConfig, tokenizer: Any, context: int, *, quiet: bool = False) -> Prompts:
    """Prompts that leave `max_tokens` of the model's `context`; longer ones are left out and counted."""
    found, asking = problem_set(config, config.problems, config.limit), asking_of(config)
    ids = [encoded(p, asking, tokenizer) for p in found.problems]
    most = min(config.max_prompt_tokens, context - config.max_tokens)
    fits = [i for i, prompt in enumerate(ids) if 0 < len(prompt) <= most]
    if len(fits) < len(ids):
        first = next(p.id for p, prompt in zip(found.problems, ids, strict=True) if len(prompt) > most)
        lost = len(ids) - len(fits)
        say(f"{lost} prompts of more than {most} tokens are left out (the first: {first})", quiet)
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
