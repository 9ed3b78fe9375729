"""How often intervals cover "no change" on two draws of one model: `python -m probes.calibration.calibrate`.

The model is a table (`probes.calibration.toy`), so that nothing is trained; each run takes new problems
from a large pool
and draws both sides anew. Two rows are held against another known truth: KL against its exact value for two
different tables, and rollouts against the accuracy they were drawn with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from probes.calibration.toy import Toy, random_toy

LEVEL = 0.05
POOL = 3000
HOTTER = 1.3  # temperature of the other model that KL is taken from
RARE = 5e-4  # chance of a row that fails although its interval is right

Row = tuple[str, str, bool]  # probe, measure, whether the truth lies in its interval


@dataclass(frozen=True, slots=True)
class Drawn:
    """One run: the model on this run's problems, two draws (M, n) of it, and the pool's exact values.

    kl, tokens: mean over the pool of KL from the model tempered by HOTTER, and of the response's length.
    """

    toy: Toy
    one: np.ndarray
    two: np.ndarray
    kl: float
    tokens: float


def answers(run: Drawn, seed: int) -> Iterator[Row]:
    """expand, passk, support, readiness: on counts."""
    from analysis import Options, PairedCounts, compare
    from analysis.estimators.passk import g_pass_at_k, mg_pass_at_k, pass_hat_k
    from probes.measures.paired import Measure, infer
    from probes.readiness import mixed_share

    c = [np.take_along_axis(run.toy.solved, draw, axis=1).sum(axis=1) for draw in (run.one, run.two)]
    n = run.one.shape[1]
    options = Options(K=n // 2, k=(1, n // 4, n // 2), replicates=1000, seed=seed)
    found = compare(PairedCounts.from_arrays(n, c[0], n, c[1]), options).to_dict()
    yield "expand", "verdict", found["verdict"]["outcome"] in ("no-change", "undetermined")
    delta = found["delta"]
    for i, k in enumerate(found["k"]):
        yield "passk", f"pass@{k}", delta["low"][i] <= 0 <= delta["high"][i]
    bands = [lo <= 0 <= hi for lo, hi in zip(delta["band_low"], delta["band_high"], strict=True)]
    yield "passk", "band over all k", all(bands)
    for name in "ES":
        expected, observed = found["support"]["expected"][name], found["support"][name]
        yield "support", f"{name} in its expectation", expected["low"] <= observed <= expected["high"]
    yield "support", "McNemar", found["support"]["mcnemar_p"] > LEVEL
    tables = {}
    for name, right in zip("ab", c, strict=True):
        tables[name] = pd.DataFrame(
            {"pass^k": pass_hat_k(n, right, 4)[:, 0], "G-Pass": g_pass_at_k(n, right, 4, 0.5)[:, 0],
             "mG-Pass": mg_pass_at_k(n, right, 4)[:, 0],
             "mixed groups": mixed_share(np.full(len(right), n), right, 8)}
        )  # fmt: skip
    measures = [Measure(str(m), str(m), "rate") for m in tables["a"]]
    for row in _covered(infer(tables, measures, [("a", "b")], level=LEVEL, seed=seed)):
        yield "readiness" if row[0] == "mixed groups" else "passk", *row


def samples(run: Drawn, seed: int) -> Iterator[Row]:
    """entropy, likelihood, diversity and maj@n: on samples with their scores."""
    from probes.diversity import MEASURES, path_tables, text_table
    from probes.entropy import ANSWERS, TOKENS, answer_table, token_table
    from probes.measures.likelihood_ratios import TOKENS as CROSS
    from probes.measures.likelihood_ratios import budget_measures, group_measures, score_table
    from probes.measures.paired import Measure, infer
    from probes.measures.text_diversity import LONGEST
    from probes.passk import majority

    frames = {name: run.toy.scored(draw, name) for name, draw in (("a", run.one), ("b", run.two))}
    for frame in frames.values():
        frame["text"] = [_told(x)[:LONGEST] for x in frame["sequence"]]
        frame["bytes"] = frame["text"].str.len()
    pair = [("a", "b")]
    held = {n: answer_table(f).join(token_table(f)) for n, f in frames.items()}
    held = {n: t.assign(majority=majority(frames[n])) for n, t in held.items()}
    wanted = (*ANSWERS, *TOKENS, Measure("majority", "maj@n", "rate"))
    for label, inside in _covered(infer(held, wanted, pair, level=LEVEL, seed=seed)):
        yield ("passk" if label == "maj@n" else "entropy"), label, inside
    groups = pd.Series("P", index=held["a"].index)
    scored = {n: score_table(f, groups, (8, 32)) for n, f in frames.items()}
    cross = (*CROSS, group_measures()[0], *budget_measures((8, 32)))
    for label, inside in _covered(infer(scored, cross, pair, level=LEVEL, seed=seed)):
        yield "likelihood", label, inside
    paths = path_tables(frames)
    texts = {n: text_table(f, seed).join(paths[n]) for n, f in frames.items()}
    for label, inside in _covered(infer(texts, MEASURES, pair, level=LEVEL, seed=seed)):
        yield "diversity", label, inside


def divergence(run: Drawn, seed: int) -> Iterator[Row]:
    """KL of one table from another against the exact value."""
    from probes.measures.likelihood_ratios import KL, kl_table
    from probes.measures.paired import infer

    drawn = run.one[:, :8]
    models = run.toy, run.toy.tempered(HOTTER)
    own, by_a = (model.scored(drawn).assign(key=np.arange(drawn.size)) for model in models)
    for row in infer({"x": kl_table(own, by_a)}, KL, [], level=LEVEL, seed=seed)["estimates"]:
        if "k2" in row["measure"] or row["low"] is None:
            continue
        value = run.kl / run.tokens if "token" in row["measure"] else run.kl
        inside = row["low"] <= value <= row["high"]
        yield "likelihood", f"{row['label']} ({row['unit']}), exact value", inside


def training(run: Drawn, seed: int) -> Iterator[Row]:
    """seeds, rollouts, capability: on numbers of training runs."""
    from analysis.inference.intervals import paired_rates
    from analysis.inference.seeds import seed_difference
    from probes.rollouts import at_budget

    rng = np.random.default_rng(seed)
    n = run.one.shape[1]
    shift = rng.normal(0, 0.3, 4)  # seeds differ; their mean does not
    p = np.clip(run.toy.p, 1e-3, 1 - 1e-3)
    odds = np.log(p / (1 - p))
    rates = [1 / (1 + np.exp(-(odds + s))) for s in (*shift, *rng.normal(0, 0.3, 4))]
    values = np.stack([rng.binomial(n, r) / n for r in rates])
    found = seed_difference(values[:4], values[4:], level=LEVEL)
    yield "seeds", "mean over seeds and problems", found["low"] <= 0 <= found["high"]
    groups = pd.DataFrame({"step": np.repeat(np.arange(1, 6), 32), "n": 16})
    groups["correct"] = rng.binomial(16, rng.beta(2, 6, len(groups)))
    steps = pd.DataFrame({"step": np.arange(1, 6), "rollouts": 512 * np.arange(1, 6)})
    row = at_budget(groups, steps, "rollouts", 2560.0, seed, LEVEL)
    yield "rollouts", "accuracy at a budget, exact value", row["low"] <= 0.25 <= row["high"]
    flips = rng.random(400) < 0.1
    gained = int((flips & (rng.random(400) < 0.5)).sum())
    low, high = paired_rates(gained, int(flips.sum()) - gained, 400, LEVEL)
    yield "capability", "change of a task", bool(low <= 0 <= high)


def readings(run: Drawn, seed: int) -> Iterator[Row]:
    """The robustness table: no reading of two draws of one model claims a change."""
    from analysis import Options
    from probes.comparison.robustness import robustness
    from probes.findings.types import Verdict

    n = run.one.shape[1]

    def tallied(draw: np.ndarray) -> pd.DataFrame:
        right = np.take_along_axis(run.toy.solved, draw, axis=1)
        lengths = np.array([len(s) for s in run.toy.sequences])[draw]
        answered = lengths > 1
        ends = {"answered": answered.sum(1), "guess": (answered.sum(1) * 0.02).round(), "finished": n}
        solved = dict.fromkeys(("correct", "lenient", "correct_finished"), right.sum(1))
        return pd.DataFrame({"n": n, **solved, **ends, "tokens": lengths.sum(1)}).astype(float)

    options = Options(K=n // 4, replicates=1000, seed=seed)
    verdict = Verdict(outcome="no-change")
    for row in robustness(verdict, tallied(run.one), tallied(run.two), options, n // 4).rows:
        if row.outcome is not None:
            yield "robustness", row.name, row.outcome in ("no-change", "undetermined")


def _told(sequence: Sequence[int]) -> str:
    """A response of the table as a worked solution: its digits as steps of a sum."""
    total, parts = 0, []
    for digit in sequence[:-1]:
        parts.append(f"{total}+{digit}={total + digit}.")
        total += digit
    return " ".join(parts)


def _covered(found: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    for row in found["differences"]:
        if row["low"] is not None:
            unit = "" if row["unit"] == "rate" else f" ({row['unit']})"
            yield row["label"] + unit, row["low"] <= 0 <= row["high"]


KINDS: tuple[Callable[[Drawn, int], Iterator[Row]], ...] = (answers, samples, divergence, training, readings)


def calibrate(
    runs: int = 200,
    *,
    problems: int = 100,
    n: int = 16,
    seed: int = 0,
    kinds: Sequence[Callable[[Drawn, int], Iterator[Row]]] = KINDS,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Coverage of every measure over simulated runs: columns probe, measure, runs, covered (share), enough.

    enough: whether so few hits or fewer have a chance of at least RARE where the true coverage is 1 - LEVEL.
    """
    from scipy.special import bdtr

    pool = random_toy(POOL, seed=seed, concentration=0.5)
    kl, tokens = float(pool.kl(pool.tempered(HOTTER)).mean()), float(pool.mean_tokens.mean())
    rows: list[Row] = []
    for i in range(runs):
        rng = np.random.default_rng([seed, i])
        toy = pool.subset(rng.integers(0, POOL, problems))
        run = Drawn(toy, toy.draw(n, rng), toy.draw(n, rng), kl, tokens)
        rows += [row for kind in kinds for row in kind(run, i)]
        if progress:
            progress(i + 1, runs)
    frame = pd.DataFrame(rows, columns=["probe", "measure", "inside"])
    table = frame.groupby(["probe", "measure"], sort=True)["inside"].agg(["size", "mean"]).reset_index()
    table.columns = pd.Index(["probe", "measure", "runs", "covered"])
    hits = (table["covered"] * table["runs"]).round()
    return table.assign(enough=bdtr(hits, table["runs"], 1 - LEVEL) >= RARE)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; exit code 1 where a measure covers too rarely."""
    import argparse

    from evals.core.progress import Line

    parser = argparse.ArgumentParser(prog="python -m probes.calibration.calibrate", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="simulated pairs (200)")
    parser.add_argument("--problems", type=int, default=100, help="problems of a pair (100)")
    parser.add_argument("--n", type=int, default=16, help="samples of a problem (16)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    table = calibrate(
        given.runs, problems=given.problems, n=given.n, seed=given.seed, progress=Line("calibrate")
    )
    print("| probe | measure | runs | covered | |\n|---|---|---|---|---|")
    for row in table.to_dict("records"):
        mark = "" if row["enough"] else "LOW"
        print(f"| {row['probe']} | {row['measure']} | {row['runs']} | {row['covered']:.3f} | {mark} |")
    return int(not table["enough"].all())


if __name__ == "__main__":
    raise SystemExit(main())
