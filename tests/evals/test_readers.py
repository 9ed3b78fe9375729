"""Reading other tools' logs: every format ends as the same problems and samples."""

import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.core.errors import UserError
from evals.grading.export import export_samples
from evals.grading.store_grading import grade_store
from evals.readers import import_samples
from evals.readers.answers import Malformed
from evals.readers.formats.rows import parse_plain
from evals.readers.opening import stored
from evals.records import Problem
from evals.store import SampleStore
from evals.verify import VERSION

QUESTION, GOLD = "What is 6 times 7?", "42"
TEXTS = ["It is \\boxed{42}.", "It is \\boxed{41}.", "no idea"]


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return path


def plain(folder):
    return lines(folder / "mine.jsonl", [{"question": QUESTION, "answer": GOLD, "responses": TEXTS}])


def qwen(folder):
    row = {
        "idx": 3,
        "question": QUESTION,
        "gt": "42",
        "answer": GOLD,
        "code": TEXTS,
        "pred": ["42", "41", ""],
    }
    return lines(folder / "qwen.jsonl", [row | {"score": [True, False, False]}])


def systems(folder):
    rows = [
        {"question": QUESTION, "ground_truth": "6*7=42\nA: 42"}
        | {f"s{i}": {"is_correct": False, "solution": t} for i, t in enumerate(TEXTS)}
    ]
    return lines(folder / "solutions.jsonl", rows)


def lm_eval(folder, name="gsm8k"):
    """As lm-eval 0.4.13 writes it: a row per filter, all repeats in resps[0]."""
    how = {"until": ["Q:"], "do_sample": True, "temperature": 0.6, "top_p": 0.95, "max_gen_toks": 512}
    rows = [
        {
            "doc_id": 0,
            "doc": {"question": QUESTION, "answer": "6*7=<<6*7=42>>42\n#### 42"},
            "target": "6*7=<<6*7=42>>42\n#### 42",
            "arguments": {"gen_args_0": {"arg_0": f"Question: {QUESTION}\nAnswer:", "arg_1": how}},
            "resps": [TEXTS],
            "filtered_resps": [TEXTS[:1] if key == "strict" else TEXTS],
            "filter": key,
            "metrics": ["exact_match"],
            "doc_hash": "aa",
            "prompt_hash": "bb",
            "target_hash": "cc",
            "exact_match": 0.0,
        }
        for key in ("strict", "flexible")
    ]
    date = "2026-01-02T03-04-05.678901"
    path = lines(folder / "models__base" / f"samples_{name}_{date}.jsonl", rows)
    results = {
        "config": {"model": "hf", "model_args": {"pretrained": "models/base"}},
        "n-shot": {name: 8},
        "model_name": "models/base",
    }
    (path.parent / f"results_{date}.json").write_text(json.dumps(results))
    return path


def lighteval(folder):
    doc = {
        "query": QUESTION,
        "choices": ["6*7=42 #### 42", "other"],
        "gold_index": [0],
        "generation_size": 256,
    }
    doc |= {"original_query": None, "num_effective_few_shots": 4, "task_name": "gsm8k"}
    row = {
        "doc": doc,
        "metric": {"extractive_match": 1},
        "model_response": {"text": TEXTS, "output_tokens": [[1, 2], [3], []], "input": "the prompt"},
    }
    path = folder / "details" / "org" / "name" / "2026-01-02T03-04-05" / "details_lighteval|gsm8k|4_x.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row]), path)
    return path


def inspect_log(stops=("stop", "max_tokens", "content_filter")):
    chat = [{"role": "system", "content": "x"}, {"role": "user", "content": QUESTION}]
    samples = [
        {
            "id": 1,
            "epoch": i + 1,
            "input": QUESTION if i else chat,
            "target": GOLD if i else [GOLD],
            "output": {
                "choices": [{"message": {"role": "assistant", "content": t}, "stop_reason": s}],
                "usage": {"output_tokens": 7},
            },
        }
        for i, (t, s) in enumerate(zip(TEXTS, stops, strict=True))
    ]
    samples[2]["output"]["choices"][0]["message"]["content"] = [
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "text", "text": TEXTS[2]},
    ]
    return {
        "version": 2,
        "status": "success",
        "eval": {"model": "org/name", "task": "t"},
        "plan": {"config": {"temperature": 0.6, "top_p": 0.9, "max_tokens": 50}},
        "samples": samples,
    }


def inspect_json(folder):
    path = folder / "log.json"
    path.write_text(json.dumps(inspect_log()))
    return path


def archive(folder, method=zipfile.ZIP_DEFLATED):
    log = inspect_log()
    path = folder / "log.eval"
    with zipfile.ZipFile(path, "w", method) as stream:
        for sample in log["samples"][::-1]:
            stream.writestr(f"samples/1_epoch_{sample['epoch']}.json", json.dumps(sample))
        stream.writestr("header.json", json.dumps({k: v for k, v in log.items() if k != "samples"}))
    return path


def monkeys(folder):
    path = folder / "GSM8K_model" / "0.yaml"
    path.parent.mkdir(parents=True)
    row = {"prompt": "many shots", "question": QUESTION, "samples": TEXTS, "gt_answer": "6*7\n#### 42"}
    path.write_text(yaml.safe_dump(row | {"is_corrects": [True, False, False]}))
    return path.parent


ONE_CHECKPOINT = [plain, qwen, lm_eval, lighteval, inspect_json, archive, monkeys]


@pytest.mark.parametrize("make", ONE_CHECKPOINT, ids=lambda f: f.__name__)
def test_every_format_ends_as_the_same_problem_and_samples(tmp_path, make):
    store = SampleStore(tmp_path / "store")
    cells = import_samples([make(tmp_path)], store)
    assert len(cells) == 1
    rows = store.samples(cells)
    assert rows["text"].tolist() == TEXTS
    assert rows["index"].tolist() == [0, 1, 2]
    assert set(rows["problem"]) == {Problem.make(QUESTION, GOLD).id}
    assert store.problems()[rows["problem"][0]].answer == GOLD
    assert rows["token_ids"].isna().all()
    assert rows["logprobs"].isna().all()


@pytest.mark.parametrize(
    ("make", "label", "known"),
    [
        (plain, "mine", {}),
        (lm_eval, "base", {"temperature": 0.6, "top_p": 0.95, "max_tokens": 512, "shots": 8}),
        (lighteval, "name", {"max_tokens": 256, "shots": 4}),
        (inspect_json, "name", {"temperature": 0.6, "top_p": 0.9, "max_tokens": 50}),
        (archive, "name", {"temperature": 0.6, "top_p": 0.9, "max_tokens": 50}),
        (monkeys, "GSM8K_model", {}),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_what_a_log_says_of_checkpoint_and_options_is_kept(tmp_path, make, label, known):
    store = SampleStore(tmp_path / "store")
    (cell,) = import_samples([make(tmp_path)], store)
    info = store.cell(cell)
    assert info["checkpoint"] == label
    names = ("temperature", "top_p", "top_k", "max_tokens", "shots")
    assert {k: info[k] for k in names if k in info} == known
    row = store.samples([cell]).iloc[0]
    assert {k: row[k] for k in known} == known


def test_stop_reasons_of_inspect_are_kept_and_epochs_are_in_order(tmp_path):
    store = SampleStore(tmp_path / "store")
    rows = store.samples(import_samples([archive(tmp_path)], store))
    assert rows["finish_reason"].tolist()[:2] == ["stop", "length"]
    assert rows["finish_reason"].isna().tolist() == [False, False, True]
    assert rows["tokens"].tolist() == [7, 7, 7]


def test_an_inspect_log_packed_with_zstandard_is_read(tmp_path, monkeypatch):
    """inspect_ai packs with a method that zipfile learns in Python 3.14; pack one by hand."""
    path = archive(tmp_path, zipfile.ZIP_STORED)
    raw = {}
    with zipfile.ZipFile(path) as stream:
        raw = {i.filename: stream.read(i) for i in stream.infolist()}
    with zipfile.ZipFile(path, "w") as stream:
        for name, data in raw.items():
            packed = bytes(pa.Codec("zstd").compress(data, asbytes=True))
            stream.writestr(name, packed)
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):  # set the method in both kinds of header
        start = -1
        while (start := data.find(mark, start + 1)) >= 0:
            data[start + at : start + at + 2] = (93).to_bytes(2, "little")
    path.write_bytes(data)
    store = SampleStore(tmp_path / "store")
    assert store.samples(import_samples([path], store))["text"].tolist() == TEXTS


def test_released_gsm8k_solutions_are_one_cell_a_system(tmp_path):
    store = SampleStore(tmp_path / "store")
    cells = import_samples([systems(tmp_path)], store)
    assert [store.cell(c)["checkpoint"] for c in cells] == ["s0", "s1", "s2"]
    assert [store.samples([c])["text"][0] for c in cells] == TEXTS
    assert {p.answer for p in store.problems().values()} == {GOLD}


def test_real_logs_are_graded_as_they_were(shared_data, tmp_path):
    from evals.grading.store_grading import cell_report, grade_store

    store = SampleStore(tmp_path / "store")
    files = [
        shared_data / "gsm8k" / "example_model_solutions.jsonl",
        shared_data / "logs" / "math_cot_100.jsonl",
    ]
    cells = import_samples(files, store)
    grade_store(store, cells)
    rates = [round(100 * cell_report(store, c)["strict"], 1) for c in cells]
    assert rates[:4] == [21.7, 39.0, 34.7, 56.3]  # as released
    theirs = [json.loads(line) for line in files[1].read_text().splitlines()]
    theirs = 100 * sum(sum(r["score"]) for r in theirs) / sum(len(r["score"]) for r in theirs)
    assert abs(rates[4] - theirs) < 2.5  # their grader rejects some equal forms
    ids = {p.question: p.id for p in store.problems().values()}
    from evals.problems import load_problems

    known = load_problems(str(shared_data / "gsm8k" / "test.jsonl")).problems
    assert sum(ids.get(p.question) == p.id for p in known) == len(known)


def test_importing_again_changes_nothing(tmp_path):
    store = SampleStore(tmp_path / "store")
    file = plain(tmp_path)
    cells = import_samples([file], store)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "store").rglob("*.parquet")}
    assert import_samples([file, file], store) == cells
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "store").rglob("*.parquet")} == before


def test_a_cell_is_its_content_whatever_the_file_is_called(tmp_path):
    store = SampleStore(tmp_path / "store")
    first = import_samples([plain(tmp_path / "a")], store)
    moved = plain(tmp_path / "b").rename(tmp_path / "other.jsonl")
    assert import_samples([moved], store) == first
    assert store.cell(first[0])["checkpoint"] == "mine"
    assert stored([moved], store.path)[1] == {first[0]: "other"}  # the command that names it shows that name
    both = import_samples([tmp_path / "a" / "mine.jsonl", moved], store)
    assert len(set(both)) == 2  # two systems that said the same stay two


def test_files_of_the_same_name_get_labels_that_differ(tmp_path):
    store = SampleStore(tmp_path / "store")
    cells = import_samples([plain(tmp_path / "run-a"), plain(tmp_path / "run-b")], store)
    assert [store.cell(c)["checkpoint"] for c in cells] == ["run-a/mine", "run-b/mine"]


def test_one_file_may_hold_several_checkpoints_and_temperatures(tmp_path):
    rows = [
        {"question": QUESTION, "gold": GOLD, "text": f"{m} {t}", "model": m, "temperature": t}
        for m in ("a", "b")
        for t in (0.6, 1.0)
    ]
    store = SampleStore(tmp_path / "store")
    cells = import_samples([lines(tmp_path / "all.jsonl", rows)], store)
    labels = [store.cell(c)["checkpoint"] for c in cells]
    assert labels == [f"{m} (temperature {t})" for m in ("a", "b") for t in (0.6, 1.0)]


def test_export_and_import_is_a_round_trip(tmp_path):
    store, again = SampleStore(tmp_path / "store"), SampleStore(tmp_path / "again")
    import_samples([lm_eval(tmp_path)], store)
    export_samples(store, tmp_path / "out.jsonl")
    (cell,) = import_samples([tmp_path / "out.jsonl"], again)
    columns = ["checkpoint", "problem", "index", "text", "temperature", "top_p", "max_tokens", "shots"]
    (old,) = store.cells()
    assert again.samples([cell], columns).equals(store.samples([old], columns))


def test_cells_that_rows_do_not_tell_apart_are_exported_under_names_of_their_own(tmp_path):
    """One checkpoint asked in two ways came back as one cell of twice as many samples."""
    store = SampleStore(tmp_path / "store")
    row = {"question": "q", "answer": "1", "model": "org/m", "temperature": 0.6}
    for chat, said in ((True, "1"), (False, "2")):
        (cell,) = import_samples([lines(tmp_path / "a.jsonl", [row | {"response": said}])], store)
        store.add_cell(cell, store.cell(cell) | {"chat": chat})
    export_samples(store, tmp_path / "out.jsonl")
    again = SampleStore(tmp_path / "again")
    cells = import_samples([tmp_path / "out.jsonl"], again)
    assert [(again.cell(c)["checkpoint"], again.sample_table.count(c)) for c in cells] == [
        ("m (chat True)", 1),
        ("m (chat False)", 1),
    ]


def test_exported_samples_have_their_whole_grade(tmp_path):
    """Right in words alone: the strict grade, the lenient one and what they read leave with the sample."""
    store = SampleStore(tmp_path / "store")
    row = {"question": "6 times 7?", "answer": "42", "response": "I get 42"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    cells = import_samples([tmp_path / "rows.jsonl"], store)
    grade_store(store, cells)
    export_samples(store, tmp_path / "out.jsonl")
    found = json.loads((tmp_path / "out.jsonl").read_text())
    assert (found["correct"], found["lenient"], found["answer"], found["route"]) == (
        False,
        True,
        None,
        "none",
    )
    assert (found["reason"], found["grader_version"]) == ("no answer", str(VERSION))
    assert (found["question"], found["gold"], found["text"]) == ("6 times 7?", "42", "I get 42")


BAD = [
    ("{", "not JSON"),
    ("[1, 2]", "not a JSON object but list"),
    ('{"question": "q", "answer": "1"}', "no response"),
    ('{"answer": "1", "text": "t"}', "no question"),
    ('{"question": "q", "text": "t"}', "no gold"),
    ('{"question": " ", "answer": "1", "text": "t"}', "question is empty"),
    ('{"question": "q", "answer": "1", "responses": []}', "empty list"),
    ('{"question": "q", "answer": "1", "responses": [true]}', "not a text"),
    ('{"question": "q", "answer": " ", "text": "t"}', "no gold answer"),
    ('{"question": "q", "answer": "1", "n": ' + "9" * 5000 + ', "text": "t"}', "not JSON"),
    ("[" * 100_000, "not JSON"),
]


@pytest.mark.parametrize(("text", "words"), BAD, ids=[words for _, words in BAD])
def test_a_bad_line_is_named_or_left_out_and_counted(tmp_path, text, words):
    file = plain(tmp_path)
    file.write_text(file.read_text() + "\n" + text + "\n")
    store = SampleStore(tmp_path / "store")
    with pytest.raises(UserError, match=rf"mine.jsonl line 3 \(plain format\): .*{words}"):
        import_samples([file], store)
    assert not (tmp_path / "store").exists()  # nothing half-written
    (cell,) = import_samples([file], store, skip_bad=True)
    assert store.cell(cell)["skipped"] == 1
    assert len(store.samples([cell])) == 3


def test_multiple_choice_logs_are_refused(tmp_path):
    row = {"doc": {}, "resps": [[[-1.5, True]]], "arguments": {}, "filter": "none"}
    with pytest.raises(UserError, match="not the generated texts"):
        import_samples([lines(tmp_path / "samples_x.jsonl", [row])], SampleStore(tmp_path / "store"))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.txt", b"x", "of no known kind"),
        ("counts.csv", b"problem,checkpoint,n,c", "with --counts"),
        ("a.json", b"[1]", "no samples in a known form"),
        ("a.json", b"{", "not JSON"),
        ("a.eval", b"x", "not a readable inspect_ai log"),
        ("a.parquet", b"x", "not a readable parquet"),
        ("a.jsonl", b"", "no samples found"),
        ("a.yaml", b"a: [", "not YAML"),
        ("a.yaml", b"samples: [x]", "question is absent"),
    ],
)
def test_unreadable_files_are_named(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=words):
        import_samples([tmp_path / name], SampleStore(tmp_path / "store"))


def test_yaml_is_never_executed(tmp_path):
    (tmp_path / "a.yaml").write_text("question: !!python/object/apply:os.getcwd []\nsamples: [x]\n")
    with pytest.raises(UserError, match="question is absent"):
        import_samples([tmp_path / "a.yaml"], SampleStore(tmp_path / "store"))


LEAF = st.none() | st.booleans() | st.floats() | st.text(max_size=5)
ANY = st.recursive(
    LEAF, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3)
)


@given(ANY)
@settings(deadline=None, max_examples=50)
def test_any_values_are_read_or_malformed(value):
    row = {"question": value, "answer": value, "responses": value, "tokens": value, "finish_reason": value}
    for raw in (row, row | {"question": "q", "answer": "1"}, row | {"question": "q", "responses": ["t"]}):
        try:
            (found,) = parse_plain(raw, {})
        except Malformed:
            continue
        assert found.question
        assert found.gold
        assert all(r.finish_reason in ("stop", "length", None) for r in found.responses)


def test_hostile_text_is_only_text(tmp_path):
    texts = ["\ud800 lone", "\x00 nul", "<script>", "x" * 2_000_000, ""]
    file = lines(tmp_path / "h.jsonl", [{"question": QUESTION, "answer": GOLD, "responses": texts}])
    store = SampleStore(tmp_path / "store")
    kept = store.samples(import_samples([file], store))["text"].tolist()
    assert kept[1:] == texts[1:]


def test_import_survives_a_kill_between_writing_and_the_marker(tmp_path, monkeypatch):
    file = plain(tmp_path)
    store = SampleStore(tmp_path / "store")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SampleStore, "add_cell", killed)
        with pytest.raises(KeyboardInterrupt):
            import_samples([file], store)
    assert store.cells() == {}
    (cell,) = import_samples([file], store)
    assert store.samples([cell])["text"].tolist() == TEXTS
