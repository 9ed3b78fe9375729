"""Numbers that follow the steps: a constant, or straight lines between points."""

from __future__ import annotations

import numpy as np

from evals.core.errors import UserError
from trainer.config.schema import Schedule


def value_at(schedule: Schedule, step: int) -> float:
    """The value at a step: the number itself, or on straight lines between (step, value), flat outside."""
    if isinstance(schedule, int | float):
        return float(schedule)
    steps, values = zip(*schedule, strict=True)
    return float(np.interp(step, steps, values))


def check_schedule(schedule: Schedule, name: str, most: float) -> None:
    """UserError where it is neither a number from 0 to `most` nor rising points of such."""
    points = [(0, schedule)] if isinstance(schedule, int | float) else list(schedule)
    steps = [step for step, _ in points]
    if not points or steps != sorted(set(steps)) or any(not 0 <= v <= most for _, v in points):
        raise UserError(f"{name} is a number from 0 to {most:g}, or rising [step, value] points of such")
