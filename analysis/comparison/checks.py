"""Checks on the counts themselves: what could make the verdict weaker than it looks."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.arguments import Ints
from analysis.comparison.options import Options, declared_K
from analysis.comparison.planning import FEWEST
from analysis.counts import PairedCounts
from analysis.problems.selection import selection

FEW_PROBLEMS = 100
NAMED = 5  # short problems named in a check
FEW_CLUSTERS = 30  # with fewer, the means of skewed clusters are not yet near normal
NEAR_FLOOR = 0.1  # share of problems solved at least once below which a benchmark says little
NEAR_CEILING = 0.98


def checks(pair: PairedCounts, K: int, options: Options, aside: list[Any]) -> list[dict[str, Any]]:
    """A list of {name, passed, value, detail}; passed is None where a check is not possible.

    aside: ids of problems that were set aside for their few samples. Where `voids` is there and True, a check
    that fails takes the headline away.
    """
    found = [_n_against_K(pair, K), _declared(pair.n, K, options), _equal(pair), _problems(pair)]
    found += [_selection(pair), _ends(pair)]
    if aside:
        found.append(_short(aside))
    return found if pair.cluster is None else [*found, _clusters(pair.cluster)]


def _check(name: str, passed: bool | None, value: Any, detail: str) -> dict[str, Any]:
    return {"name": name, "passed": passed, "value": value, "detail": detail}


def _n_against_K(pair: PairedCounts, K: int) -> dict[str, Any]:
    passed = pair.n >= 2 * K
    detail = f"K = {K} of n = {pair.n} samples"
    if not passed:
        detail += f": above n/2 the estimate nears 'any correct'; {2 * K} samples per problem would be better"
    return _check("n against K", passed, [pair.n, K], detail)


def _declared(n: int, K: int, options: Options) -> dict[str, Any]:
    """The default K follows from n alone; one that was given may have been chosen after a look."""
    if declared_K(n, None) == K:
        return _check("K declared", True, K, f"K = {K}, the largest power of two up to n/2: not chosen")
    text = f"K = {K}, given: right if chosen before the counts were seen; the band over k holds for any K"
    return _check("K declared", None, K, text)


def _selection(pair: PairedCounts) -> dict[str, Any]:
    passed, text, value = selection(pair)
    return _check("selection", passed, value, text) | {"voids": True}


def _short(aside: list[Any]) -> dict[str, Any]:
    named = ", ".join(str(x) for x in aside[:NAMED]) + (" …" if len(aside) > NAMED else "")
    text = f"{len(aside)} problems with less than half the median number of samples are set aside: {named}"
    return _check("short problems", False, len(aside), text)


def _equal(pair: PairedCounts) -> dict[str, Any]:
    most = int(max(pair.n_a.max(), pair.n_b.max()))
    text = f"{pair.n} samples of every problem under both"
    if not pair.equal_n:
        text = f"from {pair.n} to {most} samples; the support table uses {pair.n} of each, drawn at random"
    return _check("equal samples", pair.equal_n, [pair.n, most], text)


def _problems(pair: PairedCounts) -> dict[str, Any]:
    text = f"{pair.M} problems"
    units = pair.M if pair.cluster is None else int(np.unique(pair.cluster).size)
    if units < FEWEST:
        kind = "problems" if pair.cluster is None else "clusters"
        text = f"{units} {kind}: below {FEWEST} no claim is possible, since all may change alike by chance"
    elif pair.M < FEW_PROBLEMS:
        text += ": few; only large differences can be told from chance"
    return _check("problems", pair.M >= FEW_PROBLEMS and units >= FEWEST, pair.M, text)


def _clusters(cluster: Ints) -> dict[str, Any]:
    many = int(np.unique(cluster).size)
    text = f"{many} clusters"
    if many < FEW_CLUSTERS:
        text += ": few; intervals and bands are somewhat too narrow"
    return _check("clusters", many >= FEW_CLUSTERS, many, text)


def _ends(pair: PairedCounts) -> dict[str, Any]:
    """Whether a checkpoint sits at the floor or the ceiling, where differences cannot show."""
    solved = [float(np.mean(c > 0)) for c in (pair.c_a, pair.c_b)]
    all_right = [float(np.mean(c == n)) for c, n in ((pair.c_a, pair.n_a), (pair.c_b, pair.n_b))]
    text = f"solved at least once {solved[0]:.1%} and {solved[1]:.1%}"
    text += f", always {all_right[0]:.1%} and {all_right[1]:.1%}"
    floor, ceiling = max(solved) <= NEAR_FLOOR, min(all_right) >= NEAR_CEILING
    if floor:
        text = f"nearly nothing is solved: {text}; take easier problems"
    if ceiling:
        text = f"nearly everything is solved: {text}; take harder problems"
    return _check("floor and ceiling", not (floor or ceiling), solved + all_right, text)
