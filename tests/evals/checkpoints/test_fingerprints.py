"""What makes two checkpoints one: the tensors that are loaded, and nothing else."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from probes.findings.checks import same_weights
from tests.evals.small import saved
from tests.evals.tiny import checkpoint


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("prints") / "plain")


@pytest.fixture
def folder(plain, tmp_path):
    return shutil.copytree(plain, tmp_path / "copy")


def tensors(folder):
    return open_checkpoint(str(folder)).tensors


@pytest.mark.parametrize("family", ["llama", "mixtral", "gemma3-composite", "gpt-neox"])
@pytest.mark.parametrize("size", ["1GB", "20KB"])
def test_a_copy_that_transformers_saved_again_is_the_same(tmp_path, family, size):
    from transformers import AutoModelForCausalLM

    folder = saved(tmp_path / "first", family, tie_word_embeddings=family != "gpt-neox")
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    loaded.save_pretrained(tmp_path / "again", max_shard_size=size)
    shutil.copy(folder / "tokenizer.json", tmp_path / "again")
    assert tensors(tmp_path / "again") == tensors(folder)


def test_settings_and_their_version_are_no_weights(plain, folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"transformers_version": "4.1"}))
    (folder / "generation_config.json").write_text('{"temperature": 0.2}')
    one, other = open_checkpoint(str(plain)), open_checkpoint(str(folder))
    assert one.tensors == other.tensors
    assert one.weights != other.weights  # keys what is kept: another asking may hide in the settings
    told = [{"tensors": c.tensors, "fingerprint": c.weights} for c in (one, other)]
    assert same_weights(*told)[0].passed is False


def test_one_bit_is_another_checkpoint(plain, folder):
    state = load_file(folder / "model.safetensors")
    state["model.norm.weight"].view(torch.int32)[3] ^= 1
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    assert tensors(folder) != tensors(plain)


def test_names_shapes_and_types_are_part_of_it(plain, folder):
    state = load_file(folder / "model.safetensors")
    up, down = (f"model.layers.{i}.mlp.up_proj.weight" for i in (0, 1))
    seen = {tensors(plain)}
    changes = [{up: state[down], down: state[up]}, {up: state[up].T.contiguous()},
               {up: state[up].view(torch.int32)}]  # fmt: skip
    for change in changes:
        save_file(state | change, folder / "model.safetensors", metadata={"format": "pt"})
        seen.add(tensors(folder))
    assert len(seen) == 4


def test_shards_and_another_whole_file_are_refused(plain, folder):
    state = load_file(folder / "model.safetensors")
    save_file(state, folder / "model-00001-of-00001.safetensors", metadata={"format": "pt"})
    where = dict.fromkeys(state, "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    save_file({k: v + 1 for k, v in state.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="holds its weights twice"):
        open_checkpoint(str(folder))
    (folder / "model.safetensors").unlink()
    assert tensors(folder) == tensors(plain)


def test_the_keys_of_what_is_kept_stay(tmp_path):
    """Fingerprints of a checkpoint of fixed bytes, as the first versions of this program gave them."""
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "tokenizer.json").write_text("{}")
    save_file({"a": torch.arange(6.0).view(2, 3)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    found = open_checkpoint(str(tmp_path))
    assert found.weights == "4ebac5accfb252492a68b0338b547232"
    assert found.tokenizer == "79b95fbc96403b8fe5adcdf5913e8bd2"


def test_adding_a_file_that_nobody_loads_changes_nothing(tmp_path):
    folder = checkpoint(tmp_path / "tiny")
    before = open_checkpoint(str(folder))
    (folder / "optimizer.pt").write_bytes(b"x")
    (folder / "consolidated.safetensors").write_bytes(b"x")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    after = open_checkpoint(str(folder))
    assert (before.weights, before.tensors) == (after.weights, after.tensors)


def test_code_of_its_own_is_part_of_what_runs_it(folder):
    def prints(**options):
        found = open_checkpoint(str(folder), **options)
        return found.weights, found.tokenizer

    before = prints()
    (folder / "own.py").write_text("A = 1")
    assert prints(trust_remote_code=True) == before  # nothing names it
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModelForCausalLM": "own.A"}}))
    unrun, run = prints(), prints(trust_remote_code=True)
    (folder / "own.py").write_text("A = 2")
    assert prints() == unrun
    again = prints(trust_remote_code=True)
    assert all(one != other for one, other in zip(run, again, strict=True))
