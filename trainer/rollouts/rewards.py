"""What a rollout earns: the verifier, a function of the user's, and parts for format and length."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from evals.core.errors import UserError, first_line
from evals.records import Problem, Sample
from evals.verify import format_reward, grade
from trainer.config.schema import RLConfig

MODES = ("verifier", "random")
ASK = "; it takes a list of dicts (question, answer, response, tokens) and returns a float for each"


class Earned(NamedTuple):
    """What one rollout earned. correct: the verifier accepted. limited: the verifier, or the user's function,
    gave up on it, at a limit or by an error of its own; metrics count these."""

    reward: float
    correct: bool
    limited: bool


def reward_of(problem: Problem, sample: Sample, config: RLConfig) -> Earned:
    """What one response earns: 1 if the verifier accepts, else the format reward."""
    verdict = grade(problem.answer, sample.text, mode="reward", question=problem.question)
    limited = bool({"limit", "timeout"} & set(verdict.flags)) or verdict.reason.startswith("error")
    if verdict.correct or config.format_reward == 0:
        return Earned(float(verdict.correct), verdict.correct, limited)
    return Earned(config.format_reward * format_reward(sample.text), False, limited)


def rewards(problems: Sequence[Problem], samples: Sequence[Sample], config: RLConfig) -> list[Earned]:
    """What each sample of a batch earned for its problem, before rewards are assigned at random."""
    earned = [Earned(*reward_of(p, s, config)) for p, s in zip(problems, samples, strict=True)]
    if config.reward not in MODES and samples:
        own = zip(_own(problems, samples, config), earned, strict=True)
        earned = [Earned(value or 0.0, e.correct, value is None) for value, e in own]
    if config.overlong_penalty == 0:
        return earned
    pairs = zip(samples, earned, strict=True)
    return [e._replace(reward=e.reward - overlong(len(s.token_ids or ()), config)) for s, e in pairs]


def overlong(tokens: int, config: RLConfig) -> float:
    """What a response of so many tokens loses: nothing up to 4/5 of `max_tokens`, then on a straight line
    to `overlong_penalty` (the soft punishment of arXiv 2503.14476)."""
    start = 0.8 * config.max_tokens
    return config.overlong_penalty * min(max((tokens - start) / (config.max_tokens - start), 0.0), 1.0)


def reward_function(name: str) -> Callable[[list[dict[str, Any]]], Any]:
    """The user's function MODULE:NAME; modules of the working directory count. UserError if there is none."""
    module, _, attribute = name.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the user's module may do anything when it is imported
        raise UserError(f"reward {name} does not load ({first_line(error)}); give module:function") from error
    if not callable(found):
        raise UserError(f"reward {name} is no function; give module:function")
    return found


def _own(problems: Sequence[Problem], samples: Sequence[Sample], config: RLConfig) -> list[float | None]:
    """The user's rewards; None where the function raised or gave no finite number for a sample by itself."""
    function, name = reward_function(config.reward), f"reward {config.reward}"
    batch = [
        {"question": p.question, "answer": p.answer, "response": s.text, "tokens": len(s.token_ids or ())}
        for p, s in zip(problems, samples, strict=True)
    ]

    def call(rows: list[dict[str, Any]]) -> list[float | None]:
        values = list(function([dict(row) for row in rows]))
        if len(values) != len(rows):
            raise UserError(f"{name} returned {len(values)} values for {len(rows)} responses{ASK}")
        return [_finite(v) for v in values]

    def alone(row: dict[str, Any]) -> float | None:
        with suppress(Exception, SystemExit):
            return call([row])[0]
        return None

    def judge() -> list[float | None]:
        try:
            return call(batch)
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            values = [alone(row) for row in batch]
            if all(value is None for value in values):
                raise UserError(f"{name} raised {type(error).__name__}: {first_line(error)}{ASK}") from error
            return values

    values: list[float | None] = _within(judge, config.reward_timeout, name)
    if all(value is None for value in values):
        raise UserError(f"{name} returned no finite number for any of {len(values)} responses{ASK}")
    return values


def _finite(value: Any) -> float | None:
    with suppress(TypeError, ValueError):
        return float(value) if math.isfinite(float(value)) else None
    return None


def _within(task: Callable[[], Any], seconds: float, name: str) -> Any:
    """What `task` returns, or UserError after so many seconds; its thread is then left behind."""
    done: Future[Any] = Future()

    def run() -> None:
        try:
            done.set_result(task())
        except BaseException as error:
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    if not wait([done], seconds).done:
        raise UserError(
            f"{name} took more than {seconds:g} s for a batch; make it faster or raise reward_timeout"
        )
    return done.result()
