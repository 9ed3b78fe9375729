"""The `evals` command: thin shells over the functions of the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals.asking import Asking
from evals.asking.options import with_asking
from evals.core.command import program, run
from evals.core.printable import say

app = program("Ask checkpoints, keep every sample, grade it, and read other tools' logs.")

Problems = Annotated[str, typer.Option(help="benchmark name, local file, or world:SPLIT")]
Data = Annotated[Path | None, typer.Option(help="folder of local files in the place of the hub")]
Limit = Annotated[int | None, typer.Option(min=1, help="only the first problems")]
Store = Annotated[Path, typer.Argument(help="store folder")]
Workers = Annotated[int, typer.Option(min=1, help="grading processes")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="leave rows out that cannot be read, counted")]
Executor = Annotated[str, typer.Option(help="local, or ray (one machine or a cluster)")]
Tokenizer = Annotated[str | None, typer.Option(help="folder or hub id of the tokenizer")]
TrustCode = Annotated[bool, typer.Option("--trust-remote-code", help="run the code that a checkpoint brings")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress lines")]


@app.command()
@with_asking
def sample(
    ckpt: Annotated[str, typer.Option(help="checkpoint folder or hub id (name@revision)")],
    out: Annotated[Path, typer.Option(help="store folder; what it holds is not drawn again")],
    asking: Asking,
    problems: Problems = "world:test",
    data: Data = None,
    n: Annotated[int, typer.Option(min=1, help="samples per problem")] = 32,
    limit: Limit = None,
    seed: Annotated[int, typer.Option()] = 0,
    draw: Annotated[int, typer.Option(min=0, help="1, 2, …: further draws, independent of draw 0")] = 0,
    name: Annotated[str | None, typer.Option(help="label of the samples (default: the checkpoint)")] = None,
    engine: Annotated[str, typer.Option(help="torch, vllm or server")] = "torch",
    server: Annotated[str | None, typer.Option(help="URL of a server (OpenAI protocol)")] = None,
    vllm: Annotated[list[str] | None, typer.Option(help="KEY=VALUE for vLLM; repeat")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16, … (default: by device)")] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="decoded, or asked of a server, together (default: by device)")
    ] = None,
    tokenizer: Tokenizer = None,
    trust_remote_code: TrustCode = False,
    processes: Annotated[int, typer.Option(min=1, help="processes that share the problems")] = 1,
    part: Annotated[
        str | None, typer.Option("--part", "--shard", metavar="I/N", help="only this part of the problems")
    ] = None,
    executor: Executor = "local",
    quiet: Quiet = False,
) -> None:
    """Draw samples of a checkpoint into a store. Start again after any stop: it goes on."""
    from evals.core.executor import check_executor
    from evals.core.labels import whole_name
    from evals.engines.open import find_checkpoint
    from evals.problems import load_problems
    from evals.sampling import Where
    from evals.sampling import sample as run
    from evals.sampling.cell import parse_part
    from evals.store import SampleStore

    check_executor(executor)
    where = Where(
        engine,
        dtype,
        rows,
        processes,
        parse_part(part) if part else None,
        executor,
        quiet,
        server,
        tuple(vllm or ()),
        tokenizer,
        trust_remote_code,
    )
    store = SampleStore(out)
    found = find_checkpoint(ckpt, engine, server, tokenizer=tokenizer, trust_remote_code=trust_remote_code)
    chosen = load_problems(problems, limit, data)
    label = name or Path(whole_name(ckpt)).name
    cell = run(found, chosen, asking, n, where, store, label, seed=seed, draw=draw)
    known = store.cell(cell)["checkpoint"]
    say(f"{label}: cell {cell} in {out}" + (f", kept there as {known}" if known != label else ""))


@app.command()
@with_asking
def prompt(
    ckpt: Annotated[str, typer.Option(help="checkpoint folder or hub id (name@revision)")],
    asking: Asking,
    problems: Problems = "world:test",
    data: Data = None,
    limit: Limit = None,
    engine: Annotated[str, typer.Option(help="torch, vllm or server")] = "torch",
    server: Annotated[str | None, typer.Option(help="URL of a server (OpenAI protocol)")] = None,
    tokenizer: Tokenizer = None,
    trust_remote_code: TrustCode = False,
) -> None:
    """Show what a checkpoint is asked: a rendered prompt, its tokens, its stops, how exemplars are read."""
    from evals.engines.open import find_checkpoint
    from evals.problems import load_problems
    from evals.sampling.preview import preview
    from evals.sampling.prompts_to_samples import settle

    found = find_checkpoint(ckpt, engine, server, tokenizer=tokenizer, trust_remote_code=trust_remote_code)
    for line in preview(found, load_problems(problems, limit, data), settle(found, asking, problems)):
        say(line)


@app.command()
def grade(
    what: Annotated[list[Path], typer.Argument(metavar="STORE|FILE…", help="a store, or other tools' logs")],
    store: Annotated[Path | None, typer.Option(help="keep the files' samples in this store")] = None,
    skip_bad: SkipBad = False,
    workers: Workers = 1,
    executor: Executor = "local",
    quiet: Quiet = False,
) -> None:
    """Grade the samples of a store, or of files of any known format; prints each system's accuracy."""
    from evals.core.executor import check_executor
    from evals.core.progress import Line
    from evals.grading.report_table import accuracy_lines
    from evals.grading.store_grading import cell_report, grade_store
    from evals.readers.opening import opened
    from evals.store.reading import labels

    check_executor(executor)
    with opened(what, store, skip_bad=skip_bad) as (target, cells):
        grade_store(target, list(cells), workers, Line("grade", quiet=quiet), executor)
        named = zip(cells, labels(target, list(cells), cells), strict=True)
        reports = [cell_report(target, cell) | {"checkpoint": label} for cell, label in named]
        for line in accuracy_lines(reports):
            say(line)


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="logs of any known format")],
    store: Annotated[Path, typer.Option(help="store folder")],
    skip_bad: SkipBad = False,
) -> None:
    """Make samples of other tools' logs."""
    import pyarrow.compute as pc

    from evals.problems.preflight import golds_warning
    from evals.readers import import_samples
    from evals.store import SampleStore

    target = SampleStore(store)
    ids: set[str] = set()
    for cell in dict.fromkeys(import_samples(files, target, skip_bad=skip_bad)):
        info = target.cell(cell)
        ids |= set(pc.unique(target.sample_table.read(cell, ["problem"])["problem"]).to_pylist())
        left_out = f", {info['skipped']:,} bad rows left out" if info.get("skipped") else ""
        count = target.sample_table.count(cell)
        say(f"{info['checkpoint']}: {count:,} samples in cell {cell}{left_out}")
    known = target.problems()
    if warning := golds_warning([known[p] for p in sorted(ids)]):
        say(f"CHECK: {warning}")


@app.command()
def export(
    store: Store,
    out: Annotated[Path, typer.Option(help="JSON-lines file, or folder of the other forms")],
    form: Annotated[
        str, typer.Option(help="jsonl, every-eval-ever or eval-results (a model's on the hub)")
    ] = ("jsonl"),
    dataset: Annotated[str | None, typer.Option(help="hub id of the problems (OWNER/NAME)")] = None,
    task: Annotated[
        str, typer.Option(help="name of the evaluation; the benchmark's task on the hub")
    ] = "math",
) -> None:
    """Write samples with their grades for other tools, or the graded result of each checkpoint."""
    from evals.grading.published import export as run
    from evals.store import SampleStore

    say(run(SampleStore(store), out, form, dataset, task))


@app.command()
def report(store: Store) -> None:
    """Show how the samples of a store were drawn, and what the grading met."""
    from evals.grading.report_table import show_reports
    from evals.grading.store_grading import cell_report
    from evals.store import SampleStore, all_cells

    target = SampleStore(store)
    show_reports([cell_report(target, cell) for cell in all_cells(target)])


@app.command()
def problems(
    spec: Annotated[str, typer.Argument(help="benchmark name, local file, or world:SPLIT")],
    data: Data = None,
    limit: Limit = None,
) -> None:
    """Load problems, and check that every gold answer can be graded."""
    from evals.core.errors import UserError
    from evals.problems import load_problems, preflight

    found = load_problems(spec, limit, data)
    say(f"{found.name}: {len(found.problems):,} problems, fingerprint {found.fingerprint}")
    issues = preflight(found.problems)
    for issue in issues:
        say(f"{issue.problem}\t{issue.answer!r}\t{issue.reason}")
    if issues:
        raise UserError(
            f"{len(issues)} golds cannot be graded: no answer to them would count; fix or leave out"
        )
    say("every gold can be graded")


@app.command()
def audit(
    what: Annotated[list[Path], typer.Argument(metavar="STORE|FILE…", help="a store, or other tools' logs")],
    against: Annotated[str, typer.Option(help="the other grader")] = "math-verify",
    out: Annotated[Path | None, typer.Option(help="write the list as JSON lines")] = None,
    workers: Workers = 1,
    quiet: Quiet = False,
) -> None:
    """List the samples on which our verifier and another one disagree, for reading by hand."""
    from evals.core.files import write_file
    from evals.core.progress import Line
    from evals.grading.audit import audit as run
    from evals.grading.audit import lines

    found = run(what, against=against, workers=workers, progress=Line("audit", quiet=quiet))
    if out is not None:
        write_file(out, found.to_json(orient="records", lines=True))
    for line in lines(found):
        say(line)


@app.command("tasks-path")
def tasks_path() -> None:
    """Print the folder of our lm-evaluation-harness tasks, for lm_eval --include_path."""
    from evals.tasks import tasks_path as folder

    say(folder())


@app.command()
def capability(
    ckpt: Annotated[list[str], typer.Option(help="checkpoint folder or hub id (name@revision); repeat")],
    out: Annotated[Path, typer.Option(help="folder of the results; what it holds is not run again")],
    task: Annotated[list[str] | None, typer.Option(help="world, lambada, …; repeat (default: all)")] = None,
    data: Data = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first items of each task")] = None,
    world_seed: Annotated[int, typer.Option(help="seed of the world that the checkpoints saw")] = 0,
    quiet: Quiet = False,
) -> None:
    """Measure general capability, item by item, and its change from the first checkpoint in pairs."""
    from evals.capability import TASKS, changes, summary
    from evals.capability import capability as run
    from evals.engines.threads import one_thread

    one_thread()
    report = None if quiet else lambda text: say(text, err=True)
    items = run(
        ckpt, out, tasks=task or TASKS, data=data, limit=limit, world_seed=world_seed, progress=report
    )
    say(summary(items).to_string(index=False, float_format="{:.4f}".format))
    first, *later = dict.fromkeys(items["checkpoint"])
    for name in later:
        say(f"\n{first} → {name}, paired by item")
        say(changes(items, first, name).to_string(index=False, float_format="{:.4f}".format))


@app.command()
def formats() -> None:
    """The formats of samples that are read, with what a checkpoint is in each and how a row looks."""
    from evals.readers import catalogue

    for known in catalogue.formats():
        typer.echo(f"{known.name}  ({known.files})\n  a checkpoint is {known.checkpoint}")
        typer.echo(f"  {known.example}\n")


@app.command()
def doctor() -> None:
    """What is installed, which engines work, which devices there are, what a run would take."""
    from evals.doctor import doctor as run

    for section, rows in run().items():
        say(f"\n{section}")
        for name, finding in rows:
            say(f"  {name:<22} {finding}")


def main() -> None:
    """Entry point of the console command."""
    run(app)
