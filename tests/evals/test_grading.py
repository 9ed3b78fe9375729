"""Grades, counts and cell reports against a direct computation from the samples."""

import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest

from evals import verify
from evals.core.errors import UserError
from evals.grading import workers as grade_workers
from evals.grading.block import Golds, other_problem, verdicts_of
from evals.grading.store_grading import cell_report, counts, grade_store
from evals.problems import problem_set
from evals.records import Problem, Sample
from evals.store import SampleStore
from evals.store.schema import GRADES
from tests.evals.fake_engine import FakeEngine, arguments, files, sample, world_problems


@pytest.fixture(scope="module")
def problems():
    return world_problems()


def sampled(path, problems, **changes):
    store = SampleStore(path)
    engine = changes.pop("engine", FakeEngine())
    return store, sample(engine, problems, **arguments(store, **changes))


@pytest.fixture(scope="module")
def graded(tmp_path_factory, problems):
    store, cell = sampled(tmp_path_factory.mktemp("graded") / "s", problems, n=40)
    assert grade_store(store, [cell]) == 480
    return store, cell


def test_grades_are_the_verifiers(graded, problems):
    store, cell = graded
    golds = {p.id: p.answer for p in problems.problems}
    samples = store.samples([cell]).set_index("key")
    grades = store.grades([cell])
    assert list(grades.columns) == GRADES.names
    for row in grades.itertuples():
        verdict = verify.grade(golds[row.problem], samples.loc[row.key, "text"], mode="eval")
        assert (row.correct, row.lenient, row.route, row.stage, row.reason) == (
            verdict.correct, verdict.lenient, verdict.route, verdict.stage, verdict.reason
        )  # fmt: skip
        assert row.gold == golds[row.problem]
    assert set(grades["grader_version"]) == {str(verify.VERSION)}


def test_grading_again_grades_nothing_and_more_samples_only_those(tmp_path, problems):
    store, cell = sampled(tmp_path / "s", problems, n=8)
    assert grade_store(store, [cell]) == 96
    before = files(store.path)
    assert grade_store(store, [cell]) == 0
    assert files(store.path) == before
    sampled(store.path, problems, n=40)
    with pytest.raises(UserError, match="384 samples of a are not graded"):
        counts(store, [cell])
    assert grade_store(store, [cell]) == 480 - 96


def test_a_new_version_of_the_verifier_grades_beside_the_old(tmp_path, problems, monkeypatch):
    store, cell = sampled(tmp_path / "s", problems)
    grade_store(store, [cell])
    engine_texts = store.samples([cell])["text"].tolist()
    old = store.grades([cell])
    monkeypatch.setattr(verify, "VERSION", "next")
    with pytest.raises(UserError, match="not graded by this version"):
        counts(store, [cell])
    assert grade_store(store, [cell]) == 96
    assert store.samples([cell])["text"].tolist() == engine_texts
    assert len(pd.read_parquet(store.path / "grades")) == 192
    pd.testing.assert_frame_equal(store.grades([cell], version=old["grader_version"][0]), old)


def test_processes_leave_the_bytes_of_one(graded, tmp_path, problems):
    store, cell = sampled(tmp_path / "s", problems, n=40)
    assert grade_store(store, [cell], workers=2) == 480
    assert files(store.path) == files(graded[0].path)


def test_a_plain_script_may_grade_in_processes(tmp_path, problems):
    """No `if __name__ == "__main__"` needed: the processes do not run the script again."""
    store, _ = sampled(tmp_path / "s", problems)
    script = tmp_path / "script.py"
    script.write_text(
        "from evals.grading.store_grading import grade_store\nfrom evals.store import SampleStore\n"
        f"store = SampleStore({str(store.path)!r})\n"
        "print(grade_store(store, list(store.cells()), workers=2))\n"
    )
    out = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "96"


def test_errors_and_deaths_of_grading_processes_reach_the_caller(tmp_path, problems, monkeypatch):
    store, cell = sampled(tmp_path / "s", problems)
    block = store.sample_table.blocks(cell)[-1]
    whole = block.read_bytes()
    block.write_bytes(whole[: len(whole) // 2] + whole[len(whole) // 2 + 1 :])
    with pytest.raises(UserError, match=block.name):
        grade_store(store, [cell], workers=2)
    block.write_bytes(whole)
    monkeypatch.setattr(grade_workers, "START", ["-c", "import os; os.kill(os.getpid(), 9)"])
    with pytest.raises(UserError, match="a grading process died"):
        grade_store(store, [cell], workers=2)
    monkeypatch.undo()
    assert grade_store(store, [cell], workers=2) <= 96
    assert counts(store, [cell])["n"].sum() == 96


def test_counts_are_the_grades_counted(graded):
    store, cell = graded
    grades = store.grades([cell])
    frame = counts(store, [cell])
    expected = grades.groupby("problem")["correct"].agg(["size", "sum"])
    assert frame["problem"].tolist() == expected.index.tolist()
    assert frame["n"].tolist() == expected["size"].tolist()
    assert frame["c"].tolist() == expected["sum"].tolist()
    assert set(frame["checkpoint"]) == {"a"}


def test_counts_of_the_first_n_and_of_some_problems(graded, problems):
    store, cell = graded
    some = {p.id for p in problems.problems[:5]}
    frame = counts(store, [cell], problems=some, n=16).set_index("problem")
    grades = store.grades([cell]).query("index < 16")
    expected = grades[grades["problem"].isin(some)].groupby("problem")["correct"].sum()
    assert frame["c"].to_dict() == expected.to_dict()
    assert set(frame["n"]) == {16}
    with pytest.raises(UserError, match="no samples of a for these problems"):
        counts(store, [cell], problems=["unknown"])


def test_two_cells_of_one_name_cannot_be_counted_together(tmp_path, problems):
    store, first = sampled(tmp_path / "s", problems)
    _, second = sampled(tmp_path / "s", problems, engine=FakeEngine("weights-b"))
    grade_store(store, [first, second])
    with pytest.raises(UserError, match="two sets of samples have the name a"):
        counts(store, [first, second])


def test_a_copied_shard_is_refused(tmp_path, problems):
    store, cell = sampled(tmp_path / "s", problems)
    grade_store(store, [cell])
    for folder in ("samples", "grades"):
        block = next((store.path / folder / cell).rglob("*.parquet"))
        block.with_name("copy.parquet").write_bytes(block.read_bytes())
    with pytest.raises(UserError, match="twice"):
        counts(store, [cell])


def test_the_cell_report_is_what_a_direct_computation_gives(graded):
    store, cell = graded
    samples, grades = store.samples([cell]), store.grades([cell])
    both = samples.merge(grades, on="key", suffixes=("", "_grade"))
    report = cell_report(store, cell)
    cut = both["finish_reason"] == "length"
    repeats = both.duplicated(["problem", "text"]).sum()
    expected = {
        "checkpoint": "a", "problems": 12, "samples": 480, "n": 40, "template": "world", "shots": 0,
        "chat": False, "temperature": 0.6, "top_p": 0.95, "max_tokens": 64, "stops": [], "engine": "fake",
        "strict": both["correct"].mean(), "lenient": both["lenient"].mean(), "truncated": cut.mean(),
        "truncated_credited": (cut & both["lenient"] & ~both["correct"]).mean(),
        "extraction_failures": (both["answer"].isna()).mean(), "verifier_errors": 0,
        "duplicates": repeats / 480, "mean_tokens": both["tokens"].mean(),
        "guess_floor": both["guess"].mean(), "routes": dict(Counter(both["route"])),
    }  # fmt: skip
    for name, value in expected.items():
        assert report[name] == pytest.approx(value), name
    assert report["golds"] is None
    assert 0 < report["extraction_failures"] < 0.3
    assert report["truncated_credited"] > 0 or not (cut & both["lenient"] & ~both["correct"]).any()


def test_prompts_have_one_hash_whatever_n_and_another_for_other_shots(tmp_path, problems):
    def hash_of(**changes):
        store, cell = sampled(tmp_path / "s", problems, **changes)
        grade_store(store, [cell])
        return cell_report(store, cell)["prompt_hash"]

    assert hash_of(n=2) == hash_of(n=4) == hash_of(n=4, engine=FakeEngine("weights-b"))
    assert hash_of(n=4) != hash_of(n=4, shots=1)


def test_the_guess_floor_grades_against_another_gold(graded, problems):
    store, cell = graded
    golds = {p.id: p.answer for p in problems.problems}
    grades = store.grades([cell])
    order = Golds(golds, sorted(golds))
    for place in range(len(order.order)):
        others = [other_problem(order, place, index) for index in range(40)]
        assert all(o is not None and golds[o] != golds[order.order[place]] for o in others)
        assert len(set(others)) > 5
    assert (grades["guess"] & grades["correct"]).sum() == 0  # no answer equals two different integers


def test_the_guess_floor_of_a_data_set_is_its_own(tmp_path):
    """Seen to fail: golds of another benchmark in the cell were taken, and the floor went from 0 to 0.9."""

    def of(name, golds):
        made = [Problem.make(f"{name} {i}?", gold, (), {"dataset": name}) for i, gold in enumerate(golds)]
        return problem_set(name, made)

    def guesses(folder, *others):
        class Sevens(FakeEngine):
            def _one(self, request):
                return Sample("\\boxed{7}", (1,), (-1.0,), "stop")

        for held in (*others, one):
            store, cell = sampled(tmp_path / folder, held, engine=Sevens())
        grade_store(store, [cell])
        grades = store.grades([cell]).set_index("key").sort_index()
        return grades.loc[grades["problem"].isin([p.id for p in one.problems]), "guess"]

    one, many = of("one", [str(i) for i in range(5, 15)]), of("many", ["7"] * 90)
    alone = guesses("alone")
    assert 0 < alone.mean() < 0.2
    pd.testing.assert_series_equal(guesses("both", many), alone)


def test_where_all_golds_are_equal_there_is_no_guess_floor(tmp_path):
    same = problem_set("same", [Problem.make(f"Question {i}?", "7") for i in range(3)])
    store, cell = sampled(tmp_path / "s", same)
    grade_store(store, [cell])
    assert cell_report(store, cell)["guess_floor"] is None


def test_a_sample_without_its_problem_is_named(tmp_path):
    store = SampleStore(tmp_path / "s")
    store.add([{"key": "k", "cell": "x", "checkpoint": "a", "problem": "gone", "index": 0, "text": "1"}])
    store.add_cell("x", {"checkpoint": "a"})
    with pytest.raises(UserError, match="no gold answer of problem gone"):
        grade_store(store, ["x"])


def test_a_cell_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="has no cell zzz"):
        grade_store(SampleStore(tmp_path / "s"), ["zzz"])


def test_released_accuracies_of_four_systems(shared_data, tmp_path):
    from evals.readers import import_samples

    store = SampleStore(tmp_path / "s")
    cells = import_samples([shared_data / "gsm8k" / "example_model_solutions.jsonl"], store)
    grade_store(store, cells)
    found = {r["checkpoint"]: round(100 * r["strict"], 1) for r in (cell_report(store, c) for c in cells)}
    released = {
        "6b_finetuning": 21.7,
        "6b_verification": 39.0,
        "175b_finetuning": 34.7,
        "175b_verification": 56.3,
    }
    assert found == released


def test_a_lenient_reading_that_is_left_undecided_goes_to_the_symbolic_verifier_too():
    said = "We get $\\frac{n(n+1)}{2}$", "\\boxed{7} The final answer is $\\frac{n(n+1)}{2}$."
    pairs = [("\\sum_{k=1}^{n} k", text, None) for text in (*said, "We get $n(n+1)$")]
    found = verdicts_of(pairs)
    assert [(found[pair].correct, found[pair].lenient) for pair in pairs] == [
        (False, True), (False, True), (False, False)
    ]  # fmt: skip


def test_what_the_fast_verifier_leaves_undecided_goes_to_the_symbolic_one(shared_data, tmp_path):
    """On real responses, and on answers that need sympy: the verdicts are those of the Grader."""
    import json

    rows = [json.loads(line) for line in (shared_data / "logs" / "math_cot_100.jsonl").open()][:20]
    pairs = [(row["answer"], text, None) for row in rows for text in row["code"]]
    pairs += [("\\sin^2 x+\\cos^2 x", "\\boxed{1}", None), ("\\ln 6", "\\boxed{\\ln 2+\\ln 3}", None)]
    pairs += [("x", "it is 7", None), ("0.5", "\\boxed{0.5\\%}", "What percentage is it?")]
    found = verdicts_of(pairs)
    with verify.Grader(mode="eval", workers=1) as grader:
        for pair, verdict in zip(pairs, grader.grade_many(pairs), strict=True):
            mine = found[pair]
            assert (mine.correct, mine.lenient, mine.stage, mine.reason, mine.answer) == (
                verdict.correct, verdict.lenient, verdict.stage, verdict.reason, verdict.answer
            )  # fmt: skip


def test_errors_of_the_verifier_are_counted(tmp_path, problems, monkeypatch):
    """Also those that it meets in this process: they are wrong answers to every other number."""

    def failing(gold, answer, c):
        raise ZeroDivisionError

    store, cell = sampled(tmp_path / "s", problems, n=4, seed=77)
    with monkeypatch.context() as patch:
        patch.setattr("evals.verify.decide._plainly", lambda gold, answer: None)
        patch.setattr("evals.verify.decide._chosen", failing)
        grade_store(store, [cell])
    grades = store.grades([cell])
    failed = grades["reason"] == "error:ZeroDivisionError"
    assert failed.any()
    assert cell_report(store, cell)["verifier_errors"] == failed.sum()
