"""rl, sft and parallel on a model of transformers, whole and by LoRA: they learn, and resume to the byte."""

import os
import shutil

import pytest
import torch
from typer.testing import CliRunner

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from tests.trainer.cuts import before_changes, contents
from tests.trainer.loops import PARALLEL, RL, SFT, rewarded
from tests.trainer.tiny import saved
from trainer.cli import app
from trainer.config.schema import AdapterConfig
from trainer.parallel import parallel
from trainer.rl import rl
from trainer.run.files import read_rows
from trainer.sft import sft

LORA = {"adapter": AdapterConfig(rank=2)}
KINDS = {"whole": {}, "lora": LORA}


@pytest.fixture(scope="module")
def llama(tmp_path_factory, tokenizer):
    tokenizer.model_max_length = 512
    return saved("llama", tokenizer, tmp_path_factory.mktemp("llama") / "base")


def loop(name: str, parent, out, **fields):
    """A loop in its smallest form, with fields changed in all its sections."""
    with rewarded():
        if name == "sft":
            config = SFT.model_copy(update=fields | {"max_tokens": 100})
            return sft(str(parent), config, out, quiet=True)
        if name == "rl":
            return rl(str(parent), RL.model_copy(update=fields), out, quiet=True)
        both = {k: getattr(PARALLEL, k).model_copy(update=fields) for k in ("rl", "sft")}
        return parallel(str(parent), PARALLEL.model_copy(update=both), out, quiet=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["rl", "sft", "parallel"])
def test_a_run_that_is_cut_ends_with_the_same_bytes(name, kind, llama, tmp_path):
    """Fault 23 where the model is not ours: in rl at every place where other files lie on disk than before,
    in the others after the first state was written."""
    whole, copies, seen = tmp_path / "whole", [], []

    def copy():
        files = {str(p.relative_to(whole)) for p in whole.rglob("*") if p.is_file()}
        if (name == "rl" or "state/step-00000002.pt" in files) and files and files not in seen:
            seen.append(files)
            copies.append(tmp_path / f"cut-{len(copies)}")
            shutil.copytree(whole, copies[-1])

    with before_changes(copy):
        end = loop(name, llama, whole, **KINDS[kind])
    assert len(copies) > (8 if name == "rl" else 0)
    copies = copies if name == "rl" else copies[:1]
    expected = contents(whole)
    rows = expected["metrics.jsonl"]
    assert all(row["grad_norm"] > 1e-4 for row in rows)
    torch.manual_seed(123)  # what has gone on in the process before is nothing to the run
    for cut in copies:
        loop(name, llama, cut, **KINDS[kind])
        found = contents(cut)
        assert [k for k in {*found, *expected} if found.get(k) != expected.get(k)] == []
    files = {p.name for p in end.iterdir()}
    assert ("adapter_model.safetensors" in files) == (kind == "lora")
    assert "lineage.json" in files
    if kind == "whole":
        assert open_checkpoint(str(end)).lineage["parent"] == open_checkpoint(str(llama)).weights


def test_the_reference_of_an_adapter_is_the_model_without_it(llama, tmp_path):
    """On the first step they are equal; then the adapter leaves its base."""
    loop("rl", llama, tmp_path / "run", **LORA, kl=0.01)
    rows = list(read_rows(tmp_path / "run" / "metrics.jsonl"))
    assert rows[-1]["kl"] > rows[0]["kl"] >= 0
    assert rows[-1]["kl"] > 1e-6


def test_what_was_merged_is_a_whole_model(llama, tmp_path, capfd):
    end = loop("rl", llama, tmp_path / "run", adapter=AdapterConfig(rank=2, merge=True), steps=1)
    assert not capfd.readouterr().err  # no progress bar of transformers
    assert (end / "model.safetensors").is_file()
    assert not (end / "adapter_config.json").exists()
    assert os.path.getsize(end / "tokenizer.json") == os.path.getsize(llama / "tokenizer.json")


@pytest.mark.parametrize("command", ["rl", "sft", "parallel"])
def test_merging_without_an_adapter_is_refused(command, llama, tmp_path):
    """Seen to fail: an adapter of rank 16 was trained in place of the whole model."""
    told = [command, "--ckpt", str(llama), "--preset", "micro", "--out", str(tmp_path / "run"), "--merge"]
    with pytest.raises(UserError, match=r"--merge saves an adapter; give one \(--set adapter.rank=16\), or"):
        CliRunner().invoke(app, told, catch_exceptions=False)
    assert not (tmp_path / "run").exists()
