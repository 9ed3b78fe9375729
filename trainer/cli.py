"""The `trainer` command: thin shells over the package's public functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals.core.command import program, run
from evals.core.errors import UserError
from evals.core.printable import say

if TYPE_CHECKING:
    from trainer.config.schema import AdapterConfig

app = program("Make checkpoints: pre-train from scratch, run excursions from what was kept.")

Ckpt = Annotated[str, typer.Option(help="checkpoint to start from: folder or hub id")]
Out = Annotated[Path, typer.Option(help="folder of the run; start the same command again to go on")]
Preset = Annotated[str | None, typer.Option(help="shipped configuration, such as micro")]
Usual = Annotated[
    str | None,
    typer.Option("--preset", help="shipped configuration (default: micro, or lm for larger models)"),
]
File = Annotated[Path | None, typer.Option("--config", help="TOML file laid over the preset")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override one key, dotted")]
Processes = Annotated[int, typer.Option(min=1, help="processes on this machine (a core each is best)")]
Merge = Annotated[
    bool, typer.Option("--merge", help="save a LoRA adapter merged into its base, as whole models")
]
Gold = Annotated[bool, typer.Option("--gold", help="all demonstrations of every problem (recipe sft-gold)")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress lines")]


def _told(given: list[str] | None, merge: bool, section: str) -> list[str]:
    return [*(given or ()), *([f"{section}.merge=true"] if merge else [])]


def _check_merge(merge: bool, adapter: AdapterConfig | None) -> None:
    """--merge says how an adapter is saved, not that one is trained."""
    if merge and adapter and adapter.model_fields_set == {"merge"}:
        raise UserError("--merge saves an adapter; give one (--set adapter.rank=16), or leave it out")


@app.command()
def pretrain(
    out: Out,
    preset: Preset = "micro",
    config: File = None,
    set_: Set = None,
    processes: Processes = 1,
    quiet: Quiet = False,
) -> None:
    """Pre-train an OLMo2-architecture model from scratch and keep checkpoints."""
    from trainer.config.load import load_config
    from trainer.config.schema import PretrainConfig
    from trainer.pretrain import pretrain as run

    settings = load_config(PretrainConfig, "pretrain", preset=preset, path=config, overrides=set_ or ())
    say(run(settings, out, processes=processes, quiet=quiet))


@app.command()
def rl(
    ckpt: Ckpt,
    out: Out,
    preset: Usual = None,
    config: File = None,
    set_: Set = None,
    processes: Processes = 1,
    merge: Merge = False,
    quiet: Quiet = False,
) -> None:
    """Reinforcement learning from any causal language model: GRPO, DAPO, MaxRL, …; the verifier rewards."""
    from trainer.config.load import load_config, usual_preset
    from trainer.config.schema import RLConfig
    from trainer.rl import rl as run

    preset = preset or usual_preset(ckpt)
    settings = load_config(
        RLConfig, "rl", preset=preset, path=config, overrides=_told(set_, merge, "adapter")
    )
    _check_merge(merge, settings.adapter)
    say(run(ckpt, settings, out, processes=processes, quiet=quiet))


@app.command()
def sft(
    ckpt: Ckpt,
    out: Out,
    gold: Gold = False,
    preset: Usual = None,
    config: File = None,
    set_: Set = None,
    processes: Processes = 1,
    merge: Merge = False,
    quiet: Quiet = False,
) -> None:
    """Supervised fine-tuning on worked solutions: one of each problem, or all with --gold."""
    from trainer.config.load import load_config, usual_preset
    from trainer.config.schema import SFTConfig
    from trainer.sft import sft as run

    overrides = [*(["demonstrations=all"] if gold else []), *_told(set_, merge, "adapter")]
    preset = preset or usual_preset(ckpt)
    settings = load_config(SFTConfig, "sft", preset=preset, path=config, overrides=overrides)
    _check_merge(merge, settings.adapter)
    say(run(ckpt, settings, out, processes=processes, quiet=quiet))


@app.command()
def parallel(
    ckpt: Ckpt,
    out: Out,
    preset: Usual = None,
    config: File = None,
    set_: Set = None,
    processes: Processes = 1,
    merge: Merge = False,
    quiet: Quiet = False,
) -> None:
    """Parallel averaging: RL and SFT updates from one snapshot, their mean taken, step by step."""
    from trainer.config.load import load_config, usual_preset
    from trainer.config.schema import ParallelConfig
    from trainer.parallel import parallel as run

    preset = preset or usual_preset(ckpt)
    settings = load_config(
        ParallelConfig, "parallel", preset=preset, path=config, overrides=_told(set_, merge, "rl.adapter")
    )
    _check_merge(merge, settings.rl.adapter)
    say(run(ckpt, settings, out, processes=processes, quiet=quiet))


@app.command()
def study(
    config: Annotated[Path, typer.Argument(help="TOML file, or the name of a shipped preset")],
    out: Annotated[Path | None, typer.Option(help="folder of the study (default: runs/NAME)")] = None,
    status: Annotated[
        bool, typer.Option("--status", help="show what is done, running, failed, left")
    ] = False,
    set_: Set = None,
    processes: Annotated[int, typer.Option(min=1, help="cells at a time on this machine")] = 1,
    executor: Annotated[str, typer.Option(help="local, or ray: cells on one machine or a cluster")] = "local",
    quiet: Quiet = False,
) -> None:
    """A pre-training run and all its excursions: start it again, or several times, and it goes on."""
    from trainer.config.load import load_study, preset_file
    from trainer.study.study import status as table
    from trainer.study.study import study as run

    file = config if config.is_file() or config.suffix else preset_file(str(config))
    settings = load_study(file, set_ or ())
    out = out or Path("runs") / file.stem
    if not status:
        source = file.read_text("utf-8")
        say(run(settings, out, source=source, processes=processes, quiet=quiet, executor=executor))
        return
    rows = table(settings, out)
    for row in rows:
        line = (
            f"{row['start']:>14,}  {row['recipe']:<12} seed {row['seed']:<3} {row['state']:<8} {row['note']}"
        )
        say(line.rstrip())
    number = {s: sum(row["state"] == s for row in rows) for s in ("done", "running", "failed", "left")}
    say(", ".join(f"{n} {s}" for s, n in number.items()))


@app.command()
def split(
    ckpt: Annotated[str, typer.Option(help="base checkpoint: folder or hub id")],
    out: Annotated[Path, typer.Option(help="folder for easy.jsonl, hard.jsonl and the samples")],
    problems: Annotated[
        str, typer.Option(help="training problems: name, file or world:SPLIT")
    ] = "world:train",
    n: Annotated[int, typer.Option(min=4, help="samples of a problem, at temperature 1")] = 64,
    easy: Annotated[int | None, typer.Option(help="fewest correct of an easy problem (default: n/4)")] = None,
    hard: Annotated[int | None, typer.Option(help="most correct of a hard problem (default: n/8)")] = None,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="longest response")] = 1024,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first problems")] = None,
    seed: int = 0,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16, … (default: by device)")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="decoded together (default: by device)")] = None,
    quiet: Quiet = False,
) -> None:
    """Split training prompts into easy and hard ones by what a base checkpoint solves."""
    from evals.engines.threads import one_thread
    from evals.problems import load_problems
    from evals.sampling import Where
    from trainer.data.difficulty_split import split_problems, split_spec

    one_thread()
    chosen = load_problems(split_spec(problems), limit=limit)
    found = split_problems(
        ckpt,
        chosen,
        out,
        n=n,
        easy=easy,
        hard=hard,
        max_tokens=max_tokens,
        seed=seed,
        where=Where(dtype=dtype, rows=rows, quiet=quiet),
    )
    say(", ".join(f"{number} {kind}" for kind, number in found.items()))


def main() -> None:
    """Entry point of the console command."""
    run(app)
