"""Logs as today's tools write them: read rightly, or refused with a sentence that is true."""

import hashlib
import json

import pandas as pd
import pytest
import yaml

from evals.cli import main
from evals.core.errors import UserError
from evals.grading import published
from evals.grading.store_grading import grade_store
from evals.readers import import_samples
from evals.readers.answers import reason_of
from evals.readers.formats.rendered import question_in, without_ends
from evals.store import SampleStore
from evals.store.reading import graded_samples

ONE, TWO = [(1, 1)], [(1, 2)]  # (right, samples) of each checkpoint
READ = {
    "chat_messages": ONE, "chat_objects": TWO, "evalscope": TWO, "insp": [(2, 2)], "insp_args": ONE,
    "insp_eval": [(2, 2)], "insp_inval": ONE, "insp_limit": TWO, "insp_numchoices": TWO, "insp_targets": ONE,
    "lb_samples_2024.json": [(2, 2)], "le_endpoint": TWO, "le_gsm8k": [(2, 2)], "le_math500": [(2, 2)],
    "lme_api": [(1, 1), (0, 1)], "lme_args": ONE, "lme_chat": ONE, "lme_ds": ONE, "lme_gsm8k": [(2, 4)],
    "lme_gsmplus": ONE, "lme_mgsm": TWO, "lme_null": TWO, "lme_parquet": ONE, "lme_temp": TWO,
    "lme_two": [(3, 5)], "matharena": ONE, "messages_prompt": ONE, "nemo_rl_eval": ONE,
    "nemo_skills": [(3, 4)],
    "nemo_skills_thinking": TWO, "openai_batch_merged": TWO, "opencompass": TWO, "opencompass_jsonl": ONE,
    "plain_answer_is_models": [(0, 1)], "plain_answer_only": [(0, 1)], "plain_boxed_gold": ONE,
    "plain_finish": TWO, "plain_gold_jsonlist": [(2, 2)], "plain_int": [(0, 1)], "plain_list_gold": [(2, 2)],
    "plain_output_dict": ONE, "plain_outputs_vllm": ONE, "plain_samples_int": ONE, "plain_solution": ONE,
    "plain_text_prompt": [(0, 1)], "plain_two_steps": [(0, 2), (1, 2)], "skyrl": TWO, "swift": TWO,
    "tinker": TWO, "trl": TWO, "verifiers": TWO, "verifiers_v1": TWO, "verl_gen": TWO,
    "verl_val": [(1, 2), (1, 1)],
}  # fmt: skip
REFUSED = {
    "le_old": "lighteval before 0.6",
    "lme_multi": "not the generated texts of one request",
    "nemo_rl": "hold no gold answers",
    "open_instruct": "token ids and no texts",
    "openai_batch": "joined by custom_id",
    "plain_dup_n": r"responses\[1\] is absent",
    "verl_problems": "no responses",
}
KNOWN = {  # what a log says of its checkpoint and its sampling
    "insp": ("m", {"temperature": 0.6, "max_tokens": 2048}),
    "lme_args": ("m@step100", {"temperature": 0.0}),
    "lme_ds": ("tiny", {"temperature": 0.6, "max_tokens": 2048}),
    "lme_temp": ("tiny", {"temperature": 0.6, "top_p": 0.95}),
    "verifiers": ("tiny", {"temperature": 0.7}),
    "trl": ("step-000010", {}),
}


@pytest.fixture
def formats(shared_data):
    folder = shared_data / "logs" / "formats"
    if not folder.is_dir():
        pytest.skip("logs of other tools are absent")
    return folder


def read(path, tmp_path):
    """(labels, [(right, samples)], store, cells) of an import."""
    store = SampleStore(tmp_path / "store")
    cells = import_samples([path], store)
    grade_store(store, cells)
    frames = [graded_samples(store, cell, ["text", "finish_reason"]) for cell in cells]
    return (
        [store.cell(c)["checkpoint"] for c in cells],
        [(int(f["correct"].sum()), len(f)) for f in frames],
        store,
        cells,
    )


def test_every_folder_is_expected(formats):
    assert {p.name for p in formats.iterdir()} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", READ)
def test_it_is_read_rightly(formats, tmp_path, name):
    labels, found, store, cells = read(formats / name, tmp_path)
    assert found == READ[name]
    if name in KNOWN:
        label, options = KNOWN[name]
        assert labels == [label]
        assert options.items() <= store.cell(cells[0]).items()


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_and_says_why(formats, tmp_path, name):
    with pytest.raises(UserError, match=REFUSED[name]):
        read(formats / name, tmp_path)
    assert not (tmp_path / "store").exists()  # a refused import leaves nothing


def rows_file(tmp_path, *rows, name="rows.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def inspect_log(tmp_path, name, **changes):
    spec = {"model": "vllm/local", "model_args": {"model_path": f"/runs/{name}"}, "model_generate_config": {}}
    sample = {
        "id": 1, "epoch": 1, "input": "1+1?", "target": "2",
        "output": {"choices": [{"message": {"content": "\\boxed{2}"}, "stop_reason": "stop"}]},
    }  # fmt: skip
    log = {"eval": spec | changes, "plan": {"config": {"temperature": 1.0}}, "samples": [sample]}
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(log, indent=1))
    return path


def test_two_local_models_are_two_checkpoints(tmp_path):
    """Fails where both are "vllm/local": two checkpoints pooled into one."""
    files = [
        inspect_log(tmp_path, "base"),
        inspect_log(tmp_path, "rl", model_generate_config={"temperature": 0.6}),
    ]
    store = SampleStore(tmp_path / "store")
    cells = import_samples(files, store)
    assert [store.cell(c)["checkpoint"] for c in cells] == ["base", "rl"]
    assert [store.cell(c)["temperature"] for c in cells] == [1.0, 0.6]  # the model's own options win


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            {"question": "q", "ground_truth": "42", "answer": "41", "response": "so"},
            "'ground_truth' says '42'",
        ),
        ({"question": "q", "answer": "1", "response": "a", "completion": "b"}, "two different responses"),
        ({"question": "q", "gt": "1", "target": "2", "response": "a"}, "'gt' says '1' and 'target' says '2'"),
    ],
)
def test_columns_that_contradict_each_other_are_named(tmp_path, row, says):
    with pytest.raises(UserError, match=says):
        read(rows_file(tmp_path, row), tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q", "answer": "42", "gt": "42.0", "response": "\\boxed{42}"},
        {"question": "q", "answer": "It is \\boxed{42}", "ground_truth": "42", "response": "\\boxed{42}"},
        {"question": "q", "answer": 42, "response": [{"type": "text", "text": "\\boxed{42}"}]},
        {
            "messages": [{"role": "user", "content": "q"}],
            "gold": "42",
            "answer": "x",
            "response": "\\boxed{42}",
        },
    ],
)
def test_columns_that_agree_are_one_gold(tmp_path, row):
    assert read(rows_file(tmp_path, row), tmp_path)[1] == [(1, 1)]


@pytest.mark.parametrize("args", [{"revision": "step20"}, {"lora_path": "/runs/lora"}])
def test_one_model_with_other_weights_is_another_checkpoint(tmp_path, args):
    """Fails where both are "org/m": two revisions pooled into one."""
    files = [inspect_log(tmp_path, n, model="vllm/org/m", model_args=a) for n, a in (("a", {}), ("b", args))]
    cells = import_samples(files, SampleStore(tmp_path / "store"))
    assert len(set(cells)) == 2


def test_a_greedy_output_beside_seeds_is_apart(tmp_path):
    row = {"problem": "q", "expected_answer": "2", "generation": "\\boxed{2}"}
    for name in ("output.jsonl", "output-rs0.jsonl", "output-rs1.jsonl"):
        rows_file(tmp_path, row, name=name)
    (tmp_path / "metrics.json").write_text("{}")
    store = SampleStore(tmp_path / "store")
    cells = import_samples([tmp_path], store)
    assert sorted(store.sample_table.count(c) for c in cells) == [1, 2]


@pytest.mark.parametrize("name", ["step", "global_step", "train_step"])
def test_rows_with_a_step_are_not_pooled_over_steps(tmp_path, name):
    rows = [{name: i, "question": "q", "answer": "2", "response": "\\boxed{2}"} for i in (1, 2)]
    assert read(rows_file(tmp_path, *rows), tmp_path)[0] == ["step-000001", "step-000002"]


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        ([{"checkpoint": 100}, {"checkpoint": 200}], ["100", "200"]),
        ([{"checkpoint": 1.5}, {"checkpoint": 2.0}], ["1.5", "2"]),
        ([{"checkpoint": "rl", "model": "x/a"}, {"checkpoint": "rl", "model": "x/b"}], ["a/rl", "b/rl"]),
        ([{"checkpoint": "rl", "model": "a"}, {"checkpoint": "sft", "model": "a"}], ["rl", "sft"]),
    ],
)
def test_checkpoints_that_a_row_tells_apart_are_not_pooled(tmp_path, rows, labels):
    """A number, and the second of two names, were left out: the samples of both became those of one."""
    rows = [row | {"question": "q", "answer": "2", "response": "\\boxed{2}"} for row in rows]
    assert read(rows_file(tmp_path, *rows), tmp_path)[0] == labels


@pytest.mark.parametrize(
    "row", [{"step": "global_step_100"}, {"model": {"name": "a"}}, {"checkpoint": ["a"]}]
)
def test_checkpoints_that_cannot_be_told_apart_are_refused(tmp_path, row):
    row = row | {"question": "q", "answer": "2", "response": "\\boxed{2}"}
    with pytest.raises(UserError, match=r"no whole number|not a name"):
        read(rows_file(tmp_path, row), tmp_path)


def test_options_that_a_table_wrote_as_text_are_read(tmp_path):
    """Two temperatures were one cell."""
    row = {"question": "q", "answer": "2", "response": "\\boxed{2}"}
    rows = [row | {"sampling_params": json.dumps({"temperature": t, "top_p": 1})} for t in (0.1, 1.0)]
    assert len(read(rows_file(tmp_path, *rows), tmp_path)[0]) == 2
    assert len(read(rows_file(tmp_path, row | {"sampling_params": "{T=1}"}), tmp_path / "b")[0]) == 1


def test_steps_of_trainers_are_checkpoints_of_their_own(tmp_path):
    trl = [{"step": i, "prompt": "q", "completion": "\\boxed{2}", "answer": "2"} for i in (1, 2)]
    (tmp_path / "run").mkdir()
    for i, row in enumerate(trl):
        pd.DataFrame([row]).to_parquet(tmp_path / "run" / f"completions_{i}.parquet")
    found = read(tmp_path / "run", tmp_path / "trl")
    assert found[:2] == (["step-000001", "step-000002"], [(1, 1), (1, 1)])
    slime = [{"rollout_id": i, "prompt": "q", "response": "\\boxed{2}", "label": "2"} for i in (3, 4)]
    labels, *_ = read(rows_file(tmp_path, *slime), tmp_path / "slime")
    assert labels == ["step-000003", "step-000004"]


def test_every_rollout_of_swift_has_its_own_question_and_gold(tmp_path):
    row = {"step": [1, 1], "prompt": ["1+1?", "1+2?"], "solution": ["2", "3"]}
    row |= {"completion": ["\\boxed{2}", "\\boxed{3}"]}
    _, found, store, _ = read(rows_file(tmp_path, row), tmp_path)
    assert found == [(2, 2)]
    assert sorted((p.question, p.answer) for p in store.problems().values()) == [("1+1?", "2"), ("1+2?", "3")]


def test_a_column_of_prompt_and_response_is_read_without_the_prompt(tmp_path):
    prompt = "Is it \\boxed{2}? "
    row = {"prompt": prompt, "question": "q", "answer": "2", "text": prompt + "No idea."}
    _, found, store, cells = read(rows_file(tmp_path, row), tmp_path)
    assert found == [(0, 1)]
    assert store.samples(cells, ["text"])["text"].tolist() == ["No idea."]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"is_truncated": True, "finish_reason": "stop"}, "length"),
        ({"truncated": True}, "length"),
        ({"truncated": False}, "stop"),
        ({"is_truncated": False, "stop_reason": None}, "stop"),
        ({"truncated": False, "finish_reason": "length"}, "length"),
        ({"truncated": False, "finish_reason": "abort"}, "stop"),
        ({"choices": [{"text": "x"}], "truncated": False}, "stop"),
        ({"truncated": False, "stop_type": "limit"}, "length"),
        ({"truncated": False, "stopped_limit": True}, "length"),
        ({"stop_type": "word"}, "stop"),
        ({"truncated": 0}, None),
        ({"finish_reason": "COMPLETE"}, "stop"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"status": "completed"}, "stop"),
        ({"finish_reason": "EOS"}, "stop"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"choices": [{"finish_reason": "length"}]}, "length"),
        ({"finish_reason": "abort"}, None),
        ({}, None),
    ],
)
def test_why_a_response_ended(item, reason):
    assert reason_of(item) == reason


def test_that_none_was_cut_is_known_as_well_as_that_one_was(tmp_path):
    """Fails where only `truncated: true` is a reason: all of the known reasons are then the limit."""
    said = [{"text": "\\boxed{2}", "truncated": i == 0} for i in range(4)]
    row = {"question": "q", "answer": "2", "responses": [*said, {"text": "3", "truncated": False}]}
    row |= {"finish_reasons": [None, "length", "stop", None, "abort"]}
    *_, store, cells = read(rows_file(tmp_path, row), tmp_path)
    reasons = graded_samples(store, cells[0], ["finish_reason"])["finish_reason"]
    assert reasons.fillna("unknown").tolist() == ["length", "length", "stop", "stop", "stop"]


def test_verl_files_named_by_step_are_not_pooled(tmp_path):
    row = {"input": "q", "output": "\\boxed{2}", "gts": "2", "score": 1.0}
    (tmp_path / "val").mkdir()
    for step in (0, 20):
        rows_file(tmp_path / "val", row, name=f"{step}.jsonl")
    assert read(tmp_path / "val", tmp_path)[0] == ["step-000000", "step-000020"]


def test_verl_dumps_without_golds_say_what_is_missing(tmp_path):
    row = {"input": "q", "output": "\\boxed{2}", "score": 1.0, "step": 5}
    with pytest.raises(UserError, match="verl's dump holds no golds"):
        read(rows_file(tmp_path, row), tmp_path)


def test_trl_columns_that_contradict_each_other_are_named(tmp_path):
    row = {"step": 1, "prompt": "q", "completion": "\\boxed{2}", "solution": "So \\boxed{2}", "answer": "3"}
    pd.DataFrame([row]).to_parquet(tmp_path / "completions_00001.parquet")
    with pytest.raises(UserError, match="'solution' says '2' and 'answer' says '3'"):
        read(tmp_path / "completions_00001.parquet", tmp_path)


def test_a_json_array_is_rows(tmp_path):
    rows = [{"question": "q", "answer": "2", "response": r, "sampling_params": {"temperature": 0.5}}
            for r in ("\\boxed{2}", "3")]  # fmt: skip
    (tmp_path / "rows.json").write_text(json.dumps(rows, indent=1))
    _, found, store, cells = read(tmp_path / "rows.json", tmp_path)
    assert found == [(1, 2)]
    assert store.cell(cells[0])["temperature"] == 0.5


@pytest.mark.parametrize(
    ("body", "text", "reason"),
    [
        ({"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}]}, "", None),
        (
            {
                "output": [
                    {"type": "reasoning", "summary": []},
                    {"role": "assistant", "content": [{"type": "output_text", "text": "\\boxed{2}"}]},
                ],
                "incomplete_details": {"reason": "max_output_tokens"},
            },
            "\\boxed{2}",
            "length",
        ),
    ],
)
def test_openai_batch_of_both_endpoints(tmp_path, body, text, reason):
    row = {"custom_id": "1", "response": {"status_code": 200, "body": body | {"model": "m"}}, "error": None}
    *_, store, cells = read(rows_file(tmp_path, row | {"question": "q", "answer": "2"}), tmp_path)
    (found,) = store.samples(cells, ["text", "finish_reason"]).itertuples(index=False)
    assert found.text == text
    assert (found.finish_reason == "length") is (reason == "length")


def lm_eval_row(doc, target):
    how = {"gen_args_0": {"arg_0": "p", "arg_1": {"temperature": 0.5}}}
    return {"doc": doc, "target": target, "arguments": how, "resps": [["\\boxed{4}"]], "filter": "none"}


def test_a_document_that_contradicts_its_target_is_an_error(tmp_path):
    row = lm_eval_row({"question": "2+2?", "answer": "5"}, "4")
    with pytest.raises(UserError, match=r"doc.answer says '5' and target says '4'"):
        read(rows_file(tmp_path, row), tmp_path)


def test_a_document_with_two_questions_is_an_error(tmp_path):
    row = lm_eval_row({"question": "2+2?", "problem": "3+3?", "answer": "4"}, "4")
    with pytest.raises(UserError, match="a question in each of problem, question"):
        read(rows_file(tmp_path, row), tmp_path)


def exchanged(**changes):
    row = {
        "schema_version": "0.3.0", "evaluation_id": "e", "model_id": "org/m", "evaluation_name": "gsm8k",
        "evaluation_result_id": "accuracy", "sample_id": "1", "interaction_type": "single_turn",
        "input": {"raw": "1+1?", "reference": ["2", "two"]}, "output": {"raw": ["\\boxed{2}"]},
        "answer_attribution": [], "evaluation": {"score": 1.0, "is_correct": True},
    }  # fmt: skip
    return row | changes


def test_every_eval_ever_holds_a_sample_once_for_each_metric(tmp_path):
    other = exchanged(evaluation_result_id="f1")
    epoch = exchanged(metadata={"epoch": "2", "stop_reason": "max_tokens"}, output={"raw": ["\\boxed{3}"]})
    path = rows_file(tmp_path, exchanged(), other, epoch, exchanged(error="lost", output={"raw": [""]}))
    labels, found, store, cells = read(path, tmp_path)
    assert (labels, found) == (["m"], [(1, 2)])
    reasons = graded_samples(store, cells[0], ["finish_reason"])["finish_reason"]
    assert reasons.fillna("unknown").tolist() == ["unknown", "length"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"metadata": {"filter": "strict-match"}, "output": {"raw": ["2"]}}, "filter 'strict-match' kept"),
        ({"output": {"raw": ["2"]}, "token_usage": {"output_tokens": 90}}, "shorter than the tokens"),
        ({"metadata": {"lm_eval_metrics": "{}"}, "input": {"raw": "q", "reference": ["0"], "choices": ["a"]}},
         "multiple-choice"),
    ],
)  # fmt: skip
def test_every_eval_ever_without_the_whole_response_is_refused(tmp_path, changes, says):
    """Planted: what converters write of other tools' logs: the extracted answer in the response's place."""
    with pytest.raises(UserError, match=says):
        read(rows_file(tmp_path, exchanged(**changes)), tmp_path)


def test_every_eval_ever_out_and_in_again(tmp_path):
    """A store, written for others and read again: the same questions, golds, texts, grades and options."""
    rows = [
        {"question": "1+1?", "answer": ["2"], "responses": ["\\boxed{2}", {"text": "3", "tokens": 1}],
         "model": "org/a", "temperature": 0.5, "finish_reasons": ["stop", "length"]},
        {"question": "A root of x^2=1?", "answer": "1 ⟨or⟩ -1", "response": "\\boxed{-1}", "model": "org/b"},
    ]  # fmt: skip
    (tmp_path / "one").mkdir()
    _, found, store, cells = read(rows_file(tmp_path, *rows), tmp_path / "one")
    assert found == [(1, 2), (1, 1)]
    assert published.every_eval_ever(store, tmp_path / "out", task="sums") == 3
    first = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*.json*")}
    published.every_eval_ever(store, tmp_path / "out", task="sums")
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*.json*")}
    (whole,) = (tmp_path / "out/data/sums/unknown/a").glob("*.json")
    said = json.loads(whole.read_text())
    samples = whole.with_name(f"{whole.stem}_samples.jsonl").read_bytes()
    assert said["detailed_evaluation_results"]["checksum"] == hashlib.sha256(samples).hexdigest()
    assert said["evaluation_results"][0]["score_details"]["score"] == 0.5
    (tmp_path / "two").mkdir()
    labels, again, other, there = read(tmp_path / "out", tmp_path / "two")
    assert (labels, again) == (["a", "b"], found)
    for a, b in zip(cells, there, strict=True):
        names = ["problem", "index", "text", "finish_reason", "tokens", "temperature"]
        left, right = (s.samples([c], names) for s, c in ((store, a), (other, b)))
        pd.testing.assert_frame_equal(left, right)


def test_results_for_a_model_on_the_hub(tmp_path):
    row = {"question": "1+1?", "answer": "2", "responses": ["\\boxed{2}", "3", "4"], "temperature": 0.5}
    *_, store, _ = read(rows_file(tmp_path, row), tmp_path)
    assert published.eval_results(store, tmp_path / "out", "openai/gsm8k", "gsm8k") == 1
    (entry,) = yaml.safe_load((tmp_path / "out/rows/.eval_results/gsm8k.yaml").read_text())
    assert entry["dataset"] == {"id": "openai/gsm8k", "task_id": "gsm8k"}
    assert entry["value"] == 33.33
    assert "pass@1 of 3 samples, temperature 0.5" in entry["notes"]


def lighteval_row(golds):
    doc = {"query": "q", "choices": golds, "gold_index": list(range(len(golds)))}
    return {"doc": doc, "model_response": {"text": ["\\boxed{2}"]}}


@pytest.mark.parametrize(
    ("golds", "right"),
    [(["1", "2"], True), (["1", "3"], False), (["\\frac{4}{2}", "9"], True), (["(1,2)", "12"], False)],
)
def test_any_one_of_the_golds_is_right_and_nothing_else(tmp_path, golds, right):
    """In lighteval, lm-eval and Every Eval Ever (inspect_ai: the folder insp_targets)."""
    target = lm_eval_row({"question": "q", "answer": {"aliases": golds}}, golds)
    target["resps"] = [["\\boxed{2}"]]
    row = exchanged(input={"raw": "q", "reference": golds})
    for number, one in enumerate((lighteval_row(golds), target, row)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert read(rows_file(folder, one), folder)[1] == [(int(right), 1)]


def test_a_list_of_which_all_are_wanted_is_not_met_by_one(tmp_path):
    row = {"question": "q", "answer": ["1", "2"], "responses": ["\\boxed{1}", "\\boxed{1, 2}"]}
    assert read(rows_file(tmp_path, row), tmp_path)[1] == [(1, 2)]
    told = {"input": "user\nq\nassistant\n", "output": "\\boxed{1}", "gts": ["1", "2"], "score": 1.0}
    with pytest.raises(UserError, match="gts lists 2 answers, and not whether all or any one"):
        read(rows_file(tmp_path, told, name="5.jsonl"), tmp_path)


def test_golds_that_nothing_can_match_are_told_at_once(tmp_path, capsys, monkeypatch):
    rows = [
        {"question": f"q{i}", "answer": a, "response": "\\boxed{2}"} for i, a in enumerate(["2", "\\frac{1"])
    ]
    path = rows_file(tmp_path, *rows)
    said = "CHECK: the golds of 1 of 2 problems cannot be read, as '\\\\frac{1'"
    for command in (["import", str(path), "--store", str(tmp_path / "s")], ["grade", str(path)]):
        monkeypatch.setattr("sys.argv", ["evals", *command])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        assert said in capsys.readouterr().out


def test_slime_is_read(tmp_path):
    prompt = "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"
    row = {"prompt": prompt, "response": "\\boxed{2}<|im_end|>", "label": "2", "status": "truncated"}
    _, found, store, cells = read(rows_file(tmp_path, row), tmp_path)
    assert found == [(1, 1)]
    assert graded_samples(store, cells[0], ["finish_reason"])["finish_reason"].tolist() == ["length"]


def test_files_of_steps_are_in_the_order_of_numbers(tmp_path):
    folder = tmp_path / "val"
    folder.mkdir()
    for step in (100, 0, 20):
        row = {
            "input": "user\n1+1?\nassistant\n",
            "output": "\\boxed{2}",
            "gts": "2",
            "score": 1.0,
            "step": step,
        }
        rows_file(folder, row, name=f"{step}.jsonl")
    assert read(folder, tmp_path)[0] == ["step-000000", "step-000020", "step-000100"]


@pytest.mark.parametrize(
    ("prompt", "question"),
    [
        ("system\nBox it.\nuser\nWhat?\nassistant\n", "What?"),
        (
            "<|im_start|>system\nx<|im_end|>\n<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n<think>",
            "What?",
        ),
        ("<start_of_turn>user\nWhat?<end_of_turn>\n<start_of_turn>model\n", "What?"),
        ("<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhat?<|eot_id|>", "What?"),
        ("[INST] What? [/INST]", "What?"),
        ("What does a user\nsee?", "What does a user\nsee?"),
        ("user\nA?\nassistant\nB\nuser\nC?\nassistant\n", "C?"),
    ],
)
def test_the_question_in_a_rendered_prompt(prompt, question):
    assert question_in(prompt) == question


def test_only_the_marks_of_the_end_are_taken_off():
    assert without_ends("so \\boxed{2}<|im_end|>\n<|endoftext|>") == "so \\boxed{2}"
    assert without_ends("a </s> in the middle ") == "a </s> in the middle "


def test_packed_samples_are_named(tmp_path):
    """Planted and seen to fail: the packed bytes read as lines of JSON."""
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(UserError, match="unpack them first"):
        read(path, tmp_path)
