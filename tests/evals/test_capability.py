"""General capability: local files in lm-eval's own tasks, the world's cloze, changes in pairs."""

import json
import math
import shutil
from itertools import islice

import pandas as pd
import pytest

from evals.capability import capability, changes, read_items, summary
from evals.capability.cloze import HELD_OUT, KINDS, bits_per_byte, held_out, score_cloze
from evals.capability.local import COLUMNS, find, instruction, rows
from evals.capability.results import write_items
from evals.core.errors import UserError
from evals.engines import open_engine
from evals.world import Mixture, cloze, documents
from tests.evals.tiny import checkpoint

QUESTION = (
    "Please choose the correct answer to the question: Predators eat\n\nAnswer1: lions Answer2: bunnies\n\n"
)
ROW = {"instruction": QUESTION + "Answer format: answer1/answer2", "answer": "answer2"}


@pytest.mark.parametrize(
    ("task", "name", "count"),
    [
        ("arc_easy", "ARC-Easy_test.json", 2376),
        ("arc_challenge", "ARC-Challenge_test.json", 1172),
        ("openbookqa", "openbookqa_test.json", 500),
        ("piqa", "piqa_test.json", 1838),
    ],
)
def test_real_local_files_become_the_columns_of_the_hub(shared_data, task, name, count):
    folder = shared_data / "general"
    assert find(folder, task) == find(shared_data, task) == folder / name
    found = rows(folder / name, task)
    assert len(found) == count
    if task == "piqa":
        assert all(r["goal"] and r["sol1"] and r["sol2"] and r["label"] in (0, 1) for r in found)
    else:
        asked = "question_stem" if task == "openbookqa" else "question"
        assert all(r[asked] and r["answerKey"] in r["choices"]["label"] for r in found)
        assert all(len(r["choices"]["text"]) == len(r["choices"]["label"]) in (3, 4, 5) for r in found)
        texts = [t for r in found for t in r["choices"]["text"]]
        assert sum(not t for t in texts) <= 2
        assert not any("Answer format" in t or "Answer1" in t for t in texts)


def test_an_instruction_is_taken_apart():
    assert instruction(ROW, "here") == ("Predators eat", ["lions", "bunnies"], 1)


@pytest.mark.parametrize(
    "row",
    [
        ROW | {"answer": "answer3"},
        ROW | {"answer": "none"},
        ROW | {"instruction": "What?"},
        ROW | {"instruction": "Answer2: a Answer1: b"},
    ],
)
def test_instructions_that_do_not_add_up_are_named(row):
    with pytest.raises(UserError, match=r"^line 3"):
        instruction(row, "line 3")


def test_a_file_without_the_columns_is_named(tmp_path):
    (tmp_path / "hellaswag.jsonl").write_text(json.dumps({"ctx": "a"}) + "\n")
    with pytest.raises(UserError, match=r"hellaswag.jsonl line 1 lacks a column; hellaswag needs ctx_a"):
        rows(tmp_path / "hellaswag.jsonl", "hellaswag")
    with pytest.raises(UserError, match="does not exist"):
        find(tmp_path / "nowhere", "piqa")
    assert find(tmp_path, "piqa") is None


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return str(checkpoint(tmp_path_factory.mktemp("capability") / "tiny"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Small local files of every benchmark, in both layouts."""
    folder = tmp_path_factory.mktemp("data")
    hellaswag = {"ctx_a": "Ana has a dog.", "ctx_b": "it", "activity_label": "Pets", "label": "1"}
    hellaswag |= {"endings": ["ran away.", "sleeps now.", "has apples.", "is red."]}
    four = {"text": ["one", "two pears", "three", "four"], "label": ["A", "B", "C", "D"]}
    files = {
        "lambada.jsonl": [{"text": f"Ben has 12 coins. Then Ben gets {i} coins"} for i in range(3)],
        "hellaswag.jsonl": [hellaswag],
        "ARC-Easy.jsonl": [ROW, {"question": "How many?", "choices": four, "answerKey": "C"}],
        "arc_challenge.jsonl": [{"question": "Why?", "choices": four, "answerKey": "A"}] * 2,
        "piqa.jsonl": [{"goal": "g", "sol1": "Ana", "sol2": "seven stones", "label": 1}],
        "openbookqa.jsonl": [{"question_stem": "Sun is", "choices": four, "answerKey": "B"}],
    }
    for name, lines in files.items():
        (folder / name).write_text("".join(json.dumps(r) + "\n" for r in lines))
    return folder


def test_the_world_is_asked_only_of_checkpoints_that_were_trained_on_it(tiny, tmp_path):
    stranger = shutil.copytree(tiny, tmp_path / "stranger")
    (stranger / "lineage.json").unlink()
    with pytest.raises(UserError, match="stranger was not trained on the synthetic world"):
        capability([tiny, str(stranger)], tmp_path / "out", tasks=["world"])
    told = []
    with pytest.raises(UserError, match=r"lm-eval cannot be|data folder|hub|no items|load"):
        capability([str(stranger)], tmp_path / "out", tasks=["world", "piqa"], data=tmp_path / "none",
                   progress=told.append)  # fmt: skip
    assert told == [f"world: left out, {stranger} was not trained on it"]


@pytest.fixture(scope="module")
def measured(tiny, data, tmp_path_factory):
    pytest.importorskip("lm_eval", reason="lm-eval is not installed")
    out = tmp_path_factory.mktemp("out")
    return out, capability([tiny], out, data=data)


def test_every_task_gives_every_item(measured):
    _, items = measured
    counts = items.groupby(["task", "metric"]).size().to_dict()
    assert counts == {
        ("lambada", "acc"): 3,
        **{(t, m): n for t, n in (("hellaswag", 1), ("arc_easy", 2), ("arc_challenge", 2), ("piqa", 1),
                                  ("openbookqa", 1)) for m in ("acc", "acc_norm")},
        **{(f"world_{t}", m): n for t, n in (("facts", 200), ("stories", 200)) for m in ("acc", "acc_norm")},
    }  # fmt: skip
    assert set(items["checkpoint"]) == {"tiny"}


def test_lm_eval_chose_what_our_own_engine_finds_likeliest(measured, tiny):
    _, items = measured
    engine = open_engine(tiny)
    cases = {
        "piqa": ("Question: g\nAnswer:", ["Ana", "seven stones"], 1),
        "openbookqa": ("Sun is", ["one", "two pears", "three", "four"], 1),
    }
    for task, (context, choices, right) in cases.items():
        ids = engine.encode(context)
        tails = [engine.encode(f"{context} {c}")[len(ids) :] for c in choices]
        totals = [sum(s) for s in engine.score([ids] * len(choices), tails)]
        normed = [t / len(c) for t, c in zip(totals, choices, strict=True)]
        found = items[items["task"] == task].set_index("metric")["correct"]
        assert found["acc"] == (totals.index(max(totals)) == right)
        assert found["acc_norm"] == (normed.index(max(normed)) == right)


def test_what_is_measured_is_not_measured_again(measured, tiny, data, monkeypatch):
    out, items = measured

    def never(*_, **__):
        raise AssertionError("measured again")

    for name in ("run_task", "open_model", "_world"):
        monkeypatch.setattr(f"evals.capability.measure.{name}", never)
    again = capability([tiny], out, data=data)
    pd.testing.assert_frame_equal(again, items)
    assert len(read_items(out)) == len(items)
    for other in ({"limit": 1}, {"dtype": "bfloat16"}):
        with pytest.raises(AssertionError, match="measured again"):
            capability([tiny], out, data=data, **other)
    monkeypatch.setattr("evals.capability.measure.version", lambda package: f"another {package}")
    with pytest.raises(AssertionError, match="measured again"):
        capability([tiny], out, data=data)


def test_equal_weights_under_two_names_are_two_checkpoints(tiny, tmp_path):
    """Fails where items are named by their weights: all became the second's, twice over."""
    copy = shutil.copytree(tiny, tmp_path / "copy")
    alone = summary(capability([tiny], tmp_path / "out", tasks=["world"], limit=40))
    items = capability([tiny, str(copy), tiny], tmp_path / "out", tasks=["world"], limit=40)
    both = summary(items)
    for name in ("tiny", "copy"):
        part = both[both["checkpoint"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(part.assign(checkpoint="tiny"), alone)
    assert (changes(items, "tiny", "copy")["delta"] == 0).all()
    assert len(read_items(tmp_path / "out")) == len(items) / 2


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("hellaswag_train.jsonl", "hellaswag_val.jsonl"), "hellaswag_val.jsonl"),
        (("hellaswag_test.jsonl", "hellaswag_val.jsonl"), "hellaswag_val.jsonl"),
        (("ARC-Easy-Dev.jsonl", "ARC-Easy-Test.jsonl", "ARC-Easy-Train.jsonl"), "ARC-Easy-Test.jsonl"),
        (("piqa_train.jsonl", "piqa_valid.jsonl"), "piqa_valid.jsonl"),
        (("piqa_train.json", "piqa_test.json"), "piqa_test.json"),  # how LLM-Adapters names what is validated
        (("piqa.jsonl", "piqa_train.jsonl"), "piqa.jsonl"),
        (("ARC-Challenge-Dev.jsonl", "below/arc_challenge_test.jsonl"), "below/arc_challenge_test.jsonl"),
        (("openbookqa.jsonl", "below/openbookqa.jsonl"), "openbookqa.jsonl"),
    ],
)
def test_a_benchmark_is_asked_on_its_own_split(tmp_path, names, chosen):
    """Fails where the first file by name is taken: the training split stood for the benchmark."""
    (tmp_path / "below").mkdir()
    for name in names:
        (tmp_path / name).write_text("{}\n")
    task = next(task for task in COLUMNS if names[0].lower().replace("-", "_").startswith(task))
    assert find(tmp_path, task) == tmp_path / chosen


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("piqa_a.jsonl", "piqa_b.jsonl"), "piqa_a.jsonl and piqa_b.jsonl may both be piqa; keep one"),
        (("piqa_train.jsonl",), "no validation split of piqa, only piqa_train.jsonl"),
        (
            ("ARC-Easy-Dev.jsonl", "ARC-Easy-Train.jsonl"),
            "no test split of arc_easy, only ARC-Easy-Dev.jsonl",
        ),
    ],
)
def test_files_of_which_none_is_the_benchmark_are_named(tmp_path, names, says):
    for name in names:
        (tmp_path / name).write_text("{}\n")
    with pytest.raises(UserError, match=says):
        find(tmp_path, "piqa" if "piqa" in names[0] else "arc_easy")


def test_an_unreachable_hub_says_which_file_to_bring(tiny, tmp_path, monkeypatch):
    pytest.importorskip("lm_eval", reason="lm-eval is not installed")
    import datasets

    def load(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.delenv("EXCURSIONS_DATA", raising=False)  # a folder of data there may have the benchmark
    with pytest.raises(UserError, match=r"data of piqa \(ConnectionError\); bring it as piqa.jsonl"):
        capability([tiny], tmp_path / "out", tasks=["piqa"])
    with pytest.raises(UserError, match="no capability task 'piqqa'"):
        capability([tiny], tmp_path / "out", tasks=["piqqa"])


class Oracle:
    """An engine that gives one choice of every item the largest probability."""

    def __init__(self, pick):
        self.pick = pick

    def encode(self, text):
        return tuple(text.encode())

    def score(self, prompts, responses):
        whole = [bytes([*p, *r]).decode() for p, r in zip(prompts, responses, strict=True)]
        return [
            [0.0 if text in self.pick else -1.0] * len(r) for text, r in zip(whole, responses, strict=True)
        ]


def test_the_cloze_is_right_exactly_where_the_right_choice_is_likeliest():
    items = cloze(count=60)
    right = {i.context + i.choices[i.answer] for i in items}
    wrong = {i.context + i.choices[(i.answer + 1) % 4] for i in items} - right
    for pick, expected in ((right, True), (wrong, False)):
        found = score_cloze(Oracle(pick), items)
        assert {task for task, _ in found} == {"world_facts", "world_stories"}
        results = [v for r in found.values() for v in r.values()]
        assert all(v is expected for v in results)


def table(label, correct):
    return [
        {"checkpoint": label, "weights": label, "task": "t", "metric": "acc", "item": str(i), "correct": c}
        for i, c in enumerate(correct)
    ]


def test_changes_are_paired(tmp_path):
    before, after = [True, True, False, False, False], [True, False, True, True, True]
    write_items(tmp_path / "items" / "a.parquet", table("a", before))
    write_items(tmp_path / "items" / "b.parquet", table("b", [*after, True]))  # one more item
    items = read_items(tmp_path)
    row = changes(items, "a", "b").iloc[0]
    assert (row["items"], row["gained"], row["lost"]) == (5, 3, 1)
    assert row["delta"] == pytest.approx(0.4)
    assert row["stderr"] == pytest.approx(pd.Series([0, -1, 1, 1, 1]).std(ddof=1) / math.sqrt(5))
    assert row["p"] == pytest.approx(2 * (1 + 4) / 16)
    rates = summary(items).set_index("checkpoint")
    assert rates.loc["a", "accuracy"] == pytest.approx(0.4)
    assert rates.loc["a", "stderr"] == pytest.approx(math.sqrt(0.4 * 0.6 / 4))
    with pytest.raises(UserError, match="no common items"):
        changes(items, "a", "c")
    with pytest.raises(UserError, match="no capability results"):
        read_items(tmp_path / "empty")


def test_bits_per_byte_of_documents_that_no_pretraining_reads():
    """A byte-wise engine that gives every byte but the first probability 1/e; two documents of each kind."""
    texts = held_out(seed=0, count=2, graded=True)
    assert texts["drills"] == list(islice(documents(Mixture(0, 1, 0, 0), start=HELD_OUT), 2))
    assert texts["problems"][0].startswith("Problem: ")
    for found in texts.values():
        bits = bits_per_byte(Oracle(()), found)
        sizes = [len(t.encode()) for t in found]
        assert list(bits.values()) == pytest.approx([(n - 1) / n / math.log(2) for n in sizes])


def test_the_graded_world_is_measured_where_it_is_named(tiny, tmp_path):
    """Accuracy of items and bits of documents side by side; changes and summaries take the items alone."""
    items = capability([tiny], tmp_path / "out", tasks=["world-graded"], limit=4)
    texts = {f"world_text_{k}" for k in KINDS}
    assert set(items["task"]) == {"world_facts", "world_stories"} | texts
    assert items.loc[items["task"].isin(texts), "correct"].isna().all()
    assert (items.groupby("task")["bits"].count()[sorted(texts)] == 4).all()
    assert set(summary(items)["task"]) == {"world_facts", "world_stories"}
    both = pd.concat([items, items.assign(checkpoint="other")])
    assert set(changes(both, "tiny", "other")["task"]) == {"world_facts", "world_stories"}
