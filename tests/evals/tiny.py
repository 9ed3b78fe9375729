"""A checkpoint with random weights, small enough for every test, of a shape that all engines take."""

from itertools import islice
from pathlib import Path

from evals.checkpoints.tokenizer import train_tokenizer
from evals.world import documents
from trainer.config.schema import ModelConfig
from trainer.models.checkpoint import Lineage, save_checkpoint
from trainer.models.native import new_model


def checkpoint(path: Path, seed: int = 2) -> Path:
    """A 2-layer OLMo2 of head size 32 with a tokenizer of the synthetic world."""
    tokenizer = train_tokenizer(islice(documents(), 300), 400)
    shape = ModelConfig(hidden_size=64, intermediate_size=96, layers=2, heads=2, kv_heads=1, context=1024)
    lineage = Lineage(None, None, "base", 0, 0, 0.0, 0, "", {"template": "world", "shots": 0})
    save_checkpoint(path, new_model(shape, len(tokenizer), seed=seed), tokenizer, lineage)
    return path
