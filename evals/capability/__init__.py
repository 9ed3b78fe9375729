"""General capability: LAMBADA, HellaSwag, ARC, PIQA and OpenBookQA, and the synthetic world's own cloze.

`capability` measures checkpoints and keeps the result of every item, so that changes are tested in pairs
(`changes`): two checkpoints are compared on the same items, not by the distance of two averages. `text_loss`
is the loss on plain text, which still moves where multiple choice is at its floor or ceiling.
"""

from evals.capability.measure import BENCHMARKS, TASKS, capability
from evals.capability.results import changes, read_items, summary
from evals.capability.text import text_loss

__all__ = ["BENCHMARKS", "TASKS", "capability", "changes", "read_items", "summary", "text_loss"]
