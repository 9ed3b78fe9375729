"""A model small enough that every oracle runs in a blink."""

import os

import pytest
import torch

from tests.trainer.tiny import KINDS, trainable
from trainer.config.schema import ModelConfig
from trainer.models.checkpoint import Lineage, save_checkpoint
from trainer.models.native import new_model

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # tests fork


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    """One thread, and no waiting for the disk: a killed process needs no fsync, only a power cut does."""
    torch.set_num_threads(1)
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="session")
def shape() -> ModelConfig:
    return ModelConfig(hidden_size=32, intermediate_size=48, layers=2, heads=4, kv_heads=2, context=512)


@pytest.fixture
def native(shape):
    """A 2-layer OLMo2 in float64, vocabulary 64."""
    return new_model(shape, 64, seed=1).double()


@pytest.fixture(params=KINDS)
def model(request, shape, monkeypatch):
    """The same of every kind: by this package, and two of transformers. See `trainable`."""
    return trainable(request.param, shape, monkeypatch)


@pytest.fixture(scope="session")
def tokenizer():
    from itertools import islice

    from evals.checkpoints.tokenizer import train_tokenizer
    from evals.world import documents

    return train_tokenizer(islice(documents(), 300), 400)


@pytest.fixture(scope="session")
def parent(tmp_path_factory, shape, tokenizer):
    """A checkpoint folder with random weights and a tokenizer of the synthetic world."""
    path = tmp_path_factory.mktemp("parent") / "base"
    lineage = Lineage(None, None, "base", 0, 0, 0.0, 0, "", {"template": "world", "shots": 0})
    save_checkpoint(path, new_model(shape, len(tokenizer), seed=2), tokenizer, lineage)
    return path
