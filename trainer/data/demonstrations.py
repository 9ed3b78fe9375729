"""Demonstrations: worked solutions as responses to the prompts that RL and evaluation use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.asking.prompts import ids_of
from evals.asking.templates import template
from evals.checkpoints.tokenizer import encode
from evals.core.errors import UserError
from evals.core.keys import content_hash, derive_seed
from evals.records import Problem
from evals.verify import grade
from trainer.config.schema import SFTConfig
from trainer.data.asking import asking_of, end_of_response, opened
from trainer.data.prompts import batch_of, say_few, training_problems
from trainer.run.console import say

TRIED = 8  # solutions that are graded before any is learnt


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One solution of a problem: prompt ids, and response ids (int32) that end with what ends a response."""

    problem: str
    prompt: tuple[int, ...]
    response: np.ndarray

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)

    @property
    def ids(self) -> list[int]:
        """Prompt and response, tokenized apart and put together."""
        return [*self.prompt, *self.response.tolist()]


def training_demonstrations(
    config: SFTConfig, tokenizer: Any, context: int, *, quiet: bool = False
) -> list[Demonstration]:
    """All demonstrations of a run, in the order of problems.

    Problems without solutions and demonstrations longer than `max_tokens` (or the context) are left out,
    counted and named. UserError where nothing is left.
    """
    problems = training_problems(config, quiet=quiet).problems
    solved = [p for p in problems if p.solutions]
    if lost := [p.id for p in problems if not p.solutions]:
        say(f"{len(lost)} problems without solutions are left out (the first is {lost[0]})", quiet)
    if not solved:
        raise UserError(f"{config.problems} has no worked solutions; give problems with a solutions column")
    _check_opened(solved[:TRIED], config, tokenizer)
    found, longest = _tokenized(solved, config, tokenizer), min(config.max_tokens, context)
    if long := [d.problem for d in found if len(d) > longest]:
        told = f"{len(long)} demonstrations longer than {longest} tokens are left out"
        say(f"{told} (the first is of problem {long[0]})", quiet)
    if len(long) == len(found):
        raise UserError(f"{config.problems} has no demonstration of at most {longest} tokens")
    shown = [d for d in found if len(d) <= longest]
    say_few(len(shown), config.batch, "demonstrations", quiet)
    return shown


def solutions_of(problem: Problem, config: SFTConfig) -> tuple[str, ...]:
    """The solutions trained on: all, or one drawn by (seed, problem)."""
    if config.demonstrations == "all":
        return problem.solutions
    drawn = derive_seed("demonstration", config.seed, problem.id) % len(problem.solutions)
    return (problem.solutions[drawn],)


def fingerprint(demonstrations: Sequence[Demonstration]) -> str:
    """Content hash of what is trained on, in order."""
    return content_hash([[d.problem, content_hash(d.ids)] for d in demonstrations])


def batch_at(demonstrations: Sequence[Demonstration], config: SFTConfig, step: int) -> list[Demonstration]:
    """The batch of step 0, 1, …: always full, so that no update rests on a few; see `batch_of`."""
    order = batch_of(len(demonstrations), config.batch, config.seed, step, "sft-order")
    return [demonstrations[i] for i in order]


def steps_of(count: int, config: SFTConfig) -> int:
    """Steps in which every demonstration is seen `epochs` times (the last step begins a further epoch)."""
    return -(-count * config.epochs // config.batch)


def _check_opened(problems: Sequence[Problem], config: SFTConfig, tokenizer: Any) -> None:
    """UserError where right solutions are wrong after what the prompt opens, such as thoughts."""
    asking = asking_of(config)
    before = opened(asking, tokenizer)

    def right(problem: Problem, start: str) -> bool:
        text = start + solutions_of(problem, config)[0].removeprefix(asking.prefix)
        return grade(problem.answer, text, mode="reward", question=problem.question).correct

    if not before or any(right(p, before) for p in problems):
        return
    if any(right(p, asking.prefix) for p in problems):
        raise UserError(
            f"the prompt opens {before.strip()!r}, which no solution of {config.problems} closes: all "
            "would be learnt as thoughts without an answer; close it by prefix, or leave it out by chat_args"
        )


def _tokenized(problems: Sequence[Problem], config: SFTConfig, tokenizer: Any) -> list[Demonstration]:
    asking = asking_of(config)
    end = end_of_response(tokenizer, asking)
    answer = "{solution}" if asking.chat else template(asking.template or "").answer
    found: list[Demonstration] = []
    for problem in problems:
        prompt = ids_of(problem, asking, tokenizer)
        for solution in solutions_of(problem, config):
            text = answer.replace("{solution}", solution.strip()).removeprefix(asking.prefix)
            ids = encode(tokenizer, text, special=False)
            response = np.array([*ids, end], dtype=np.int32)
            found.append(Demonstration(problem.id, prompt, response))
    return found
