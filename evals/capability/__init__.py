"""General capability: LAMBADA, HellaSwag, ARC, PIQA and OpenBookQA, and the synthetic world's own cloze.

`capability` measures checkpoints and keeps the result of every item, so that changes are tested in pairs
(`changes`): two checkpoints are compared on the same items, not by the distance of two averages.
"""

from evals.capability.measure import BENCHMARKS, TASKS, capability
from evals.capability.results import changes, read_items, summary

__all__ = ["BENCHMARKS", "TASKS", "capability", "changes", "read_items", "summary"]
