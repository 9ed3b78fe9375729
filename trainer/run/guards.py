"""Why a loop stops, or should be looked at: numbers that are not finite, memory, rewards without a signal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from evals.core.errors import UserError
from trainer.run.console import say


def check_finite(step: int, loss: float, norm: float, batch: str) -> None:
    """Stop before an update that would not be finite; what was saved before stays as it is."""
    for what, value in (("loss", loss), ("gradient", norm)):
        if not math.isfinite(value):
            raise UserError(
                f"the {what} is not a finite number at step {step + 1} ({batch}); lower optimizer.lr (the "
                "last checkpoint and state are kept)"
            )


@contextmanager
def memory(knob: str) -> Iterator[None]:
    """Turn running out of memory into a sentence that names the knob to lower."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        telling = ("out of memory", "can't allocate memory")
        if type(error) is RuntimeError and not any(t in str(error) for t in telling):
            raise
        raise UserError(f"out of memory; lower {knob} (the last checkpoint and state are kept)") from error


class Silence:
    """Says so when a whole epoch of prompts brought no group with a difference in reward."""

    def __init__(self, prompts: int, quiet: bool = False) -> None:
        self.prompts, self.silent, self.quiet = prompts, 0, quiet

    def hear(self, zero_variance: float, prompts: int) -> None:
        """Count the prompts of a step in which no group had a signal."""
        self.silent = self.silent + prompts if zero_variance == 1 else 0
        if self.silent >= self.prompts:
            told = "all rewards of a whole epoch were equal within their groups: nothing to learn; going on"
            say(told, self.quiet)
            self.silent = 0
