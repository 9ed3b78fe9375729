"""The study's plan as commands: all of them are understood, in an order that survives being stopped."""

import json
import tomllib
from pathlib import Path

import pytest
import typer

from reports.study.driver import real
from reports.study.driver.plan import HOME, RECIPES, load
from reports.study.driver.run import run
from reports.study.driver.tasks import Task

LR = {"rl": 3e-4, "sft": 1e-3}


def option(task: Task, name: str) -> list[str]:
    """Values of an option of a task's command."""
    return [b for a, b in zip(task.command, task.command[1:], strict=False) if a == name]


def checkpoint(folder: Path, tokens: int, step: int) -> None:
    place = folder / f"step-{step:06d}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "lineage.json").write_text(json.dumps({"tokens": tokens}))


def pretend(task: Task, out: Path, plan) -> None:
    """Leave on disk what a task would leave, as far as later tasks look for it."""
    kind = task.command[1]
    if kind == "pretrain" and "study" in task.marker.parts:
        for i, start in enumerate(plan.starts):
            checkpoint(task.marker.parent, start + 5, i + 1)
    elif kind == "study":
        seeds = json.loads(
            next(v for v in option(task, "--set") if v.startswith("study.seeds")).split("=")[1]
        )
        for base in (out / "study" / "pretrain" / "seed-0").glob("step-*"):
            for recipe in RECIPES:
                for seed in seeds:
                    folder = out / "study" / "excursions" / base.name / recipe / f"seed-{seed}"
                    checkpoint(folder, 1, 20)
                    (folder / "DONE").touch()
    elif task.marker.name == "DONE" and kind != "capability":
        checkpoint(task.marker.parent, 1, 20)
    task.marker.parent.mkdir(parents=True, exist_ok=True)
    rows = "problem,checkpoint,n,c\n" + "".join(f"p{i},x,4,{i}\n" for i in range(4))
    task.marker.write_text(rows if task.marker.name == "counts.csv" else "")


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """(tasks in the order in which they were run, folder, plan) of a pretended study."""
    plan, done = load(HOME), []

    def run_all(out, tasks, processes):
        for task in tasks:
            if not task.done:
                pretend(task, out, plan)
                done.append(task)

    monkeypatch.setattr("reports.study.driver.run.run_all", run_all)
    run(tmp_path, plan)
    return done, tmp_path, plan


def understood(tasks: list[Task], preset: str | None = "micro") -> None:
    """Options and keys of the configuration exist: nothing fails for a wrong word after hours."""
    import evals.cli
    import probes.commands.cli
    import reports.cli
    import trainer.cli
    from trainer.config.load import load_config, load_study
    from trainer.config.schema import PretrainConfig, RLConfig, SFTConfig

    apps = {"trainer": trainer.cli, "probes": probes.commands.cli, "evals": evals.cli, "reports": reports.cli}
    kinds = {"pretrain": PretrainConfig, "rl": RLConfig, "sft": SFTConfig}
    for task in tasks:
        program, *words = task.command
        group = typer.main.get_command(apps[program].app)
        context = group.make_context(program, list(words))
        name, command, rest = group.resolve_command(context, words)
        command.make_context(name, rest)
        sets = option(task, "--set")
        if name in kinds:
            path = next((Path(p) for p in option(task, "--config")), None)
            load_config(kinds[name], name, preset=preset, path=path, overrides=sets)
        elif name == "study":
            load_study(Path(words[1]), sets)


def test_every_command_is_understood(ran) -> None:
    understood(ran[0])


def test_the_real_models_runs_and_card_are_understood(tmp_path) -> None:
    """Every recipe with every seed from one start made of the model, and one card of all against it."""
    table = tomllib.loads((HOME / "real.toml").read_text("utf-8"))
    tasks: list[Task] = []
    for found in real.rounds(tmp_path, "some/model", table, 2):
        for task in found:
            checkpoint(task.marker.parent, 1, 8)
            tasks.append(task)
    understood(tasks)
    first, *runs = [t for t in tasks if t.stage == "train"]
    assert option(first, "--ckpt") == ["some/model"]
    assert len(runs) == sum(len(own.get("seeds", table["seeds"])) for own in table["recipes"].values())
    start = str(real.last(first.marker.parent))
    assert all(option(t, "--ckpt") == [start] for t in runs)
    asked = option(next(t for t in tasks if t.stage == "probe"), "--ckpt")
    assert asked[0] == start
    assert len(asked) == 1 + len(runs)
    assert option(next(t for t in tasks if t.stage == "probe"), "--processes") == ["2"]
    again = next(t for t in tasks if t.stage == real.PROBLEMS)
    assert option(again, "--samples") == [str(tmp_path / "probe" / "store")]
    assert option(again, "--cluster") == ["none"]


def test_whole_seeds_come_first(ran) -> None:
    """A seed's cells and controls come before the next seed's cells, other arms after all seeds; the base is
    drawn twice, and more often than the rest."""
    done, _, plan = ran
    stages = [t.stage for t in done]
    assert list(dict.fromkeys(stages))[:2] == ["pretrain", "tuning"]
    cells = [stages.index(f"cells seed-{s}") for s in plan.seeds]
    assert cells == sorted(cells)
    arms = {i: t.marker.parts for i, t in enumerate(done) if t.stage == "arms"}
    controls = [i for i, parts in arms.items() if "random" in parts and "seed-0" in parts]
    assert cells[0] < min(controls) < max(controls) < cells[1]
    assert max(cells) < min(i for i, parts in arms.items() if "random" not in parts)
    sampled = [t for t in done if t.stage in ("samples cells", "samples base")]
    asked = len(plan.table["probe"]["sampling"]) * len(plan.starts)
    assert len(sampled) == asked * (len(plan.seeds) + 1)
    drawn = next(t for t in sampled if t.stage == "samples base")
    assert len(set(option(drawn, "--ckpt"))) == 1
    assert len(option(drawn, "--ckpt")) == 2
    often = {t.stage: int(option(t, "--n")[0]) for t in sampled}
    assert often["samples base"] == plan.table["base"]["n"] > often["samples cells"]


def test_every_arm_draws_as_many_rollouts_as_rl(ran) -> None:
    """Equal samples: prompts times rollouts of a step are those of the study's RL, and the steps too."""
    plan = ran[2]
    settings = tomllib.loads(plan.study.read_text("utf-8"))["rl"]
    for arm in plan.table["arms"].values():
        sets = dict(pair.split("=") for pair in arm["set"])
        sizes = [int(sets.get(key, settings[key])) for key in ("prompts", "n", "minibatch", "steps")]
        assert sizes[0] * sizes[1] == settings["prompts"] * settings["n"]
        assert sizes[2:] == [sizes[0], settings["steps"]]
        assert set(arm["starts"]) <= set(plan.starts)
    runs = [len(arm["starts"]) * len(arm.get("seeds", plan.seeds)) for arm in plan.table["arms"].values()]
    assert len([t for t in ran[0] if t.stage == "arms"]) == sum(runs)
    assert "seeds" not in plan.table["arms"]["random"]  # a control with as many as the contrasts it guards


def test_test_problems_are_not_touched_before_the_choice(ran) -> None:
    """Until the learning rates are on record only validation problems have been asked."""
    done, out, _ = ran
    tuning = [t for t in done if t.stage == "tuning"]
    before = done[: done.index(tuning[-1]) + 1]
    asked = {o for t in before for o in option(t, "--problems")}
    assert asked
    assert all(o.startswith("world:validation") for o in asked)
    assert json.loads((out / "tuning.json").read_text())["chosen"].keys() == {"rl", "sft"}


def test_every_optimizer_has_as_many_tries(ran) -> None:
    table = ran[2].table["tuning"]
    assert len(table["rl"]) == len(table["sft"])


def test_a_study_that_is_done_runs_nothing(ran, monkeypatch) -> None:
    """The same command again finds every marker."""
    _, out, plan = ran
    again: list[Task] = []
    monkeypatch.setattr(
        "reports.study.driver.run.run_all", lambda _, tasks, __: again.extend(t for t in tasks if not t.done)
    )
    run(out, plan)
    assert again == []


def test_quick_cells_are_cells_of_the_study(tmp_path) -> None:
    """The smaller study takes starts and seeds of the whole one, and the rates on record, or its own."""
    for name in ("study.toml", "plan.toml"):
        (tmp_path / name).write_bytes((HOME / name).read_bytes())
    whole, quick = load(tmp_path), load(tmp_path, quick=True)
    assert set(quick.starts) < set(whole.starts)
    assert set(quick.seeds) < set(whole.seeds)
    assert set(quick.tuned["chosen"]) == {"rl", "sft"}
    assert set(quick.table) == {"probe", "general"}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tuning.json").write_text(json.dumps({"chosen": LR, "tries": [], "how": {}}))
    assert load(tmp_path, quick=True).tuned["chosen"] == LR
