"""The study from nothing: `python -m reports.study.driver.run`. Stop it at any moment and start it again.

Every step is a command of the project (`trainer`, `probes`, `evals`), run where its result does not stand
yet. Whole seeds come first, so that a study that is stopped early is a smaller one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

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
    extras = [e for name, e in EXTRAS.items() if name in plan.table]
    for i, seed in enumerate(plan.seeds):
        yield from _seed(out, plan, plan.seeds[: i + 1], seed)
        if i == 0 and extras:
            yield from extras.pop(0)(out, plan)
    for extra in extras:
        yield from extra(out, plan)
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
        record(path, plan.tuned["tries"], plan.tuned["how"])
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
    yield [_capability(out, f"{b.name}/{name}", [b, *_ends(out, b, seed)]) for b in bases(out, plan)]


def _ends(out: Path, base: Path, seed: int) -> list[Path]:
    """The last checkpoints of the cells of one start and seed."""
    return [last(out / "study" / "excursions" / base.name / r / f"seed-{seed}") for r in RECIPES]


def _sampled(out: Path, plan: Plan, seed: int, ways: Sequence[dict[str, float]]) -> list[Task]:
    """The test problems, to the cells of a seed and, with the first seed, twice to the base of each start."""
    tasks = []
    for base in bases(out, plan):
        for way in ways:
            if seed == plan.seeds[0]:
                tasks.append(_asked(out, plan, "samples base", f"{base.name}/base", [base, base], way))
            ends = _ends(out, base, seed)
            tasks.append(_asked(out, plan, "samples cells", f"{base.name}/seed-{seed}", ends, way))
    return tasks


def _asked(
    out: Path, plan: Plan, stage: str, place: str, ckpts: Sequence[Path], way: dict[str, float] | None = None
) -> Task:
    """The test problems under one way of sampling (default: the first)."""
    way = way or plan.table["probe"]["sampling"][0]
    return counted(stage, plan, out / "samples" / place / f"T{way['temperature']}", ckpts, **way)


def _capability(out: Path, place: str, ckpts: Sequence[Path]) -> Task:
    folder = out / "capability" / place
    parts = [part for ckpt in ckpts for part in ("--ckpt", str(ckpt))]
    command = ("evals", "capability", *parts, "--task", "world", "--out", str(folder), "--quiet")
    return Task("capability", folder / "DONE", command, marks=True)


def _rl(out: Path, plan: Plan, stage: str, folder: Path, base: Path, *sets: str) -> Task:
    """An RL run outside the table of cells, with the chosen learning rate."""
    rate = f"optimizer.lr={chosen(out / 'tuning.json')['rl']}"
    return trained(stage, folder, "rl", plan, "--ckpt", str(base), *sets_of(rate, *sets))


def _random_reward(out: Path, plan: Plan) -> Iterator[list[Task]]:
    """Control: RL whose rewards are dealt at random, so that nothing can be learned from them."""
    own = plan.table["random_reward"]
    base = bases(out, plan)[own["start"]]
    runs = [
        _rl(out, plan, "random reward", out / "random" / f"seed-{s}", base, f"seed={s}", "reward=random")
        for s in own["seeds"]
    ]
    yield runs
    ends = [last(r.marker.parent) for r in runs]
    yield [_asked(out, plan, "random reward", "random", ends)]


def _rollouts(out: Path, plan: Plan) -> Iterator[list[Task]]:
    """Few against many rollouts of a prompt, on prompts that the base seldom solves, at equal rollouts."""
    own = plan.table["rollouts"]
    base, folder = bases(out, plan)[own["start"]], out / "rollouts"
    split = ("trainer", "split", "--ckpt", str(base), "--problems", own["split"], "--n", str(own["split_n"]))
    limits = ("--max-tokens", str(plan.table["probe"]["max_tokens"]), "--out", str(folder / "split"))
    yield [Task("rollouts", folder / "split" / "counts.json", (*split, *limits, "--quiet"))]
    runs = []
    for n in own["n"]:
        steps = own["total"] // (n * own["prompts"])
        for seed in own["seeds"]:
            sets = [f"problems={folder / 'split' / 'hard.jsonl'}", f"n={n}", f"seed={seed}", f"steps={steps}"]
            sets += [f"prompts={own['prompts']}", f"minibatch={own['prompts']}"]
            runs.append(_rl(out, plan, "rollouts", folder / f"n-{n}" / f"seed-{seed}", base, *sets))
    yield runs
    ends = [last(r.marker.parent) for r in runs]
    yield [_asked(out, plan, "rollouts", "rollouts", ends)]


def _scale(out: Path, plan: Plan) -> Iterator[list[Task]]:
    """A math-heavy mix for the main model against a larger model on the plain mix, each with RL.

    Both see the tokens that one start of the main run has seen, at nearly its learning rates.
    """
    own = plan.table["scale"]
    kinds = {
        "heavy": [f"data.{k}={v}" for k, v in own["heavy"].items()],
        "large": [f"model.{k}={v}" for k, v in own["large"].items()],
    }
    held = ("tokens", "warmup", "final_lr")
    budget = ("checkpoints=[]", *(f"{k}={own[k]}" for k in held))
    folders = {kind: out / "scale" / kind for kind in kinds}
    yield [
        trained("scale", folders[k] / "pretrain", "pretrain", plan, *sets_of(*budget, *sets))
        for k, sets in kinds.items()
    ]
    starts = {k: last(f / "pretrain") for k, f in folders.items()}
    yield [
        _rl(out, plan, "scale", folders[k] / f"rl-{s}", base, f"seed={s}")
        for k, base in starts.items()
        for s in own["seeds"]
    ]
    ends = {k: [base, *(last(folders[k] / f"rl-{s}") for s in own["seeds"])] for k, base in starts.items()}
    yield [_asked(out, plan, "scale", f"scale/{k}", ckpts) for k, ckpts in ends.items()]


def _far(out: Path, plan: Plan) -> Iterator[list[Task]]:
    """More operations than any training problem has: the base and its cells of some seeds."""
    own = plan.table["far"]
    tasks = []
    for base in [bases(out, plan)[i] for i in own["starts"]]:
        folder = out / "study" / "excursions" / base.name
        ends = [last(folder / r / f"seed-{s}") for s in own["seeds"] for r in RECIPES]
        way = plan.table["probe"]["sampling"][0]
        place = out / "samples" / "far" / base.name
        tasks.append(counted("far", plan, place, [base, *ends], problems=own["problems"], **way))
    yield tasks


EXTRAS: dict[str, Callable[[Path, Plan], Iterator[list[Task]]]] = {
    "random_reward": _random_reward,
    "rollouts": _rollouts,
    "scale": _scale,
    "far": _far,
}


def main(
    out: Annotated[Path | None, typer.Option(help="folder of the study (default: runs/micro)")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="one seed, two starts, no side studies")] = False,
    processes: Annotated[int, typer.Option(min=1, help="commands at a time")] = 2,
    home: Annotated[Path, typer.Option(help="folder of study.toml and plan.toml")] = HOME,
) -> None:
    """Run the study, or what is left of it."""
    run(out or Path("runs/micro-quick" if quick else "runs/micro"), load(home, quick=quick), processes)


if __name__ == "__main__":
    from evals.core.command import run as run_command

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    run_command(app)
