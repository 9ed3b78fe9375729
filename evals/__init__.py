"""What is asked and how it is graded: problems, prompts, engines, samples, grades."""

from evals.errors import UserError
from evals.records import Problem, Request, Sample, SamplingOptions, content_hash, derive_seed

__all__ = ["Problem", "Request", "Sample", "SamplingOptions", "UserError", "content_hash", "derive_seed"]
