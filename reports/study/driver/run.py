"""The study from nothing: `python -m reports.study.driver.run`. Stop it at any moment and start it again.

Every step is a command of the project (`trainer`, `probes`, `evals`), run where its result does not stand
yet. Whole seeds come first, so that a study that is stopped early is a smaller one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from evals.core.files import write_json
from reports.study.driver.plan import HOME, RECIPES, Plan, load
from reports.study.driver.tasks import Task, run_all
from reports.study.driver.tuning import BRANCHES, accuracy, chosen, record

TRIED = {"rl": ("rl",), "sft": ("sft", "sft-gold")}  # recipes on which each optimizer's rates are tried


def run(out: Path, plan: Plan, processes: int = 2) -> None:
    """Run what is left of the study into `out`, `processes` commands at a time."""
    out.mkdir(parents=True, exist_ok=True)
    for tasks in rounds(out, plan):
        run_all(out, tasks, processes)


def rounds(out: Path, plan: Plan) -> Iterator[list[Task]]:
    """The study's tasks in order, in rounds: a round may need anything of the rounds before it."""
    yield [_pretrain(out, plan)]
    yield from _tuning(out, plan)
    for i, seed in enumerate(plan.seeds):
        yield from _seed(out, plan, plan.seeds[: i + 1], seed)
        yield from _arms(out, plan, seed, controls=True)
    for seed in plan.seeds:
        yield from _arms(out, plan, seed, controls=False)
    for seed in plan.seeds:
        yield _sampled(out, plan, seed, plan.table["probe"]["sampling"][1:])


def bases(out: Path, plan: Plan) -> list[Path]:
    """The checkpoints that excursions start from, in the plan's order."""
    kept = sorted((out / "study" / "pretrain" / "seed-0").glob("step-*"))
    seen = [json.loads((k / "lineage.json").read_text())["tokens"] for k in kept]
    return [next(k for k, tokens in zip(kept, seen, strict=True) if tokens >= s) for s in plan.starts]


def last(folder: Path) -> Path:
    """The last checkpoint of a run."""
    return max(folder.glob("step-*"))


def _pretrain(out: Path, plan: Plan) -> Task:
    folder = out / "study" / "pretrain" / "seed-0"
    return trained("pretrain", folder, "pretrain", plan, "--processes", "2")


def trained(stage: str, folder: Path, command: str, plan: Plan, *options: str) -> Task:
    """A run of the trainer with the study's configuration."""
    fixed = ("--config", str(plan.study), "--out", str(folder), "--quiet")
    return Task(stage, folder / "DONE", ("trainer", command, *fixed, *options))


def sets_of(*items: str) -> list[str]:
    """`--set` before each item, as a command takes them."""
    return [part for item in items for part in ("--set", item)]


def counted(stage: str, plan: Plan, folder: Path, ckpts: Sequence[Path], **changes: Any) -> Task:
    """Samples and grades of checkpoints, as `probes counts` makes them."""
    probe = {k: v for k, v in plan.table["probe"].items() if k != "sampling"} | changes
    parts = [part for ckpt in ckpts for part in ("--ckpt", str(ckpt))]
    parts += [part for key, v in probe.items() for part in (f"--{key.replace('_', '-')}", str(v))]
    return Task(stage, folder / "counts.csv", ("probes", "counts", *parts, "--out", str(folder), "--quiet"))


def _tuning(out: Path, plan: Plan) -> Iterator[list[Task]]:
    """Every learning rate from one start, and samples on validation problems; then the choice, on record."""
    path = out / "tuning.json"
    if path.is_file():
        return
    if plan.tuned is not None:
        write_json(path, plan.tuned)
        return
    tuning = plan.table["tuning"]
    base, runs, tries = bases(out, plan)[tuning["start"]], [], []
    for branch, recipes in TRIED.items():
        for recipe, lr in [(r, lr) for r in recipes for lr in tuning[branch]]:
            folder = out / "tuning" / f"{recipe}-{lr:g}"
            sets = sets_of(f"seed={tuning['seed']}", f"optimizer.lr={lr}", *tuning["set"][branch])
            gold = ["--gold"] if recipe == "sft-gold" else []
            runs.append(trained("tuning", folder, branch, plan, "--ckpt", str(base), *gold, *sets))
            tries.append({"branch": branch, "recipe": recipe, "lr": lr, "folder": folder})
    yield runs
    how = {"problems": tuning["problems"], "n": tuning["n"], "temperature": 1.0, "top_p": 1.0}
    yield [counted("tuning", plan, t["folder"] / "asked", [last(t["folder"])], **how) for t in tries]
    for row in tries:
        row |= accuracy(row.pop("folder") / "asked" / "counts.csv")
    record(path, tries, tuning)


def _seed(out: Path, plan: Plan, seeds: Sequence[int], seed: int) -> Iterator[list[Task]]:
    """The cells of one more seed from every start, then their samples and general capability."""
    rates, name = chosen(out / "tuning.json"), f"seed-{seed}"
    sets = sets_of(
        f"study.starts={list(plan.starts)}",
        f"study.seeds={list(seeds)}",
        *(f"{b}.optimizer.lr={rates[b]}" for b in BRANCHES),
    )
    fixed = ("trainer", "study", str(plan.study), "--out", str(out / "study"), "--processes", "2", "--quiet")
    cells = [out / "study" / "excursions" / b.name / r / name for b in bases(out, plan) for r in RECIPES]
    ends = max((c / "DONE" for c in cells), key=lambda p: not p.exists())  # one that is missing, if any is
    yield [Task(f"cells {name}", ends, (*fixed, *sets))]
    yield _sampled(out, plan, seed, plan.table["probe"]["sampling"][:1])
    general = plan.table.get("general", {"task": "world"})
    tasks = []
    for base in bases(out, plan):
        also = [base] if seed == plan.seeds[0] else []
        tasks.append(_capability(out, f"{base.name}/{name}", [*also, *_ends(out, base, seed)], general))
    yield tasks


def _ends(out: Path, base: Path, seed: int) -> list[Path]:
    """The last checkpoints of the cells of one start and seed."""
    return [last(out / "study" / "excursions" / base.name / r / f"seed-{seed}") for r in RECIPES]


def _sampled(out: Path, plan: Plan, seed: int, ways: Sequence[dict[str, float]]) -> list[Task]:
    """The test problems, to the cells of a seed and, with the first seed, twice to the base of each start."""
    tasks = []
    for base in bases(out, plan):
        for way in ways:
            if seed == plan.seeds[0]:
                often = way | plan.table.get("base", {})
                tasks.append(_asked(out, plan, "samples base", f"{base.name}/base", [base, base], often))
            ends = _ends(out, base, seed)
            tasks.append(_asked(out, plan, "samples cells", f"{base.name}/seed-{seed}", ends, way))
    return tasks


def _asked(
    out: Path, plan: Plan, stage: str, place: str, ckpts: Sequence[Path], way: dict[str, float] | None = None
) -> Task:
    """The test problems under one way of sampling (default: the first)."""
    way = way or plan.table["probe"]["sampling"][0]
    return counted(stage, plan, out / "samples" / place / f"T{way['temperature']}", ckpts, **way)


def _capability(out: Path, place: str, ckpts: Sequence[Path], general: dict[str, Any]) -> Task:
    folder = out / "capability" / place
    parts = [part for ckpt in ckpts for part in ("--ckpt", str(ckpt))]
    parts += [part for key, v in general.items() for part in (f"--{key}", str(v))]
    command = ("evals", "capability", *parts, "--out", str(folder), "--quiet")
    return Task("capability", folder / "DONE", command, marks=True)


def _rl(out: Path, plan: Plan, stage: str, folder: Path, base: Path, *sets: str) -> Task:
    """An RL run outside the table of cells, with the chosen learning rate."""
    rate = f"optimizer.lr={chosen(out / 'tuning.json')['rl']}"
    return trained(stage, folder, "rl", plan, "--ckpt", str(base), *sets_of(rate, *sets))


def _arms(out: Path, plan: Plan, seed: int, *, controls: bool) -> Iterator[list[Task]]:
    """RL changed in one thing (objective, group size, reward) from each arm's starts, and its samples.

    controls: the arms that every seed has, which come with their seed; the others come after all seeds.
    """
    runs: dict[str, list[Task]] = {}
    starts, place = dict(zip(plan.starts, bases(out, plan), strict=True)), "controls" if controls else "arms"
    arms = {n: a for n, a in plan.table.get("arms", {}).items() if ("seeds" not in a) == controls}
    for name, own in [(n, a) for n, a in arms.items() if seed in a.get("seeds", plan.seeds)]:
        for base in [starts[s] for s in own["starts"] if s in starts]:
            folder, sets = out / "arms" / base.name / name / f"seed-{seed}", (f"seed={seed}", *own["set"])
            runs.setdefault(base.name, []).append(_rl(out, plan, "arms", folder, base, *sets))
    yield [run for found in runs.values() for run in found]
    yield [
        _asked(out, plan, "samples arms", f"{place}/{b}/seed-{seed}", [last(r.marker.parent) for r in found])
        for b, found in runs.items()
    ]


def main(
    out: Annotated[Path | None, typer.Option(help="folder of the study (default: runs/micro)")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="one start, one seed, fewer questions")] = False,
    processes: Annotated[int, typer.Option(min=1, help="commands at a time")] = 2,
    home: Annotated[Path, typer.Option(help="folder of study.toml and plan.toml")] = HOME,
) -> None:
    """Run the study, or what is left of it."""
    run(
        out or Path("runs/micro-quick" if quick else "runs/micro"),
        load(home, quick=quick),
        processes,
    )


if __name__ == "__main__":
    from evals.core.command import run as run_command

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    run_command(app)
