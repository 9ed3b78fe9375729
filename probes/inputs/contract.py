"""The contract of probes: what each is called, what it needs, its own options, and what runs it.

Commands (`probes.commands`) and the rows of a study (`probes.study`) come from this table. A probe is a
function run(asked, **own options) -> Finding in the file that bears its name. Nothing heavy is imported here,
so that the command answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from analysis import Options
    from probes.findings.types import Finding
    from probes.inputs.sources import Source

Needs = Literal["counts", "samples"]
Own = tuple[Any, Any]  # annotation with its help, default

K: Own = (
    Annotated[int | None, typer.Option("--k", min=2, help="the declared K (default: at most n/2)")],
    None,
)
AT: Own = (
    Annotated[list[int] | None, typer.Option(min=1, help="values of k (default: powers of two)")],
    None,
)
SCORED: Own = (
    Annotated[int, typer.Option(min=1, help="samples of a problem that are scored by the model")],
    4,
)
RL: Own = (Annotated[list[Path] | None, typer.Option(help="folder of an RL run from one; repeat")], None)
JUDGE: Own = (
    Annotated[Path | None, typer.Option(help="a judge's verdicts on the derivations: key, valid")],
    None,
)
TOKENS: Own = (
    Annotated[list[str] | None, typer.Option(help="NAME=N: pre-training tokens of a base; repeat")],
    None,
)
TRAINED: Own = (
    Annotated[list[str] | None, typer.Option(help="NAME=N: trained from the base of N tokens; repeat")],
    None,
)
LOSS: Own = (Annotated[list[str] | None, typer.Option(help="NAME=X: pre-training loss; repeat")], None)
GROUP: Own = (Annotated[int | None, typer.Option(min=2, help="rollouts of a prompt (default: K)")], None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a probe is asked: counts and samples, what was declared, where it may keep what it measured."""

    source: Source
    options: Options
    against: str = "first"
    out: Path = Path("runs/probes")
    command: tuple[str, ...] = ()
    quiet: bool = False

    @property
    def scorable(self) -> bool:
        """Whether the checkpoints themselves are at hand, not only what they wrote."""
        return all(d["path"] for d in self.source.checkpoints)

    def common(self) -> dict[str, Any]:
        """What every probe of samples takes, by name."""
        o = self.options
        return {"against": self.against, "level": o.level, "seed": o.seed, "command": self.command}


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of counts or samples.

    needs: "samples" where counts alone do not do. least: checkpoints, of those that are sampled here. plain:
    sampled at temperature 1, untruncated. cell: whether a study measures it on every cell. own: its own
    options. without, defaults: options of the common ones that make no sense here, and other defaults.
    """

    name: str
    help: str
    needs: Needs = "counts"
    least: int = 1
    plain: bool = False
    cell: bool = False
    own: Mapping[str, Own] = field(default_factory=lambda: MappingProxyType({}))
    without: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def run(self, asked: Asked, **own: Any) -> Finding:
        """Measure; the finding."""
        found: Finding = import_module(f"probes.{self.name}").run(asked, **own)
        return found


PROBES = {
    p.name: p
    for p in (
        Probe("expand", "The verdict: expanded, or only sharpened?", least=2, cell=True),
        Probe(
            "passk",
            "pass@k with bands, maj@k, pass^k, G-Pass@k, Cover@tau, sharpening tax, pass@k beyond n.",
            cell=True,
            own={"k": K, "at": AT},
        ),
        Probe(
            "support",
            "Problems gained and lost and what became of answers, beside what one model drawn twice gives.",
            least=2,
            cell=True,
            own={"k": K},
        ),
        Probe(
            "entropy",
            "Entropy of tokens (full vocabulary, temperature 1) and of answers.",
            needs="samples",
            plain=True,
            cell=True,
            own={"scored": SCORED},
        ),
        Probe(
            "diversity",
            "Distinct correct solution paths, effective answers, distinct-n, self-BLEU, work shown.",
            needs="samples",
            cell=True,
            own={"judge": JUDGE},
        ),
        Probe(
            "likelihood",
            "How probable B's solutions were under A: perplexity by group, KL, budget, A's nucleus.",
            needs="samples",
            least=2,
            plain=True,
            cell=True,
            own={"scored": SCORED},
        ),
        Probe(
            "readiness",
            "What bases solve, against what RL reached from them; RL in pre-training tokens.",
            own={"rl": RL, "group": GROUP, "k": K, "tokens": TOKENS, "trained": TRAINED, "loss": LOSS},
            without=("samples", "skip_bad", "against"),
            defaults={"problems": "world:train"},
        ),
        Probe(
            "seeds",
            "All training seeds of a recipe: the first checkpoint is the parent, the others its runs.",
            least=3,
            own={"k": K},
            without=("against",),
        ),
    )
}
