"""A study: one pre-training run and all its excursions, as a table of cells that any process may continue."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import sys
import time
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from evals.core.executor import check_executor
from evals.core.files import write_file, write_json
from evals.core.processes import ProcessDied, together
from evals.core.progress import Line
from evals.verify import VERSION
from trainer.config.schema import StudyConfig
from trainer.parallel import parallel
from trainer.pretrain import pretrain
from trainer.rl import rl
from trainer.run.folder import differences, finished, flat
from trainer.sft import sft
from trainer.study import cells, on_ray
from trainer.study.cells import Cell, claimed, held

POLL = 0.5  # seconds between looks at what other processes have done
GROWS = ("recipes", "seeds")  # what may change between two starts of one study
PACKAGES = ("excursions", "torch", "transformers", "tokenizers", "numpy", "pyarrow", "vllm")


def study(
    config: StudyConfig,
    out: Path,
    *,
    source: str = "",
    processes: int = 1,
    quiet: bool = False,
    executor: str = "local",
) -> Path:
    """Run what is left of a study, `processes` cells at a time; returns its folder.

    Any number of these may run on one folder at once: each takes cells that no living process has.
    source: the text of the configuration file, kept as study.toml. Cells that fail leave their reason and
    are named at the end by a UserError; the next start tries them again. More recipes and seeds may be
    asked for later; everything else must stay as it was. executor: "ray" hands the cells to a cluster, which
    runs as many at once as it has GPUs or cores; `processes` are then those of the pre-training.
    """
    check_executor(executor)
    if "RANK" in os.environ:
        raise UserError(
            "study deals its cells to processes itself; start it without torchrun, once for every GPU"
        )
    cells.table(config)
    _take(config, out, source)
    shutil.rmtree(out / "failed", ignore_errors=True)
    if executor == "ray":
        on_ray.pretrain_there(_pretrain, config, out, processes)
        on_ray.work_there(_try, config, out, Line("study  cells", quiet=quiet))
    else:
        _pretrain(config, out, processes, quiet)
        cells.bases(config, out)
        _work_together(config, out, processes, quiet)
    rows = status(config, out)
    if failed := [row for row in rows if row["state"] == "failed"]:
        first = failed[0]
        raise UserError(
            f"{len(failed)} of {len(rows)} cells failed, the first is {first['recipe']} from "
            f"{first['start']} tokens, seed {first['seed']}: {first['note']}"
        )
    shutil.rmtree(out / "claims", ignore_errors=True)
    return out


def status(config: StudyConfig, out: Path) -> list[dict[str, Any]]:
    """One row a cell, the pre-training run first: start, recipe, seed, state, note.

    state: done, running, failed or left. note: why it failed, or how many steps a running cell has.
    """
    folder = cells.pretrain_folder(config, out)
    now = "done" if finished(folder) else "running" if held(out, cells.PRETRAIN) else "left"
    rows = [_row(0, "base", config.pretrain.seed, now, _steps(folder) if now == "running" else "")]
    bases = cells.bases(config, out)
    for cell in cells.table(config):
        base = bases.get(cell.start)
        now = cells.state_of(cell, base, out)
        note = cells.failure(out, cell.name) or "" if now == "failed" else ""
        if now == "running" and base:
            note = _steps(cells.folder_of(cell, base, out))
        rows.append(_row(**asdict(cell), state=now, note=note))
    return rows


def _row(start: int, recipe: str, seed: int, state: str, note: str) -> dict[str, Any]:
    return {"start": start, "recipe": recipe, "seed": seed, "state": state, "note": note}


def _steps(folder: Path) -> str:
    path = folder / "metrics.jsonl"
    return f"step {len(path.read_bytes().splitlines())}" if path.is_file() else ""


def _take(config: StudyConfig, out: Path, source: str) -> None:
    """Write study.toml, resolved.json and env.json; refuse a folder that holds another study.

    A pre-training run may stand there before the study begins; its configuration is compared later.
    """
    new = json.loads(config.model_dump_json())
    path = out / "resolved.json"
    if path.is_file():
        old, now = (
            flat({k: v for k, v in d.items() if k not in GROWS}) for d in (json.loads(path.read_text()), new)
        )
        if different := differences(old, now, StudyConfig()):
            key = different[0]
            raise UserError(
                f"{out} holds another study ({key} is {old.get(key)!r} there, {now.get(key)!r} here); "
                "choose another --out or remove the folder"
            )
    elif out.exists() and any(p.name != "pretrain" for p in out.iterdir()):
        raise UserError(f"{out} is not empty and holds no study; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_file(out / "study.toml", source)
    write_json(path, new)
    if not (out / "env.json").is_file():
        write_json(out / "env.json", _environment())


def _environment() -> dict[str, Any]:
    versions: dict[str, str] = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "packages": versions,
        "verifier": VERSION,
    }


def _pretrain(config: StudyConfig, out: Path, processes: int, quiet: bool) -> None:
    """Run the pre-training, or wait for the process that does."""
    folder, wanted = cells.pretrain_folder(config, out), cells.pretrain_config(config)
    while not finished(folder):
        with claimed(out, cells.PRETRAIN) as ours:
            if ours:
                pretrain(wanted, folder, processes=processes, quiet=quiet)
        if not ours:
            time.sleep(POLL)
    pretrain(wanted, folder, quiet=True)  # finished: only compares the configuration


def _work_together(config: StudyConfig, out: Path, processes: int, quiet: bool) -> None:
    """Work on cells in this process and processes - 1 others, until nothing is left to do."""
    with contextlib.suppress(ProcessDied):  # the others took up its cell
        together(
            _work,
            [(config, out, quiet)] * (processes - 1),
            here=lambda: _work(config, out, quiet, inner=not quiet and processes == 1),
        )


def _work(config: StudyConfig, out: Path, quiet: bool, *, inner: bool = False) -> None:
    """Take cells until none can be begun and none is running whose end may let others begin.

    inner: show the progress of each cell's own steps.
    """
    bases, whole = cells.bases(config, out), cells.table(config)
    began, before = time.monotonic(), None
    while True:
        states = {cell: cells.state_of(cell, bases[cell.start], out) for cell in whole}
        done = sum(state == "done" for state in states.values())
        before = done if before is None else before
        if not quiet and done > before:
            left = (time.monotonic() - began) / (done - before) * (len(whole) - done)
            _tell(f"{done}/{len(whole)} cells  {int(left) // 60}:{int(left) % 60:02d} to go")
        free = [c for c in whole if c.before is None or states[c.before] == "done"]
        ready = [c for c in free if states[c] == "left"]
        if not any(_try(config, out, cell, bases[cell.start], inner) for cell in ready):
            if not ready and "running" not in states.values():
                return
            time.sleep(POLL)


def _try(config: StudyConfig, out: Path, cell: Cell, base: Path, inner: bool) -> bool:
    """Run one cell if nobody else has it; a failure is written down and does not stop the others."""
    with claimed(out, cell.name) as ours:
        if not ours or cells.failure(out, cell.name):
            return False
        try:
            _run(config, out, cell, base, quiet=not inner)
        except (UserError, RuntimeError, OSError, MemoryError) as error:
            lines = str(error).splitlines() or [type(error).__name__]
            write_file(out / "failed" / cell.name, lines[0] + "\n")
            _tell(f"{cell.recipe} from {base.name}, seed {cell.seed} failed: {lines[0]}")
        return True


def _run(config: StudyConfig, out: Path, cell: Cell, base: Path, quiet: bool) -> None:
    """One cell through the loop of its recipe; every part of it takes the cell's seed."""
    before = cell.before
    parent = max(cells.folder_of(before, base, out).glob("step-*")) if before else base
    folder, seed = cells.folder_of(cell, base, out), {"seed": cell.seed, "keep_state": False}
    if cell.recipe in ("sft", "sft-gold"):
        shown = {"demonstrations": "all" if cell.recipe == "sft-gold" else "one"}
        sft(str(parent), config.sft.model_copy(update=seed | shown), folder, quiet=quiet)
    elif cell.recipe == "parallel":
        both = {k: getattr(config.parallel, k).model_copy(update=seed) for k in ("rl", "sft")}
        parallel(str(parent), config.parallel.model_copy(update=both), folder, quiet=quiet)
    else:
        rl(str(parent), config.rl.model_copy(update=seed), folder, quiet=quiet)


def _tell(text: str) -> None:
    sys.stderr.write(f"study  {text}\n")
    sys.stderr.flush()
