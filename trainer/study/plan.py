"""What the paper's programme would take: GPU hours, storage, samples, and what may run at once.

    python -m trainer.study.plan [VALUES.toml] > trainer/PLAN.md

Sizes come from the preset `paper-1b`, arithmetic from `trainer.models.flops`, rates from VALUES.toml
(`plan.toml` beside this file), which says of each value whether it was measured, and where it comes from
otherwise. The page's words are in `plan.md`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.core.bounds import read_toml, table_of
from evals.core.errors import UserError
from evals.models.olmo2 import Olmo2Shape
from trainer.config.load import load_study, preset_file
from trainer.config.schema import RLConfig, StudyConfig
from trainer.models.flops import forward_flops, training_flops
from trainer.models.native import costs_of, shape_of

HOUR, NODE = 3600.0, 8  # seconds; GPUs that one excursion is spread over in the shortest time
CLUSTERS = (64, 512)


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of job: how many there are, and what each takes. Hours are of one GPU, bytes on disk."""

    name: str
    jobs: int
    training: float
    sampling: float
    sampled: float
    disk: float

    @property
    def hours(self) -> float:
        """GPU hours of all jobs of this kind."""
        return self.jobs * (self.training + self.sampling)


def read_values(path: Path) -> dict[str, dict[str, Any]]:
    """The values of a TOML file by name, each with `value`, `source` and perhaps `measured`."""
    found = table_of(read_toml(path, "values"), "values", str(path))
    if not found:
        raise UserError(f"{path} holds no [values.NAME] tables; write one for each value")
    for name, entry in found.items():
        if not (isinstance(entry, dict) and {"value", "source"} <= entry.keys()):
            raise UserError(f"{path}: values.{name} needs `value` and `source`; add them")
    return found


def parameters(shape: Olmo2Shape) -> int:
    """Weights of all matrices."""
    tables = 1 if shape.tie_word_embeddings else 2
    return costs_of(shape).matrices + tables * shape.hidden_size * shape.vocab_size


def decode_rate(shape: Olmo2Shape, v: dict[str, float]) -> float:
    """Tokens per second of one GPU that decodes, bound by reading weights and cache once a token (bf16)."""
    context = v["prompt_tokens"] + v["response_tokens"] / 2
    cache = 4 * shape.num_hidden_layers * shape.num_key_value_heads * shape.head_dim * context
    read = 2 * parameters(shape) + v["sequences"] * cache
    return v["sequences"] * v["memory_bytes_per_s"] * v["memory_share"] / read


def costs(config: StudyConfig, v: dict[str, float]) -> list[Cost]:
    """Every kind of job of the programme, in the order in which they begin."""
    shape = shape_of(config.pretrain.model, int(v["vocabulary"]))
    per_hour = v["peak_flops"] * v["training_share"] * HOUR
    weights, cells = 4.0 * parameters(shape), int(v["checkpoints"] * v["seeds"])
    prompt, shown = int(v["prompt_tokens"]), int(v["demonstration_tokens"])
    plain = config.pretrain
    whole = plain.tokens / plain.sequence * training_flops(costs_of(shape), [plain.sequence], plain.sequence)
    one = training_flops(costs_of(shape), [prompt + shown], shown)  # one demonstration
    sft = config.sft.limit * config.sft.epochs * one / per_hour
    rl, sampling, rollouts = _rl(config.rl, shape, v, per_hour)
    mixed, mixed_sampling, mixed_rollouts = _rl(config.parallel.rl, shape, v, per_hour)
    updates = config.parallel.rl.steps * config.parallel.rl.prompts / config.parallel.rl.minibatch
    mixed += updates * config.parallel.sft.batch * one / per_hour
    kept = v["rollout_bytes_per_token"]
    return [
        Cost("pre-training", 1, whole / per_hour, 0, 0, (v["checkpoints"] + 1) * weights),
        Cost("sft", cells, sft, 0, 0, weights),
        Cost("sft-gold", cells, sft * v["gold_demonstrations"], 0, 0, weights),
        *(
            Cost(name, cells, rl, sampling, rollouts, weights + rollouts * v["response_tokens"] * kept)
            for name in ("rl", "sft-rl", "sft-gold-rl")
        ),
        Cost(
            *("parallel", cells, mixed, mixed_sampling, mixed_rollouts),
            weights + mixed_rollouts * v["response_tokens"] * kept,
        ),
        _evaluation(shape, v, int(v["checkpoints"]) + 6 * cells),
    ]


def _rl(c: RLConfig, shape: Olmo2Shape, v: dict[str, float], per_hour: float) -> tuple[float, float, float]:
    """(hours of training and scoring, hours of sampling, rollouts) of one RL run."""
    prompt, response = int(v["prompt_tokens"]), int(v["response_tokens"])
    rollouts = float(c.steps * c.prompts * c.n)
    passes = (c.kl > 0) + (c.prompts > c.minibatch)
    flops = training_flops(costs_of(shape), [prompt + response], response)
    flops += passes * forward_flops(costs_of(shape), [prompt + response], response)
    return rollouts * flops / per_hour, rollouts * response / decode_rate(shape, v) / HOUR, rollouts


def _evaluation(shape: Olmo2Shape, v: dict[str, float], models: int) -> Cost:
    samples = v["evaluation_problems"] * v["evaluation_samples"]
    hours = samples * v["response_tokens"] / decode_rate(shape, v) / HOUR
    disk = samples * (v["response_tokens"] * v["sample_bytes_per_token"] + v["grade_bytes"])
    return Cost("evaluation", models, 0, hours, samples, disk)


def days(kinds: list[Cost], gpus: int) -> float:
    """Shortest time on so many GPUs: the work dealt evenly, or the longest chain, whichever is longer.

    The chain: pre-training on all GPUs, then sft-gold, sft-gold-rl and one evaluation on one node.
    """
    by = {k.name: k for k in kinds}
    chain = sum(by[n].training + by[n].sampling for n in ("sft-gold", "sft-gold-rl", "evaluation")) / NODE
    return max(sum(k.hours for k in kinds) / gpus, by["pre-training"].hours / gpus + chain) / 24


def analysis(v: dict[str, float], decode: float) -> list[tuple[str, str, str]]:
    """(work, amount, hours) of 10^6 problems × 10^3 samples × 10^2 checkpoints, of one core or one GPU."""
    cells = v["web_problems"] * v["web_checkpoints"]
    samples = cells * v["web_samples"]
    tokens, pairs = samples * v["response_tokens"], v["web_checkpoints"] - 1
    each = v["comparison_s"] * v["web_problems"] / 1e6
    every = v["web_checkpoints"] * pairs / 2
    counts, per_core = cells * v["counts_bytes"] / 1e9, v["counted_per_core_s"]
    return [
        ("sampling", f"{samples:,.0f} samples", f"{tokens / decode / HOUR:,.0f} GPU"),
        ("samples on disk", f"{tokens * v['sample_bytes_per_token'] / 1e12:,.0f} TB", ""),
        ("grading", f"{samples:,.0f} grades", f"{samples / v['grades_per_core_s'] / HOUR:,.0f} core"),
        ("grades on disk", f"{samples * v['grade_bytes'] / 1e12:,.1f} TB", ""),
        ("counting grades", f"{samples:,.0f} rows", f"{samples / per_core / HOUR:,.1f} core"),
        ("counts on disk", f"{cells:,.0f} rows, {counts:,.1f} GB", ""),
        ("each checkpoint against the first", f"{pairs:,.0f} pairs", f"{pairs * each / HOUR:,.1f} core"),
        ("every pair", f"{every:,.0f} pairs", f"{every * each / HOUR:,.0f} core"),
    ]


CHANGES = (  # what is said, the value, its factor
    ("as assumed", "seeds", 1.0),
    ("decoding half as fast", "memory_share", 0.5),
    ("training at 30% of the peak", "training_share", 0.75),
    ("responses twice as long", "response_tokens", 2.0),
    ("a quarter of the sequences at once", "sequences", 0.25),
    ("grading half as fast", "grades_per_core_s", 0.5),
)


def sensitivity(config: StudyConfig, v: dict[str, float]) -> list[str]:
    """Rows of the table: what each change of one value does to the programme."""
    rows = []
    for said, name, factor in CHANGES:
        changed = v | {name: v[name] * factor}
        kinds = costs(config, changed)
        cores = kinds[-1].jobs * kinds[-1].sampled / changed["grades_per_core_s"] / HOUR
        gpu = sum(k.hours for k in kinds)
        times = " | ".join(f"{days(kinds, g):,.1f}" for g in CLUSTERS)
        rows.append(f"| {said} | {gpu:,.0f} | {times} | {cores:,.1f} |")
    return rows


def page(path: Path) -> str:
    """The plan as Markdown."""
    values = read_values(path)
    v = {name: float(entry["value"]) for name, entry in values.items()}
    config = load_study(preset_file("paper-1b"))
    kinds, shape = costs(config, v), shape_of(config.pretrain.model, int(v["vocabulary"]))
    evaluation = kinds[-1]
    cores = evaluation.jobs * evaluation.sampled / v["grades_per_core_s"] / HOUR
    rows = [
        f"| {k.name} | {k.jobs} | {k.training:,.0f} | {k.sampling:,.1f} | {k.hours:,.0f} | "
        f"{k.jobs * k.sampled / 1e6:,.0f} | {k.jobs * k.disk / 1e12:,.2f} |"
        for k in kinds
    ]
    hours, disk = sum(k.hours for k in kinds), sum(k.jobs * k.disk for k in kinds)
    sampled = sum(k.jobs * k.sampled for k in kinds)
    rows.append(f"| **all** | | | | **{hours:,.0f}** | **{sampled / 1e6:,.0f}** | **{disk / 1e12:,.1f}** |")
    entries = [
        f"| {name} | {entry['value']:,} | {'yes' if entry.get('measured') else 'no'} | {entry['source']} |"
        for name, entry in values.items()
    ]
    ends = ", ".join(f"{days(kinds, g):,.0f} days on {g} GPUs" for g in CLUSTERS)
    return (
        Path(__file__)
        .with_suffix(".md")
        .read_text("utf-8")
        .format(
            billions=f"{parameters(shape) / 1e9:.2f}",
            tokens=f"{config.pretrain.tokens / 1e9:.0f}",
            rows="\n".join(rows),
            entries="\n".join(entries),
            decode=f"{decode_rate(shape, v):,.0f}",
            cores=f"{cores:,.1f}",
            ends=ends,
            node=NODE,
            wide=kinds[1].jobs * 4,
            later=kinds[1].jobs * 2,
            analysis="\n".join(f"| {' | '.join(row)} |" for row in analysis(v, decode_rate(shape, v))),
            sensitivity="\n".join(sensitivity(config, v)),
            running=f"{12 * parameters(shape) / 1e9:,.0f}",
        )
    )


def main() -> None:
    """Print the page."""
    sys.stdout.write(page(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("plan.toml")))


if __name__ == "__main__":
    main()
