"""Typed configuration: TOML, presets, dotted overrides; unknown keys are errors with the nearest name."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.errors import UserError

PRESETS = Path(__file__).parent / "presets"


class Strict(BaseModel):
    """A section of configuration: frozen, extra keys forbidden."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelConfig(Strict):
    """Shape of an OLMo2 model trained from scratch."""

    hidden_size: int = Field(128, ge=8, description="width of the residual stream")
    intermediate_size: int = Field(384, ge=8, description="width of the MLP")
    layers: int = Field(4, ge=1, description="number of layers")
    heads: int = Field(4, ge=1, description="attention heads")
    kv_heads: int | None = Field(None, description="key-value heads (default: as many as heads)")
    context: int = Field(2048, ge=16, description="longest sequence that the model accepts, in tokens")
    rope_theta: float = Field(10000.0, gt=0, description="base of the rotary angles")
    init_std: float = Field(
        0.02, gt=0, description="standard deviation of initial matrices; narrow models learn faster with more"
    )
    tie_embeddings: bool = Field(False, description="share input and output embeddings")


class WorldData(Strict):
    """Pre-training mixture of the synthetic world: weights of kinds of documents."""

    problems: float = Field(0.5, ge=0)
    drills: float = Field(0.2, ge=0, description="lists of single equations")
    stories: float = Field(0.15, ge=0)
    facts: float = Field(0.15, ge=0)
    levels: tuple[int, ...] = Field((1, 2, 3), description="numbers of operations in training problems")
    styles: dict[str, float] | None = Field(None, description="weights of solution styles (default: equal)")
    seed: int = Field(0, description="seed of the world: its facts and its documents")


class OptimizerConfig(Strict):
    """AdamW."""

    lr: float = Field(gt=0, description="peak learning rate")
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = Field(1e-8, gt=0)
    weight_decay: float = Field(0.0, ge=0, description="decoupled; on matrices only, never on norms")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0 switches clipping off")


class PretrainConfig(Strict):
    """`trainer pretrain`."""

    model: ModelConfig = ModelConfig()
    data: WorldData = WorldData()
    optimizer: OptimizerConfig = OptimizerConfig(lr=3e-3, weight_decay=0.1)
    vocab_size: int = Field(640, ge=260, description="entries of the tokenizer trained on the data")
    tokens: int = Field(3_000_000, ge=1, description="token budget")
    batch_tokens: int = Field(4096, ge=64, description="tokens of a step, whole documents, at most")
    sequence: int = Field(256, ge=8, description="longest document; longer ones are cut into pieces")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps with rising learning rate")
    final_lr: float = Field(
        0.1, ge=0, le=1, description="learning rate at the end of the cosine, share of the peak"
    )
    checkpoints: tuple[int, ...] = Field(
        (), description="tokens seen at which a checkpoint is kept (the end always is)"
    )
    save_every: int = Field(100, ge=1, description="steps between saves of the state to resume from")
    seed: int = Field(0, description="seed of the initial weights")


class RLConfig(Strict):
    """`trainer rl`. Names and defaults of GRPO as in the paper's table, sizes for a small model."""

    algorithm: Literal["grpo", "dr-grpo", "dapo", "rloo"] = "grpo"
    optimizer: OptimizerConfig = OptimizerConfig(lr=1e-6, betas=(0.9, 0.999))
    problems: str = Field("world:train", description="training prompts: as for `evals sample --problems`")
    levels: tuple[int, ...] = Field((1, 2, 3), description="operations of the synthetic world's prompts")
    limit: int = Field(20_000, ge=1, description="at most so many training prompts")
    template: str = Field("world", description="prompt template; training prompts are 0-shot")
    steps: int = Field(100, ge=1, description="steps: one batch of rollouts each")
    prompts: int = Field(512, ge=1, description="prompts of a step")
    n: int = Field(32, ge=2, description="rollouts of a prompt (the group)")
    minibatch: int = Field(
        128, ge=1, description="prompts of one update; prompts / minibatch updates per step"
    )
    max_tokens: int = Field(2048, ge=1, description="longest response, in tokens")
    max_prompt_tokens: int = Field(1024, ge=1, description="longer prompts are left out, counted and named")
    temperature: float = Field(1.0, gt=0, description="of the rollouts, and of the log-probs trained on")
    top_p: float = Field(1.0, description="must be 1: truncated sampling is not the policy that is trained")
    top_k: int = Field(0, description="must be 0, as top_p")
    kl: float = Field(0.001, ge=0, description="weight of the KL loss against the starting checkpoint")
    kl_estimator: Literal["k1", "k2", "k3"] = "k3"
    clip_low: float = Field(0.2, gt=0, lt=1)
    clip_high: float = Field(0.2, gt=0)
    dual_clip: float = Field(
        3.0, ge=0, description="bound on the loss of tokens with negative advantage; 0 = off"
    )
    entropy: float = Field(0.0, ge=0, description="weight of the entropy bonus")
    std_ddof: Literal[0, 1] = Field(1, description="degrees of freedom of the group's standard deviation")
    advantage_eps: float = Field(1e-6, gt=0)
    aggregation: Literal["token-mean", "sequence-mean", "constant"] = "token-mean"
    keep_zero_variance: bool = Field(True, description="groups without signal stay in the denominator")
    format_reward: float = Field(0.0, ge=0, lt=1, description="reward of a wrong answer in a box")
    tokens_per_pass: int = Field(16384, ge=64, description="tokens of one forward and backward pass")
    save_every: int = Field(10, ge=1, description="steps between saves of the state to resume from")
    checkpoint_every: int = Field(0, ge=0, description="steps between kept checkpoints (0: only the last)")
    seed: int = 0


class SFTConfig(Strict):
    """`trainer sft`. Epochs, learning rate and token mean as in the paper, sizes for a small model."""

    demonstrations: Literal["one", "all"] = Field(
        "one", description="of each problem: one drawn by seed (recipe sft), or all (recipe sft-gold)"
    )
    optimizer: OptimizerConfig = OptimizerConfig(lr=4e-5, betas=(0.9, 0.999))
    problems: str = Field("world:train", description="problems with solutions: as for RL")
    levels: tuple[int, ...] = Field((1, 2, 3), description="operations of the synthetic world's problems")
    limit: int = Field(20_000, ge=1, description="at most so many problems")
    template: str = Field("world", description="prompt template; training prompts are 0-shot")
    epochs: int = Field(5, ge=1, description="passes over the demonstrations")
    batch: int = Field(64, ge=1, description="demonstrations of a step")
    max_tokens: int = Field(2048, ge=2, description="longer demonstrations, prompt included, are left out")
    tokens_per_pass: int = Field(16384, ge=64, description="tokens of one forward and backward pass")
    save_every: int = Field(100, ge=1, description="steps between saves of the state to resume from")
    checkpoint_every: int = Field(0, ge=0, description="steps between kept checkpoints (0: only the last)")
    seed: int = 0


class ParallelConfig(Strict):
    """`trainer parallel`: steps, checkpoints and seed are those of `rl`; of `sft`, data, batch, optimizer."""

    rl: RLConfig = RLConfig(kl=0.0, max_tokens=512)
    sft: SFTConfig = SFTConfig()
    weight: float | tuple[tuple[int, float], ...] = Field(
        0.5, description="of the RL update; the SFT update has the rest. Or points (step, weight), joined"
    )


Recipe = Literal["rl", "sft", "sft-gold", "sft-rl", "sft-gold-rl", "parallel"]


class StudyConfig(Strict):
    """`trainer study`: one pre-training run, and excursions of every recipe and seed from every start."""

    starts: tuple[int, ...] = Field(
        (), description="tokens seen at which excursions start (default: those of pretrain.checkpoints)"
    )
    recipes: tuple[Recipe, ...] = ("rl", "sft", "sft-gold", "sft-rl", "sft-gold-rl", "parallel")
    seeds: tuple[int, ...] = Field((0,), description="seeds of every excursion")
    pretrain: PretrainConfig = PretrainConfig()
    rl: RLConfig = RLConfig()
    sft: SFTConfig = SFTConfig()
    parallel: ParallelConfig = ParallelConfig()


Config = TypeVar("Config", bound=Strict)


def load_config(
    kind: type[Config], section: str, *, preset: str | None, path: Path | None, overrides: Sequence[str] = ()
) -> Config:
    """A configuration from preset, then TOML file, then `key=value` overrides (dotted keys, TOML values)."""
    values: dict[str, Any] = _section(_read_toml(preset_file(preset)), section) if preset else {}
    if path:
        data = _read_toml(path)
        values = _merge(values, _section(data, section) if section in data else data)
    for item in overrides:
        values = _merge(values, _override(item, section))
    return validated(kind, values, section)


def load_study(path: Path, overrides: Sequence[str] = ()) -> StudyConfig:
    """A study from its TOML file: [study] with `preset` where one is laid under, [pretrain], [rl], …"""
    data = _read_toml(path)
    own = dict(data.get("study", {}))
    preset = own.pop("preset", None)
    data = data | {"study": own}
    if preset:
        data = _merge(_read_toml(preset_file(preset)), data)
    for item in overrides:
        value = _override(item, "study")
        data = _merge(
            data, value if value.keys() <= {"pretrain", "rl", "sft", "parallel"} else {"study": value}
        )
    values = {k: v for k, v in data.items() if k != "study"} | data["study"]
    return validated(StudyConfig, values | {"parallel": _section(data, "parallel")}, "study")


def preset_file(name: str) -> Path:
    """The file of a shipped preset; UserError with the known names where there is none."""
    file = PRESETS / f"{name}.toml"
    if not file.is_file():
        known = ", ".join(sorted(p.stem for p in PRESETS.glob("*.toml")))
        raise UserError(f"no preset {name!r}; choose one of {known}")
    return file


def _section(tables: dict[str, Any], section: str) -> dict[str, Any]:
    """One section of a file; [parallel] stands on [rl] and [sft], its two branches."""
    own = dict(tables.get(section, {}))
    if section == "parallel":
        return _merge({k: tables[k] for k in ("rl", "sft") if k in tables}, own)
    return own


def validated(kind: type[Config], values: dict[str, Any], section: str) -> Config:
    """`values` as a configuration, or one sentence that names the first wrong key."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([section, *(str(p) for p in first["loc"])])
        if first["type"] == "extra_forbidden":
            hint = difflib.get_close_matches(str(first["loc"][-1]), _names(kind, first["loc"][:-1]), 1)
            mend = (
                f"did you mean {hint[0]!r}?"
                if hint
                else f"known keys: {', '.join(_names(kind, first['loc'][:-1]))}"
            )
            raise UserError(f"unknown key {where}; {mend}") from error
        raise UserError(f"{where}: {first['msg'].lower()} (got {first['input']!r})") from error


def _names(kind: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    for part in loc:
        inner = kind.model_fields[str(part)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        kind = inner
    return list(kind.model_fields)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"configuration {path} cannot be read ({error.strerror}); check the path") from error
    except ValueError as error:
        raise UserError(f"configuration {path} is not valid TOML: {error}") from error


def _override(item: str, section: str) -> dict[str, Any]:
    key, equals, text = item.partition("=")
    if not equals or not key:
        raise UserError(f"--set {item!r} is not of the form key=value")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except ValueError:
        value = text
    parts = key.split(".")
    if parts[0] == section and len(parts) > 1:
        parts = parts[1:]
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _merge(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`base` with `more` laid over it, section by section."""
    out = dict(base)
    for key, value in more.items():
        old = out.get(key)
        out[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def resolved_json(config: BaseModel) -> str:
    """The resolved configuration as it is written beside a run."""
    return json.dumps(config.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
