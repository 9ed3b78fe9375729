"""From the tables in the repository to its findings, figures and page: `python -m reports.study.build`.

With --run it first takes the tables from a run of the study.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from evals.core.errors import UserError
from evals.core.files import write_file, write_json
from evals.core.printable import say
from reports.study.driver.plan import HOME, RECIPES, Plan, load
from reports.study.readings.claims import AFTER, claims_of, controls, general, judged, same_seeds
from reports.study.readings.contrasts import LEVEL, MARGIN, K, Pair, gap_sign, reading, seeds_verdict
from reports.study.readings.paper_verdicts import reread
from reports.study.readings.tables import Tables, read

SHOWN = (1, 8, K)


def findings(tables: Tables, plan: Plan) -> dict[str, Any]:
    """Everything that the page says, as numbers; plan: of what is missing."""
    temperatures = whole_temperatures(tables)
    main = temperatures[0]
    return {
        "options": {"level": LEVEL, "margin": MARGIN, "K": K, "temperature": main},
        "temperatures": temperatures,
        "starts": tables.starts,
        "seeds": {r: tables.seeds("cells", r, tables.starts, main) for r in RECIPES},
        "problems": int(tables.counts[tables.counts["where"] == "cells"]["problem"].nunique()),
        "asked": asked(tables, main),
        "claims": [judged(tables, c, t) for t in temperatures for c in claims_of(tables)],
        "controls": [c | {"temperature": t} for t in temperatures for c in controls(tables, t)],
        "verdicts": [v for t in temperatures for v in verdicts(tables, t)],
        "after": [v for t in temperatures for v in after(tables, t)],
        "samples": samples(tables),
        "reread": reread(),
        "left": left(tables, plan),
        **({"general": general(tables)} if tables.has_arms else {}),
    }


def asked(tables: Tables, temperature: float) -> dict[str, int]:
    """How many samples of a problem a base and a cell of the table have."""
    mine = tables.counts[(tables.counts["where"] == "cells") & (tables.counts["temperature"] == temperature)]
    base = mine["recipe"] == "base"
    return {"base": int(mine.loc[base, "n"].min()), "cells": int(mine.loc[~base, "n"].min())}


def whole_temperatures(tables: Tables) -> list[float]:
    """Temperatures at which every recipe has a seed at every start, the highest first."""
    return [
        t
        for t in tables.temperatures
        if all(tables.seeds("cells", r, tables.starts, t) for r in ("base", *RECIPES))
    ]


def verdicts(tables: Tables, temperature: float) -> list[dict[str, Any]]:
    """Every recipe against the base: from each start, and averaged over starts (start None)."""
    rows = []
    for recipe in RECIPES:
        for start in (None, *tables.starts):
            starts = tables.starts if start is None else [start]
            first, large = (_pair(tables, recipe, starts, temperature, k) for k in (1, K))
            readings = [reading(*pair, k, parts=2) for pair, k in ((first, 1), (large, K))]
            rows.append(
                {
                    "recipe": recipe,
                    "start": start,
                    "temperature": temperature,
                    "readings": readings,
                    "verdict": seeds_verdict(readings[0], readings[1], gap_sign(first, large)),
                }
            )
    return rows


def after(tables: Tables, temperature: float) -> list[dict[str, Any]]:
    """RL after SFT against the SFT that it started from, seed by seed, over all starts."""
    rows = []
    for recipe, before in AFTER.items():
        try:
            first, large = (same_seeds(tables, recipe, before, tables.starts, temperature, k) for k in (1, K))
        except UserError:  # no seed has both
            continue
        readings = [reading(*pair, k, parts=2, paired=True) for pair, k in ((first, 1), (large, K))]
        said = seeds_verdict(readings[0], readings[1], gap_sign(first, large, paired=True))
        rows.append({"recipe": recipe, "against": before, "temperature": temperature, "readings": readings,
                     "verdict": said})  # fmt: skip
    return rows


def _pair(tables: Tables, recipe: str, starts: list[int], temperature: float, k: int) -> Pair:
    b, a = (tables.values("cells", r, starts, temperature, k) for r in (recipe, "base"))
    return b, a


def left(tables: Tables, plan: Plan) -> list[str]:
    """What the plan has and the tables have not, in words."""
    out = []
    for t in (w["temperature"] for w in plan.table["probe"]["sampling"]):
        missing = [s for s in plan.seeds if not _whole(tables, s, t)]
        if missing:
            out.append(f"T = {t:g} of seed {', '.join(map(str, missing))}")
    if len(tables.starts) < len(plan.starts):
        out.append(f"{len(plan.starts) - len(tables.starts)} of {len(plan.starts)} starts")
    if tables.capability.empty:
        out.append("general capability")
    for name, arm in plan.table.get("arms", {}).items():
        wanted, mine = len(arm["starts"]) * len(arm.get("seeds", plan.seeds)), tables.counts["recipe"] == name
        cells = len(tables.counts[mine].drop_duplicates(["start", "seed"]))
        if cells < wanted:
            out.append(f"{wanted - cells} of {wanted} runs of the arm {name}")
    return out


def _whole(tables: Tables, seed: int, temperature: float) -> bool:
    return all(seed in tables.seeds("cells", r, tables.starts, temperature) for r in RECIPES)


def samples(tables: Tables) -> dict[str, Any]:
    """How the samples came out: base by start, and the extremes over all sampled checkpoints."""
    cells = tables.cells
    held = cells[cells["where"] == "cells"]
    base = []
    for start in tables.starts:
        mine = held[(held["recipe"] == "base") & (held["start"] == start) & (held["draw"] == 0)]
        t = float(mine["temperature"].max())
        floor = float(mine.loc[mine["temperature"] == t, "guess_floor"].iloc[0])
        rates = {
            f"pass@{k}": float(tables.values("cells", "base", [start], t, k).mean()) for k in (*SHOWN, 64)
        }
        base.append({"start": start, "guess_floor": floor, **rates, **_general(tables, start)})
    return {
        "base": base,
        "checkpoints": int(cells["weights"].nunique()),
        "samples": int(cells["samples"].sum()),
        "most_truncated": float(cells["truncated"].max()),
        "most_without_answer": float(cells["extraction_failures"].max()),
        "highest_guess_floor": float(cells["guess_floor"].max()),
    }


def _general(tables: Tables, start: int) -> dict[str, float]:
    """Accuracy of the base on facts and stories; empty where it was not measured."""
    try:
        return {
            kind: float(tables.general("base", [start], "correct", (kind,)).mean())
            for kind in ("facts", "stories")
        }
    except UserError:
        return {}


def build(
    home: Path = HOME, run: Path | None = None, out: Path | None = None, real: Path | None = None
) -> list[Path]:
    """Tables (from `run`, where given), findings, figures and page of a folder; returns what was written.

    out: another folder for all of it; the configuration is that of `home`. real: run of the real model.
    """
    from reports.study.driver.collect import collect
    from reports.study.page.figures import draw
    from reports.study.page.page import page
    from reports.study.readings.real import collected

    if out is not None:
        for path in sorted(home.glob("*.toml")):
            write_file(out / path.name, path.read_text("utf-8"))
        home = out
    if run is not None:
        collect(run, home / "data")
    if real is not None:
        write_json(home / "data" / "real.json", collected(real))
    tables = read(home / "data")
    found = findings(tables, load(home))
    write_json(home / "findings.json", found)
    drawn = draw(tables, home / "figures", found["options"]["temperature"])
    for stale in set((home / "figures").glob("*.png")) - set(drawn):
        stale.unlink()  # of a study that had other figures
    write_file(home / "README.md", page(home))
    return [home / "findings.json", *drawn, home / "README.md"]


def main(
    run: Annotated[Path | None, typer.Option(help="folder of a run: its tables are taken first")] = None,
    home: Annotated[Path, typer.Option(help="folder of the tables, findings and page")] = HOME,
    out: Annotated[Path | None, typer.Option(help="another folder for the tables, findings, page")] = None,
    real: Annotated[Path | None, typer.Option(help="folder of a run of reports.study.driver.real")] = None,
) -> None:
    """Make findings, figures and page from the study's tables."""
    for path in build(home, run, None if out == home else out, real):
        say(f"written: {path}")


if __name__ == "__main__":
    from evals.core.command import run as run_command

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    run_command(app)
