"""Commands on counts and samples: passk, support, entropy, likelihood, diversity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals.asking import Asking
from probes.commands.options import Inputs, with_inputs

if TYPE_CHECKING:
    import pandas as pd

    from probes.inputs.sources import Source

K = Annotated[int | None, typer.Option("--k", min=2, help="the declared K (default: at most n/2)")]
PLAIN = Asking().plain()
Scored = Annotated[int, typer.Option(min=1, help="samples of a problem that are scored by the model")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (passk, support, entropy, likelihood, diversity):
        app.command()(command)


@with_inputs()
def passk(
    inputs: Inputs,
    k: K = None,
    at: Annotated[list[int] | None, typer.Option(min=1, help="values of k (default: powers of two)")] = None,
) -> None:
    """pass@k with bands, pass^k, G-Pass@k, maj@k, Cover@tau, and pass@k beyond n by model."""
    from analysis import Options
    from probes.commands.finish import finish
    from probes.findings.finding import command_line
    from probes.passk import passk as run

    options = Options(level=inputs.level, K=k, seed=inputs.seed)
    source = inputs.source(least=1)
    finish(run(source, options, ks=at or (), against=inputs.against, command=command_line()), inputs.out)


@with_inputs()
def support(inputs: Inputs, k: K = None) -> None:
    """Problems gained and lost, beside what one model drawn twice gives; the detection limit."""
    from analysis import Options
    from probes.commands.finish import finish
    from probes.findings.finding import command_line
    from probes.support import support as run

    options = Options(level=inputs.level, K=k, seed=inputs.seed)
    finish(run(inputs.source(), options, against=inputs.against, command=command_line()), inputs.out)


@with_inputs(without=("counts",), asking=PLAIN)
def entropy(inputs: Inputs, scored: Scored = 4) -> None:
    """Entropy of tokens (full vocabulary, temperature 1) and of answers."""
    from probes.commands.finish import finish
    from probes.entropy import entropy as run
    from probes.findings.finding import command_line
    from probes.measures.log_probs import own_scores

    source = inputs.source(least=1)
    scores = own_scores(source, scored, inputs.out, quiet=inputs.quiet) if inputs.ckpt else None
    finish(run(source, scores=scores, command=command_line(), **_common(inputs)), inputs.out)


@with_inputs(without=("counts",), asking=PLAIN)
def likelihood(inputs: Inputs, scored: Scored = 4) -> None:
    """How probable B's solutions were under A: perplexity by group, KL, budget, A's nucleus."""
    from probes.commands.finish import finish
    from probes.findings.finding import command_line
    from probes.likelihood import likelihood as run
    from probes.likelihood import own_likelihood

    if not inputs.ckpt:
        found = own_likelihood(inputs.source(least=1), command=command_line(), **_common(inputs))
        return finish(found, inputs.out)
    source = inputs.source()
    scores = _cross_scores(inputs, source, scored)
    return finish(run(source, scores, command=command_line(), **_common(inputs)), inputs.out)


def _cross_scores(
    inputs: Inputs, source: Source, scored: int
) -> dict[tuple[str, str], tuple[pd.DataFrame, bool]]:
    """(scorer, whose samples) -> scores, for all that the pairs need."""
    from probes.inputs.pairs import pairs_of
    from probes.measures.log_probs import score_cell

    out: dict[tuple[str, str], Any] = {}
    for a, b in pairs_of(source.checkpoints, inputs.against):
        for scorer, drawn in ((a, a), (a, b), (b, b)):
            if (scorer["name"], drawn["name"]) not in out:
                made = score_cell(source, scorer, drawn, scored, inputs.out, quiet=inputs.quiet)
                out[scorer["name"], drawn["name"]] = made
    return out


@with_inputs(without=("counts",))
def diversity(inputs: Inputs) -> None:
    """Distinct correct solution paths, effective answers, distinct-n, self-BLEU, at equal n."""
    from probes.commands.finish import finish
    from probes.diversity import diversity as run
    from probes.findings.finding import command_line

    finish(run(inputs.source(least=1), command=command_line(), **_common(inputs)), inputs.out)


def _common(inputs: Inputs) -> dict[str, Any]:
    return {"against": inputs.against, "level": inputs.level, "seed": inputs.seed}
