"""Copies instead of draws take the headline away; honest repeats do not."""

import json

import numpy as np
import pytest

from probes.expand import expand
from probes.inputs.counts_file import from_counts
from probes.inputs.sources import from_samples


def written(path, name, texts, temperature=None):
    """A file of samples: texts[i] are the samples of problem i, whose answer is 1."""
    rows = []
    for i, many in enumerate(texts):
        rows += [
            {"problem_id": f"p{i}", "question": f"q{i}", "answer": "1", "response": text, "checkpoint": name}
            | ({} if temperature is None else {"temperature": temperature})
            for text in many
        ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def said(rng, p, i):
    """One answer of its own wording, right with probability p."""
    return f"{rng.integers(10**9)} words on {i}: \\boxed{{{1 if rng.random() < p else 2}}}"


def draws(p, seed, times=1, n=16):
    """n samples of each problem in blocks of `times` equal ones."""
    rng = np.random.default_rng(seed)
    return [[t for _ in range(n // times) for t in [said(rng, x, i)] * times] for i, x in enumerate(p)]


def headline(tmp_path, a, b, **form):
    files = [written(tmp_path / f"{n}.jsonl", n, t, **form) for n, t in (("a", a), ("b", b))]
    found = expand(from_samples(files, tmp_path / "store")).comparison
    return found, {c.name: c for c in found.all_checks}


def test_one_greedy_answer_sixteen_times_is_no_expansion(tmp_path):
    p = np.full(120, 0.2)
    found, checks = headline(tmp_path, draws(p, 0, 16), draws(p + 0.4, 1, 16))
    assert found.verdict.outcome == "expansion"
    assert (found.headline.outcome, found.headline.voided) == ("undetermined", ("copies",))
    assert "all samples are one text (1 of 16 samples" in checks["copies"].detail


def test_blocks_of_copies_are_seen(tmp_path):
    p = np.full(120, 0.2)
    found, checks = headline(tmp_path, draws(p, 0), draws(p + 0.4, 1, 2), temperature=1.0)
    assert checks["copies"].passed is False
    assert checks["copies"].detail.startswith("B: ")
    assert found.headline.outcome == "undetermined"


def test_independent_draws_keep_their_headline(tmp_path):
    p = np.full(120, 0.2)
    found, checks = headline(tmp_path, draws(p, 0), draws(p + 0.4, 1))
    assert checks["copies"].passed is True
    assert found.headline.outcome == found.verdict.outcome == "expansion"


def test_natural_repeats_are_no_copies(toy_source):
    """Samples of one token at temperature 1 repeat each other, as their probabilities say."""
    found = expand(toy_source).comparison
    checks = {c.name: c for c in found.all_checks}
    assert max(checks["duplicates"].value) > 0.5
    assert checks["copies"].passed is True


def test_counts_say_that_they_cannot_show_copies(tmp_path):
    path = tmp_path / "c.csv"
    rows = [f"p{i},{name},16,{i % 16}" for name in "ab" for i in range(40)]
    path.write_text("\n".join(["problem,checkpoint,n,c", *rows]))
    checks = {c.name: c for c in expand(from_counts(path)).comparison.all_checks}
    assert checks["duplicates"].passed is None
    assert "counts cannot show copies" in checks["duplicates"].detail
    assert "copies" not in checks


@pytest.mark.parametrize(
    ("temperature", "sure", "passed"), [(0.6, 0.7, None), (None, 0.7, False), (0.6, 1.0, False)]
)
def test_a_sure_model_at_a_stated_temperature_is_not_accused(temperature, sure, passed):
    """A model is sure of most problems, and of all only where one answer was copied."""
    from analysis.problems.copies import copies
    from probes.comparison.copied import _passed

    problem = np.repeat(np.arange(40), 16)
    varied = problem >= 40 * sure
    found = copies(problem, problem * 100 + varied * np.tile(np.arange(16), 40), problem >= 0)
    assert found.reason
    assert _passed({"temperature": temperature, "duplicates": 15 / 16}, found) is passed


def test_samples_sorted_by_text_are_not_called_copies(tmp_path):
    """Short answers repeat; in a sorted file equal ones stand side by side, as blocks of copies do."""
    rng = np.random.default_rng(0)
    right = [rng.random((120, 16)) < q for q in (0.2, 0.6)]
    other = rng.geometric(0.2, (120, 16)) + 1
    a, b = ([sorted(f"\\boxed{{{x}}}" for x in row) for row in np.where(r, 1, other)] for r in right)
    found, checks = headline(tmp_path, a, b)
    assert checks["copies"].passed is None
    assert "side by side" in checks["copies"].detail
    assert found.headline.outcome == found.verdict.outcome == "expansion"


def test_copies_are_seen_in_a_sorted_file(tmp_path):
    p = np.full(120, 0.2)
    _, checks = headline(tmp_path, draws(p, 0), [sorted(t) for t in draws(p + 0.4, 1, 4)])
    assert checks["copies"].passed is False


def test_guessing_turns_a_verdict_on_selected_problems_too(tmp_path):
    """Every answer is one number of the others' too: nothing but the rate of lucky guesses changed."""
    rng = np.random.default_rng(0)
    files = []
    for name, floor in (("a", 0.02), ("b", 0.3)):
        rows = [
            {"problem_id": f"p{i}", "question": f"q{i}", "answer": str(i % 2), "checkpoint": name,
             "response": f"{rng.integers(10**9)}: \\boxed{{{rng.integers(2) if x < floor else 7}}}"}
            for i in range(150) for x in rng.random(16)
        ]  # fmt: skip
        files.append(tmp_path / f"{name}.jsonl")
        files[-1].write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = expand(from_samples(files, tmp_path / "store"), select=(0.0, 0.25)).comparison
    assert found.verdict.outcome in ("expansion", "coverage-only")
    assert "guessing" in found.headline.voided
