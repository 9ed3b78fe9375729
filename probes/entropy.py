"""Entropy of answers and of tokens: how much of the spread training took away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.estimators.answers import answer_entropy
from evals.records import said_truncation, truncates
from probes.findings.checks import check, over_pairs
from probes.findings.types import Check, Finding
from probes.inputs.contract import Asked
from probes.inputs.frames import equal_n, graded
from probes.inputs.sources import Source, pairs_of
from probes.measures.paired import Measure, infer

LN2 = float(np.log(2))
ANSWERS = (
    Measure("answer_entropy", "answer entropy", "nats"),
    Measure("effective_answers", "effective answers", "answers", digits=2),
    Measure("top_answer", "share of the most frequent answer", "rate"),
    Measure("no_answer", "samples without an answer", "rate"),
)
TOKENS = (
    Measure("entropy", "token entropy", "nats/token", over="tokens"),
    Measure("sequence_entropy", "entropy along a response", "nats/response", digits=2),
    Measure("nll", "NLL of own samples", "nats/token", over="tokens"),
    Measure("sequence_nll", "NLL of own samples", "nats/response", digits=2),
)


BYTES = (
    Measure("entropy_bits", "token entropy", "bits/byte", over="bytes"),
    Measure("nll_bits", "NLL of own samples", "bits/byte", over="bytes"),
)


def answer_table(samples: pd.DataFrame) -> pd.DataFrame:
    """Per problem: entropy and number of distinct answers; "no answer" is an answer of its own.

    samples: one row per sample with problem and answer (null = none found). Columns answer_entropy (nats,
    Miller-Madow), effective_answers (its exponential), top_answer and no_answer (rates).
    """
    rows = []
    for problem, answers in samples.groupby("problem", sort=True)["answer"]:
        kinds = Counter("\0" if pd.isna(a) else str(a).strip() for a in answers)
        entropy = answer_entropy(list(kinds.values()))
        rows.append(
            {
                "problem": problem,
                "answer_entropy": entropy,
                "effective_answers": float(np.exp(entropy)),
                "top_answer": max(kinds.values()) / len(answers),
                "no_answer": kinds["\0"] / len(answers),
            }
        )
    return pd.DataFrame(rows).set_index("problem")


def token_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Per problem: sums over tokens and means over samples of entropy and NLL, nats, at temperature 1.

    The sums also in bits, to be set against the bytes of text. scores: one row per sample with problem,
    tokens, bytes, entropy (sum over its positions of the entropy of the
    next token over the full vocabulary; may be missing) and logprobs (array). Along a response drawn at
    temperature 1 the sum of token entropies is unbiased for the entropy of the response (chain rule).
    """
    frame = pd.DataFrame(
        {
            "problem": scores["problem"].to_numpy(),
            "tokens": scores["tokens"].to_numpy(float),
            "bytes": scores["bytes"].to_numpy(float),
            "nll": [-float(np.sum(x)) for x in scores["logprobs"]],
        }
    )
    frame["sequence_nll"], frame["nll_bits"] = frame["nll"], frame["nll"] / LN2
    if "entropy" in scores:
        frame["entropy"] = scores["entropy"].to_numpy(float)
        frame["sequence_entropy"], frame["entropy_bits"] = frame["entropy"], frame["entropy"] / LN2
    how = {c: "mean" if c.startswith("sequence") else "sum" for c in frame.columns if c != "problem"}
    return frame.groupby("problem", sort=True).agg(how)


def entropy(
    source: Source,
    *,
    scores: Mapping[str, pd.DataFrame] | None = None,
    against: str = "first",
    level: float = 0.05,
    seed: int = 0,
    command: Sequence[str] = (),
) -> Finding:
    """The entropy finding: answer entropy of all samples, token entropy and NLL of those scored.

    scores: per checkpoint, its own samples scored by itself (see `probes.measures.log_probs.own_scores`);
    without them token entropy is not measured, and a check says so.
    """
    samples, same_n = equal_n(graded(source, []))
    tables = {name: answer_table(frame) for name, frame in samples.items()}
    compared = pairs_of(source.checkpoints, against)
    checks = [same_n, *over_pairs(compared)]
    if scores is not None:
        for name in tables:
            tables[name] = tables[name].join(token_table(scores[name]))
    checks += _temperature(source, scores)
    tokens, differ = comparable(source, scores, TOKENS)
    checks += differ
    pairs = [(a["name"], b["name"]) for a, b in compared]
    return source.finding(
        "entropy",
        command=command,
        checks=checks,
        options={"level": level, "seed": seed, "against": against},
        **infer(tables, (*ANSWERS, *tokens), pairs, level=level, seed=seed, groups=source.groups),
    )


def comparable(
    source: Source, scores: Mapping[str, pd.DataFrame] | None, measures: Sequence[Measure]
) -> tuple[tuple[Measure, ...], list[Check]]:
    """The measures with those per token replaced by those per byte where tokenizers differ, with a check."""
    known = {(d["report"] or {}).get("tokenizer") for d in source.checkpoints}
    if scores is None or len(known) == 1:
        return tuple(measures), []
    text = "the checkpoints differ in tokenizer: entropy and NLL per byte of text, not per token"
    bits = {m.value.removesuffix("_bits"): m for m in BYTES}
    found = tuple(bits[m.value] if m.over == "tokens" else m for m in measures)
    return found, [check("tokenizers", False, None, text)]


def _temperature(source: Source, scores: Mapping[str, pd.DataFrame] | None) -> list[Check]:
    if scores is None:
        return [check("token entropy", None, None, "needs the checkpoints themselves: give --ckpt")]
    known = [d["report"] for d in source.checkpoints if d["report"] is not None]
    ways = {(r.get("temperature"), r.get("top_p"), max(r.get("top_k") or 0, 0)) for r in known}
    count = min(int(f.groupby("problem").size().min()) for f in scores.values())
    text = f"{count} samples of a problem scored at temperature 1 over the full vocabulary"
    plain = ways == {(1.0, 1.0, 0)} and not any(map(truncates, known))
    if not plain:
        drawn = "; ".join(sorted({f"T = {r.get('temperature')}, {said_truncation(r)}" for r in known}))
        text += f"; they were drawn at {drawn}, so the sums are not the model's own entropy"
    return [check("scored at T = 1", plain, sorted(map(list, ways), key=str), text)]


def run(asked: Asked, *, scored: int = 4) -> Finding:
    """The probe as the contract runs it. scored: samples of a problem that each model scores of its own."""
    from probes.measures.log_probs import own_scores

    scores = own_scores(asked.source, scored, asked.out, quiet=asked.quiet) if asked.scorable else None
    return entropy(asked.source, scores=scores, **asked.common())
