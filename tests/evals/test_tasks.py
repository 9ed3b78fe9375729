"""The tasks in lm-evaluation-harness itself: its command on a checkpoint of ours, and planted answers."""

import json
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import yaml

from evals.asking import Asking
from evals.asking.prompts import prompt_text
from evals.checkpoints.tokenizer import load_tokenizer
from evals.core.errors import UserError
from evals.problems import load_problems
from evals.readers import import_samples
from evals.store import SampleStore
from evals.tasks import tasks_path
from evals.tasks.passk import documents, grade_repeats, keep_all
from tests.evals.tiny import checkpoint

pytest.importorskip("lm_eval", reason="lm-eval is not installed")

TASKS = [
    f"passk_{name}_{kind}" for name in ("gsm8k", "math", "math500", "world") for kind in ("base", "trained")
]
DOC = {"answer": "42", "samples": 4, "problem_id": "p"}


def config(task):
    text = (tasks_path() / f"{task}.yaml").read_text()
    return yaml.safe_load(text)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_declares_the_repeats_it_asks_for(task):
    own = config(task)
    assert own["task"] == task
    assert own["metadata"]["samples"] == 64
    assert own["metadata"]["shots"] == (8 if task.endswith("base") else 0)


def test_pass_at_k_is_of_all_repeats():
    texts = ["\\boxed{42}", "So it is 42.", "\\boxed{41}", "none"]
    found = grade_repeats(DOC, [texts])
    assert found == {
        "pass@1": pytest.approx(1 / 4),
        "pass@2": pytest.approx(1 - 3 / 6),
        "pass@4": 1.0,
        "lenient": 0.5,
        "unanswered": 0.5,
    }


BASE = {"answer": "42", "samples": 1, "problem_id": "p", "template": "gsm8k", "shots": 8}
THINKING = {"chat": True, "prompt": "<|im_start|>assistant\n<think>\n"}


@pytest.mark.parametrize(
    ("text", "chat", "right"),
    [
        (" So 40+2=42.\n#### 42\n\nTom has 3 pens and gets 4.\nAnswer: 3+4=7\n#### 7", {}, 1.0),
        (" So 40+1=41.\n#### 41\n\nTom has 3 pens and gets 39.\nAnswer: 3+39=42\n#### 42", {}, 0.0),
        ("Perhaps \\boxed{42}. But wait", THINKING, 0.0),
        ("It is 42.</think>\\boxed{42}", THINKING, 1.0),
    ],
)
def test_what_is_graded_of_a_response_is_what_is_graded_of_a_sample(text, chat, right):
    """Seen to fail: the answer to a problem of the model's own was graded, and thinking that was cut off."""
    assert grade_repeats(BASE, [[text]], chat)["pass@1"] == right


@pytest.mark.parametrize(("results", "came"), [(["\\boxed{42}"], 1), ([["a", "b"]], 2), ([["a"] * 5], 5)])
def test_fewer_repeats_are_an_error_and_never_a_zero(results, came):
    with pytest.raises(UserError, match=f"problem p needs 4 repeats and {came} came"):
        grade_repeats(DOC, results)


def test_the_filter_keeps_every_repeat():
    assert keep_all(iter([["a", "b"], ["c", "d"]]), []) == [["a", "b"], ["c", "d"]]


def planted(tmp_path, rates, samples=8, metadata=None):
    """Run lm-eval's own evaluation with a model that answers problem i right in rates[i] of its repeats."""
    from lm_eval.api.model import LM
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.tasks import TaskManager

    rows = [{"question": f"question {i}", "answer": "42"} for i in range(len(rates))]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    mine = {
        "include": str(tasks_path() / "passk_gsm8k_base.yaml"),
        "task": "mine",
        "metadata": {
            "problems": str(tmp_path / "p.jsonl"),
            "template": "gsm8k",
            "shots": 8,
            "samples": samples,
        },
    }
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.yaml").write_text(yaml.safe_dump(mine))

    class Planted(LM):
        def generate_until(self, requests, disable_tqdm=False):
            seen: dict[str, int] = {}
            out = []
            for request in requests:
                prompt, how = request.args
                assert prompt.count("Question:") == 9
                assert (how["temperature"], how["max_gen_toks"]) == (0.6, 1024)
                number = int(prompt.rsplit("question ", 1)[1].split("\n")[0])
                seen[prompt] = seen.get(prompt, 0) + 1
                right = seen[prompt] <= rates[number]
                out.append(f" So.\n#### {42 if right else 41}")
            return out

        def loglikelihood(self, requests, disable_tqdm=False):
            raise AssertionError("nothing here is scored")

        loglikelihood_rolling = loglikelihood

    manager = TaskManager(include_path=str(tmp_path / "tasks"), include_defaults=False, metadata=metadata)
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    return simple_evaluate(model=Planted(), tasks=["mine"], task_manager=manager)


def test_planted_rates_come_out_with_their_standard_errors(tmp_path):
    rates = np.array([0, 1, 4, 8, 8])
    found = planted(tmp_path, rates)["results"]["mine"]
    assert found["pass@1,all"] == pytest.approx((rates / 8).mean())
    assert found["pass@1_stderr,all"] == pytest.approx((rates / 8).std(ddof=1) / np.sqrt(5))
    assert found["pass@8,all"] == pytest.approx(4 / 5)
    assert found["pass@8_stderr,all"] == pytest.approx(np.std([0, 1, 1, 1, 1], ddof=1) / np.sqrt(5))
    assert found["pass@2,all"] == pytest.approx(np.mean([0, 7 / 28, 1 - 6 / 28, 1, 1]))
    assert "pass@16,all" not in found


def test_repeats_follow_the_metadata_of_the_command_line(tmp_path):
    """Planted: repeats of the YAML file, 64 of which came where the metadata asked for 4."""
    found = planted(tmp_path, [0, 2, 4], samples=64, metadata={"samples": 4})["results"]["mine"]
    assert found["pass@1,all"] == pytest.approx((0 + 2 + 4) / 12)
    assert "pass@8,all" not in found


CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n<think>\n{% endif %}"
)


@pytest.mark.parametrize(
    ("task", "name", "shots"), [("math500_trained", "plain-boxed", 0), ("gsm8k_base", "gsm8k", 8)]
)
def test_prompts_in_a_chat_template_are_ours_to_the_byte(tmp_path, task, name, shots):
    from lm_eval.api.model import LM
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.tasks import TaskManager

    tokenizer = load_tokenizer(checkpoint(tmp_path / "tiny"))
    tokenizer.chat_template = CHAT
    asked = []

    class Listening(LM):
        tokenizer_name = "tiny"

        def chat_template(self, *_):
            return CHAT

        def apply_chat_template(self, turns, add_generation_prompt=True):
            return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

        def generate_until(self, requests, disable_tqdm=False):
            asked.extend(request.args[0] for request in requests)
            return ["Perhaps \\boxed{42}" for _ in requests]

        def loglikelihood(self, requests, disable_tqdm=False):
            raise AssertionError("nothing here is scored")

        loglikelihood_rolling = loglikelihood

    rows = [{"question": f" question {i}?\n", "answer": "42"} for i in range(2)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    metadata = {"problems": str(tmp_path / "p.jsonl"), "samples": 1}
    manager = TaskManager(include_path=str(tasks_path()), include_defaults=False, metadata=metadata)
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    how = {"apply_chat_template": True, "system_instruction": "Be brief."}
    found = simple_evaluate(model=Listening(), tasks=[f"passk_{task}"], task_manager=manager, **how)
    assert found["results"][f"passk_{task}"]["pass@1,all"] == 0  # thinking that was cut off is no answer
    asking = Asking(template=name, shots=shots, chat=True, system="Be brief.")
    problems = load_problems(str(tmp_path / "p.jsonl")).problems
    assert asked == [prompt_text(p, asking, tokenizer) for p in problems]


def test_samples_that_are_no_number_end_before_anything_is_generated(tmp_path):
    with pytest.raises(UserError, match="metadata samples must be a whole number"):
        planted(tmp_path, [1], samples="eight")


# its command, but that it does not read the 13,000 files of its own tasks, which is most of its time
COMMAND = """
from functools import partialmethod
from lm_eval.__main__ import cli_evaluate
from lm_eval.tasks import TaskManager
TaskManager.__init__ = partialmethod(TaskManager.__init__, include_defaults=False)
cli_evaluate()
"""


def test_the_command_runs_offline_on_a_checkpoint_of_ours(tmp_path):
    """`lm_eval` with the hf model: exit code 0, all k with errors, logs that our reader takes back."""
    folder = checkpoint(tmp_path / "tiny")
    command = [
        sys.executable, "-c", COMMAND, "--model", "hf", "--device", "cpu",
        "--model_args", f"pretrained={folder},dtype=float32",
        "--tasks", "passk_world_base,passk_world_trained", "--include_path", str(tasks_path()),
        "--limit", "2", "--gen_kwargs", "max_gen_toks=4", "--batch_size", "64",
        "--metadata", '{"problems": "world:test?levels=1,2&count=4", "samples": 8}',
        "--output_path", str(tmp_path / "out"), "--log_samples",
    ]  # fmt: skip
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | offline, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (results,) = (tmp_path / "out").rglob("results_*.json")
    found = json.loads(results.read_text())["results"]
    for task in ("passk_world_base", "passk_world_trained"):
        for k in (1, 2, 4, 8):
            assert 0 <= found[task][f"pass@{k},all"] <= 1
            assert found[task][f"pass@{k}_stderr,all"] >= 0
    store = SampleStore(tmp_path / "store")
    cells = import_samples([results.parent], store)
    assert [store.cell(c)["shots"] for c in cells] == [8, 0]
    assert {store.cell(c)["checkpoint"] for c in cells} == {"tiny (shots 8)", "tiny (shots 0)"}
    assert [len(store.samples([c])) for c in cells] == [2 * 8, 2 * 8]
    known = {d["problem_id"] for d in documents(problems="world:test?levels=1,2&count=4", template="world",
                                                shots=0, samples=8)["test"]}  # fmt: skip
    assert set(store.problems()) <= known
