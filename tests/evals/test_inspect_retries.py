"""Logs of inspect_ai and of their retries, which copy samples: each sample counts once."""

import json

import pytest

from evals.core.errors import UserError
from evals.readers import import_samples
from evals.store import SampleStore


def sample(epoch, uuid=True, text="\\boxed{2}"):
    about = {"id": 1, "epoch": epoch, "input": "1+1?", "target": "2"} | (
        {"uuid": f"u{epoch}"} if uuid else {}
    )
    message = {"role": "assistant", "content": text}
    return about | {"output": {"choices": [{"message": message, "stop_reason": "stop"}]}}


def log(folder, name, samples, **spec):
    folder.mkdir(parents=True, exist_ok=True)
    about = {"model": "org/m", "task": "t", "task_id": "T"} | spec
    (folder / f"{name}.json").write_text(json.dumps({"eval": about, "plan": {}, "samples": samples}))
    return folder


def count(tmp_path, *folders):
    store = SampleStore(tmp_path / "store")
    return [store.sample_table.count(cell) for cell in import_samples(folders, store)]


@pytest.mark.parametrize("uuid", [True, False])
def test_samples_copied_into_a_retry_count_once(tmp_path, uuid):
    texts = [
        "\\boxed{2}",
        "\\boxed{3}",
        "\\boxed{2}",
        "\\boxed{2}",
    ]  # equal texts of two epochs are two samples
    samples = [sample(e, uuid, t) for e, t in enumerate(texts, 1)]
    log(tmp_path / "logs", "a", samples[:2])
    assert count(tmp_path, log(tmp_path / "logs", "b", samples)) == [4]
    assert count(tmp_path / "files", *sorted((tmp_path / "logs").iterdir())) == [4]


def test_another_run_of_a_task_is_more_samples(tmp_path):
    log(tmp_path / "logs", "a", [sample(1, uuid=False)])
    log(tmp_path / "logs", "b", [sample(1, uuid=False)], task_id="U")
    assert count(tmp_path, log(tmp_path / "logs", "c", [sample(1, uuid=False)], task_id=None)) == [3]
    again = log(tmp_path / "again", "a", [sample(1, uuid=False)])
    assert count(tmp_path / "two", log(again, "b", [sample(1, uuid=False, text="3")])) == [2]


def test_another_model_is_another_checkpoint_whatever_its_ids(tmp_path):
    log(tmp_path / "logs", "a", [sample(1)])
    assert count(tmp_path, log(tmp_path / "logs", "b", [sample(1, text="3")], model="org/n")) == [1, 1]


def test_two_contents_of_one_sample_are_refused(tmp_path):
    log(tmp_path / "logs", "a", [sample(1)])
    with pytest.raises(UserError, match=r"b\.json.*another content than in .*a\.json"):
        count(tmp_path, log(tmp_path / "logs", "b", [sample(1, text="3")]))


@pytest.mark.parametrize("order", [1, -1])
def test_a_retry_in_another_folder_is_of_the_same_checkpoint(tmp_path, order):
    """Fails where the two folders, given separately, are taken for two runs of one model's name."""
    samples = [sample(e) for e in range(1, 5)]
    failed = log(tmp_path / "failed", "a", samples[:2])
    retried = log(tmp_path / "retried", "b", samples[::order])
    other = log(tmp_path / "other", "c", [sample(e) | {"uuid": f"v{e}"} for e in (1, 2, 3)])
    assert count(tmp_path / "two", failed, retried) == [4]
    assert count(tmp_path, failed, retried, other) == [4, 3]
