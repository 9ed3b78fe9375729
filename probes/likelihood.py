"""The likelihood finding: A's view of its own samples and of B's, and the divergence of B from A."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evals.core.errors import UserError
from evals.records import said_truncation, truncates
from probes.findings.checks import check, over_pairs
from probes.findings.types import Check, Finding
from probes.inputs.contract import Asked
from probes.inputs.frames import graded
from probes.inputs.sources import Source, pairs_of
from probes.measures.likelihood_ratios import (
    BYTES,
    KL,
    TOKENS,
    budget_measures,
    group_measures,
    group_of,
    kl_table,
    score_table,
)
from probes.measures.paired import Measure, infer

BUDGETS = (32, 1024, 2**15, 2**20)
OWN = (
    Measure("nll", "NLL of own samples", "nats/token", over="tokens"),
    Measure("sequence_nll", "NLL of own samples", "nats/response", digits=2),
)
Scores = Mapping[tuple[str, str], tuple[pd.DataFrame, bool]]


def likelihood(
    source: Source,
    scores: Scores,
    *,
    against: str = "first",
    budgets: Sequence[int] = BUDGETS,
    level: float = 0.05,
    seed: int = 0,
    command: Sequence[str] = (),
) -> Finding:
    """The likelihood finding of every pair (A, B).

    scores: (scorer, whose samples) -> (frame, whether read by token ids), see
    `probes.measures.log_probs.score_cell`;
    needs (A, A), (A, B) and (B, B) of every pair. Estimates stand under "A under A" and "B under A"; the
    difference says how much stranger B's samples are to A than A's own. KL(B || A) is estimated only from
    samples drawn at temperature 1, top-p 1, top-k off, in one tokenization; else a check says why not.
    """
    samples = graded(source, [])
    compared = pairs_of(source.checkpoints, against)
    estimates, differences, checks = [], [], over_pairs(compared)
    for a, b in compared:
        found, made = _pair(source, samples, scores, a, b, budgets, level, seed)
        estimates += found["estimates"]
        differences += found["differences"]
        checks += made
    return source.finding(
        "likelihood",
        command=command,
        checks=checks,
        options={"level": level, "seed": seed, "against": against, "budgets": list(budgets)},
        estimates=estimates,
        differences=differences,
        perplexity=_perplexities(estimates),
    )


def _pair(
    source: Source,
    samples: Mapping[str, pd.DataFrame],
    scores: Scores,
    a: dict[str, Any],
    b: dict[str, Any],
    budgets: Sequence[int],
    level: float,
    seed: int,
) -> tuple[dict[str, Any], list[Check]]:
    wide = source.counts.pivot(index="problem", columns="checkpoint", values="c")
    groups = pd.Series(group_of(wide[a["name"]], wide[b["name"]]), index=wide.index)
    names = {d["name"]: f"{d['name']} under {a['name']}" for d in (a, b)}
    tables = {}
    for d in (a, b):
        frame, _ = scores[a["name"], d["name"]]
        correct = samples[d["name"]][["key", "correct"]]
        joined = frame.merge(correct, on="key", validate="one_to_one")
        tables[names[d["name"]]] = score_table(joined, groups, budgets)
    _, same = scores[a["name"], b["name"]]
    measures: tuple[Measure, ...] = BYTES
    if same:
        measures = (*TOKENS, *group_measures(), *budget_measures(budgets))
    drawn: dict[str, Any] = {"level": level, "seed": seed, "groups": source.groups}
    under_a = infer(tables, measures, [(names[a["name"]], names[b["name"]])], **drawn)
    checks = [_tokenizers(same, a, b), _kl_check(b, same)]
    if checks[-1].passed:
        table = kl_table(scores[b["name"], b["name"]][0], scores[a["name"], b["name"]][0])
        kl = infer({names[b["name"]]: table}, KL, [], **drawn)
        under_a["estimates"] += kl["estimates"]
    return under_a, checks


def _tokenizers(same: bool, a: dict[str, Any], b: dict[str, Any]) -> Check:
    if same:
        return check("tokenizers", True, None, "one tokenizer: likelihoods per token")
    text = f"{a['name']} and {b['name']} differ in tokenizer: likelihoods per byte of text; no KL, no budget"
    return check("tokenizers", False, None, text)


def _kl_check(b: dict[str, Any], same: bool) -> Check:
    r = b["report"] or {}
    plain = r.get("temperature") == 1 and not truncates(r)
    if plain and same:
        return check(
            "KL", True, None, "drawn from B at T = 1, untruncated; trust k1's interval: k3's tail is heavy"
        )
    if not same:
        return check("KL", False, None, "not estimated: the tokenizers differ")
    drawn = f"T = {r.get('temperature')}, {said_truncation(r)}"
    options = "--temperature 1 --top-p 1 --top-k 0" + (" --min-p 0" if r.get("min_p") else "")
    text = f"not estimated: B was drawn at {drawn}; use {options}"
    return check("KL", False, None, text)


def _perplexities(estimates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """exp of every NLL per token with its interval: perplexity, by group of problems."""
    out = []
    for row in estimates:
        if row["measure"].startswith("nll") and row["unit"] == "nats/token" and row["estimate"] is not None:
            group = row["measure"].removeprefix("nll_").removesuffix("_per_tokens")
            values = {
                k: None if row[k] is None else float(np.exp(row[k])) for k in ("estimate", "low", "high")
            }
            name = "all" if group not in ("P", "E", "S", "O") else group
            out.append({"samples": row["checkpoint"], "group": name, **values, "problems": row["problems"]})
    return out


def own_likelihood(
    source: Source, *, against: str = "first", level: float = 0.05, seed: int = 0, command: Sequence[str] = ()
) -> Finding:
    """The likelihood finding of samples alone: NLL under the model that drew them, from its own log-probs.

    UserError where the samples carry no log-probs.
    """
    tables = {}
    for name, frame in graded(source, ["logprobs"]).items():
        if frame["logprobs"].isna().any():
            raise UserError(
                f"the samples of {name} carry no log-probs; give the checkpoints with --ckpt, "
                "or samples that have a logprobs column"
            )
        nll = np.array([-float(np.sum(x)) for x in frame["logprobs"]])
        tokens = np.array([len(x) for x in frame["logprobs"]], dtype=float)
        sums = pd.DataFrame({"problem": frame["problem"], "nll": nll, "sequence_nll": nll, "tokens": tokens})
        how = {"nll": "sum", "sequence_nll": "mean", "tokens": "sum"}
        tables[name] = sums.groupby("problem", sort=True).agg(how)
    compared = pairs_of(source.checkpoints, against)
    cross = "A's view of B's samples, KL and budgets need the checkpoints: give --ckpt"
    given = "as the samples' source wrote them: natural logs at temperature 1 are taken for granted"
    return source.finding(
        "likelihood",
        command=command,
        checks=[
            *over_pairs(compared),
            check("cross likelihood", None, None, cross),
            check("log-probs", None, None, given),
        ],
        options={"level": level, "seed": seed, "against": against},
        **infer(
            tables,
            OWN,
            [(a["name"], b["name"]) for a, b in compared],
            level=level,
            seed=seed,
            groups=source.groups,
        ),
        perplexity=[],
    )


def run(asked: Asked, *, scored: int = 4) -> Finding:
    """The probe as the contract runs it. scored: samples of a problem that A and B score.

    Where the checkpoints are not at hand, the samples' own log-probs are read.
    """
    from probes.measures.log_probs import score_cell

    if not asked.scorable:
        return own_likelihood(asked.source, **asked.common())
    scores: dict[tuple[str, str], tuple[pd.DataFrame, bool]] = {}
    for a, b in pairs_of(asked.source.checkpoints, asked.against):
        for scorer, drawn in ((a, a), (a, b), (b, b)):
            key = scorer["name"], drawn["name"]
            if key not in scores:
                scores[key] = score_cell(asked.source, scorer, drawn, scored, asked.out, quiet=asked.quiet)
    return likelihood(asked.source, scores, **asked.common())
