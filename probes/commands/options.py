"""Options that all probes share, declared once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from evals.asking import Asking
from evals.asking.options import askings, described, parameters

if TYPE_CHECKING:
    from probes.findings.types import Finding
    from probes.inputs.checkpoints import Sampling, Variant
    from probes.inputs.sources import Source


SAMPLING = (  # fields of `Inputs` that say nothing of samples and counts that are there
    *("problems", "data", "n", "limit", "engine", "server", "vllm", "dtype", "rows", "tokenizer"),
    "trust_remote_code",
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What to measure and how to sample it: the options that reach every probe."""

    ckpt: Annotated[
        list[str] | None, typer.Option(help="checkpoint: folder or hub id (name@revision); repeat")
    ] = None
    samples: Annotated[list[str] | None, typer.Option(help="sample file of any known format; repeat")] = None
    counts: Annotated[Path | None, typer.Option(help="CSV (also .gz): problem, checkpoint, n, c")] = None
    only: Annotated[
        list[str] | None, typer.Option(help="of the files' checkpoints only these, in this order; repeat")
    ] = None
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="leave out rows of files that cannot be read")
    ] = False
    problems: Annotated[str, typer.Option(help="benchmark name, local file, or world:SPLIT")] = "world:test"
    data: Annotated[Path | None, typer.Option(help="folder of local files in the place of the hub")] = None
    n: Annotated[int, typer.Option(min=1, help="samples per problem")] = 32
    limit: Annotated[int | None, typer.Option(min=1, help="only the first problems")] = None
    seed: Annotated[int, typer.Option(help="of the samples and of the resampling")] = 0
    level: Annotated[float, typer.Option(min=0.0001, max=0.5, help="error level")] = 0.05
    against: Annotated[str, typer.Option(help="compare with: first, parent or all")] = "first"
    engine: Annotated[str, typer.Option(help="torch, vllm or server")] = "torch"
    server: Annotated[str | None, typer.Option(help="URL of a server (OpenAI protocol)")] = None
    vllm: Annotated[list[str] | None, typer.Option(help="KEY=VALUE for vLLM; repeat")] = None
    processes: Annotated[int, typer.Option(min=1, help="processes that sample and grade")] = 1
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16, … (default: by device)")] = None
    rows: Annotated[
        int | None, typer.Option(min=1, help="decoded, or asked of a server, together (default: by device)")
    ] = None
    tokenizer: Annotated[str | None, typer.Option(help="folder or hub id of the tokenizer")] = None
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="run the code that a checkpoint brings")
    ] = False
    executor: Annotated[str, typer.Option(help="local, or ray (one machine or a cluster)")] = "local"
    out: Annotated[Path, typer.Option(help="folder for samples and findings.json")] = Path("runs/probes")
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress lines")] = False
    askings: tuple[Asking, ...] = ()

    def sampling(self, variants: tuple[Variant, ...] = ()) -> Sampling:
        """How checkpoints are sampled; variants: see `probes.inputs.checkpoints.Sampling`."""
        from evals.sampling import Where
        from probes.inputs.checkpoints import Sampling

        where = Where(
            self.engine, self.dtype, self.rows, self.processes,
            executor=self.executor, quiet=self.quiet, server=self.server, vllm=tuple(self.vllm or ()),
            tokenizer=self.tokenizer, trust_remote_code=self.trust_remote_code,
        )  # fmt: skip
        return Sampling(
            self.problems, self.n, self.askings, self.seed, self.limit, where, variants, self.data
        )

    def with_n(self, n: int) -> Inputs:
        """The same with another number of samples."""
        return replace(self, n=n)

    def source(
        self, least: int = 2, variants: tuple[Variant, ...] = (), keys: tuple[str, ...] = ()
    ) -> Source:
        """The counts, sampled and graded if need be, of at least `least` checkpoints.

        keys: what problems are grouped by (columns of counts, metadata of problems), known before sampling.
        """
        from probes.inputs import sources
        from probes.inputs.counts_file import from_counts

        self.check(least)
        if self.counts:
            return sources.chosen(from_counts(self.counts, keys), self.only)
        if self.samples:
            store = sources.store_of(self.out)
            return sources.chosen(
                sources.from_samples(
                    self.samples,
                    store,
                    self.processes,
                    skip_bad=self.skip_bad,
                    executor=self.executor,
                    ordered=bool(self.only),
                ),
                self.only,
            )
        from probes.inputs.checkpoints import from_checkpoints
        from probes.inputs.grouping import check_keys

        if keys:
            check_keys(self.sampling(), keys)
        return from_checkpoints(self.ckpt or [], self.sampling(variants), sources.store_of(self.out))

    def check(self, least: int = 2) -> None:
        """UserError for options that do not go together, before anything is read or sampled."""
        from evals.core.errors import UserError

        ways = [w for w in ("--ckpt", "--samples", "--counts") if getattr(self, w[2:])]
        if len(ways) != 1:
            got = "none of them" if not ways else " and ".join(ways)
            raise UserError(
                f"give checkpoints with --ckpt, files with --samples, or a CSV with --counts; got {got}"
            )
        ready(self.out)
        _pairs_known(self.ckpt or [], self.against)
        if self.only and self.ckpt:
            raise UserError("--only chooses among checkpoints of files; with --ckpt name those you want")
        if self.ckpt and len(self.ckpt) < least:
            raise UserError(
                f"a comparison needs {least} checkpoints, got one ({self.ckpt[0]}); give --ckpt again"
            )


def _pairs_known(names: list[str], against: str) -> None:
    """UserError where --against is unknown, or finds no pair by the lineage of these checkpoints."""
    from probes.inputs.sources import described as describe
    from probes.inputs.sources import pairs_of

    pairs_of(describe(names) if against == "parent" else [], against)


def ready(out: Path) -> None:
    """UserError where findings could not be kept in this folder, before any work is done."""
    import os

    from evals.core.errors import UserError
    from probes.findings.finding import read_findings

    present = next(p for p in (out, *out.absolute().parents) if p.exists())
    if not present.is_dir():
        raise UserError(f"--out {out} cannot be a folder: {present} is a file; choose another")
    if not os.access(present, os.W_OK):
        raise UserError(f"--out {out} cannot be written; choose another folder")
    if (out / "findings.json").is_file():
        read_findings(out / "findings.json")


def finish(finding: Finding, out: Path) -> None:
    """The end of every probe's command: the finding in OUT/findings.json, its table on the screen."""
    from evals.core.printable import say
    from probes.findings.finding import keep_finding
    from probes.findings.terminal import show

    path = keep_finding(out, finding)
    show(finding)
    say(f"written: {path}")


def _only_where_sampled(context: typer.Context, values: Mapping[str, Any], ways: Sequence[str]) -> None:
    """UserError for an option of sampling beside samples or counts, which stay what they are."""
    from evals.core.errors import UserError

    there = next((name for name in ("samples", "counts") if values.get(name)), None)
    if there is None or values.get("ckpt"):
        return
    for name in (*SAMPLING, *ways):
        source = context.get_parameter_source(name) if name in values else None
        if source is not None and source.name == "COMMANDLINE":
            raise UserError(
                f"--{name.replace('_', '-')} is for checkpoints that are sampled here; --{there} is taken "
                "whole, as it was drawn: leave it out"
            )


@cache
def _hints() -> dict[str, Any]:
    return get_type_hints(Inputs, include_extras=True)


def with_inputs(
    *, without: tuple[str, ...] = (), asking: Asking | None = None, **defaults: Any
) -> Callable[[Callable[..., None]], Any]:
    """Give a command, whose first parameter is `inputs`, all options of `Inputs` and of an asking.

    without: fields that make no sense for this command; asking: the one of which its defaults are; defaults:
    its own default values of fields.
    """

    def wrap(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(function, include_extras=True)
        own = [
            p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for p in list(inspect.signature(function).parameters.values())[1:]
        ]
        shared = [
            inspect.Parameter(
                f.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(f.name, None if f.default is MISSING else f.default),
                annotation=_hints()[f.name],
            )
            for f in fields(Inputs)
            if f.name not in (*without, "askings")
        ]
        ways = parameters(many=True, usual=asking)
        context = inspect.Parameter(
            "context", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=typer.Context
        )

        def command(**values: Any) -> None:
            _only_where_sampled(values.pop("context"), values, [p.name for p in ways])
            taken = {p.name: values.pop(p.name) for p in shared}
            asked = {p.name: values.pop(p.name) for p in ways}
            count = len(taken.get("ckpt") or ()) or 1
            function(Inputs(**taken, askings=askings(asked, count, asking)), **values)

        return described(command, function, [context, *shared[:3], *own, *ways, *shared[3:]])

    return wrap
