"""Loading problems: every source, ids that agree across files, and clear errors."""

import gzip
import json
import sys
import types
import warnings

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.core.errors import UserError
from evals.core.hub import PROXIES
from evals.problems import load_problems, preflight, problem_set
from evals.problems.columns import gold_text, last_boxed
from evals.problems.hub import BENCHMARKS
from evals.problems.preflight import WHOLE
from evals.readers.golds import gold_of
from evals.records import Problem
from evals.verify import unmatchable


def write(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return str(path)


ROWS = [{"q": "1 + 1?", "a": "2", "w": "1+1=2"}, {"q": "2 + 2?", "a": "4", "w": "2+2=4"}]
MAPPED = "?question=q&answer=a&solutions=w"


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet", "jsonl.gz", "json.gz", "csv.gz"])
def test_the_same_rows_are_the_same_problems_in_every_format(tmp_path, kind):
    kind, _, packed = kind.partition(".")
    path = tmp_path / f"mine.{kind}"
    if kind == "jsonl":
        write(path, ROWS)
    elif kind == "json":
        path.write_text(json.dumps(ROWS))
    elif kind == "csv":
        path.write_text("q,a,w\n" + "".join(f"{r['q']},{r['a']},{r['w']}\n" for r in ROWS))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    if packed:
        path = tmp_path / f"packed.{kind}.{packed}"
        path.write_bytes(gzip.compress((tmp_path / f"mine.{kind}").read_bytes()))
    found = load_problems(str(path) + MAPPED)
    assert [(p.question, p.answer, p.solutions) for p in found.problems] == [
        ("1 + 1?", "2", ("1+1=2",)),
        ("2 + 2?", "4", ("2+2=4",)),
    ]
    assert found.fingerprint == problem_set("another name", found.problems).fingerprint
    assert [p.id for p in found.problems] == [Problem.make(r["q"], r["a"]).id for r in ROWS]


def test_a_fingerprint_is_of_content(tmp_path):
    base = load_problems(write(tmp_path / "a.jsonl", ROWS) + MAPPED)
    changed = [[{**ROWS[0], key: "5"}, ROWS[1]] for key in ("q", "a", "w")]
    prints = {load_problems(write(tmp_path / f"{i}.jsonl", rows) + MAPPED).fingerprint
              for i, rows in enumerate([*changed, ROWS[:1], ROWS[::-1]])}  # fmt: skip
    assert len(prints) == 5
    assert base.fingerprint not in prints
    assert load_problems(write(tmp_path / "b.jsonl", ROWS) + MAPPED).fingerprint == base.fingerprint


def test_all_solutions_of_a_problem_are_collected_even_past_the_limit(tmp_path):
    rows = [
        {"problem": f"p{i % 3}", "expected_answer": str(i % 3), "generated_solution": f"way {i}"}
        for i in range(9)
    ]
    found = load_problems(write(tmp_path / "omi.jsonl", rows), limit=2)
    assert [p.solutions for p in found.problems] == [("way 0", "way 3", "way 6"), ("way 1", "way 4", "way 7")]


def test_real_files_load_and_every_gold_is_looked_at(shared_data):
    expected = {
        "gsm8k/test.jsonl": (1319, 0),
        "math/test.jsonl": (5000, 0),
        "benchmarks/math500.jsonl": (500, 0),
        "benchmarks/aime24.jsonl": (30, 0),
        "benchmarks/aime25.jsonl": (30, 0),
        "benchmarks/amc23.jsonl": (40, 0),
        "benchmarks/minerva_math.jsonl": (272, 4),  # golds that are code or half of a formula
        "benchmarks/olympiadbench.jsonl": (675, 2),
    }
    for name, (count, issues) in expected.items():
        found = load_problems(str(shared_data / name))
        assert len(found.problems) == count, name
        assert len(preflight(found.problems)) <= issues, name


def test_gsm8k_golds_and_solutions_are_cut_apart(shared_data):
    first = load_problems(str(shared_data / "gsm8k" / "test.jsonl"), limit=1).problems[0]
    assert first.answer == "18"
    assert first.solutions[0].endswith("#### 18")
    assert "<<" not in first.solutions[0]
    golds = [p.answer for p in load_problems(str(shared_data / "gsm8k" / "train.jsonl")).problems]
    assert all(g.lstrip("-").replace(".", "").isdigit() for g in golds)


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("#### 1,234", "1234"),
        ("so\n#### -$1,234,567.50 \n", "-$1234567.50"),
        ("#### 1,234 apples", "1234 apples"),
        ("#### f(x) = \\frac{1,234}{5,678}", "f(x) = \\frac{1234}{5678}"),
        ("#### 1,2,3", "1,2,3"),
        ("#### 1,000, 2,000", "1,000, 2,000"),
        ("#### (3,4)", "(3,4)"),
        ("#### (3,400)", "(3,400)"),
        ("#### \\{1,200\\}", "\\{1,200\\}"),
        ("#### 10{,}000", "10{,}000"),
        ("#### 2 #### 7", "7"),
        ("#### 2\n#### 7 ####", "7"),
    ],
)
def test_only_commas_that_group_digits_are_cut_from_a_hashed_gold(tmp_path, text, gold):
    found = load_problems(write(tmp_path / "g.jsonl", [{"question": "q?", "answer": text}]))
    assert found.problems[0].answer == gold_of(text, "answer") == gold


def test_math500_problems_are_those_of_math(shared_data):
    whole = {p.question for p in load_problems(str(shared_data / "math" / "test.jsonl")).problems}
    part = {p.question for p in load_problems(str(shared_data / "benchmarks" / "math500.jsonl")).problems}
    assert len(part - whole) <= 5  # a few differ in white space


def test_rows_without_gold_are_left_out_and_named(tmp_path):
    rows = [
        {"problem": "a", "solution": "so \\boxed{}", "answer": ""},
        {"problem": "b", "solution": "\\boxed{2}"},
    ]
    path = write(tmp_path / "m.jsonl", [rows[1], rows[0]])
    with pytest.warns(UserWarning, match=r"1 problems without an answer.*line 2"):
        found = load_problems(path)
    assert [p.answer for p in found.problems] == ["2"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (27.0, "27"),
        (0.5, "0.5"),
        (7, "7"),
        ("$x+1$", "x+1"),
        ("$1$ and $2$", "$1$ and $2$"),
        (["$3$"], "3"),
        (["$1$", "$2$"], "1, 2"),
        (None, ""),
        (float("nan"), ""),
        (["#### 1,200", "so #### 3"], "1200, 3"),
    ],
)
def test_golds_are_written_one_way(value, text):
    assert gold_text(value) == text


def test_a_gold_in_a_narrow_column_is_the_shortest_text_of_its_type(tmp_path, monkeypatch):
    golds = pa.array([[0.1], [2.7, 3.0]], pa.list_(pa.float32()))
    nested = pa.array([{"is": 1e-7}, {"is": None}], pa.struct([("is", pa.float32())]))
    table = {"q": ["a?", "b?"], "a": pa.array([0.1, 3.0], pa.float32()), "list": golds, "of": nested}
    pq.write_table(pa.table(table), tmp_path / "f.parquet")
    for column, texts in {"a": ["0.1", "3"], "list": ["0.1", "2.7, 3"], "of.is": ["1e-07"]}.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # one has no gold
            found = load_problems(f"{tmp_path / 'f.parquet'}?question=q&answer={column}")
        assert [p.answer for p in found.problems] == texts

    class Rows(list):
        def __init__(self, *rows):
            super().__init__(rows)
            self.features = {
                "q": types.SimpleNamespace(dtype="string"),
                "a": types.SimpleNamespace(dtype="float32"),
            }

    rows = Rows({"q": "1/10", "a": 0.10000000149011612}, {"q": "?", "a": 2.0})
    hub(monkeypatch, lambda *_, **__: rows)
    found = load_problems("me/mine?question=q&answer=a")
    assert [p.answer for p in found.problems] == ["0.1", "2"]


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("\\boxed{1} then \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed{\\{1,2\\}}", "\\{1,2\\}"),
        ("\\boxed{3} and \\boxed{open", "3"),
        ("none", None),
        ("First \\boxed{3} …; so \\fbox{5}", "5"),
        ("First \\boxed{3} …; so it is \\boxed 5.", "5"),
        ("\\boxed{x \\\\{y} z}", "x \\\\{y} z"),
    ],
)
def test_the_last_balanced_box(text, box):
    assert last_boxed(text) == box


@given(st.text(alphabet="ab{}\\ \\boxed{", max_size=60))
@settings(deadline=None)
def test_any_text_has_a_balanced_box_or_none(text):
    box = last_boxed(text)
    assert box is None or box in text


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nonsense", "world:test"),
        ("absent.jsonl", "absent.jsonl does not exist"),
        ("math500:train", "no split 'train'"),
        ("gsm8k?levels=3", "no option 'levels'"),
        ("world:nowhere", "no split 'nowhere'"),
        ("world:test?levels=two", "whole numbers"),
        ("world:test?levels=99", "from 1 to 12"),
        ("world:test?count=0", "at least 1"),
        ("world:test?split=test", "no option 'split'"),
        ("world:test?oops", "key=value"),
    ],
)
def test_errors_name_the_thing(spec, words):
    with pytest.raises(UserError, match=words):
        load_problems(spec)


@pytest.mark.parametrize(
    ("text", "suffix", "words"),
    [
        ('{"question": "a", "answer": "1"}\n{"question": \n', "jsonl", "line 2 is not JSON"),
        ('{"question": "a", "answer": "1"}\n[1]\n', "jsonl", "line 2 is not a JSON object"),
        ('{"question": "", "answer": "1"}\n', "jsonl", "line 1: column 'question' has no question"),
        ('{"x": "a", "y": "1"}\n', "jsonl", "has columns x, y"),
        ("", "jsonl", "has no problems"),
        ("[1]", "json", "row 1 is not a JSON object"),
        ("question,answer\nq\n", "csv", "line 2: it has not as many fields"),
        ("not parquet", "parquet", "not a readable parquet"),
        ("text", "txt", "of no known kind"),
    ],
)
def test_bad_files_are_named_with_their_line(tmp_path, text, suffix, words):
    path = tmp_path / f"bad.{suffix}"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        load_problems(str(path))


def test_a_wrong_column_is_named_with_what_there_is(tmp_path):
    path = write(tmp_path / "a.jsonl", ROWS)
    with pytest.raises(UserError, match="no column 'z' for the question; it has q, a, w"):
        load_problems(path + "?question=z&answer=a")
    with pytest.raises(UserError, match="no option 'gold'"):
        load_problems(path + "?gold=a")


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"problem": "p17", "question": "What is 2+2?", "answer": "4"}, "question"),
        ({"problem": 17, "question": "What is 2+2?", "answer": "4"}, "question"),
        ({"question": "What is 2+2?", "answer": "5", "gold": "4"}, "gold"),
        ({"question": "What is 2+2?", "answer": "5", "final_answer": "4"}, "final_answer"),
    ],
)
def test_two_columns_that_may_be_meant_are_named(tmp_path, row, column):
    """`problem` was asked where it is an id, and `answer` was the gold where it is a model's own."""
    path = write(tmp_path / "a.jsonl", [row])
    with pytest.raises(UserError, match=f"line 1: columns .* and {column!r} say two things"):
        load_problems(path)
    (found,) = load_problems(
        path + f"?question=question&answer={'answer' if column == 'question' else column}"
    ).problems
    assert (found.question, found.answer) == ("What is 2+2?", "4")


def test_columns_that_say_the_same_are_taken(tmp_path):
    row = {"problem": "What is 2+2?", "question": "What is 2+2? ", "answer": "So it is 4.\n#### 4"}
    row |= {"final_answer": 4.0, "gold": "\\boxed{4}", "ground_truth": None}
    (found,) = load_problems(write(tmp_path / "a.jsonl", [row])).problems
    assert (found.question, found.answer) == ("What is 2+2?", "4")


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"question": "\xff", "answer": "1"}\n')
    with pytest.raises(UserError, match="not text in UTF-8"):
        load_problems(str(path))


def hub(monkeypatch, load):
    """Put `load` in the place of datasets.load_dataset, on a hub that answers; no local data."""
    monkeypatch.setattr("evals.problems.hub.hub_or_cache", lambda: True)
    monkeypatch.delenv("EXCURSIONS_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_unreachable_hub_says_which_file_to_bring(monkeypatch, name):
    def load(*_, **__):
        raise ConnectionError("no route")

    hub(monkeypatch, load)
    with pytest.raises(UserError, match=rf"(?s){BENCHMARKS[name].path}.*bring it as DIR/{name}/.*--data DIR"):
        load_problems(name)


def test_a_hub_that_cannot_be_reached_is_not_waited_for(monkeypatch, tmp_path):
    """Seen to fail: half a minute of retries, and seconds of imports, before the same sentence."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for name in ("EXCURSIONS_DATA", "HF_DATASETS_CACHE", "HF_HUB_OFFLINE", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "datasets", None)  # may not even be imported
    with pytest.raises(
        UserError, match=r"openai/gsm8k \(it cannot be reached\); bring it as DIR/gsm8k/test.jsonl"
    ):
        load_problems("gsm8k")


@pytest.mark.parametrize(
    "place", ["gsm8k/test.jsonl", "gsm8k_test.jsonl", "gsm8k.jsonl", "sets/gsm8k/test.jsonl"]
)
def test_a_folder_of_local_data_stands_for_the_hub(monkeypatch, tmp_path, place):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    write(tmp_path / place, [{"question": "1+1?", "answer": "so 2\n#### 2"}])
    found = load_problems("gsm8k", data=tmp_path)
    assert (found.name, found.problems[0].answer) == ("gsm8k", "2")
    monkeypatch.setenv("EXCURSIONS_DATA", str(tmp_path))
    assert load_problems("gsm8k:test").fingerprint == found.fingerprint
    with pytest.raises(UserError, match=r"data folder .*none does not exist; check --data"):
        load_problems("gsm8k", data=tmp_path / "none")


def test_a_benchmark_reads_every_configuration(monkeypatch):
    asked = []

    def load(path, config, *, split, revision):
        asked.append((path, config, split))
        return [{"problem": f"of {config}", "solution": "so \\boxed{1}", "level": "Level 1"}]

    hub(monkeypatch, load)
    found = load_problems("math:train")
    assert len(asked) == len(found.problems) == 7
    assert {split for _, _, split in asked} == {"train"}
    assert found.problems[0].meta == {"dataset": "math", "level": "Level 1"}


def test_any_data_set_of_the_hub_takes_a_column_map(monkeypatch):
    def load(path, config, *, split, revision):
        assert (path, config, split, revision) == ("me/mine", "c", "dev", None)
        return [{"q": "1+1", "a": 2}]

    hub(monkeypatch, load)
    found = load_problems("me/mine?split=dev&config=c&question=q&answer=a")
    assert (found.problems[0].question, found.problems[0].answer) == ("1+1", "2")


def test_the_world_takes_levels_count_and_seed():
    found = load_problems("world:test?levels=2,3&count=40&seed=5")
    assert len(found.problems) == 40
    assert {p.meta["level"] for p in found.problems} == {2, 3}
    assert found.fingerprint == load_problems("world:test?levels=2,3&count=40&seed=5").fingerprint
    assert found.fingerprint != load_problems("world:test?levels=2,3&count=40&seed=6").fingerprint


def test_preflight_finds_golds_that_no_answer_can_meet():
    good = Problem.make("q", "\\frac{1}{2}")
    bad = Problem.make("q", "np.arcsin(10/13)")
    assert [i.problem for i in preflight([good, bad, good])] == [bad.id]


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_whole_golds_that_preflight_skips_are_read_by_the_verifier(number):
    assert WHOLE.fullmatch(str(number))
    assert unmatchable(str(number)) is None


@pytest.mark.parametrize("gold", ["-0", "007", "1\n", "1.", "+1", "１", str(10**18)])
def test_other_golds_are_left_to_the_verifier(gold):
    assert WHOLE.fullmatch(gold) is None


def test_files_without_gold_give_no_warning_where_all_have_one(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = load_problems(write(tmp_path / "a.jsonl", ROWS) + MAPPED)
    assert len(found.problems) == len(ROWS)


def test_a_column_may_lie_inside_another(tmp_path):
    row = {
        "prompt": [{"role": "user", "content": "x"}],
        "reward_model": {"ground_truth": "42"},
        "extra": {"q": "6*7?"},
    }
    (tmp_path / "p.jsonl").write_text(json.dumps(row) + "\n")
    found = load_problems(f"{tmp_path / 'p.jsonl'}?question=extra.q&answer=reward_model.ground_truth")
    assert [(p.question, p.answer) for p in found.problems] == [("6*7?", "42")]
