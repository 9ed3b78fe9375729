"""Training prompts: problems rendered and tokenized exactly as evaluation does it, 0-shot."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from evals import world
from evals.engines import Engine
from evals.errors import UserError
from evals.problems import load_problems
from evals.prompts import render
from evals.records import Problem
from trainer.config import RLConfig, SFTConfig


def training_prompts(config: RLConfig, engine: Engine) -> tuple[list[Problem], list[tuple[int, ...]]]:
    """(problems, prompt ids); prompts longer than `max_prompt_tokens` are left out, counted, and named."""
    problems = training_problems(config)
    ids = [engine.encode(render(p, config.template, 0)) for p in problems]
    fits = [i for i, prompt in enumerate(ids) if 0 < len(prompt) <= config.max_prompt_tokens]
    if len(fits) < len(ids):
        first = next(
            p.id for p, prompt in zip(problems, ids, strict=True) if len(prompt) > config.max_prompt_tokens
        )
        print(
            f"rl: {len(ids) - len(fits)} prompts longer than {config.max_prompt_tokens} tokens are left out "
            f"(the first is problem {first})",
            file=sys.stderr,
        )
    if not fits:
        raise UserError(
            f"{config.problems} has no training prompt of at most {config.max_prompt_tokens} tokens"
        )
    longest = max(len(ids[i]) for i in fits)
    if longest + config.max_tokens > engine.context:
        raise UserError(
            f"rl.max_tokens {config.max_tokens} and the longest prompt ({longest} tokens) exceed the model's "
            f"context of {engine.context}; lower rl.max_tokens or rl.max_prompt_tokens"
        )
    return [problems[i] for i in fits], [ids[i] for i in fits]


def training_problems(config: RLConfig | SFTConfig) -> Sequence[Problem]:
    """The problems of RL and of SFT: the same ones for the same `problems`, `levels`, `limit` and `seed`."""
    if config.problems.startswith("world:"):
        split = config.problems.removeprefix("world:")
        return world.problems(split, seed=config.seed, count=config.limit, levels=tuple(config.levels))
    return load_problems(config.problems).problems[: config.limit]
