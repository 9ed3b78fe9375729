"""The verifier's bars that are too slow for `make test`, beside math-verify where it can take part.

Run as `python tests/benchmarks/bench_verify.py PART…` with parts
  speed     grades per core-second, p50 and p99, on a MATH mix and on GSM8K, beside math-verify
  quality   false positives and negatives on every labelled set, beside math-verify
  rewritten all equal rewritings and near misses of MATH golds
  attacks   seconds and memory of every attack, in the main thread and in another
  probes    seconds and memory of answers that cost what they can, against golds that do too
  grammar   200,000 expressions of a grammar (or as many as --count says) within 300 MB of address space
  fuzz      100,000 hostile strings (or as many as --count says)
Real data as for the tests ($EXCURSIONS_DATA, else ../shared/data beside the checkout).
"""

import argparse
import gc
import json
import os
import random
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "evals" / "verify"))

from evals.verify import grade

DATA = Path(os.environ.get("EXCURSIONS_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
SYSTEMS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def rows(name):
    with open(DATA / name, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def ours(gold, response):
    return grade(gold, response).correct


def boxed(gold, response):
    return ours(gold, response if "\\boxed" in response else f"\\boxed{{{response}}}")


def math_verify(gold, response):
    from math_verify import parse, verify

    wrapped = gold if "$" in gold or "\\boxed" in gold else f"${gold}$"
    return bool(verify(parse(wrapped), parse(response)))


def math_verify_wrapped(gold, response):
    """With the response in dollar signs where it has no mathematics marked, as math-verify expects it."""
    return math_verify(gold, response if "$" in response or "\\boxed" in response else f"${response}$")


def math_mix():
    """Sampled responses of a model, and solutions against their own and against other golds."""
    rng = random.Random(0)
    mix = [(str(r["answer"]), code) for r in rows("logs/math_cot_100.jsonl") for code in r["code"]]
    problems = rows("math/train.jsonl") + rows("math/test.jsonl")
    chosen = rng.sample(problems, 4000)
    mix += [(r["answer"], r["solution"]) for r in chosen]
    mix += [(r["answer"], rng.choice(problems)["solution"]) for r in chosen[:2000]]
    return mix


def gsm8k():
    """(gold, response, label) of the four systems' released solutions."""
    return [
        (r["ground_truth"].rpartition("A:")[2].strip(), r[s]["solution"], r[s]["is_correct"])
        for r in rows("gsm8k/example_model_solutions.jsonl")
        for s in SYSTEMS
    ]


def math_golds():
    answers = (r["answer"].strip() for s in ("train", "test") for r in rows(f"math/{s}.jsonl"))
    return [g for g in dict.fromkeys(answers) if g]


def timed(name, grader, pairs):
    """Prints the rate, and percentiles of one grade by the clock and in processor time (a busy machine
    lengthens the first, not the second)."""
    for pair in pairs[:20]:
        grader(*pair)
    wall, used = [], []
    start = time.process_time()
    for pair in pairs:
        clock, processor = time.perf_counter(), time.thread_time()
        grader(*pair)
        used.append((time.thread_time() - processor) * 1000)
        wall.append((time.perf_counter() - clock) * 1000)
    rate = len(pairs) / (time.process_time() - start)
    half, last = len(pairs) // 2, int(len(pairs) * 0.99)
    wall.sort()
    used.sort()
    clock = f"clock p50 {wall[half]:7.3f} p99 {wall[last]:8.3f} ms"
    processor = f"processor p50 {used[half]:7.3f} p99 {used[last]:8.3f} ms"
    print(f"{name:34} {len(pairs):6} grades {rate:8,.0f} /core-s   {clock}   {processor}", flush=True)


def speed(_):
    from rewriting import rewritings

    mix, gsm = math_mix(), [(g, r) for g, r, _ in gsm8k()]
    rng = random.Random(1)
    golds = rng.sample(math_golds(), 600)
    written = [(g, f"So \\boxed{{{t}}}.") for g in golds for _, t in rewritings(g)]
    written = rng.sample(written, 6000)
    timed("ours, MATH mix", ours, mix)
    timed("ours, MATH golds rewritten", ours, written)
    timed("ours, GSM8K", ours, gsm)
    timed("math-verify, MATH mix", math_verify, rng.sample(mix, 600))
    timed("math-verify, MATH golds rewritten", math_verify, rng.sample(written, 600))
    timed("math-verify, GSM8K", math_verify, rng.sample(gsm, 600))


def counted(name, grader, cases):
    """False positives and negatives of (gold, response, label)."""
    wrong = {True: 0, False: 0}
    for gold, response, label in cases:
        try:
            said = grader(gold, response)
        except Exception:
            said = False
        wrong[said] += said != label
    right = sum(label for *_, label in cases)
    print(
        f"{name:44} FP {wrong[True]:4} of {len(cases) - right:5}   FN {wrong[False]:4} of {right:5}",
        flush=True,
    )


def quality(_):
    from nearmisses import near_misses
    from rewriting import rewritings

    rng = random.Random(2)
    golds = math_golds()
    equal = [(g, f"So \\boxed{{{t}}}.", True) for g in rng.sample(golds, 300) for _, t in rewritings(g)]
    near = [(g, f"So \\boxed{{{t}}}.", False) for g in rng.sample(golds, 400) for _, t in near_misses(g)]
    sets = {
        name: [(r["gold"], r["response"], r["equal"]) for r in rows(f"verifier/{name}.jsonl")]
        for name in ("hard", "hack")
    }
    sets["pairs"] = [(r["gold"], r["pred"], r["equal"]) for r in rows("equivalence/pairs.jsonl")]
    sets["GSM8K labels"] = rng.sample(gsm8k(), 1500)
    sets["rewritten"], sets["near misses"] = rng.sample(equal, 1500), rng.sample(near, 1500)
    for name, cases in sets.items():
        own = (lambda g, r: grade(g, r, "eval").lenient) if name == "pairs" else ours
        counted(f"ours, {name}", own, cases)
        counted(f"math-verify, {name}", math_verify, cases)
        if name == "pairs":
            counted(f"ours strict, {name} in boxes", boxed, cases)
            counted(f"math-verify, {name} in dollar signs", math_verify_wrapped, cases)


def rewritten(_):
    from nearmisses import near_misses
    from rewriting import rewritings

    for name, make, label in (("rewritten", rewritings, True), ("near misses", near_misses, False)):
        cases = [(g, f"So \\boxed{{{t}}}.", label) for g in math_golds() for _, t in make(g)]
        counted(f"ours, all {name}", ours, cases)


ATTACK = """
import sys, time, resource, threading
sys.path.insert(0, {path!r})
from hostile import attacks, long_responses
from evals.verify import grade
grade("\\\\sqrt2", "\\\\boxed{{1+\\\\sqrt3}}")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
text = attacks().get({name!r}) or long_responses()[{name!r}]
response = text if {name!r} in long_responses() else "\\\\boxed{{" + text + "}}"
worst = 0.0
for gold in ("3", "x^2+1", "1,2,3", "\\\\sqrt{{2}}", "(0,1)", text[:1900]):
    found = []
    for run in (lambda: grade(gold, response, "eval"),) * 2:
        start = time.process_time()
        thread = threading.Thread(target=lambda: found.append(run()))
        if found:
            thread.start(); thread.join()
        else:
            found.append(run())
        worst = max(worst, time.process_time() - start)
    assert found[0].to_dict() | {{"ms": 0}} == found[1].to_dict() | {{"ms": 0}}
print(worst, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def attack_all(_):
    from hostile import attacks, long_responses

    path = str(Path(__file__).parents[1] / "evals" / "verify")
    results = []
    for name in (*attacks(), *long_responses()):
        code = ATTACK.format(path=path, name=name)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (name, done.stderr[-2000:])
        seconds, memory = map(float, done.stdout.split())
        results.append((seconds, memory, name))
    print(f"{len(results)} attacks, 12 gradings each; the slowest and the largest:")
    for seconds, memory, name in sorted(results, reverse=True)[:3] + sorted(results, key=lambda r: -r[1])[:3]:
        print(f"  {name:28} {seconds:6.3f} s {memory:7.1f} MB")


PROBE = """
import sys, time, resource
sys.path.insert(0, {path!r})
from probes import probes
from evals.verify import grade
grade("\\\\sqrt2", "\\\\boxed{{1+\\\\sqrt3}}")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answer, golds = probes()[{name!r}]
worst = 0.0
for gold in golds:
    start = time.process_time()
    verdict = grade(gold, "\\\\boxed{{" + answer + "}}", "eval")
    worst = max(worst, time.process_time() - start)
    assert not verdict.reason.startswith("error"), verdict
print(worst, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def probe_all(_):
    from probes import probes

    path = str(Path(__file__).parents[1] / "evals" / "verify")
    results = []
    for name in probes():
        code = PROBE.format(path=path, name=name)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (name, done.stderr[-2000:])
        seconds, memory = map(float, done.stdout.split())
        results.append((seconds, memory, name))
    print(f"{len(results)} probes, each against all its golds; the slowest and the largest:")
    for seconds, memory, name in sorted(results, reverse=True)[:3] + sorted(results, key=lambda r: -r[1])[:3]:
        print(f"  {name:28} {seconds:6.3f} s {memory:7.1f} MB")


def grammar_fuzz(count):
    """Expressions made by the grammar; the address space of this process is capped for good."""
    import grammar

    grade("\\sqrt2", "\\boxed{1+\\sqrt3}")
    resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
    reasons, worst = Counter(), (0.0, -1)
    for seed in range(count or 200_000):
        rng = random.Random(seed)
        answer = grammar.answer(rng)
        gold = grammar.gold(rng, answer)
        start = time.thread_time()
        verdict = grade(gold, f"\\boxed{{{answer}}}", "eval")
        worst = max(worst, (time.thread_time() - start, seed))
        reasons[verdict.reason.partition(":")[0]] += 1
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{sum(reasons.values())} expressions: {dict(reasons.most_common())}")
    print(
        f"slowest {worst[0]:.3f} s of processor (seed {worst[1]}), peak {memory:.0f} MB, "
        f"{reasons['error']} errors"
    )


def fuzz(count):
    import hostile
    from hypothesis import HealthCheck, given, settings

    seen = {"strings": 0, "right": 0, "limit": 0}
    slowest = [0.0]
    grade("\\sqrt2", "\\boxed{1+\\sqrt3}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = []

    @settings(
        max_examples=count or 100_000, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(hostile.golds, hostile.responses)
    def run(gold, response):
        gc.disable()  # a collection of hypothesis's heap is not the grader's time
        start = time.thread_time()
        verdict = grade(gold, response, "eval")
        slowest[0] = max(slowest[0], time.thread_time() - start)
        gc.enable()
        seen["strings"] += 1
        seen["right"] += verdict.correct
        seen["limit"] += verdict.reason.startswith("limit")
        assert not verdict.reason.startswith("error"), (gold, response, verdict)

    thread = threading.Thread(target=lambda: found.append(run()))
    thread.start()
    thread.join()
    assert found, "the fuzz run failed"
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{seen}, slowest {slowest[0]:.3f} s of processor, +{memory:.0f} MB (with hypothesis)")


PARTS = {
    "speed": speed,
    "quality": quality,
    "rewritten": rewritten,
    "attacks": attack_all,
    "probes": probe_all,
    "grammar": grammar_fuzz,
    "fuzz": fuzz,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--count", type=int)
    arguments = parser.parse_args()
    for part in arguments.parts:
        PARTS[part](arguments.count)
