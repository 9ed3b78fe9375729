"""What groups problems: a column of a counts file, or the metadata of problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from evals.core.errors import UserError
from probes.inputs.sources import COLUMNS, GROUPS, Source

if TYPE_CHECKING:
    from probes.inputs.checkpoints import Sampling

DIFFICULTY = "base-difficulty"  # not a label: how often A is right, cross-fitted
NONE = "none"  # no key: problems are not grouped
FEWEST_HALVED = 4  # samples that can be split for it
MOST = 40  # groups that a reader can compare


def labels(source: Source, key: str) -> pd.Series:
    """The label of every counted problem, as text by problem id; UserError where one has none.

    Of a counts file the column `key`, equal in all lines of a problem; of samples the metadata of problems.
    """
    if key in COLUMNS:
        raise UserError(f"{key!r} is a column of the counts themselves; name another")
    if key in source.counts.columns:
        column = source.counts.drop_duplicates(["problem", key]).set_index("problem")[key].astype(str)
        if column.index.has_duplicates:
            one = column.index[column.index.duplicated()][0]
            raise UserError(f"problem {one!r} has two values of {key!r}; give it one in all lines")
        return column
    if source.store is None:
        raise UserError(f"these counts have no column {key!r}; add it, one value for each problem")
    known = source.store.problems()
    return of_meta({p: known[p].meta for p in source.counts["problem"].unique()}, key)


def of_meta(meta: Mapping[str, Mapping[str, Any]], key: str) -> pd.Series:
    """`labels` from the metadata of problems by id."""
    without = [p for p, m in meta.items() if m.get(key) in (None, "")]
    if not without:
        return pd.Series({p: str(m[key]) for p, m in meta.items()})
    if len(without) < len(meta):
        raise UserError(
            f"{len(without)} of {len(meta)} problems have no {key!r} (for example {without[0]}); give all one"
        )
    there = sorted({name for m in meta.values() for name in m})
    raise UserError(f"the problems have no {key!r}; they have {', '.join(there) or 'no metadata'}")


def check_keys(sampling: Sampling, keys: Sequence[str]) -> None:
    """UserError where problems that are still to be sampled lack one of these keys, or n is too small."""
    from evals.problems import load_problems

    if DIFFICULTY in keys and sampling.n < FEWEST_HALVED:
        raise UserError(f"--by {DIFFICULTY} splits A's samples in half; give --n of at least {FEWEST_HALVED}")
    if wanted := [key for key in keys if key not in (DIFFICULTY, NONE)]:
        found = load_problems(sampling.problems, sampling.limit, sampling.data)
        for key in wanted:
            of_meta({p.id: p.meta for p in found.problems}, key)


def grouped(source: Source, cluster: str | None = None, stratum: str | None = None) -> Source:
    """The source whose problems are resampled in clusters and strata of these keys (None: as they are).

    "none" takes each problem by itself, those made from templates too.
    """
    counts = source.counts
    for name, key in zip(GROUPS, (cluster, stratum), strict=True):
        if key == NONE:
            counts = counts.drop(columns=name, errors="ignore")
        elif key is not None:
            counts = counts.assign(**{name: counts["problem"].map(labels(source, key))})
    kind = source.clusters if cluster is None else f"clusters ({cluster})"
    return replace(source, counts=counts, clusters=kind)


def labels_of_groups(source: Source, keys: Sequence[str]) -> dict[str, pd.Series | None]:
    """The labels of every key of --by (None: the base's difficulty); UserError for one or too many groups."""
    out: dict[str, pd.Series | None] = {}
    for key in dict.fromkeys(keys):
        out[key] = found = None if key == DIFFICULTY else labels(source, key)
        many = 2 if found is None else found.nunique()
        if not 2 <= many <= MOST:
            raise UserError(f"{key!r} has {many} values; groups are compared by a key of 2 to {MOST} values")
    return out
