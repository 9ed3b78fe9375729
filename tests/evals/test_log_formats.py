"""Logs as today's tools write them: read rightly, or refused with a sentence that is true."""

import json

import pytest

from evals.core.errors import UserError
from evals.grading.store_grading import grade_store
from evals.readers import import_samples
from evals.readers.formats.rendered import question_in, without_ends
from evals.store import SampleStore
from evals.store.reading import graded_samples

ONE, TWO = [(1, 1)], [(1, 2)]  # (right, samples) of each checkpoint
READ = {
    "chat_messages": ONE, "chat_objects": TWO, "evalscope": TWO, "insp": [(2, 2)], "insp_args": ONE,
    "insp_eval": [(2, 2)], "insp_inval": ONE, "insp_limit": TWO, "insp_numchoices": TWO,
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
    "insp_targets": "accepts any of 2 answers",
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


def test_every_eval_ever_is_read(tmp_path):
    row = {
        "schema_version": "0.2.1", "evaluation_id": "e", "model_id": "org/m", "evaluation_name": "gsm8k",
        "sample_id": "1", "interaction_type": "single_turn", "input": {"raw": "1+1?", "reference": ["2"]},
        "output": {"raw": ["\\boxed{2}", "\\boxed{3}"]}, "evaluation": {"score": 1.0, "is_correct": True},
    }  # fmt: skip
    labels, found, *_ = read(rows_file(tmp_path, row), tmp_path)
    assert (labels, found) == (["m"], [(1, 2)])


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
