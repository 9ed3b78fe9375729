"""Sampling engines behind one interface. `open_engine` picks one; heavy imports stay inside."""

from __future__ import annotations

from typing import Any

from evals.engines.engine import Engine

__all__ = ["Engine", "open_engine"]


def open_engine(checkpoint: Any, **options: Any) -> Engine:
    """An engine on a checkpoint; see `evals.engines.open.open_engine`."""
    from evals.engines.open import open_engine as opened

    return opened(checkpoint, **options)
