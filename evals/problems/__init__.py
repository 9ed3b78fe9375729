"""Problems: benchmarks by name, local files, hub datasets and the synthetic world, one contract.

`load_problems(spec)` reads any of them; see there for what a spec may be.
"""

from evals.problems.load import load_problems
from evals.problems.preflight import GoldIssue, preflight
from evals.problems.sets import ProblemSet, problem_set

__all__ = ["GoldIssue", "ProblemSet", "load_problems", "preflight", "problem_set"]
