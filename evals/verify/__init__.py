"""The math verifier: the reward of RL and the grader of every sample.

`grade` one response, `Grader` many (in worker processes), `format_reward` for the form alone.
Model output is hostile input: it is read by our own parser, never executed, and bounded before it is read.
"""

from evals.verify.extract.extraction import extract
from evals.verify.golds import ANY_OF, accepted
from evals.verify.grade import VERSION, Answer, Grade
from evals.verify.grading import format_reward, grade, grade_answer, unmatchable
from evals.verify.pool.grader import Grader

__all__ = [
    "ANY_OF",
    "VERSION",
    "Answer",
    "Grade",
    "Grader",
    "accepted",
    "extract",
    "format_reward",
    "grade",
    "grade_answer",
    "unmatchable",
]
