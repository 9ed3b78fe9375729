"""Readers of samples that other tools wrote: they become samples of a store.

Known: lm-evaluation-harness sample logs, lighteval details, inspect_ai logs, Large Language Monkeys YAML,
Qwen2.5-Math JSONL, GSM8K's released model solutions, and plain rows (JSONL or parquet; see SAMPLES.md).
"""

from evals.readers.answers import Answers, Response
from evals.readers.importing import import_samples

__all__ = ["Answers", "Response", "import_samples"]
