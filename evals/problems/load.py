"""One loader for every kind of problem."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from evals.core.errors import UserError
from evals.problems.columns import Columns, find_columns, problem_of
from evals.problems.files import SUFFIXES, Placed, read_rows
from evals.problems.hub import BENCHMARKS, benchmark_rows, hub_rows
from evals.problems.sets import ProblemSet, problem_set
from evals.records import Problem

ROLES = ("question", "answer", "solutions")


def load_problems(spec: str, limit: int | None = None, data: Path | None = None) -> ProblemSet:
    """The problems that a spec names, at most `limit`.

    data: folder of local files that stand for benchmarks (default: $EXCURSIONS_DATA).

    spec is one of
    - `world:SPLIT`, with `?levels=2,3&count=400&seed=0&largest=999` where wanted: the synthetic world;
    - a benchmark (gsm8k, math, math500, aime24, aime25, amc23, minerva, olympiadbench, openmathinstruct),
      or `NAME:SPLIT`, from the hub;
    - a local .jsonl, .json, .parquet or .csv file, or one of these (but parquet) with .gz;
    - `OWNER/NAME` of the hub, with `?split=test&config=…&revision=…`.
    Files and hub data sets of other column names take `?question=COLUMN&answer=COLUMN&solutions=COLUMN`.

    Rows with the same question and gold are one problem with all of their solutions. Rows without a gold
    are left out with a warning.
    Raises UserError where the thing, a column or a question is missing, or the hub is out of reach.
    """
    name, options = _parse(spec)
    if name.partition(":")[0] == "world":
        found: Iterable[Problem] = _world(name, options)
    elif name.partition(":")[0] in BENCHMARKS and not Path(spec).is_file():
        benchmark, _, split = name.partition(":")
        _only(options, ROLES, spec)
        found = _problems(benchmark_rows(benchmark, split or None, data), options, benchmark)
    elif name.endswith(SUFFIXES) or Path(name).exists():
        _only(options, ROLES, spec)
        found = _problems(read_rows(Path(name).expanduser()), options, Path(name).name)
    elif name.count("/") == 1 and not name.startswith((".", "/", "~")):
        _only(options, (*ROLES, "split", "config", "revision"), spec)
        rows = hub_rows(
            name,
            split=options.get("split", "test"),
            config=options.get("config"),
            revision=options.get("revision"),
        )
        found = _problems(rows, {k: v for k, v in options.items() if k in ROLES}, name)
    else:
        raise UserError(
            f"no problems {spec!r}; give world:test, a local file, OWNER/NAME of the hub, or one of "
            + ", ".join(BENCHMARKS)
        )
    return problem_set(spec, found, limit)


def _parse(spec: str) -> tuple[str, dict[str, str]]:
    """(name, options) of `name?key=value&…`; a file whose very name has a question mark is a name."""
    if "?" not in spec or Path(spec).is_file():
        return spec, {}
    name, _, query = spec.partition("?")
    try:
        return name, dict(parse_qsl(query, strict_parsing=True))
    except ValueError:
        raise UserError(f"problems {spec!r}: write what follows ? as key=value&key=value") from None


def _only(options: Mapping[str, str], known: tuple[str, ...], spec: str) -> None:
    if extra := [key for key in options if key not in known]:
        raise UserError(f"problems {spec!r}: no option {extra[0]!r}; choose among {', '.join(known)}")


def _world(name: str, options: Mapping[str, str]) -> list[Problem]:
    from evals.world import problems

    _only(options, ("levels", "count", "seed", "largest"), name)
    try:
        levels = tuple(int(v) for v in options.get("levels", "1,2,3,4").split(","))
        count, seed = int(options.get("count", 200)), int(options.get("seed", 0))
        largest = int(options.get("largest", 99))
    except ValueError:
        raise UserError(
            f"{name}: levels, count, seed and largest are whole numbers, as in levels=2,3&count=400"
        ) from None
    if count < 1:
        raise UserError(f"{name}: count must be at least 1, got {count}")
    return problems(name.partition(":")[2] or "test", seed=seed, count=count, levels=levels, largest=largest)


def _problems(rows: Iterator[Placed], chosen: Mapping[str, str], dataset: str) -> Iterator[Problem]:
    columns: Columns | None = None
    without: list[str] = []
    for where, row in rows:
        columns = columns or find_columns(list(row), chosen, where)
        if (problem := problem_of(row, columns, dataset, where)) is None:
            without.append(where)
        else:
            yield problem
    if without:
        message = f"{len(without)} problems without an answer are left out (the first: {without[0]})"
        warnings.warn(message, stacklevel=2)
