"""`probes plan`: what would find a change of a given size, before it is sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from probes.commands.options import Inputs, with_inputs

if TYPE_CHECKING:
    from analysis import PairedCounts
    from probes.inputs.sources import Source

FEW = 10  # problems of a pilot
LEAST = 0.1  # points; less is a rate given in the place of points


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(plan)


@with_inputs(without=("against",), n=8)
def plan(
    inputs: Inputs,
    effect: Annotated[float, typer.Option(help="change to be found, in points: 3 is 0.40 to 0.43")] = 3.0,
    k: Annotated[int | None, typer.Option("--k", min=2, help="the declared K (default: at most n/2)")] = None,
    power: Annotated[float, typer.Option(help="chance that the change is found")] = 0.8,
    seeds: Annotated[
        list[int] | None, typer.Option(min=1, help="training seeds of each side (default: 1); repeat")
    ] = None,
    seed_sd: Annotated[float, typer.Option(min=0.0, help="spread between training seeds, in points")] = 0.0,
    most: Annotated[int | None, typer.Option(min=1, help="problems that there are")] = None,
) -> None:
    """How many problems, samples and seeds find a change at pass@1 and at pass@K, and what that costs."""
    from analysis import Options
    from analysis.families.plan import SIZES
    from analysis.families.plan import plan as planned
    from evals.core.errors import UserError
    from evals.core.printable import say

    if not LEAST <= effect < 100:
        raise UserError(
            f"--effect is in points, from {LEAST} to below 100, got {effect:g}; 3 is three points"
        )
    if not 0.5 <= power < 1:
        raise UserError(f"--power lies from 0.5 to below 1, got {power:g}; 0.8 is usual")
    if most is not None and most < 2:
        raise UserError("--most 1 leaves one problem, and one shows nothing; give what there are")
    if k is not None and k > max(SIZES):
        raise UserError(f"--k {k} needs more than the {max(SIZES)} samples up to which plans go; lower it")
    pair = pilot(inputs.source(1))
    options = Options(level=inputs.level, K=k, seed=inputs.seed)
    many = tuple(dict.fromkeys(seeds or (1,)))
    found = planned(pair, effect / 100, options, power=power, seeds=many, seed_sd=seed_sd / 100, most=most)
    for line in lines(found, pair, many):
        say(line)


def pilot(source: Source) -> PairedCounts:
    """The counts of two checkpoints, or of one on both sides; UserError where they are no pilot."""
    from analysis import PairedCounts
    from evals.core.errors import UserError

    names = [d["name"] for d in source.checkpoints]
    if len(names) > 2:
        raise UserError(f"a pilot is of one or two checkpoints, got {', '.join(names)}; choose with --only")
    if len(names) == 2:
        pair = PairedCounts.from_frame(source.counts, *names)
    else:
        n, c = (source.counts[x].to_numpy() for x in "nc")
        pair = PairedCounts.from_arrays(n, c, n, c, a=names[0], b=names[0])
    pair = pair.without_short()[0]
    if pair.n < 2:
        raise UserError("a pilot needs at least 2 samples of every problem, and one has 1; draw 4 or more")
    if pair.M < FEW:
        raise UserError(f"a pilot of {pair.M} problems shows no spread over problems; give at least {FEW}")
    if all(x in (0, n) for x, n in zip([*pair.c_a, *pair.c_b], [*pair.n_a, *pair.n_b], strict=True)):
        raise UserError(
            "the pilot's samples of every problem are all right or all wrong; give harder or "
            "easier problems, or more samples of each"
        )
    return pair


def lines(found: dict[str, Any], pair: PairedCounts, seeds: tuple[int, ...]) -> list[str]:
    """The plan as a table, the cheapest row marked, and what it rests on."""
    heads = ("n", "K", *(("seeds",) if seeds != (1,) else ()), "problems", "samples", "")
    rows: list[tuple[str, ...]] = [heads]
    for row in found["rows"]:
        many = (str(row["seeds"]),) if seeds != (1,) else ()
        size = "none" if row["problems"] is None else f"{row['problems']:,}"
        cost = "-" if row["samples"] is None else f"{row['samples']:,}"
        mark = "cheapest" if row is found["best"] else "" if row["feasible"] else "not feasible"
        rows.append((str(row["n"]), str(row["K"]), *many, size, cost, mark))
    wide = [max(len(r[i]) for r in rows) for i in range(len(heads) - 1)]
    who = pair.a if pair.a == pair.b else f"{pair.a} and {pair.b}"
    out = [
        f"To find a change of {100 * found['effect']:g} points at pass@1 and at pass@K with "
        f"{found['power']:.0%} power; pilot: {who}, {pair.M:,} problems, n = {pair.n}"
    ]
    out += ["  ".join([*(x.rjust(w) for x, w in zip(r, wide, strict=False)), r[-1]]).rstrip() for r in rows]
    out.append("n: samples of a problem; samples: of both sides together, with all seeds.")
    if any(row["K"] > pair.n for row in found["rows"]):
        out.append(
            f"Where K is above {pair.n}, the spread of changes over problems is the pilot's at {pair.n}."
        )
    if pair.cluster is not None:
        out.append(
            "The pilot's problems stand in clusters: what is told is of independent problems, and "
            "clusters need more."
        )
    if pair.a == pair.b:
        out.append("One checkpoint alone: its problems count as changed alike; a pilot of both says more.")
    if found["best"] is None:
        out.append("None of these is feasible: a larger effect, more problems or more seeds are needed.")
    return out
