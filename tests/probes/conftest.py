"""Toy models with known distributions, samples of them in a store, and a runner of the command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from probes.calibration.toy import Toy, random_toy
from tests.probes.toy_engine import toy_engine


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def probes(monkeypatch, capsys) -> Callable[..., Result]:
    """Run `probes …` in this process as its console command does."""

    def run(*args: object) -> Result:
        from probes.commands.cli import main

        monkeypatch.setattr(sys, "argv", ["probes", *map(str, args)])
        monkeypatch.setenv("COLUMNS", "96")
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Result(int(left.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def base() -> Toy:
    """A toy of 120 problems."""
    return random_toy(120, seed=1, concentration=0.4)


@pytest.fixture(scope="session")
def sharp(base: Toy) -> Toy:
    """The same toy at a lower temperature: it only sharpened."""
    return base.tempered(0.3)


def sample_toys(store_path: Path, toys: dict[str, Toy], n: int, draws: dict[str, int] | None = None) -> Any:
    """Samples at temperature 1 of every toy, through the engine, in a store; returns a Source on them."""
    from evals.asking import Asking
    from evals.grading.store_grading import cell_report, counts, grade_store
    from evals.problems.sets import ProblemSet
    from evals.sampling.cell import draw_cell
    from evals.store import SampleStore
    from probes.inputs.sources import Source

    store = SampleStore(store_path)
    asking = Asking("world", 0, chat=False, max_tokens=8).plain()
    described, cells = [], []
    for name, toy in toys.items():
        engine = toy_engine(toy)
        problems = ProblemSet("toy", "toy", tuple(toy.problems()))
        cell = draw_cell(engine, problems, asking, n, store, name, draw=(draws or {}).get(name, 0))
        cells.append(cell)
        described.append(
            {"name": name, "path": name, "fingerprint": engine.identity["weights"], "recipe": None,
             "lineage": None, "cell": cell}
        )  # fmt: skip
    grade_store(store, cells)
    for entry in described:
        entry["report"] = cell_report(store, entry["cell"])
    problems = {"name": "toy", "fingerprint": "toy", "count": len(next(iter(toys.values())).golds)}
    return Source(counts(store, cells), described, problems, store, cells)


@pytest.fixture(scope="session")
def toy_source(tmp_path_factory, base: Toy, sharp: Toy) -> Any:
    """64 samples of `base` and of `sharp`."""
    return sample_toys(tmp_path_factory.mktemp("toys") / "store", {"base": base, "sharp": sharp}, 64)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    """A checkpoint folder with random weights and a tokenizer of the synthetic world."""
    return random_checkpoint(tmp_path_factory.mktemp("tiny") / "base", seed=2)


def random_checkpoint(
    path: Path, seed: int, parent: str | None = None, recipe: str = "base", training_seed: int = 0
) -> Path:
    """Write a 2-layer OLMo2 with random weights as a Hugging Face folder with lineage."""
    import json
    from itertools import islice

    import torch
    from safetensors.torch import save_file

    from evals.checkpoints.tokenizer import train_tokenizer
    from evals.models.olmo2 import Olmo2, Olmo2Shape
    from evals.world import documents

    torch.set_num_threads(1)
    tokenizer = train_tokenizer(islice(documents(), 200), 400)
    shape = Olmo2Shape(len(tokenizer), 32, 48, 2, 4, 2, 512, 1e-6, 10000.0, False)
    model = Olmo2(shape)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    path.mkdir(parents=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path / "model.safetensors")
    tokenizer.save_pretrained(path)
    config = {
        "architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", "attention_bias": False,
        "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": False,
        "vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip
    (path / "config.json").write_text(json.dumps(config))
    lineage = {"parent": parent, "recipe": recipe, "step": 0, "tokens": 0, "seed": training_seed,
               "prompt": {"template": "world", "shots": 0}}  # fmt: skip
    (path / "lineage.json").write_text(json.dumps(lineage))
    return path
