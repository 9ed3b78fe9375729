"""Checks beside a comparison: everything that differs between two cells and could make the answer wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.checkpoints.runs import resolved, run_of
from evals.engines.server import UNSEEN
from evals.records import truncates
from probes.findings.types import Check

SAME = ("template", "shots", "chat", "system", "chat_args", "prefix", "stops")
DECODING = ("temperature", "top_p", "top_k", "min_p", "max_tokens")
ENGINE = ("engine", "engine_version", "dtype")
TRUNCATED = 0.02
TRUNCATION_GAP = 0.01
DUPLICATES_BEYOND = 0.05  # repeats beyond what independent draws would give
DUPLICATES = 0.5
EXTRACTION_GAP = 0.02
UNANSWERED = 0.2  # share of samples without an answer from which on accuracy measures form
RAN_ON = 0.02
SPECIAL = re.compile(r"<\S+>|\[\S+\]")
UNKNOWN = ("prompt", "decoding", "engine", "grader", "truncation", "extraction", "format", "duplicates",
           "guess floor")  # fmt: skip
COUNTS_ALONE = "not known from counts alone"
COUNTS_SAY = {"duplicates": "counts cannot show copies: that samples are independent draws is taken on trust"}


def check(name: str, passed: bool | None, value: Any, detail: str) -> Check:
    """One check: passed, not passed, or (None) not possible on this input."""
    return Check(name=name, passed=passed, value=value, detail=detail)


def confounds(a: dict[str, Any] | None, b: dict[str, Any] | None) -> list[Check]:
    """Checks of two cell reports (`evals.grading.report.cell_report`); None where there are only counts."""
    if a is None or b is None:
        return [check(name, None, None, COUNTS_SAY.get(name, COUNTS_ALONE)) for name in UNKNOWN]
    made = (_prompt, _decoding, _engine, _truncation, _extraction, _format, _duplicates, _guess_floor,
            _verifier, _support, _ran_on)  # fmt: skip
    golds = a.get("golds") or b.get("golds")
    return [*(make(a, b) for make in made), *([check("golds", False, None, golds)] if golds else [])]


def over_pairs(pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> list[Check]:
    """Confounds over pairs of checkpoint descriptions: of each check the worst, with its pair named."""
    worst: dict[str, Check] = {}
    rank = {False: 0, None: 1, True: 2}
    for a, b in pairs:
        for item in confounds(a["report"], b["report"]):
            known = worst.get(item.name)
            if known is None or rank[item.passed] < rank[known.passed]:
                told = len(pairs) > 1 and item.passed is False
                where = f" ({a['name']} -> {b['name']})" if told else ""
                worst[item.name] = item.model_copy(update={"detail": f"{item.detail}{where}"})
    return list(worst.values())


def _differences(a: dict[str, Any], b: dict[str, Any], keys: tuple[str, ...]) -> list[str]:
    return [f"{k.replace('_', '-')} {a.get(k)} against {b.get(k)}" for k in keys if a.get(k) != b.get(k)]


def _known(a: dict[str, Any], b: dict[str, Any], keys: tuple[str, ...]) -> bool:
    return all(a.get(k) is not None and b.get(k) is not None for k in keys)


def _prompt(a: dict[str, Any], b: dict[str, Any]) -> Check:
    """The text of the prompts first, their ids second: two tokenizers are no difference in what is asked."""
    different = _differences(_own_end(a), _own_end(b), SAME)
    if different:
        plain = not _known(a, b, SAME[:3]) or asked_words(a) == asked_words(b)
        told = ", ".join(different) if plain else f"A is asked {asked_words(a)}; B {asked_words(b)}"
        return check("prompt", False, different, f"the prompts differ: {told}")
    if not _known(a, b, ("prompt_hash",)):
        return check("prompt", None, None, "the samples do not say which prompt was used")
    same = f"the same prompts, {asked_words(a)}" if a.get("shots") is not None else "the same prompts"
    if a["prompt_hash"] == b["prompt_hash"]:
        return check("prompt", True, None, same)
    texts, tokenizers = (
        [r.get(k) for r in (a, b)] if _known(a, b, (k,)) else None for k in ("prompt", "tokenizer")
    )
    if texts and texts[0] != texts[1]:
        own = a.get("chat") and tokenizers and tokenizers[0] != tokenizers[1]
        text = f"{same}, each in a chat template of its own" if own else "the texts of the prompts differ"
        return check("prompt", None if own else False, None, text)
    if texts and _known(a, b, ("bare_form",)) and a["bare_form"] == b["bare_form"]:
        more = (
            "one tokenizer sets other tokens before a prompt (as BOS) than the other, of the same vocabulary"
        )
        return check("prompt", False, None, f"the prompts' token ids differ: {more}")
    if texts and tokenizers and tokenizers[0] != tokenizers[1]:
        return check("prompt", True, None, f"{same}, in two tokenizers")
    return check("prompt", False, None, "the prompts' token ids differ")


def _own_end(report: dict[str, Any]) -> dict[str, Any]:
    """A report without the special token that closes a turn of its chat, as an end of sequence does."""
    if not report.get("chat") or not report.get("stops"):
        return report
    return report | {"stops": [s for s in report["stops"] if not SPECIAL.fullmatch(s)]}


def asked_words(report: dict[str, Any]) -> str:
    """In words how a cell was asked."""
    form = "in its chat template" if report.get("chat") else "in plain text"
    system = ", with a system prompt" if report.get("system") else ""
    return f"{report.get('template')}, {report.get('shots')} shots, {form}{system}"


def _decoding(a: dict[str, Any], b: dict[str, Any]) -> Check:
    if not _known(a, b, ("temperature",)):
        return check("decoding", None, None, "the samples do not say how they were drawn")
    different = _differences(a, b, DECODING)
    if different:
        return check("decoding", False, different, ", ".join(different))
    text = f"the same: T={a['temperature']:g}"
    text += f", top-p={a['top_p']:g}" if a.get("top_p") is not None else ""
    text += f", at most {a['max_tokens']:,} tokens" if a.get("max_tokens") is not None else ""
    return check("decoding", True, None, text)


def _engine(a: dict[str, Any], b: dict[str, Any]) -> Check:
    if not _known(a, b, ("engine",)):
        return check("engine", None, None, "the samples do not say which engine drew them")
    different = _differences(a, b, ENGINE)
    return check("engine", not different, different or None, ", ".join(different) or f"both {a['engine']}")


def _truncation(a: dict[str, Any], b: dict[str, Any]) -> Check:
    if not _known(a, b, ("truncated",)):
        return check("truncation", None, None, "the samples do not say how they ended")
    x, y = a["truncated"], b["truncated"]
    passed = max(x, y) <= TRUNCATED and abs(x - y) <= TRUNCATION_GAP
    return check("truncation", passed, [x, y], f"{x:.1%} and {y:.1%} of the samples hit the length limit")


def _extraction(a: dict[str, Any], b: dict[str, Any]) -> Check:
    x, y = a["extraction_failures"], b["extraction_failures"]
    passed = abs(x - y) <= EXTRACTION_GAP and max(x, y) <= UNANSWERED
    return check("extraction", passed, [x, y], f"no answer in the asked form in {x:.1%} and {y:.1%}")


def _ran_on(a: dict[str, Any], b: dict[str, Any]) -> Check:
    if not _known(a, b, ("ran_on",)):
        return check("ran on", None, None, "the samples do not say how they were asked")
    x, y = a["ran_on"], b["ran_on"]
    text = f"{x:.1%} and {y:.1%} of the samples went on after their answer; only the answer is graded"
    return check("ran on", max(x, y) <= RAN_ON, [x, y], text)


def _format(a: dict[str, Any], b: dict[str, Any]) -> Check:
    """Format against correctness, as differences in differences: strict, lenient, and given an answer.

    A gain in strict accuracy that shrinks under lenient grading, or among samples with an answer, is form.
    """
    if not _known(a, b, ("lenient", "strict")):
        return check("format", None, None, "no lenient grade")
    strict, lenient = b["strict"] - a["strict"], b["lenient"] - a["lenient"]
    given = [_given(r) for r in (a, b)]
    passed = abs(strict - lenient) <= EXTRACTION_GAP
    text = f"accuracy {100 * strict:+.1f} points graded strictly, {100 * lenient:+.1f} leniently"
    if given[0] is not None and given[1] is not None:
        text += f", {100 * (given[1] - given[0]):+.1f} among samples with an answer"
        passed = passed and abs(strict - (given[1] - given[0])) <= max(EXTRACTION_GAP, abs(strict) / 2)
    return check("format", passed, {"strict": strict, "lenient": lenient, "given_answer": given}, text)


def _given(report: dict[str, Any]) -> float | None:
    """Strict accuracy among the samples whose answer was found."""
    found = 1 - report["extraction_failures"]
    return report["strict"] / found if found > 0 else None


def _duplicates(a: dict[str, Any], b: dict[str, Any]) -> Check:
    x, y = a["duplicates"], b["duplicates"]
    text = f"{x:.1%} and {y:.1%} of the samples repeat another of their problem"
    expected = [r.get("duplicates_expected") for r in (a, b)]
    if expected[0] is not None and expected[1] is not None:
        text += f"; independent draws would give {expected[0]:.1%} and {expected[1]:.1%}"
        within = all(
            seen <= due + DUPLICATES_BEYOND
            for seen, due in zip((x, y), expected, strict=True)
            if due is not None
        )
        return check("duplicates", within, [x, y], text)
    if a.get("temperature") is None or b.get("temperature") is None:
        return check("duplicates", True if max(x, y) == 0 else None, [x, y], text)
    return check("duplicates", max(x, y) <= DUPLICATES, [x, y], text)


def _guess_floor(a: dict[str, Any], b: dict[str, Any]) -> Check:
    x, y = a["guess_floor"], b["guess_floor"]
    if x is None or y is None:
        return check("guess floor", None, None, "needs at least two problems with different answers")
    passed = max(x, y) <= 0.1 * max(a["strict"], b["strict"])
    return check(
        "guess floor", passed, [x, y], f"{x:.2%} and {y:.2%} would be right for another problem's answer"
    )


def _verifier(a: dict[str, Any], b: dict[str, Any]) -> Check:
    total = a["verifier_errors"] + b["verifier_errors"]
    return check("grader", total == 0, total, f"one verifier for both, {total} errors or time-outs")


def _support(a: dict[str, Any], b: dict[str, Any]) -> Check:
    """Whether sampling itself cut the distribution, so that some answers have probability 0."""
    tops = [r["top_p"] for r in (a, b) if r.get("top_p") is not None]
    if not tops:
        return check("support", None, None, "the samples do not say their top-p")
    cut = any(map(truncates, (a, b)))
    other = next((f", {k.replace('_', '-')} {r[k]:g}" for k in ("top_k", "min_p") for r in (a, b)
                  if (r.get(k) or 0) > 0), "")  # fmt: skip
    text = f"top-p {min(tops):g}{other}: 'never solved' is said of the truncated distribution"
    text = text if cut else "not truncated"
    return check("support", not cut or None, min(tops), text)


def held_out(problems: dict[str, Any] | None, b: dict[str, Any]) -> list[Check]:
    """A check that the later checkpoint was not trained on these very problems.

    By the fingerprint of the problem set in its lineage, else by the name of the set in its run's resolved
    configuration: the same split under another name is not seen.
    """
    if not problems or b["path"] is None:
        return []
    run = run_of(Path(b["path"]))
    trained = str((resolved(run) if run else {}).get("problems") or "")
    data = (b["lineage"] or {}).get("data")
    asked = str(problems["name"])
    if (data and data == problems["fingerprint"]) or (trained and _split(trained) == _split(asked)):
        text = f"B was trained on {trained or 'this set'}, of which these problems are"
        return [check("held out", False, trained or data, text)]
    if not trained:
        return [check("held out", None, None, "B does not say on which problems it was trained")]
    return [check("held out", True, trained, f"B was trained on {trained}")]


def _split(spec: str) -> str:
    return spec.partition("?")[0]


def same_weights(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Check]:
    """A check that two checkpoints, as described, are not one: by their tensors, however they are saved.

    Findings of older versions know the fingerprints of the files alone; of weights behind a server nobody
    knows anything.
    """
    known = [k for k in ("tensors", "fingerprint") if a.get(k) and b.get(k)]
    if not known:
        return []
    same = a[known[0]] == b[known[0]]
    if not same and any(str(d["fingerprint"]).startswith(UNSEEN) for d in (a, b)):
        text = "weights not seen: a server gave the answers, and a name is all that tells the two apart"
        return [check("two models", None, None, text)]
    text = "both are the same weights: this compares two draws of one model" if same else "the weights differ"
    if same and str(a["fingerprint"]).startswith(UNSEEN):
        text = "both are one name at one server, weights not seen: this compares two draws of it"
    return [check("two models", not same, None, text)]
