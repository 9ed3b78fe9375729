"""The synthetic world's own test of general capability: facts to recall, stories to complete."""

from __future__ import annotations

from collections.abc import Sequence

from evals.core.keys import content_hash
from evals.engines.engine import Engine
from evals.world import ClozeItem


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
