"""Asking a server until it answers: waits that grow, what the server asks for, an end after minutes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from evals.core.errors import UserError, first_line

LONGEST = 30.0  # seconds between two tries
GIVE_UP = 600.0  # seconds without any answer to anybody
PASSING = (408, 409)  # statuses of a request that ran out of time or met another, beside overload and 5xx


class Refused(UserError):
    """The server understood and says no: trying again changes nothing."""


class Patience:
    """Shared by all threads that ask one server. sleep, clock: for tests."""

    def __init__(
        self,
        server: str,
        sleep: Callable[[float], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server, self.clock = server, clock
        self.stopped = threading.Event()
        self.sleep = sleep or self.stopped.wait
        self.answered = clock()

    def ask(self, call: Callable[[], Any]) -> Any:
        """What `call` returns. Overload, errors inside the server and lost connections are tried again.

        Refused for what the server refuses; UserError where nothing was answered for GIVE_UP seconds.
        """
        import openai

        wait = min(0.5, LONGEST)
        while not self.stopped.is_set():
            try:
                got = call()
                self.answered = self.clock()
                return got
            except (openai.APIConnectionError, openai.APIStatusError) as error:
                if not _passes(error):
                    raise Refused(f"the server {self.server} refuses: {first_line(error)}") from error
                if self.clock() - self.answered > GIVE_UP:
                    raise UserError(
                        f"the server {self.server} has not answered for {GIVE_UP / 60:.0f} minutes "
                        f"({first_line(error)}); what it answered is kept: start the command again to go on"
                    ) from error
                self.sleep(max(asked_wait(error), wait * random.uniform(0.5, 1.0)))
                wait = min(2 * wait, LONGEST)
            except openai.APIError as error:
                raise Refused(
                    f"the server {self.server} answers what the protocol does not have: {first_line(error)}"
                ) from error
        raise UserError("stopped")

    def pause(self, tried: int) -> None:
        """Wait before a request is sent again that was answered `tried` times with nothing to keep."""
        self.sleep(min(0.5 * 2 ** (tried - 1), LONGEST))


def _passes(error: Any) -> bool:
    """Whether the same request may succeed later."""
    status = getattr(error, "status_code", None)
    return status is None or status in (*PASSING, 429) or status >= 500


def asked_wait(error: Any) -> float:
    """Seconds that a server asks to wait (Retry-After), at most LONGEST."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return min(max(float(headers.get("retry-after", 0)), 0.0), LONGEST)
    except ValueError:
        return 0.0
