"""Bootstrap of pass@k at full size, beside scipy.stats.bootstrap in the same run, and pass@k alone.

    python tests/benchmarks/bench_analysis.py [--scipy-resamples 20] [--scorio PYTHON]

Two checkpoints × 5,000 problems × 1,024 samples, 40 values of k, 10,000 replicates, one core. Ours: curves of
both, their paired difference, pointwise intervals and simultaneous bands, in a process of its own (for its
peak memory). scipy: the pointwise interval of the difference alone, percentile method, from a few resamples
scaled to 10,000 (its time is linear in them); once as the statistic reads (pass@k of the resampled counts),
once with the values of every problem worked out beforehand. Times are CPU seconds. Exit code 1 where a bound
is missed.

scorio (a package of its own; give the python that has it) has pass@k with credible intervals of one
checkpoint. It stands beside ours in two ways: its seconds for the 40 intervals of both checkpoints from the
same samples, and how often 95% intervals contain the truth on 100 simulated data sets of 1,319 problems × 64
samples, each judged by the truth it speaks of: its own, of these problems; ours, of the problems they are
drawn from.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np

PROBLEMS, SAMPLES, REPLICATES = 5000, 1024, 10_000
MOST_SECONDS, MOST_GB, LEAST_RATIO, MOST_PASSK = 2.0, 1.0, 100.0, 0.1


def counts(problems: int = PROBLEMS) -> tuple[np.ndarray, np.ndarray]:
    """Counts of two checkpoints of a Beta(.425, 2.83) benchmark."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.425, 2.83, problems)
    return rng.binomial(SAMPLES, p), rng.binomial(SAMPLES, p**0.8)


def forty() -> np.ndarray:
    """40 values of k from 1 to n."""
    return np.unique(np.geomspace(1, SAMPLES, 48).astype(int))[:40]


def cpu(work: Callable[[], object], repeats: int = 1) -> float:
    """The least CPU seconds of a few repeats."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def ours() -> None:
    """Curves, difference, intervals and bands; also the whole comparison with its verdict. Prints JSON."""
    from analysis import PairedCounts, bootstrap, compare, curve, difference, pass_at_k

    c_a, c_b = counts()
    ks = forty()

    def bands() -> None:
        a, b = pass_at_k(SAMPLES, c_a, ks), pass_at_k(SAMPLES, c_b, ks)
        rep = bootstrap(np.hstack([a, b]), replicates=REPLICATES)
        rep_a, rep_b = rep.columns(slice(0, ks.size)), rep.columns(slice(ks.size, None))
        curve(rep_a, a, 0.05)
        curve(rep_b, b, 0.05)
        difference(rep_b.minus(rep_a), b - a, 0.05)

    small = PairedCounts.from_arrays(8, [1, 2, 3], 8, [2, 3, 4])
    compare(small)  # scipy's own import is not what is measured
    seconds = cpu(bands, 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    whole = cpu(lambda: compare(PairedCounts.from_arrays(SAMPLES, c_a, SAMPLES, c_b)), 2)
    many = np.random.default_rng(1).choice(c_a, 100_000)
    alone = cpu(lambda: pass_at_k(SAMPLES, many, ks), 5)
    print(
        json.dumps(
            {"bands": seconds, "gigabytes": peak, "compare": whole, "passk": alone, "ks": int(ks.size)}
        )
    )


def theirs(resamples: int) -> dict[str, float]:
    """scipy.stats.bootstrap of the 40 differences, CPU seconds scaled to 10,000 resamples."""
    from scipy.special import gammaln
    from scipy.stats import bootstrap

    c_a, c_b = counts()
    ks = forty()

    def passk(c: np.ndarray) -> np.ndarray:
        left = SAMPLES - c[..., None, :]
        k = ks[:, None]
        logs = gammaln(left + 1) - gammaln(np.maximum(left - k, 0) + 1)
        logs -= gammaln(SAMPLES + 1) - gammaln(SAMPLES - k + 1)
        return np.where(left >= k, 1 - np.exp(logs), 1.0).mean(-1)

    def from_counts(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return passk(b) - passk(a)

    def from_values(d: np.ndarray, axis: int = -1) -> np.ndarray:
        return d.mean(axis=axis)

    from analysis import pass_at_k

    d = (pass_at_k(SAMPLES, c_b, ks) - pass_at_k(SAMPLES, c_a, ks)).T
    common = {"n_resamples": resamples, "method": "percentile", "rng": np.random.default_rng(0)}
    scale = REPLICATES / resamples
    read = cpu(lambda: bootstrap((c_a, c_b), from_counts, paired=True, vectorized=False, **common))
    many = {**common, "n_resamples": 10 * resamples, "batch": 20}
    worked = cpu(lambda: bootstrap((d,), from_values, vectorized=True, axis=-1, **many))
    return {"as it reads": read * scale, "values beforehand": worked * scale / 10}


PEER = """
import json, sys, time
import numpy as np
from scorio.eval import pass_at_k_ci
held = np.load(sys.argv[1])
def samples(c, n):
    return (np.arange(n) < c[:, None]).astype(int)
big = [samples(held[x], 1024) for x in ("a", "b")]
start = time.process_time()
for R in big:
    for k in held["ks"]:
        pass_at_k_ci(R, int(k))
seconds = time.process_time() - start
ends = [[pass_at_k_ci(samples(c, 64), int(k))[2:] for k in held["few"]] for c in held["c"]]
print(json.dumps({"seconds": seconds, "ends": ends}))
"""
SETS, FEW = 100, (1, 8, 32)


def beside_scorio(python: str) -> dict[str, object]:
    """Seconds of scorio's intervals, and both packages' coverage at FEW; {"missing": why} without it."""
    from analysis import bootstrap, curve, pass_at_k
    from analysis.difficulty.simulation import BASE

    rng = np.random.default_rng(3)
    p = rng.beta(BASE.alpha, BASE.beta, (SETS, 1319))
    c = rng.binomial(64, p)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "counts.npz")
        c_a, c_b = counts()
        np.savez(path, a=c_a, b=c_b, ks=forty(), few=FEW, c=c)
        done = subprocess.run([python, "-c", PEER, path], capture_output=True, text=True)
    if done.returncode:
        return {"missing": done.stderr.strip().splitlines()[-1]}
    found = json.loads(done.stdout)
    ends, own = np.array(found["ends"]), np.zeros(len(FEW))
    for i in range(SETS):
        values = pass_at_k(64, c[i], FEW)
        held = curve(bootstrap(values, replicates=2000, seed=i), values, 0.05)
        truth = BASE.pass_at_k(list(FEW))
        own += (held.low <= truth) & (truth <= held.high)
    these = 1 - ((1 - p[..., None]) ** np.array(FEW)).mean(1)
    theirs = ((ends[..., 0] <= these) & (these <= ends[..., 1])).mean(0)
    return {"seconds": found["seconds"], "ours": (own / SETS).tolist(), "theirs": theirs.tolist()}


def main() -> int:
    """Print the table; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scipy-resamples", type=int, default=20)
    parser.add_argument("--scorio", default=sys.executable, help="a python that has scorio")
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours:
        ours()
        return 0
    done = subprocess.run([sys.executable, __file__, "--ours"], capture_output=True, text=True, check=True)
    mine = json.loads(done.stdout)
    scipy = theirs(given.scipy_resamples)
    ratio = {name: seconds / mine["bands"] for name, seconds in scipy.items()}
    print("| what | CPU seconds | against ours |\n|---|---|---|")
    print(f"| bands and intervals of both and of the difference, {mine['ks']} k | {mine['bands']:.2f} | 1 |")
    for name, seconds in scipy.items():
        print(f"| scipy.stats.bootstrap of the difference, {name} | {seconds:.1f} | {ratio[name]:.0f} |")
    peer = beside_scorio(given.scorio)
    if "missing" in peer:
        print(f"| scorio, intervals of both: not run ({peer['missing']}) | - | - |")
    else:
        seconds = float(str(peer["seconds"]))
        print(f"| scorio, intervals of both, no difference | {seconds:.1f} | {seconds / mine['bands']:.1f} |")
    print(f"| compare(), with verdict, support and checks | {mine['compare']:.2f} | |")
    print(f"| pass@k, 100,000 problems × {mine['ks']} k | {mine['passk']:.3f} | |")
    if "missing" not in peer:
        print(f"coverage of 95% intervals at k = {FEW}: ours {peer['ours']}, scorio {peer['theirs']}")
    print(f"peak memory {mine['gigabytes']:.2f} GB; numpy {np.__version__}")
    missed = [
        f"{name}: {value:.3g}, bound {bound:g}"
        for name, value, bound, over in (
            ("bands", mine["bands"], MOST_SECONDS, mine["bands"] > MOST_SECONDS),
            ("memory", mine["gigabytes"], MOST_GB, mine["gigabytes"] > MOST_GB),
            ("ratio", ratio["as it reads"], LEAST_RATIO, ratio["as it reads"] < LEAST_RATIO),
            ("pass@k", mine["passk"], MOST_PASSK, mine["passk"] > MOST_PASSK),
        )
        if over
    ]
    print("missed: " + "; ".join(missed) if missed else "all bounds hold")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
