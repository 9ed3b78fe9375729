"""Every probe on every cell of a study, resumable, with the samples shared.

RUN/pretrain/seed-0/step-000120/                  M_t: where excursions start
RUN/excursions/step-000120/rl/seed-0/…            one cell: start, recipe, seed; done where DONE stands
RUN/store/                                        samples and grades of all
RUN/findings/step-000120/rl/seed-0.json           the findings of a cell
RUN/findings/step-000120/rl/seeds.json            all its seeds together
RUN/findings/findings.parquet                     one row per number, for reports
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from analysis import Options
from evals.checkpoints.runs import checkpoints, descends, resolved, run_of
from evals.core.errors import UserError
from evals.core.keys import content_hash
from evals.sampling import Where
from probes.findings.finding import read_findings, write_findings
from probes.findings.types import SCHEMA, Finding
from probes.inputs.checkpoints import Sampling, from_checkpoints
from probes.inputs.contract import PROBES, Asked
from probes.inputs.sources import Source, chosen, described
from probes.study.table import write_table

BY_CELL = {name: probe for name, probe in PROBES.items() if probe.cell}
ALL = (*BY_CELL, "seeds", "weights", "capability", "readiness")
AFTER = {"sft-rl": "sft", "sft-gold-rl": "sft-gold"}  # recipes that go on from another one's end
PROMPTS = 200  # training prompts that readiness is measured on


@dataclass(frozen=True, slots=True)
class Cell:
    """One excursion of a study: start (a step of the pre-training run), recipe, seed, its last checkpoint."""

    start: str
    recipe: str
    seed: str
    base: Path
    checkpoint: Path

    @property
    def file(self) -> str:
        """Where its findings stand, relative to RUN/findings."""
        return f"{self.start}/{self.recipe}/{self.seed}.json"


def cells(run: Path) -> tuple[list[Cell], list[str]]:
    """(complete cells, names of those that are not done) of a study; UserError where it is none."""
    root = run / "excursions"
    if not root.is_dir():
        raise UserError(f"{run} is no study: it has no excursions folder; run `trainer study` first")
    found, open_ = [], []
    for folder in sorted(p for p in root.glob("*/*/*") if p.is_dir()):
        start, recipe, seed = folder.relative_to(root).parts
        base = _base(run, start, seed)
        if base is None or not (folder / "DONE").is_file():
            open_.append("/".join((start, recipe, seed)))
            continue
        found.append(Cell(start, recipe, seed, base, checkpoints(folder)[-1]))
    if not found:
        raise UserError(f"{run} has no finished excursion yet; let `trainer study` finish one")
    return found, open_


def _base(run: Path, start: str, seed: str) -> Path | None:
    """The pre-training checkpoint of a start: of the cell's own seed if there is one, else of the first."""
    own = run / "pretrain" / seed / start
    every = [own, *sorted((run / "pretrain").glob(f"*/{start}")), run / "pretrain" / start]
    return next((p for p in every if (p / "config.json").is_file()), None)


def study(
    run: Path,
    sampling: Sampling,
    options: Options | None = None,
    *,
    probes: Sequence[str] = ALL,
    scored: int = 4,
    command: Sequence[str] = (),
) -> Path:
    """Run the probes on every finished cell of a study; returns the table of findings.

    What stands in RUN/findings under the same options is not made again. scored: samples of a problem at
    temperature 1 for token entropy and likelihoods. UserError for an unknown probe or a folder that is no
    study.
    """
    if unknown := [p for p in probes if p not in ALL]:
        raise UserError(f"no probe {unknown[0]!r} in a study; choose among {', '.join(ALL)}")
    task = Task(run, sampling, options or Options(), tuple(probes), scored, tuple(command))
    done, _ = cells(run)
    for base in dict.fromkeys(c.base for c in done):
        group = [c for c in done if c.base == base]
        _cells_of(task, group)
        _together(task, group)
    if "readiness" in probes:
        _readiness(task, done)
    return write_table(run)


@dataclass(frozen=True, slots=True)
class Task:
    """What `study` was asked for."""

    run: Path
    sampling: Sampling
    options: Options
    probes: tuple[str, ...]
    scored: int
    command: tuple[str, ...]

    @property
    def key(self) -> str:
        """Fingerprint of everything that decides a finding of these checkpoints."""
        sampled = asdict(replace(self.sampling, where=Where(self.sampling.where.engine), data=None))
        return content_hash(SCHEMA, sampled, asdict(self.options), self.probes, self.scored)

    def source(self, names: Sequence[str], **changes: Any) -> Source:
        """Counts of checkpoints, from the study's own store."""
        return from_checkpoints(names, replace(self.sampling, **changes), self.run / "store")

    def measure(self, name: str, source: Source, pair: tuple[str, str]) -> Finding:
        """A probe of two checkpoints of a source."""
        probe = BY_CELL[name]
        own = {"scored": self.scored} if "scored" in probe.own else {}
        asked = Asked(chosen(source, pair), self.options, "first", self.run, self.command, quiet=True)
        return probe.run(asked, **own)

    def plain(self) -> dict[str, Any]:
        """Sampling of the model itself, as likelihoods need it."""
        return {"n": self.scored, "askings": tuple(a.plain() for a in self.sampling.askings)}


def _cells_of(task: Task, group: Sequence[Cell]) -> None:
    """Cells that start at one checkpoint: sampled together, each then beside its start."""
    files = [task.run / "findings" / c.file for c in group]
    wanted = [p for p in task.probes if p in BY_CELL]
    if not wanted or all(made(f, task.key) for f in files):
        return
    names = [str(group[0].base), *(str(c.checkpoint) for c in group)]
    source = task.source(names)
    plain = any(BY_CELL[name].plain for name in wanted)
    at_one = task.source(names, **task.plain()) if plain else source
    labels = [d["name"] for d in source.checkpoints]
    for label, cell, file in zip(labels[1:], group, files, strict=True):
        if not made(file, task.key):
            pair = (labels[0], label)
            found = [task.measure(name, at_one if BY_CELL[name].plain else source, pair) for name in wanted]
            parent = _parent(source, label)
            if "expand" in wanted and parent not in (None, labels[0]):  # such as RL after SFT
                found.append(task.measure("expand", source, (str(parent), label)))
            _write(task, file, found, cell)


def _parent(source: Source, name: str) -> str | None:
    """Which checkpoint of the source another was trained from, by lineage."""
    lineage = next(d["lineage"] for d in source.checkpoints if d["name"] == name)
    ds = (d for d in source.checkpoints if descends(lineage, d["fingerprint"], d.get("tensors")))
    return next((str(d["name"]) for d in ds), None)


def _together(task: Task, group: Sequence[Cell]) -> None:
    """What takes several cells of one start: all seeds of a recipe, all updates, general capability."""
    folder = task.run / "findings" / group[0].start
    base, ends = str(group[0].base), [str(c.checkpoint) for c in group]
    everything = replace(group[0], recipe="all", seed="all")
    if "weights" in task.probes and not made(folder / "weights.json", task.key):
        from probes.weights import weights

        found = [weights([base, *ends], command=task.command)]
        _write(task, folder / "weights.json", found, everything)
    if "capability" in task.probes and not made(folder / "capability.json", task.key):
        _write(task, folder / "capability.json", [_capability(task, [base, *ends])], everything)
    recipes = [c.recipe for c in group]
    for recipe in [r for r in dict.fromkeys(recipes) if recipes.count(r) > 1 and "seeds" in task.probes]:
        file = folder / recipe / "seeds.json"
        if not made(file, task.key):
            from probes.seeds import seeds

            members = [str(c.checkpoint) for c in group if c.recipe == recipe]
            found = [seeds(task.source([base, *members]), task.options, command=task.command)]
            before = [str(c.checkpoint) for c in group if c.recipe == AFTER.get(recipe)]
            if len(before) == len(members):  # seed by seed beside what each was trained from
                source = task.source([*before, *members])
                found.append(seeds(source, task.options, parents=len(before), command=task.command))
            _write(task, file, found, replace(group[0], recipe=recipe, seed="all"))


def _capability(task: Task, names: Sequence[str]) -> Finding:
    from evals.capability import capability as measure
    from evals.capability import text_loss
    from probes.capability import capability

    items = measure(names, task.run / "capability", tasks=["world"])
    text = text_loss(names, task.run / "capability")
    told = {"level": task.options.level, "margin": task.options.margin, "command": task.command}
    return capability(items, described(names), text=text, **told)  # type: ignore[arg-type]


def _readiness(task: Task, done: Sequence[Cell]) -> None:
    """All starts on the training prompts of their RL runs, against what RL reached."""
    runs = [run_of(c.checkpoint) or c.checkpoint.parent for c in done if c.recipe == "rl"]
    file = task.run / "findings" / "readiness.json"
    if not runs or made(file, task.key):
        return
    from probes.readiness import readiness

    prompts = str(resolved(runs[0]).get("problems") or "world:train")
    bases = list(dict.fromkeys(str(c.base) for c in done))
    source = task.source(bases, problems=prompts, limit=task.sampling.limit or PROMPTS)
    found = [readiness(source, runs, task.options, command=task.command)]
    if len(bases) > 1:  # on the study's own problems, not on those that RL was trained on
        both = task.source([*bases, *(str(c.checkpoint) for c in done)])
        found.append(readiness(both, (), task.options, command=task.command))
    _write(task, file, found, Cell("all", "rl", "all", done[0].base, done[0].checkpoint))


def _write(task: Task, file: Path, findings: list[Finding], cell: Cell) -> None:
    place = {"start": cell.start, "recipe": cell.recipe, "seed": cell.seed, "key": task.key}
    write_findings(file, [f.model_copy(update={"study": place}) for f in findings])


def made(file: Path, key: str) -> bool:
    """Whether findings stand there that were made under the same options by this schema."""
    if not file.is_file():
        return False
    try:
        kept = read_findings(file)
    except UserError:
        return False
    return bool(kept) and all((f.study or {}).get("key") == key for f in kept)
