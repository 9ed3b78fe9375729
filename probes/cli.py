"""The `probes` command: thin shells over the probes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Measure what training changed between checkpoints.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _probes() -> None:
    """Measure what training changed between checkpoints."""


Ckpt = Annotated[list[str] | None, typer.Option(help="checkpoint folder or hub id (name@revision); repeat")]
Samples = Annotated[list[str] | None, typer.Option(help="sample file of any known format; repeat")]


@app.command()
def expand(
    ckpt: Ckpt = None,
    samples: Samples = None,
    counts: Annotated[Path | None, typer.Option(help="CSV with columns problem, checkpoint, n, c")] = None,
    problems: Annotated[str, typer.Option(help="benchmark name, local file, or world:SPLIT")] = "world:test",
    n: Annotated[int, typer.Option(min=1, help="samples per problem")] = 32,
    k: Annotated[int | None, typer.Option("--k", min=1, help="the declared K (default: at most n/2)")] = None,
    temperature: Annotated[float, typer.Option(min=0.0)] = 0.6,
    top_p: Annotated[float, typer.Option("--top-p", min=0.0, max=1.0)] = 0.95,
    top_k: Annotated[int, typer.Option("--top-k", min=0, help="0 = off")] = 0,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="longest response")] = 1024,
    shots: Annotated[list[int] | None, typer.Option(help="exemplars; once, or once per checkpoint")] = None,
    template: Annotated[str | None, typer.Option(help="prompt template (default: by lineage)")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first problems")] = None,
    seed: Annotated[int, typer.Option(help="seed of the samples and of the bootstrap")] = 0,
    margin: Annotated[float, typer.Option(min=0.0, help="equivalence margin, as a rate")] = 0.02,
    level: Annotated[float, typer.Option(min=0.0001, max=0.5, help="error level")] = 0.05,
    against: Annotated[str, typer.Option(help="first, parent or all")] = "first",
    engine: Annotated[str, typer.Option(help="torch or vllm")] = "torch",
    processes: Annotated[int, typer.Option(min=1, help="sampling processes")] = 1,
    out: Annotated[Path, typer.Option(help="folder for samples and findings.json")] = Path("runs/expand"),
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress lines")] = False,
) -> None:
    """Did training expand what the model can solve, or only sharpen it? Two or more checkpoints, one verdict."""
    from analysis import Options
    from evals.errors import UserError
    from evals.records import SamplingOptions
    from probes import sources
    from probes.card import show
    from probes.expand import expand as run
    from probes.expand import store_of
    from probes.finding import command_line, write_findings

    if sum(map(bool, (ckpt, samples, counts))) != 1:
        raise UserError(
            "give checkpoints with --ckpt, or files with --samples, or a CSV with --counts: one of the three"
        )
    if ckpt and len(ckpt) < 2:
        raise UserError(f"a comparison needs two checkpoints, got one ({ckpt[0]}); give --ckpt again")
    if ckpt and k is not None and k > n:
        raise UserError(f"--k {k} needs at least as many samples, and --n is {n}; raise --n or lower --k")
    if shots and ckpt and len(shots) not in (1, len(ckpt)):
        raise UserError(
            f"--shots was given {len(shots)} times for {len(ckpt)} checkpoints; give one, or one each"
        )
    options = Options(level=level, K=k, margin=margin, seed=seed)
    if counts:
        source = sources.from_counts(counts)
    elif samples:
        source = sources.from_samples(samples, store_of(out))
    else:
        how = SamplingOptions(temperature, top_p, top_k, max_tokens)
        plan = sources.Sampling(
            problems, n, how, tuple(shots or ()), template, seed, limit, engine, processes
        )
        source = sources.from_checkpoints(ckpt or [], plan, store_of(out), quiet=quiet)
    finding: dict[str, Any] = run(source, options, against=against, command=command_line())
    write_findings(out / "findings.json", [finding])
    show(finding)
    typer.echo(f"written: {out / 'findings.json'}")


def main() -> None:
    """Entry point of the console command."""
    from evals.command import run

    run(app)
