"""Checks beside a comparison: everything that differs between two cells and could make the answer wrong."""

from __future__ import annotations

from typing import Any

SAME = ("template", "shots", "chat")
DECODING = ("temperature", "top_p", "top_k", "max_tokens", "stops")
TRUNCATED = 0.02
TRUNCATION_GAP = 0.01
DUPLICATES = 0.5
EXTRACTION_GAP = 0.02


def check(name: str, passed: bool | None, value: Any, detail: str) -> dict[str, Any]:
    """One check: passed, not passed, or (None) not possible on this input."""
    return {"name": name, "passed": passed, "value": value, "detail": detail}


def confounds(a: dict[str, Any] | None, b: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Checks of two cell reports (see `evals.grading.cell_report`); None where there are only counts."""
    if a is None or b is None:
        names = ("prompt", "decoding", "grader", "truncation", "extraction", "duplicates", "guess floor")
        return [check(n, None, None, "only counts were given: not known") for n in names]
    return [
        _prompt(a, b),
        _decoding(a, b),
        _engine(a, b),
        _truncation(a, b),
        _extraction(a, b),
        _format(a, b),
        _duplicates(a, b),
        _guess_floor(a, b),
        _verifier(a, b),
        _support(a, b),
    ]


def _differences(a: dict[str, Any], b: dict[str, Any], keys: tuple[str, ...]) -> list[str]:
    return [f"{k} {a.get(k)} against {b.get(k)}" for k in keys if a.get(k) != b.get(k)]


def _known(a: dict[str, Any], b: dict[str, Any], keys: tuple[str, ...]) -> bool:
    return all(a.get(k) is not None and b.get(k) is not None for k in keys)


def _prompt(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    different = _differences(a, b, SAME)
    if different:
        return check("prompt", False, different, "the prompts differ: " + ", ".join(different))
    if not _known(a, b, ("prompt_hash",)):
        return check("prompt", None, None, "the samples do not say which prompt was used")
    same = a["prompt_hash"] == b["prompt_hash"]
    return check("prompt", same, None, "same prompts" if same else "the prompts' token ids differ")


def _decoding(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    if not _known(a, b, ("temperature",)):
        return check("decoding", None, None, "the samples do not say how they were drawn")
    different = _differences(a, b, DECODING)
    text = f"T={a['temperature']:g}, top-p={a['top_p']:g}, at most {a['max_tokens']} tokens"
    return check("decoding", not different, different or None, ", ".join(different) or f"the same: {text}")


def _engine(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    if not _known(a, b, ("engine",)):
        return check("engine", None, None, "the samples do not say which engine drew them")
    different = _differences(a, b, ("engine", "engine_version", "dtype"))
    return check("engine", not different, different or None, ", ".join(different) or f"both {a['engine']}")


def _truncation(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    if not _known(a, b, ("truncated",)):
        return check("truncation", None, None, "the samples do not say how they ended")
    x, y = a["truncated"], b["truncated"]
    passed = max(x, y) <= TRUNCATED and abs(x - y) <= TRUNCATION_GAP
    return check("truncation", passed, [x, y], f"{x:.1%} and {y:.1%} of the samples hit the length limit")


def _extraction(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    x, y = a["extraction_failures"], b["extraction_failures"]
    return check(
        "extraction", abs(x - y) <= EXTRACTION_GAP, [x, y], f"no answer found in {x:.1%} and {y:.1%}"
    )


def _format(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """Difference in differences: does the gain shrink when the grading is lenient about form?"""
    if not _known(a, b, ("lenient",)):
        return check("format", None, None, "no lenient grade")
    strict, lenient = b["strict"] - a["strict"], b["lenient"] - a["lenient"]
    passed = abs(strict - lenient) <= EXTRACTION_GAP
    text = f"accuracy changes by {strict:+.1%} graded strictly, {lenient:+.1%} leniently"
    return check("format", passed, strict - lenient, text)


def _duplicates(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    x, y = a["duplicates"], b["duplicates"]
    sampled = (a.get("temperature") or 0) > 0
    passed = None if not sampled else max(x, y) <= DUPLICATES
    return check("duplicates", passed, [x, y], f"{x:.1%} and {y:.1%} of a problem's samples repeat another")


def _guess_floor(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    x, y = a["guess_floor"], b["guess_floor"]
    if x is None or y is None:
        return check("guess floor", None, None, "needs at least two problems with different answers")
    passed = max(x, y) <= 0.5 * max(a["strict"], b["strict"])
    return check("guess floor", passed, [x, y], f"{x:.1%} and {y:.1%} are right for another problem's answer")


def _verifier(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    total = a["verifier_errors"] + b["verifier_errors"]
    return check("grader", total == 0, total, f"one verifier for both, {total} errors or time-outs")


def _support(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    tops = [r["top_p"] for r in (a, b) if r.get("top_p") is not None]
    if not tops:
        return check("support", None, None, "the samples do not say their top-p")
    cut = min(tops) < 1 or any(r.get("top_k") for r in (a, b))
    text = (
        f"top-p {min(tops):g}: what lies outside the nucleus can never be sampled" if cut else "no truncation"
    )
    return check("support", not cut, min(tops), text)


def same_weights(first: str | None, second: str | None) -> list[dict[str, Any]]:
    """A check that the two checkpoints are not one."""
    if not first or not second:
        return []
    same = first == second
    text = "both are the same weights: this compares two draws of one model" if same else "weights differ"
    return [check("two models", not same, None, text)]
