"""Findings made by hand for tests: the contract of `probes expand`, with numbers that can be recognised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from probes.findings import finding as files
from probes.findings.types import Comparison, Finding

K = [1, 2, 4, 8, 16, 32]


def comparison(a: str = "before", b: str = "after", **changes: Any) -> dict[str, Any]:
    """One comparison: pass@k of A .2 … .45, of B .3 … .4; B gains at 1 and loses at 32."""
    estimate = [0.10, 0.07, 0.04, 0.01, -0.02, -0.05]
    one = [0.20, 0.25, 0.30, 0.35, 0.40, 0.45]
    other = [x + d for x, d in zip(one, estimate, strict=True)]
    support = {"P": 100, "E": 7, "S": 13, "O": 30, "n": 64, "mcnemar_p": 0.0123, "detection_limit": 0.0458}
    support["expected"] = {
        c: {"mean": m, "low": m - 5.0, "high": m + 5.0} for c, m in zip("PESO", (102, 9, 9, 30), strict=True)
    }
    return {
        "a": a,
        "b": b,
        "problems": 150,
        "k": list(K),
        "passk": {"a": _curve(one), "b": _curve(other)},
        "delta": _curve(estimate) | {"null_low": [-0.02] * 6, "null_high": [0.02] * 6},
        "verdict": {
            "outcome": "sharpening",
            "kind": "pass@K down",
            "sentence": "pass@1 rose and pass@32 fell.",
            "reasons": ["Δpass@1 = +10.0 points", "Δpass@32 = −5.0 points"],
            "needed": None,
        },
        "crossover": {"k": 16, "low": 8, "high": 32},
        "support": support,
        "options": {"level": 0.05, "K": 32, "margin": 0.02, "seed": 0},
        "checks": [{"name": "n against K", "passed": True, "value": 64, "detail": "n = 64 is at least 2 K"}],
        "guess_floor": {"guess_floor_a": 0.01, "guess_floor_b": None},
        "confounds": [
            {
                "name": "prompt",
                "passed": False,
                "value": None,
                "detail": "the prompts differ: shots 8 against 0",
            },
            {"name": "duplicates", "passed": None, "value": None, "detail": "not known"},
        ],
        **changes,
    }


def _curve(estimate: list[float]) -> dict[str, list[float]]:
    reach = {"low": -0.03, "high": 0.03, "band_low": -0.05, "band_high": 0.05}
    return {"estimate": list(estimate)} | {c: [x + d for x in estimate] for c, d in reach.items()}


def finding(*comparisons: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An expand finding of the comparisons given, by default one."""
    held = list(comparisons) or [comparison()]
    names = list(dict.fromkeys(n for c in held for n in (c["a"], c["b"])))
    keys = ("path", "fingerprint", "lineage", "cell", "report")
    return {
        "schema": 1,
        "probe": "expand",
        "checkpoints": [{"name": n, "recipe": None, **dict.fromkeys(keys)} for n in names],
        "problems": {"name": "toy", "fingerprint": "f" * 32, "count": 150},
        "comparisons": held,
        "checks": [],
        "changed": None,
        "provenance": {
            "command": ["probes", "expand", "--counts", "a file.csv"],
            "versions": {"python": "3.11.0"},
            "hardware": {"machine": "x86_64", "cores": 2, "system": "Linux"},
            "store": None,
        },
        **changes,
    }


def typed(*items: dict[str, Any]) -> list[Finding]:
    """Findings from their JSON."""
    return [files.typed(item) for item in items]


def compared(item: dict[str, Any] | None = None) -> Comparison:
    """A comparison from its JSON, by default the one made by hand."""
    return Comparison.model_validate(item or comparison())


def write_findings(path: Path, items: list[dict[str, Any]]) -> None:
    """Write findings as a probe does."""
    files.write_findings(path, typed(*items))
