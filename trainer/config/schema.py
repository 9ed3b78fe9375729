"""The sections of configuration: frozen, every field with its meaning.

How files, presets and overrides become one of these is in `trainer.config.load`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evals.core.errors import UserError

Logger = Literal["tensorboard", "wandb"]
Schedule = float | tuple[tuple[int, float], ...]  # a number, or points (step, value) joined by straight lines
Level = Annotated[int, Field(ge=1)]  # operations of a problem of the synthetic world
Beta = Annotated[float, Field(ge=0, lt=1)]


class Strict(BaseModel):
    """A section of configuration: frozen, extra keys forbidden."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _lay_over_defaults(cls, values: Any) -> Any:
        """A section given in part keeps the rest of its own default, not of its class's."""
        if not isinstance(values, dict):
            return values
        filled = dict(values)
        for name, field in cls.model_fields.items():
            if isinstance(field.default, Strict) and isinstance(values.get(name), dict):
                filled[name] = field.default.model_dump(exclude_unset=True) | values[name]
        return filled


class ModelConfig(Strict):
    """Shape of an OLMo2 model trained from scratch."""

    hidden_size: int = Field(128, ge=8, description="width of the residual stream")
    intermediate_size: int = Field(384, ge=8, description="width of the MLP")
    layers: int = Field(4, ge=1, description="number of layers")
    heads: int = Field(4, ge=1, description="attention heads")
    kv_heads: int | None = Field(None, ge=1, description="key-value heads (default: as many as heads)")
    context: int = Field(2048, ge=16, description="longest sequence that the model accepts, in tokens")
    rope_theta: float = Field(10000.0, gt=0, description="base of the rotary angles")
    init_std: float = Field(
        0.02, gt=0, description="standard deviation of initial matrices; narrow models learn faster with more"
    )
    tie_embeddings: bool = Field(False, description="share input and output embeddings")


class WorldData(Strict):
    """Documents of the synthetic world: weights of their kinds."""

    problems: float = Field(0.5, ge=0)
    drills: float = Field(0.2, ge=0, description="lists of single equations")
    stories: float = Field(0.15, ge=0)
    facts: float = Field(0.15, ge=0)
    levels: tuple[Level, ...] = Field(
        (1, 2, 3), min_length=1, description="numbers of operations in training problems"
    )
    styles: dict[str, float] | None = Field(None, description="weights of solution styles (default: equal)")
    largest: int = Field(99, description="of every result in problems and drills")
    graded: bool = Field(False, description="facts and stories of graded difficulty")
    seed: int = Field(0, description="seed of the world, and of the order of all documents")


class Source(Strict):
    """One source of pre-training text."""

    path: str = Field(
        description="'world', a .txt, .jsonl or .parquet file or a pattern of them, or hub:OWNER/NAME"
    )
    weight: float = Field(1.0, gt=0, description="share of the tokens, in units of all weights")
    text: str = Field("text", description="column that holds the text")
    split: str = Field("train", description="split of a hub data set")
    config: str | None = Field(None, description="configuration of a hub data set")
    revision: str | None = Field(None, description="revision of a hub data set")
    epochs: int = Field(1, ge=1, description="times that the source is read before it is at its end")


class OptimizerConfig(Strict):
    """AdamW."""

    lr: float = Field(ge=0, description="peak learning rate")
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    eps: float = Field(1e-8, gt=0)
    weight_decay: float = Field(0.0, ge=0, description="decoupled; on matrices only, never on norms")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0 switches clipping off")


class Compute(Strict):
    """How the arithmetic is done. Master weights and moments are fp32 always."""

    precision: Literal["float32", "bfloat16"] = Field("float32", description="of the layers' arithmetic")
    shard: bool = Field(False, description="spread weights and moments over the processes (FSDP2)")
    tokens_per_pass: int = Field(
        4096,
        ge=64,
        description="tokens of one forward and backward pass; an adapter on a CPU: 256 by default",
    )
    share_prompts: bool = Field(True, description="compute a prompt once for all its rollouts in a pass")
    recompute: bool | None = Field(
        None,
        description="compute layers once more in the backward pass in place of keeping what they computed: "
        "less memory, more arithmetic (default: for adapters)",
    )


class AdapterConfig(Strict):
    """LoRA: the checkpoint is then an adapter that names the one it was trained on."""

    rank: int = Field(16, ge=1, description="of the two matrices beside each target")
    alpha: float = Field(32.0, gt=0, description="their product is scaled by alpha / rank")
    targets: str | tuple[str, ...] = Field("all-linear", description="names of layers, or all-linear")
    merge: bool = Field(False, description="save whole models, the adapter merged (--merge)")


class Common(Strict):
    """What all loops have in common."""

    compute: Compute = Compute()
    save_every: int = Field(50, ge=1, description="steps between saves of the state to resume from")
    log: tuple[Logger, ...] = Field((), description="loggers beside metrics.jsonl: tensorboard, wandb")
    seed: int = Field(0, description="initial weights (pretrain), order and sampling (others)")


class PretrainConfig(Common):
    """`trainer pretrain`."""

    model: ModelConfig = ModelConfig()
    sources: tuple[Source, ...] = Field((Source(path="world"),), description="the mixture; see Source")
    data: WorldData = WorldData()
    optimizer: OptimizerConfig = OptimizerConfig(lr=3e-3, weight_decay=0.1)
    tokenizer: str | None = Field(None, description="folder or hub id (default: trained on the mixture)")
    vocab_size: int = Field(
        640, ge=260, description="entries, at most, of a tokenizer trained on the mixture"
    )
    tokens: int = Field(3_000_000, ge=1, description="token budget")
    batch_tokens: int = Field(4096, ge=64, description="tokens of a step, whole documents, at most")
    sequence: int = Field(256, ge=8, description="longest document; longer ones are cut into pieces")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps with rising learning rate")
    final_lr: float = Field(0.1, ge=0, le=1, description="end of the cosine, share of the peak rate")
    checkpoints: tuple[int, ...] = Field((), description="tokens at which to keep one (the end always is)")


class Questions(Common):
    """Which problems are trained on, and how they are asked (0-shot)."""

    problems: str = Field(
        "world:train",
        description="training problems: as for `evals sample --problems`; of a benchmark or "
        "a data set of the hub, its train split",
    )
    levels: tuple[Level, ...] = Field(
        (1, 2, 3), min_length=1, description="operations of the synthetic world's problems"
    )
    data_seed: int = Field(0, description="seed of the synthetic world's problems")
    limit: int = Field(20_000, ge=1, description="at most so many problems")
    template: str | None = Field(None, description="prompt template (default: as in evaluation)")
    chat: bool | None = Field(None, description="ask through the chat template (default: as in evaluation)")
    system: str | None = Field(None, description="system prompt of a chat")
    prefix: str = Field("", description="text with which every response begins")
    chat_args: dict[str, Any] = Field({}, description="arguments of the chat template")
    adapter: AdapterConfig | None = Field(None, description="train a LoRA adapter alone; see AdapterConfig")
    checkpoint_every: int = Field(0, ge=0, description="steps between kept checkpoints (0: only the last)")
    keep_state: bool = Field(True, description="keep the last state, from which more steps can go on")
    warmup_steps: int = Field(0, ge=0, description="steps with rising learning rate")
    final_lr: float = Field(
        1.0, ge=0, le=1, description="end of a cosine, share of the peak rate (1: constant)"
    )
    eval_every: int = Field(0, ge=0, description="steps between evaluations on problems held out (0: none)")
    eval_problems: str | None = Field(
        None,
        description="none of those trained on (default: the test split of `problems`, else world:test)",
    )
    eval_limit: int = Field(64, ge=2, description="at most so many of them")
    eval_n: int = Field(8, ge=1, description="samples of each, at temperature 1")
    eval_k: int = Field(0, ge=0, description="K of pass@K (0: the largest power of two up to eval_n / 2)")
    eval_max_tokens: int = Field(512, ge=1, description="longest response in evaluation")


class SFTConfig(Questions):
    """`trainer sft`. Epochs, learning rate and token mean as in the paper, sizes for a small model."""

    demonstrations: Literal["one", "all"] = Field(
        "one", description="of each problem: one drawn by seed (recipe sft), or all (recipe sft-gold)"
    )
    optimizer: OptimizerConfig = OptimizerConfig(lr=4e-5, betas=(0.9, 0.999))
    epochs: int = Field(5, ge=1, description="passes over the demonstrations")
    batch: int = Field(64, ge=1, description="demonstrations of a step")
    max_tokens: int = Field(2048, ge=2, description="longer demonstrations, prompt included, are left out")


class RLConfig(Questions):
    """`trainer rl`. Names and defaults of GRPO as in the paper's table, sizes for a small model."""

    algorithm: Literal["grpo", "dr-grpo", "dapo", "rloo", "cispo", "maxrl", "pass-at-k", "distillation"] = (
        Field("grpo", description="brings its own numbers, which a preset does not undo: trainer/algorithms")
    )
    optimizer: OptimizerConfig = OptimizerConfig(lr=1e-6, betas=(0.9, 0.999))
    steps: int = Field(100, ge=1, description="steps: one batch of rollouts each")
    prompts: int = Field(512, ge=1, description="prompts of a step")
    n: int = Field(32, ge=2, description="rollouts of a prompt (the group)")
    minibatch: int = Field(128, ge=1, description="prompts of an update; prompts / minibatch updates a step")
    max_tokens: int = Field(2048, ge=1, description="longest response, in tokens")
    max_prompt_tokens: int = Field(1024, ge=1, description="longer prompts are left out, counted and named")
    temperature: float = Field(1.0, ge=1e-3, description="of the rollouts, and of the log-probs trained on")
    engine: Literal["torch", "vllm"] = Field("torch", description="samples the rollouts; vllm: on a GPU")
    rows: int = Field(256, ge=1, description="rows that the torch engine decodes together")
    kl: float = Field(0.001, ge=0, description="weight of the KL loss against `teacher`")
    kl_estimator: Literal["k1", "k2", "k3", "full"] = Field(
        "k3", description="full: summed over the whole vocabulary at every token of the rollouts"
    )
    teacher: str | None = Field(None, description="checkpoint of the KL term (default: the starting one)")
    clip_low: float = Field(0.2, gt=0, lt=1)
    clip_high: float = Field(0.2, gt=0)
    dual_clip: float = Field(3.0, ge=0, description="bound on the loss where the advantage is < 0; 0 = off")
    entropy: Schedule = Field(0.0, description="weight of the entropy bonus, or points (step, weight)")
    pass_k: int = Field(0, ge=0, description="k of algorithm pass-at-k (0: half the group)")
    std_ddof: Literal[0, 1] = Field(1, description="degrees of freedom of the group's standard deviation")
    advantage_eps: float = Field(1e-6, gt=0)
    aggregation: Literal["token-mean", "sequence-mean", "constant"] = "token-mean"
    correction: Literal["auto", "off", "token", "sequence"] = Field(
        "auto",
        description="importance weights against the sampler's log-probs; auto: token with vllm, if "
        "temperature is 1",
    )
    correction_cap: float = Field(2.0, ge=1, description="largest importance weight")
    correction_band: tuple[float, float] | None = Field(
        None, description="[low, high]: outside it a token (or sequence) leaves the loss"
    )
    keep_zero_variance: bool = Field(True, description="groups without signal stay in the denominator")
    refill: int = Field(0, ge=0, description="times that groups without signal are replaced by other prompts")
    mask_truncated: bool = Field(False, description="rollouts cut off at max_tokens leave the loss")
    step_without_signal: bool = Field(
        True, description="an update without any signal still moves Adam (its moments, its weight decay)"
    )
    format_reward: float = Field(0.0, ge=0, lt=1, description="reward of a wrong answer in a box")
    overlong_penalty: float = Field(
        0.0, ge=0, description="taken from the reward of the longest response; 0 up to 4/5 of max_tokens"
    )
    reward: str = Field(
        "verifier",
        pattern=r"^(verifier|random|[\w.]+:\w+)$",
        description="verifier; random, a control: the rewards of a step, assigned at random; or your "
        "module:function, which takes a list of dicts (question, answer, response, tokens), returns floats",
    )
    reward_timeout: float = Field(120.0, gt=0, description="seconds that your function may take for a batch")


class ParallelConfig(Strict):
    """`trainer parallel`: steps, checkpoints and seed are those of `rl`; of `sft`, data, batch, optimizer."""

    rl: RLConfig = RLConfig(kl=0.0, max_tokens=512)
    sft: SFTConfig = SFTConfig()
    weight: Schedule = Field(
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


def value_at(schedule: Schedule, step: int) -> float:
    """The value at a step: the number itself, or on straight lines between (step, value), flat outside."""
    if isinstance(schedule, int | float):
        return float(schedule)
    import numpy as np

    steps, values = zip(*schedule, strict=True)
    return float(np.interp(step, steps, values))


def check_schedule(schedule: Schedule, name: str, most: float) -> None:
    """UserError where it is neither a number from 0 to `most` nor rising points of such."""
    points = [(0, schedule)] if isinstance(schedule, int | float) else list(schedule)
    steps = [step for step, _ in points]
    if not points or steps != sorted(set(steps)) or any(not 0 <= v <= most for _, v in points):
        raise UserError(f"{name} is a number from 0 to {most:g}, or rising [step, value] points of such")
