"""Two gloo processes against one, plain and sharded (FSDP2): the same weights within fp32 error."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer import ranks
from tests.trainer.tiny import saved
from trainer.distributed import ranks as distributed
from trainer.distributed.launch import launch
from trainer.run.files import read_rows


@pytest.fixture(scope="module")
def llama(tmp_path_factory, tokenizer):
    return saved("llama", tokenizer, tmp_path_factory.mktemp("llama") / "base")


@pytest.fixture(scope="module")
def one(tmp_path_factory, parent, llama):
    out = tmp_path_factory.mktemp("one")
    ranks.run_all(parent, llama, out)
    return out / "plain"


@pytest.fixture(scope="module")
def two(tmp_path_factory, parent, llama):
    out = tmp_path_factory.mktemp("two")
    launch(ranks.run_all, (parent, llama, out), 2)
    return out


@pytest.mark.parametrize("kind", ["plain", "sharded"])
@pytest.mark.parametrize("name", ["pretrain", "sft", "rl", "parallel", "llama", "lora"])
def test_two_processes_end_with_the_weights_of_one(one, two, kind, name):
    """Fault 1 over ranks: a rank's own count, or FSDP2's mean in place of the sum, would show."""
    for step in sorted((one / name).glob("step-*")):
        file = next(step.glob("*.safetensors"))
        alone, together = load_file(file), load_file(two / kind / name / step.name / file.name)
        for key, weight in alone.items():
            torch.testing.assert_close(together[key], weight, rtol=1e-3, atol=2e-5)
    for a, b in zip(
        read_rows(one / name / "metrics.jsonl"), read_rows(two / kind / name / "metrics.jsonl"), strict=True
    ):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-3, abs=1e-5)
        assert b["flops"] == a["flops"]


@pytest.mark.parametrize("kind", ["plain", "sharded"])
@pytest.mark.parametrize("name", ["native", "wrapped"])
def test_a_rank_without_work_neither_hangs_nor_counts(one, two, kind, name):
    """Fault 25.

    Planted and seen to fail: no empty pass, so that a sharded group waits for ever; the filling counted; a
    mean over ranks in place of the sum, plain and sharded.
    """
    alone = torch.load(one / f"gradient-{name}.pt")
    together = torch.load(two / kind / f"gradient-{name}.pt")
    assert together["loss"] == pytest.approx(alone["loss"], rel=1e-6)
    for key, gradient in alone["gradients"].items():
        torch.testing.assert_close(together["gradients"][key], gradient, rtol=1e-5, atol=1e-7)


def test_dealing_gives_every_sequence_once_and_even_parts(monkeypatch):
    lengths = [5, 40, 3, 17, 9, 9, 30]
    monkeypatch.setattr(distributed, "world", lambda: 2)
    shares = []
    for rank in (0, 1):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        shares.append(distributed.deal(lengths, 40, even=True))
    assert sorted(i for share in shares for part in share for i in part) == list(range(7))
    assert len(shares[0]) == len(shares[1])
    assert all(sum(lengths[i] for i in part) <= 40 for share in shares for part in share)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_processes_end_when_their_parent_is_killed(tmp_path):
    """A parent ended by SIGKILL cannot end its children: they notice."""
    code = (
        "import sys, time, os\n"
        "from trainer.distributed.launch import launch\n"
        "from tests.trainer.sleepers import sleep\n"
        "if __name__ == '__main__':\n"
        f"    launch(sleep, ({str(tmp_path)!r},), 2)\n"
    )
    script = tmp_path / "main.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, str(script)], env=environment)
    until = time.monotonic() + 120
    while len(list(tmp_path.glob("pid-*"))) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    children = [int(p.name.removeprefix("pid-")) for p in tmp_path.glob("pid-*")]
    assert len(children) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    until = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{pid}") for pid in children) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in children)
