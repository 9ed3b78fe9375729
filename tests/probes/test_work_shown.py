"""Work shown: bare answers, derivations, and what stands between; passes with work against a second count."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.passk import pass_at_k
from evals.core.errors import UserError
from probes.measures.paired import infer
from probes.measures.work_shown import bare, verdicts, work_k, work_measures, work_shown, work_table

NO_WORK = [
    "", "42", r"\boxed{42}", r"$\boxed{\frac{1}{2}}$", r"\boxed{x^2 + 3x}", "#### 18", "The answer is 18.",
    "The final answer is: "
    "$\\boxed{3+4}$.", "Answer: 7", "<think></think>\n\\boxed{5}", "x = 7", "So the answer is 3.5.",
    r"Therefore, the final answer is: $\boxed{4}$. I hope it is "
    r"correct.", r"\boxed{12", "Sure! \\boxed{3}", "$7$",
    "the the the the the the the the the the the the the the the the answer is "
    "4", "-5", "2, 3", "1/2 is it"[:0] + "yes",
]  # fmt: skip
WORK = [
    "3 + 4 = 7, so "
    "\\boxed{7}", "2x = 10\n#### 5", r"$\frac{6}{2}$ gives \boxed{3}", "48/2 = 24. The answer is 72.",
    "Tom has three apples and buys four more at the shop, which makes seven apples in all. #### 7",
    r"$6 \times 7$. \boxed{42}", "Natalia sold 48 / 2 = <<48/2=24>>24 clips in May.\n#### 72",
    "(a+b)(a-b), hence a^2 - b^2", "x - 3 is 4 \\boxed{7}", r"By symmetry $\sqrt{16}$ is \boxed{4}.",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_WORK)
def test_bare_answers_show_no_work(text):
    assert not work_shown(text), bare(text)


@pytest.mark.parametrize("text", WORK)
def test_derivations_show_work(text):
    assert work_shown(text), bare(text)


def test_the_question_said_again_is_no_work():
    question = "What is 3 + 4, if each of the seven dwarfs buys another apple at the market on Monday?"
    text = f"{question}\n\\boxed{{7}}"
    assert work_shown(text)
    assert not work_shown(text, question)


def test_passes_with_work_are_those_of_a_second_count():
    rng = np.random.default_rng(0)
    rows = [
        {
            "problem": p,
            "text": "3 + 4 = 7 \\boxed{7}" if rng.random() < 0.6 else "\\boxed{7}",
            "correct": bool(c),
        }
        for p in range(40)
        for c in rng.random(8) < p / 40
    ]
    frame = pd.DataFrame(rows)
    table = work_table(frame)
    work = frame[frame["correct"] & frame["text"].str.contains("=")].groupby("problem").size()
    right = frame[frame["correct"]].groupby("problem").size()
    assert table["right"].sum() == right.sum()
    assert table["no_work"].sum() == right.sum() - work.sum()
    assert table["work_pass_1"].mean() == pytest.approx(work.sum() / len(frame))
    c = work.reindex(range(40), fill_value=0).to_numpy()
    expected = 1 - np.array([np.prod([(8 - k - i) / (8 - i) for i in range(4)]) for k in c])
    assert table["work_pass_k"].to_numpy() == pytest.approx(expected, abs=1e-12)
    assert work_k(8) == 4


def test_planted_share_without_work_is_found():
    rows = [
        {"problem": i, "text": "\\boxed{7}" if i % 4 else "3 + 4 = 7", "correct": True} for i in range(80)
    ]
    table = work_table(pd.DataFrame(rows))
    assert table["no_work"].sum() / table["right"].sum() == 0.75
    assert work_k(1) == 1


@pytest.mark.parametrize(
    "text", ["\\boxed{" * 5000, "answer is " * 4000, "{" * 20000, "1-" * 10000, "a " * 10000]
)
def test_adversarial_texts_come_back(text):
    assert work_shown(text) in (True, False)  # a rule that backtracks would not come back


def test_real_derivations(shared_data):
    """800 responses of a model that was asked to reason: by eye all show work."""
    lines = (shared_data / "logs" / "math_cot_100.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    texts = [(t, row["question"]) for row in rows for t in row["code"]]
    share = np.mean([not work_shown(t, q) for t, q in texts])
    assert share < 0.01


def test_the_diversity_finding_carries_the_share_with_its_paired_difference():
    """A always shows work and B, as often right, in one answer of two: a planted share of .5."""
    rng = np.random.default_rng(1)
    tables = {}
    for name, share in (("A", 0.0), ("B", 0.5)):
        bare_one = rng.random((60, 16)) < share
        rows = [
            {
                "problem": f"{p:02d}",
                "text": "\\boxed{7}" if bare_one[p, i] else "3 + 4 = 7",
                "correct": i % 2 == 0,
            }
            for p in range(60)
            for i in range(16)
        ]
        tables[name] = work_table(pd.DataFrame(rows))
    found = infer(tables, work_measures(16), [("A", "B")])
    row = next(r for r in found["differences"] if r["measure"] == "no_work_per_right")
    assert row["low"] < 0.5 < row["high"]
    assert row["low"] > 0.4


@pytest.mark.parametrize(("shift", "truth"), [(0.0, (0, 0, 0)), (0.3, (0.2400, -0.0600, -0.0521))])
def test_intervals_cover_the_truth(shift, truth):
    """Two draws of one model, and a planted share; 200 runs gave .94, .955, .935 and .975, .945, .945."""
    measures = work_measures(32)
    covered = np.zeros(3)
    for run in range(40):
        rng = np.random.default_rng(run)
        p, share = rng.beta(0.4, 1.2, 200), rng.beta(1, 4, 200)
        tables = {"A": counted(rng, p, share), "B": counted(rng, p, share + shift * (1 - share))}
        rows = infer(tables, measures, [("A", "B")], seed=run)["differences"]
        covered += [r["low"] <= t <= r["high"] for r, t in zip(rows, truth, strict=True)]
    assert (covered >= 34).all()  # of a true .95, fewer than 34 of 40 come with probability .003


def counted(rng, p, share, n=32):
    """The columns of `work_table` for problems with rate p, of whose right samples a share is bare."""
    right = rng.binomial(n, p)
    bare_ones = rng.binomial(right, share)
    rates = pass_at_k(np.full(len(p), n), right - bare_ones, [1, 16])
    columns = {"right": right, "no_work": bare_ones, "work_pass_1": rates[:, 0], "work_pass_k": rates[:, 1]}
    return pd.DataFrame(columns, dtype=float)


def test_a_judge_is_imported_only_where_it_fits(tmp_path):
    frame = pd.DataFrame({"key": list("abcd"), "problem": ["x"] * 4, "index": range(4), "answer": ["1"] * 4,
                          "correct": [True, True, False, True]})  # fmt: skip
    samples = {"base": frame}
    file = tmp_path / "verdicts.csv"

    def read(rows, head="key,valid"):
        file.write_text("\n".join([head, *rows]) + "\n")
        return verdicts(file, samples)

    found = read(["a,1", "b,0", "d,true"])
    assert found.to_dict() == {"a": True, "b": False, "d": True}
    table = work_table(frame.assign(text=""), found, "judged_")
    assert table.loc["x", ["judged_right", "judged_no_work", "judged_work_pass_1"]].tolist() == [3, 1, 0.5]
    placed = read([f"base,x,{i},1" for i in (0, 1, 3)], "checkpoint,problem,index,valid")
    assert placed.to_dict() == dict.fromkeys("abd", True)
    for rows, says in (
        (["a,1", "b,0"], "no verdict on 1 right samples"),
        (["a,1", "b,0", "d,perhaps"], "line 4: valid is neither true nor false"),
        (["a,1", "a,0", "b,1", "d,1"], "line 3: this sample is judged twice"),
        (["a,1", "b,1", "d,1", "z,1"], "line 5: there is no such sample here"),
    ):
        with pytest.raises(UserError, match=says):
            read(rows)
    with pytest.raises(UserError, match="has no column 'valid'"):
        read(["a,1"], "key,verdict")
