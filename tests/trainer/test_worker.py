"""An engine in a process of its own: the same samples, and new weights when they are handed over."""

from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.keys import derive_seed
from evals.engines import open_engine
from evals.records import Request, SamplingOptions
from trainer.models.native import load_native
from trainer.models.wrapped import load_wrapped
from trainer.rollouts.sampler import through_file
from trainer.rollouts.worker import Worker


def test_a_worker_samples_what_its_weights_say_before_and_after_an_update(parent):
    """Fault 17 through the file (planted and seen to fail: new weights not handed over)."""
    found = open_checkpoint(str(parent))
    requests = [Request((5, 6, 7, 8), derive_seed("worker", i)) for i in range(4)]
    options = SamplingOptions(1.0, 1.0, 0, 8)
    worker = Worker(found, "torch", "float32")
    try:
        engine = open_engine(found)
        assert worker.eos_ids == engine.eos_ids
        assert worker.encode("Problem:") == engine.encode("Problem:")
        assert worker.sample(requests, options) == engine.sample(requests, options)
        model = load_native(found)
        with torch.no_grad():
            model.lm_head.weight.mul_(2.0)
        through_file(model, worker)
        engine.decoder.model.load_state_dict(model.state_dict())
        assert worker.sample(requests, options) == engine.sample(requests, options)
        with pytest.raises(ValueError, match="empty prompt"):
            worker.score([()], [(1,)])
    finally:
        worker.close()
    assert worker.process.exitcode == 0


@pytest.mark.parametrize("load", [lambda found, _: load_native(found), load_wrapped])
def test_the_file_has_the_weights_of_the_moment(load, parent, tokenizer, tmp_path):
    """Fault 17 for either model, under the names of the architecture, as a worker's engine takes them."""
    model, taken = load(open_checkpoint(str(parent)), tokenizer), {}
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.5)
    through_file(model, SimpleNamespace(dtype="float32", load=lambda file: taken.update(load_file(file))))
    wanted = {name.removeprefix("inner."): value for name, value in model.state_dict().items()}
    assert taken.keys() == wanted.keys()
    assert all(torch.equal(value, wanted[name]) for name, value in taken.items())


def test_a_worker_ends_a_response_where_the_trainer_does(parent):
    """The token that closes a turn of a chat is not in the checkpoint's configuration."""
    found = open_checkpoint(str(parent))
    options = SamplingOptions(1.0, 1.0, 0, 8)
    drawn = open_engine(found).sample([Request((5, 6, 7, 8), 3)], options)[0].token_ids
    worker = Worker(found, "torch", "float32", (0, drawn[2]))
    try:
        assert worker.eos_ids == (0, drawn[2])
        ended = worker.sample([Request((5, 6, 7, 8), 3)], options)[0]
        assert (ended.token_ids, ended.finish_reason) == (drawn[:3], "stop")
    finally:
        worker.close()
