"""The synthetic world: graded word problems with several worked solutions, stories and facts.

Everything is generated from a seed and an index, offline. `problems` gives splits that share no
arithmetic (an assignment by the hash of the numbers and operations, not of the wording), `documents`
gives pre-training text, `cloze` gives the items of general capability.
"""

from evals.world.corpus import Mixture, documents
from evals.world.drafts import SPLITS
from evals.world.general import ClozeItem, cloze
from evals.world.solutions import STYLES, solve
from evals.world.splits import problems

__all__ = ["SPLITS", "STYLES", "ClozeItem", "Mixture", "cloze", "documents", "problems", "solve"]
