"""What is asked and how it is graded: problems, prompts, engines, samples, grades."""

from evals.core.errors import UserError
from evals.core.keys import content_hash, derive_seed
from evals.records import Problem, Request, Sample, SamplingOptions

__all__ = ["Problem", "Request", "Sample", "SamplingOptions", "UserError", "content_hash", "derive_seed"]
