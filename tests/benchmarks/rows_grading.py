"""Rows of `bench.py` on grading: ours, math-verify, and a string grader for scale.

The string grader is what evaluation scripts did before verifiers: take the last box (else the last number),
normalise the LaTeX a little, compare strings.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from bench_verify import DATA, gsm8k, math_mix, math_verify, ours

Grade = Callable[[str, str], bool]
REPEATS, OWN, PEER = 5, 1500, 120  # repeats; responses in each, ours and a slow peer's
ALARM, ROOM = 3.0, 1e9  # seconds and bytes that a hostile input may cost
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def string_grader(gold: str, response: str) -> bool:
    """Whether the normalised strings are equal."""
    return normalised(gold) == normalised(extracted(response))


def extracted(response: str) -> str:
    """What stands in the last \\boxed{…}, else the last number, else nothing."""
    start = response.rfind("\\boxed{")
    if start < 0:
        numbers = NUMBER.findall(response)
        return numbers[-1] if numbers else ""
    depth, begin = 0, start + len("\\boxed")
    for place in range(begin, len(response)):
        depth += {"{": 1, "}": -1}.get(response[place], 0)
        if depth == 0:
            return response[begin + 1 : place]
    return ""


def normalised(text: str) -> str:
    """LaTeX without what does not change its meaning."""
    for old, new in (
        *(("\\!", ""), ("\\ ", ""), ("\\left", ""), ("\\right", ""), ("\\$", ""), ("$", ""), ("\\%", "")),
        *(("%", ""), ("dfrac", "frac"), ("tfrac", "frac"), ("^{\\circ}", ""), ("^\\circ", ""), (" ", "")),
    ):
        text = text.replace(old, new)
    text = re.sub(r"\\text\{[^{}]*\}$", "", text)
    text = re.sub(r"\\frac(\d)(\d)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"^(-?\d+)/(\d+)$", r"\\frac{\1}{\2}", text)
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text).removesuffix(".")
    return re.sub(r"^\.(?=\d)", "0.", text)


GRADERS: dict[str, tuple[Grade, bool]] = {
    "ours": (ours, False),
    "math-verify": (math_verify, True),
    "string grader": (string_grader, False),
}


def measured(
    grader: Grade, first: list[tuple[Any, ...]], repeats: list[list[tuple[Any, ...]]]
) -> tuple[list[float], str]:
    """Grades per second of processor in each repeat after a `first`, and p99 with errors as a note."""
    rates, spent, raised, wrong, labelled = [], [], 0, 0, 0
    for pair in first:
        _safely(grader, pair)
    for pairs in repeats:
        began = time.process_time()
        for pair in pairs:
            start = time.process_time()
            said = _safely(grader, pair)
            spent.append(time.process_time() - start)
            raised += said is None
            if len(pair) == 3:
                labelled += 1
                wrong += bool(said) != pair[2]
        rates.append(len(pairs) / (time.process_time() - began))
    spent.sort()
    note = f"p99 {spent[int(len(spent) * 0.99)] * 1000:.2f} ms, {raised} exceptions in {len(spent)}"
    return rates, note + (f", {wrong} of {labelled} against the label" if labelled else "")


def _safely(grader: Grade, pair: tuple[Any, ...]) -> bool | None:
    try:
        return bool(grader(pair[0], pair[1]))
    except Exception:
        return None


def rates_row(what: str, pairs: list[Any], quick: bool) -> dict[str, Any]:
    """One measurement beside the peers, repeats on different responses."""
    random.Random(0).shuffle(pairs)
    part: dict[str, Any] = {"what": what, "unit": "grades/s", "better": "more", "peers": {}, "notes": {}}
    for name, (grader, slow) in GRADERS.items():
        size = 20 if quick else PEER if slow else min(OWN, (len(pairs) - 20) // REPEATS)
        repeats = [pairs[i * size : (i + 1) * size] for i in range(2 if quick else REPEATS)]
        try:
            rates, part["notes"][name] = measured(grader, pairs[-20:], repeats)
        except ImportError as error:
            rates = f"not installed ({error})"  # type: ignore[assignment]
        if name == "ours":
            part["ours"] = rates
        else:
            part["peers"][name] = rates
    return {"parts": [part]}


def _one(grader: Grade, gold: str, response: str) -> None:
    """In a child: one grading under a limit of memory."""
    now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (int(max(size, now) + ROOM),) * 2)
    sys.stderr = sys.stdout = open("/dev/null", "w")  # noqa: SIM115
    grader(gold, response)


def survivors(grader: Grade, gold: str, responses: list[str]) -> int:
    """Of how many responses a grading ends with a verdict, in time and memory; two at a time."""
    context, count = multiprocessing.get_context("fork"), 0
    for first in range(0, len(responses), 2):
        pair = [context.Process(target=_one, args=(grader, gold, r)) for r in responses[first : first + 2]]
        for child in pair:
            child.start()
        end = time.monotonic() + ALARM
        for child in pair:
            child.join(max(0.0, end - time.monotonic()))
            if child.is_alive():
                child.kill()
            child.join()
            count += child.exitcode == 0
    return count


def hostile_row(quick: bool) -> dict[str, Any]:
    """Hostile inputs survived, of all that the tests of the verifier know."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "evals" / "verify"))
    from hostile import attacks, long_responses

    cases = [f"\\boxed{{{text}}}" for text in attacks().values()] + list(long_responses().values())
    cases = cases[:4] if quick else cases
    what = f"hostile inputs survived, of {len(cases)} ({ALARM:.0f} s, {ROOM / 1e9:.0f} GB each)"
    part: dict[str, Any] = {"what": what, "unit": "inputs", "better": "more", "peers": {}}
    for name, (grader, _) in GRADERS.items():
        grader("\\sqrt{2}", "so \\boxed{1+\\sqrt{3}}")  # imports before the forks
        count = [float(survivors(grader, "x^2+1", cases))]
        part |= {"ours": count} if name == "ours" else {"peers": part["peers"] | {name: count}}
    return {"parts": [part]}


def main() -> None:
    """NAME [--quick]: prints one line RESULT."""
    name, quick = sys.argv[1], "--quick" in sys.argv
    if name == "grade-hostile":
        row = hostile_row(quick)
    elif not DATA.is_dir():
        row = {"failed": "the data is absent: set EXCURSIONS_DATA"}
    elif name == "grade-math":
        row = rates_row("grading MATH responses", math_mix(), quick)
    else:
        row = rates_row("grading GSM8K responses, labelled", gsm8k(), quick)
    print("RESULT " + json.dumps(row))


if __name__ == "__main__":
    main()
