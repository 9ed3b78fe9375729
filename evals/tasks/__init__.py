"""Tasks for lm-evaluation-harness: pass@k of GSM8K, MATH, MATH-500 and the synthetic world.

    lm_eval --include_path "$(evals tasks-path)" --tasks passk_world_base --model hf --model_args …

`base` variants ask with 8 exemplars, `trained` ones with none. All k come from one set of repeats, every
answer is graded by the project's verifier, and every rate has its standard error over problems.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def tasks_path() -> Path:
    """The folder that `lm_eval --include_path` needs."""
    return Path(str(resources.files(__package__)))
