"""The published numbers: the copies that ship with the package, or a folder of the same files."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pandas as pd

from evals.core.errors import UserError

COLUMNS = {
    "fork_general.csv.gz": ("recipe", "start_step", "seed", "task", "documents", "value", "stderr"),
    "fork_math_support.csv": ("pretrain_step", "problems", "n", "gained_E", "lost_S", "authors_label"),
    "fork_seeds.csv.gz": ("split", "seed", "step", "mean"),
    "one_shot_rlvr.csv.gz": ("problem", "checkpoint", "n", "c"),
    "lang_chess.csv.gz": ("task", "arm", "stage", "problem", "c", "answered"),
    "octothinker.csv.gz": ("set", "benchmark", "run", "step", "accuracy"),
}


def shipped() -> Path:
    """Where the package's copies stand; LICENCES.md beside them names source and licence of each."""
    return Path(str(resources.files("reports").joinpath("gallery/published/data")))


def load(name: str, folder: Path | None = None) -> pd.DataFrame:
    """One of the tables (a name of COLUMNS). UserError where it is absent, unreadable or of other columns.

    folder: of files with these names, packed or not.
    """
    plain = name.removesuffix(".gz")
    names = (name, plain, f"{plain}.gz")
    path = next(
        (p for n in names if (p := (folder or shipped()) / n).is_file()), (folder or shipped()) / name
    )
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}); --data names a folder with {name}") from error
    if missing := [c for c in COLUMNS[name] if c not in frame.columns]:
        raise UserError(f"{path} has no column {missing[0]!r}; it needs {', '.join(COLUMNS[name])}")
    return frame
