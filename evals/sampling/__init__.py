"""From a checkpoint, problems and an asking to samples in a store: `sample` is the one road there."""

from evals.sampling.prompts_to_samples import Where, sample

__all__ = ["Where", "sample"]
