"""`probes expand`: the main job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals.core.errors import UserError
from probes.commands.options import Inputs, finish, with_inputs

if TYPE_CHECKING:
    from probes.inputs.sources import Source


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(expand)


K = Annotated[
    list[int] | None,
    typer.Option("--k", min=2, help="the declared K (default: at most n/2); repeat for further ones"),
]
Margin = Annotated[float, typer.Option(min=0.0, help="equivalence margin, as a rate")]
Target = Annotated[
    str, typer.Option(help="what the verdict speaks of: population (of problems), or benchmark (these)")
]
Select = Annotated[
    str | None,
    typer.Option(help="only problems A solves in LOW-HIGH (shares) of half its samples; 0: in none"),
]
By = Annotated[
    list[str] | None,
    typer.Option(help="also by group: subject, level, … (column or metadata), base-difficulty; repeat"),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="KEY", help="problems that hang together (column or metadata; default: template), or none"
    ),
]
Stratum = Annotated[str | None, typer.Option(metavar="KEY", help="problems of one kind (column or metadata)")]
Floors = Annotated[
    tuple[float, float] | None,
    typer.Option(metavar="A B", help="of counts: rates at which wrong solutions are graded right"),
]
Shots = Annotated[
    list[int] | None, typer.Option(help="robustness: also sample the first with so many shots; repeat")
]
Temperatures = Annotated[
    list[float] | None, typer.Option(min=0.0, help="robustness: the first at this temperature; repeat")
]
Templates = Annotated[list[str] | None, typer.Option(help="robustness: the first with this template; repeat")]
Until = Annotated[
    bool, typer.Option("--until-decided", help="start with n samples, go on until there is a verdict")
]
Most = Annotated[int, typer.Option(min=2, help="most samples per problem of --until-decided")]


@with_inputs()
def expand(
    inputs: Inputs,
    k: K = None,
    margin: Margin = 0.02,
    target: Target = "population",
    select: Select = None,
    by: By = None,
    cluster: Cluster = None,
    stratum: Stratum = None,
    guess_floor: Floors = None,
    base_shots: Shots = None,
    base_temperature: Temperatures = None,
    base_template: Templates = None,
    until_decided: Until = False,
    max_n: Most = 256,
) -> None:
    """Did training expand what a model can solve, or only sharpen it? One verdict for each pair."""
    from analysis import Options
    from probes.comparison.sequential import until_decided as decide
    from probes.comparison.sequential import with_looks
    from probes.expand import expand as run
    from probes.findings.finding import command_line
    from probes.inputs.checkpoints import variants_of
    from probes.inputs.grouping import grouped

    variants = variants_of(base_shots, base_temperature, base_template)
    _checked(inputs, k, guess_floor, until_decided, bool(variants))
    also = tuple(k[1:]) if k else ()
    options = Options(inputs.level, k[0] if k else None, margin, seed=inputs.seed, also=also, target=target)  # type: ignore[arg-type]
    chosen = None if select is None else shares(select)
    if chosen and until_decided:
        raise UserError("--select splits A's samples once; leave out --until-decided")
    keys = (*(by or ()), *(x for x in (cluster, stratum) if x is not None))

    def draw(n: int) -> Source:
        source = inputs.with_n(n).source(variants=variants, keys=keys)
        return grouped(source, cluster, stratum) if cluster or stratum else source

    told: dict[str, Any] = {"against": inputs.against, "command": command_line(), "by": by or ()}
    told["floors"] = guess_floor
    if not until_decided:
        return finish(run(draw(inputs.n), options, select=chosen, **told), inputs.out)

    source, fixed, looks = decide(draw, options, start=inputs.n, most=max_n, against=inputs.against)
    finding = run(source, fixed, **told)
    return finish(with_looks(finding, looks, declared=bool(k)), inputs.out)


def _checked(
    inputs: Inputs, k: list[int] | None, guess_floor: Any, until_decided: bool, variants: bool
) -> None:
    """UserError for options that do not go together."""
    if inputs.ckpt and k and max(k) > inputs.n:
        raise UserError(
            f"--k {max(k)} needs at least as many samples, and --n is {inputs.n}; raise --n or lower --k"
        )
    if guess_floor and not inputs.counts:
        raise UserError(
            "--guess-floor is for --counts: samples are graded against other problems by themselves"
        )
    if until_decided and k and len(k) > 1:
        raise UserError("--until-decided decides at one K; give one --k")
    if (variants or until_decided) and not inputs.ckpt:
        raise UserError("--base-… and --until-decided sample anew; give checkpoints with --ckpt")


def shares(text: str) -> tuple[float, float]:
    """LOW-HIGH of --select as two shares, one number as both; UserError otherwise."""
    try:
        low, high = (float(x) for x in (text.split("-") if "-" in text else (text, text)))
    except ValueError:
        raise UserError(
            f"--select {text} is no LOW-HIGH; give shares of samples such as 0 or 0-0.25"
        ) from None
    return low, high
