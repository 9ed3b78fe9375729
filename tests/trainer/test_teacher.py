"""On-policy distillation from a given teacher, and teachers that do not fit."""

import pytest
import torch

from evals.checkpoints.tokenizer import train_tokenizer
from evals.core.errors import UserError
from tests.trainer.loops import RL, rewarded
from tests.trainer.test_policy import PLAIN, changed, gradient_of, made_up
from tests.trainer.tiny import plain, saved
from trainer.models.checkpoint import Lineage, save_checkpoint
from trainer.models.native import new_model
from trainer.rl import rl
from trainer.rollouts import rewards
from trainer.run.files import read_rows

LINEAGE = Lineage(None, None, "base", 0, 0, 0.0, 0, "", {"template": "world", "shots": 0})


def test_a_student_comes_closer_to_its_teacher(parent, shape, tokenizer, tmp_path):
    """KL over the whole vocabulary on the student's own answers falls, whatever the answers earn."""
    teacher = tmp_path / "teacher"
    save_checkpoint(teacher, new_model(shape, len(tokenizer), seed=9), tokenizer, LINEAGE)
    told = {"algorithm": "distillation", "teacher": str(teacher), "steps": 8, "minibatch": 4, "kl": 1.0}
    config = RL.model_copy(update={**told, "kl_estimator": "full"})
    with rewarded():
        rl(str(parent), config, tmp_path / "run", quiet=True)
    kl = [row["kl"] for row in read_rows(tmp_path / "run" / "metrics.jsonl")]
    assert 0 < kl[-1] < 0.9 * kl[0]
    assert [row["loss"] for row in read_rows(tmp_path / "run" / "metrics.jsonl")] == pytest.approx(kl)


def test_a_teacher_that_reads_other_tokens_is_refused(parent, tmp_path):
    other = train_tokenizer(["1 + 1 = 2, of course"] * 9, 300)
    folder = saved("llama", other, tmp_path / "other")
    config = RL.model_copy(update={"algorithm": "distillation", "teacher": str(folder)})
    with pytest.raises(UserError, match="have different tokenizers; give a teacher that reads the same"):
        rl(str(parent), config, tmp_path / "run", quiet=True)
    with pytest.raises(UserError, match=r"rl\.algorithm distillation needs rl\.teacher"):
        rl(str(parent), config.model_copy(update={"teacher": None}), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("estimator", ["k1", "full"])
def test_the_kl_that_is_logged_is_an_estimate_of_it(native, shape, estimator):
    """Seen to fail: with k1 the loss through the score function was logged, which is no KL."""
    reference, batch = new_model(shape, 64, seed=9).double(), made_up(native)
    exact, ratios = [], []
    for i, sample in enumerate(batch.samples):
        prompt = batch.prompts[i // 2]
        with torch.no_grad():
            both = [plain(m, [*prompt, *sample.token_ids]).log_softmax(-1) for m in (native, reference)]
        own, other = (rows[len(prompt) - 1 : -1] for rows in both)
        exact += (own.exp() * (own - other)).sum(-1).tolist()
        ratios += [float((own - other)[t, token]) for t, token in enumerate(sample.token_ids)]
    config = changed(PLAIN, kl=0.1, kl_estimator=estimator)
    row = gradient_of(native, batch, config, reference)[1]
    wanted = ratios if estimator == "k1" else exact
    assert row["kl"] == pytest.approx(sum(wanted) / len(wanted), rel=1e-6)


def test_equal_rewards_are_no_news_to_a_student(parent, tmp_path, capsys, monkeypatch):
    """Seen to fail: a student whose answers were all wrong was said to have nothing to learn."""
    monkeypatch.setattr(rewards, "reward_of", lambda *_: (0.0, False, False))
    told = {"algorithm": "distillation", "teacher": str(parent), "kl": 1.0, "kl_estimator": "full"}
    rl(str(parent), RL.model_copy(update=told), tmp_path / "run")
    assert "nothing to learn" not in capsys.readouterr().err
