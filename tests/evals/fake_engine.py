"""An engine without a model: its samples are a function of prompt and seed alone, as engines promise."""

from __future__ import annotations

import random
from dataclasses import asdict
from typing import Any

from evals import world
from evals.asking import Asking
from evals.core.keys import derive_seed
from evals.problems import ProblemSet, problem_set
from evals.records import Request, Sample, SamplingOptions
from evals.sampling.cell import draw_cell


class FakeEngine:
    """Answers at random; `drawn` counts samples, so that a test sees what was drawn again."""

    def __init__(self, weights: str = "weights-a", *, context: int = 4096, eos_ids: tuple[int, ...] = (0,)):
        self.identity: dict[str, Any] = {
            "weights": weights,
            "tokenizer": "bytes",
            "engine": "fake",
            "version": "1",
            "dtype": "float32",
        }
        self.eos_ids, self.context, self.rows, self.drawn = eos_ids, context, 16, 0

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(text.encode())

    def sample(self, requests: list[Request], options: SamplingOptions) -> list[Sample]:
        self.drawn += len(requests)
        return [self._one(r) for r in requests]

    def _one(self, request: Request) -> Sample:
        rng = random.Random(derive_seed(self.identity["weights"], list(request.prompt_ids), request.seed))
        ids = tuple(rng.randrange(1, 300) for _ in range(rng.randrange(2, 12)))
        text = f"So it is \\boxed{{{rng.randrange(1, 60)}}}." if rng.random() < 0.9 else f"about {ids[0]}"
        return Sample(text, ids, tuple(-rng.random() for _ in ids), rng.choice(["stop", "stop", "length"]))


def world_problems(count: int = 12) -> ProblemSet:
    """A few problems of the synthetic world."""
    return problem_set("world:test", world.problems("test", count=count))


def sample(
    engine: Any,
    problems: ProblemSet,
    *,
    n: int,
    options: SamplingOptions,
    template: str,
    shots: int,
    store: Any,
    checkpoint_name: str,
    chat: bool = False,
    **others: Any,
) -> str:
    """`draw_cell` with an asking put together from its parts."""
    asking = Asking(template, shots, chat, **asdict(options))
    return draw_cell(engine, problems, asking, n, store, checkpoint_name, **others)


def arguments(store: Any, **changes: Any) -> dict[str, Any]:
    """The keyword arguments of `sample`, some changed."""
    usual = {
        "n": 8,
        "options": SamplingOptions(max_tokens=64),
        "template": "world",
        "shots": 0,
        "seed": 0,
        "store": store,
        "checkpoint_name": "a",
    }
    return usual | changes


def files(root: Any) -> dict[str, bytes]:
    """Every file below a folder with its bytes: what `the same bytes` means for a store."""
    found = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    return {name: data for name, data in found.items() if not name.startswith(".locks/")}
