"""The four loops in their smallest form, and every byte that a run leaves."""

from pathlib import Path

from trainer.config import (
    ModelConfig,
    OptimizerConfig,
    ParallelConfig,
    PretrainConfig,
    RLConfig,
    SFTConfig,
)
from trainer.files import read_rows
from trainer.parallel import parallel
from trainer.pretrain import pretrain
from trainer.rl import rl
from trainer.sft import sft

QUESTIONS = {"limit": 12, "levels": (1,), "optimizer": OptimizerConfig(lr=1e-3)}
ROLLOUTS = {"steps": 3, "prompts": 4, "minibatch": 2, "n": 3, "max_tokens": 5, "format_reward": 0.1}

PRETRAIN = PretrainConfig(
    model=ModelConfig(hidden_size=32, intermediate_size=48, layers=1, heads=2),
    optimizer=OptimizerConfig(lr=3e-3, eps=1e-5, weight_decay=0.1),
    vocab_size=320,
    tokens=1500,
    batch_tokens=512,
    checkpoints=(700,),
    save_every=1,
)
SFT = SFTConfig(batch=5, epochs=1, save_every=1, checkpoint_every=2, **QUESTIONS)
RL = RLConfig(kl=0.01, save_every=2, checkpoint_every=2, **ROLLOUTS, **QUESTIONS)
PARALLEL = ParallelConfig(
    rl=RLConfig(kl=0.0, save_every=1, **{**ROLLOUTS, "steps": 2}, **QUESTIONS),
    sft=SFTConfig(batch=3, **QUESTIONS),
)

LOOPS = {
    "pretrain": lambda parent, out, **how: pretrain(PRETRAIN, out, quiet=True, **how),
    "sft": lambda parent, out, **how: sft(str(parent), SFT, out, quiet=True, **how),
    "rl": lambda parent, out, **how: rl(str(parent), RL, out, quiet=True, **how),
    "parallel": lambda parent, out, **how: parallel(str(parent), PARALLEL, out, quiet=True, **how),
}


def contents(run: Path) -> dict[str, object]:
    """Every byte of a run, with the one field that is a measurement of time left out of the metrics."""
    found: dict[str, object] = {}
    for path in sorted(p for p in run.rglob("*") if p.is_file()):
        name = str(path.relative_to(run))
        found[name] = path.read_bytes()
        if name == "metrics.jsonl":
            found[name] = [{k: v for k, v in row.items() if k != "seconds"} for row in read_rows(path)]
    return found
