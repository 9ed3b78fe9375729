"""The table of `bench.py`: circumstances, ratios with intervals, Markdown."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from statistics import mean, median, variance
from typing import Any

PACKAGES = ("torch", "transformers", "numpy", "scipy", "pyarrow", "math-verify", "lm_eval")
PEERS = ("trl", "vllm", "scorio")  # in environments of their own


def environment() -> dict[str, Any]:
    """Hardware and versions: what a number is worth depends on them."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    versions |= {name: version(peer_python(name), name) for name in PEERS}
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sources": sources(),
        "versions": versions,
    }


def sources() -> str:
    """Twelve digits of all of this project's code, the benchmarks' with it: another code, another number."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for package in ("analysis", "evals", "probes", "reports", "trainer", "tests/benchmarks"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def peer_python(name: str) -> str:
    """The python that has a peer: $TRL_PYTHON and the like, what `make peers` made, else this one."""
    made = Path(sys.prefix) / "peers" / name / "bin" / "python"
    return os.environ.get(f"{name.upper()}_PYTHON") or str(made if made.exists() else sys.executable)


def version(python: str, package: str) -> str:
    """Name and version of a package that python has, under whatever name its builds go."""
    code = (
        "from importlib.metadata import packages_distributions, version\n"
        f"name = packages_distributions()[{package!r}][0]\nprint(name, version(name))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or "absent"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"


def ratio(ours: Sequence[float], theirs: Sequence[float], better: str) -> tuple[float, float, float]:
    """(ratio, low, high): how many times better ours are, with Welch's 95% interval on logarithms.

    better: "more" or "less". Without two repeats each, low and high are NaN.
    """
    from scipy.stats import t

    a, b = ([math.log(v) for v in values] for values in (ours, theirs))
    difference = mean(a) - mean(b) if better == "more" else mean(b) - mean(a)
    if min(len(a), len(b)) < 2:
        return math.exp(difference), math.nan, math.nan
    parts = [variance(values) / len(values) for values in (a, b)]
    spread = sum(parts)
    if spread == 0:
        return (math.exp(difference),) * 3
    freedom = spread**2 / sum(p**2 / (len(v) - 1) for p, v in zip(parts, (a, b), strict=True))
    reach = t.ppf(0.975, freedom) * math.sqrt(spread)
    return math.exp(difference), math.exp(difference - reach), math.exp(difference + reach)


def exponent(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """(slope, low, high) of log y over log x by least squares, 95%; 1 is a straight line."""
    from scipy.stats import linregress, t

    fit = linregress([math.log(v) for v in x], [math.log(v) for v in y])
    reach = t.ppf(0.975, len(x) - 2) * fit.stderr if len(x) > 2 else math.nan
    return fit.slope, fit.slope - reach, fit.slope + reach


def number(value: float) -> str:
    """Three digits that matter."""
    if value == 0 or value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def _ratio_text(ours: Sequence[float], theirs: Sequence[float], better: str) -> str:
    middle, low, high = ratio(ours, theirs, better)
    if math.isnan(low):
        return f"{middle:.2f} (one repeat)"
    return f"**{middle:.2f}** ({low:.2f} to {high:.2f})"


def markdown(about: dict[str, Any], rows: dict[str, dict[str, Any]]) -> str:
    """All rows as a page: comparisons, what has no peer, cost curves, circumstances."""
    head = "# Beside the peers\n\n"
    if about["quick"]:
        head += "**Toy sizes: this shows that the rows run, and measures nothing.**\n\n"
    versions = ", ".join(v if k in v else f"{k} {v}" for k, v in about["versions"].items())
    head += (
        f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}, Python "
        f"{about['python']}; {versions}. Times are of the processor, one core, unless a row says otherwise; "
        "a ratio above 1 is for this project, with its 95% interval over the repeats.\n\n"
    )
    lines = ["| what | unit | ours | peer | theirs | ratio | notes |", "|---|---|---|---|---|---|---|"]
    curves = ["", "## How cost grows", "", "| what | points | exponent (95%) |", "|---|---|---|"]
    for name, row in rows.items():
        if "failed" in row:
            lines.append(f"| {name} | | | | not measured | | {row['failed']} |")
        for part in row.get("parts", []):
            lines += _compared(part)
        curves += [_curve(c) for c in row.get("curves", [])]
    return head + "\n".join(lines + (curves if len(curves) > 5 else [])) + "\n"


def _compared(part: dict[str, Any]) -> list[str]:
    """One line for each peer of a measurement, or one without."""
    notes, mine = part.get("notes", {}), part["ours"]
    if isinstance(mine, str):
        return [f"| {part['what']} | {part['unit']} | not measured | | | | {mine} |"]
    start = f"| {part['what']} | {part['unit']} | {number(median(mine))} |"
    own = notes.get("ours", "")
    lines = []
    for peer, theirs in part.get("peers", {}).items():
        if isinstance(theirs, str):
            lines.append(f"{start} {peer} | not measured | | {theirs} |")
            continue
        both = "; ".join(f"{k}: {v}" for k, v in (("ours", own), (peer, notes.get(peer, ""))) if v)
        value = _ratio_text(mine, theirs, part["better"])
        lines.append(f"{start} {peer} | {number(median(theirs))} | {value} | {both} |")
    return lines or [f"{start} | | | {own} |"]


def _curve(curve: dict[str, Any]) -> str:
    points = ", ".join(f"{number(x)}: {number(y)}" for x, y in zip(curve["x"], curve["y"], strict=True))
    slope, low, high = exponent(curve["x"], curve["y"])
    reach = "" if math.isnan(low) else f" ({low:.2f} to {high:.2f})"
    return f"| {curve['what']} | {points} | {slope:.2f}{reach} |"
