"""What the page shows of a comparison, as plain strings: numbers rounded, gaps named."""

from __future__ import annotations

import math
import platform
import shlex
from importlib import metadata
from typing import Any

from reports.frames.findings import recipes
from reports.inputs import number

SHOWN = 7  # values of k on the card; the whole table stands below it
MARKS = {True: ("ok", "passed"), False: ("look", "not passed"), None: ("unknown", "not known")}
PACKAGES = ("excursions", "matplotlib", "seaborn", "pandas", "numpy")


def card(finding: dict[str, Any], comparison: dict[str, Any]) -> dict[str, Any]:
    """Everything on one verdict card."""
    verdict = comparison["verdict"]
    options = comparison["options"]
    known = recipes(finding)
    return {
        "a": comparison["a"],
        "b": comparison["b"],
        "recipe": {s: known.get(comparison[s]) for s in ("a", "b")},
        "outcome": verdict["outcome"],
        "kind": verdict.get("kind"),
        "sentence": verdict["sentence"],
        "reasons": [str(r) for r in verdict.get("reasons") or []],
        "needed": needed(verdict.get("needed")),
        "problems": f"{comparison['problems']:,}",
        "benchmark": finding["problems"].get("name") or "an unnamed problem set",
        "level": f"{100 * (1 - options['level']):g}%",
        "declared": declared(options),
        "rows": [_row(comparison, i) for i in chosen(comparison["k"], options["K"])],
        "all_rows": [_row(comparison, i) for i in range(len(comparison["k"]))],
        "ends": [_row(comparison, i) for i in ends(comparison)],
        "crossover": crossover(comparison["crossover"]),
        "guess_floor": floors(comparison.get("guess_floor") or {}),
        "support": support(comparison["support"]),
        "caveats": caveats(comparison),
        "robust": (comparison.get("robustness") or {}).get("sentence"),
        "checks": checks(comparison),
    }


def declared(options: dict[str, Any]) -> str:
    """The options of the verdict, and whether K was declared or taken by default."""
    margin, level = 100 * options["margin"], 100 * options["level"]
    origin = " (by default)" if options.get("K_declared") is False else ""
    return f"K = {options['K']}{origin}, margin ±{margin:g} points, level {level:g}%"


def ends(comparison: dict[str, Any]) -> list[int]:
    """The indices of k = 1 and of the declared K."""
    k, declared = comparison["k"], comparison["options"]["K"]
    return [0, k.index(declared) if declared in k else len(k) - 1]


def needed(wanted: dict[str, Any] | None) -> str | None:
    """What would settle an undetermined verdict, in words."""
    if not wanted:
        return None
    parts = []
    if wanted.get("problems"):
        parts.append(f"about {wanted['problems']:,} problems")
    if wanted.get("samples"):
        parts.append(f"{wanted['samples']:,} samples per problem")
    if not parts:
        return "No feasible number of problems or samples would settle it."
    return "To settle it: " + " or ".join(parts) + "."


def chosen(k: list[int], K: int) -> list[int]:
    """Indices of some powers of two, always with the first and last k and the declared K."""
    powers = [i for i, one in enumerate(k) if one & (one - 1) == 0]
    while len(powers) > SHOWN:
        powers = powers[::2]
    return sorted({0, len(k) - 1, *powers} | ({k.index(K)} if K in k else set()))


def _row(comparison: dict[str, Any], i: int) -> dict[str, Any]:
    k, delta, passk = comparison["k"][i], comparison["delta"], comparison["passk"]
    return {
        "k": k,
        "declared": k in (1, comparison["options"]["K"]),
        "a": rate(passk["a"]["estimate"][i]),
        "b": rate(passk["b"]["estimate"][i]),
        "delta": points(delta["estimate"][i]),
        "value": delta["estimate"][i],
        "interval": interval(delta, "low", "high", i),
        "band": interval(delta, "band_low", "band_high", i),
        "null": interval(delta, "null_low", "null_high", i),
    }


def rate(value: float | None) -> str:
    """A rate as percent with one decimal."""
    return "—" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def points(value: float | None) -> str:
    """A difference of rates in points, with its sign."""
    if value is None or math.isnan(value):
        return "—"
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def interval(values: dict[str, Any], low: str, high: str, i: int) -> str:
    """An interval in points, or a dash where there is none."""
    if values.get(low) is None or values.get(high) is None:
        return "—"
    bounds = number(values[low][i]), number(values[high][i])
    return "—" if any(map(math.isnan, bounds)) else f"{points(bounds[0])} to {points(bounds[1])}"


def crossover(found: dict[str, Any]) -> str:
    """The crossover k* in words."""
    if found.get("k") is None:
        return "none up to n: the curves do not cross"
    low = found["low"] if found.get("low") is not None else "below 1"
    return f"{found['k']} (interval {low} to {found.get('high') or 'beyond n'})"


def floors(found: dict[str, Any]) -> str:
    """The guess floors in words."""
    values = [found.get("guess_floor_a", found.get("a")), found.get("guess_floor_b", found.get("b"))]
    if all(v is None for v in values):
        return "not known (it needs samples, not counts alone)"
    a, b = ("not known" if v is None else f"{100 * v:.1f}%" for v in values)
    return f"{a} under A, {b} under B: the share that would be right for another problem's answer"


def support(table: dict[str, Any]) -> dict[str, Any]:
    """The solve table with its expectation."""
    cells = {}
    for letter, name in (("P", "both"), ("E", "gained"), ("S", "lost"), ("O", "neither")):
        expected = (table.get("expected") or {}).get(letter)
        text = "—"
        if expected and expected.get("mean") is not None:
            text = f"{expected['mean']:,.0f} ({expected['low']:,.0f} to {expected['high']:,.0f})"
        cells[name] = {"observed": f"{table[letter]:,}", "expected": text}
    p = table.get("mcnemar_p")
    limit = table.get("detection_limit")
    return {
        "n": table["n"],
        "cells": cells,
        "mcnemar": "—" if p is None else f"{p:.2g}",
        "limit": "—" if limit is None else f"{100 * limit:.2g}%",
    }


def caveats(comparison: dict[str, Any]) -> list[str]:
    """What must be read in one breath with the verdict."""
    out = []
    adjusted = comparison.get("adjusted")
    if adjusted and adjusted["outcome"] != comparison["verdict"]["outcome"]:
        out.append(f"With {adjusted['pairs']} pairs compared (Holm) it is {adjusted['outcome']}.")
    held = list(comparison.get("confounds") or []) + list(comparison.get("checks") or [])
    failed = [str(c["name"]) for c in held if c["passed"] is False]
    if failed:
        out.append(f"Look before you believe it: {', '.join(failed)} (below).")
    return out


def checks(comparison: dict[str, Any]) -> list[dict[str, Any]]:
    """All checks, those that did not pass first; those that say the same stand together."""
    return listed(list(comparison.get("confounds") or []) + list(comparison.get("checks") or []))


def listed(held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Checks as they are shown."""
    order = {False: 0, None: 1, True: 2}
    out: dict[tuple[Any, str], dict[str, Any]] = {}
    for item in sorted(held, key=lambda c: order[c["passed"]]):
        key = (item["passed"], str(item["detail"]))
        if key in out:
            out[key]["name"] += f", {item['name']}"
        else:
            css, word = MARKS[item["passed"]]
            out[key] = {"css": css, "word": word, "name": str(item["name"]), "detail": key[1]}
    return list(out.values())


def made_by(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Command, versions, hardware, problems and checkpoints; findings of one making stand together."""
    out: dict[str, dict[str, Any]] = {}
    for finding in findings:
        held = finding.get("provenance") or {}
        problems = finding.get("problems") or {}
        made = {
            "command": shlex.join(map(str, held.get("command") or [])) or "not recorded",
            "versions": held.get("versions") or {},
            "hardware": held.get("hardware") or {},
            "store": held.get("store"),
            "problems": {k: problems.get(k) for k in ("name", "count", "fingerprint")},
        }
        one = out.setdefault(repr(made), made | {"findings": 0, "checkpoints": {}})
        one["findings"] += 1
        for checkpoint in finding["checkpoints"]:
            row = {
                k: str(checkpoint.get(k) or "—") for k in ("name", "path", "recipe", "fingerprint", "cell")
            }
            one["checkpoints"][tuple(row.values())] = row
    return [one | {"checkpoints": list(one["checkpoints"].values())} for one in out.values()]


def drawn_by() -> dict[str, str]:
    """The versions that draw this page."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
