"""The synthetic world's own test of general capability: facts to recall, stories to complete, text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from typing import Any

from evals.core.keys import content_hash
from evals.engines.engine import Engine
from evals.world import ClozeItem, Mixture, documents

KINDS = ("problems", "drills", "stories", "facts")
HELD_OUT = 1_000_000_000  # number of the first document that no pre-training reaches


def score_cloze(engine: Engine, items: Sequence[ClozeItem]) -> dict[tuple[str, str], dict[str, bool]]:
    """{(task, metric): {item: correct}}: the choice of the largest log-probability is taken.

    acc: of the whole choice; acc_norm: per character of it, as lm-eval does.
    """
    contexts = [engine.encode(item.context) for item in items]
    prompts, responses = [], []
    for item, context in zip(items, contexts, strict=True):
        for choice in item.choices:
            whole = engine.encode(item.context + choice)
            prompts.append(whole[: len(context)])
            responses.append(whole[len(context) :])
    totals = [sum(scores) for scores in engine.score(prompts, responses)]
    found: dict[tuple[str, str], dict[str, bool]] = {}
    start = 0
    for item in items:
        sums = totals[start : start + len(item.choices)]
        start += len(item.choices)
        per_character = [s / len(c) for s, c in zip(sums, item.choices, strict=True)]
        name = content_hash(item.context, item.choices)[:16]
        for metric, values in (("acc", sums), ("acc_norm", per_character)):
            best = max(range(len(values)), key=values.__getitem__)
            found.setdefault((f"world_{item.task}", metric), {})[name] = best == item.answer
    return found


def held_out(*, seed: int, count: int, **world: Any) -> dict[str, list[str]]:
    """{kind: `count` documents} of every kind of document, further on than any pre-training reads.

    world: options of `Mixture` other than its weights. The facts told are those of the world's seed.
    """

    def only(kind: str) -> Mixture:
        weights = {k: float(k == kind) for k in KINDS}
        return Mixture(**weights, **world)  # type: ignore[arg-type]

    return {k: list(islice(documents(only(k), seed=seed, start=HELD_OUT), count)) for k in KINDS}


def bits_per_byte(engine: Engine, texts: Sequence[str]) -> dict[str, float]:
    """{document: bits per byte of its UTF-8}: -log2 p of all tokens but the first, over all its bytes."""
    ids = [engine.encode(text) for text in texts]
    totals = [sum(scores) for scores in engine.score([i[:1] for i in ids], [i[1:] for i in ids])]
    return {
        content_hash(text)[:16]: -total / math.log(2) / len(text.encode())
        for text, total in zip(texts, totals, strict=True)
    }
