"""What is taken of a hub repository: the files that are needed, once each form is known."""

import shutil

import pytest

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from tests.evals.small import saved

BESIDE = ("pytorch_model.bin", "model.onnx", "consolidated.safetensors", "tf_model.h5", "code.py",
          "original/consolidated.00.pth", "onnx/config.json")  # fmt: skip


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of folders: hub.repo(name) makes one, hub.taken lists the files that were downloaded."""
    from huggingface_hub.utils import filter_repo_objects

    class Hub:
        def __init__(self):
            self.taken = set()

        def repo(self, name):
            return tmp_path / "hub" / name

        def download(self, repo, revision, allow_patterns, ignore_patterns):
            here, out = (
                self.repo(repo if revision is None else f"{repo}@{revision}"),
                tmp_path / "cache" / repo,
            )
            if not here.is_dir():
                raise FileNotFoundError(repo)
            names = [str(f.relative_to(here)) for f in here.rglob("*") if f.is_file()]
            for name in filter_repo_objects(
                names, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns
            ):
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(here / name, out / name)
                self.taken.add(name)
            return str(out)

    made = Hub()

    monkeypatch.setattr("huggingface_hub.snapshot_download", made.download)
    return made


def test_only_the_files_that_are_loaded_are_taken(hub):
    repo = saved(hub.repo("lab/model"))
    for name in BESIDE:
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_bytes(b"x")
    found = open_checkpoint("lab/model")
    assert found.tensors == open_checkpoint(str(repo)).tensors
    assert hub.taken == {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                         "tokenizer_config.json"}  # fmt: skip


def test_bin_alone_at_a_revision(hub):
    import torch
    from safetensors.torch import load_file

    repo = saved(hub.repo("lab/steps@step1000"))
    torch.save(load_file(repo / "model.safetensors"), repo / "pytorch_model.bin")
    whole = open_checkpoint(str(repo)).tensors
    (repo / "model.safetensors").unlink()
    assert open_checkpoint("lab/steps@step1000").tensors == whole
    assert "pytorch_model.bin" in hub.taken


def test_a_repository_that_is_not_there(hub):
    with pytest.raises(UserError, match="the hub did not give it"):
        open_checkpoint("lab/none")


def test_an_adapter_brings_its_base(hub, tmp_path):
    import torch
    from safetensors.torch import save_file

    base = saved(hub.repo("lab/base"))
    folder = hub.repo("lab/lora")
    folder.mkdir(parents=True)
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    save_file({name.format("A"): torch.ones(2, 32), name.format("B"): torch.ones(32, 2)},
              folder / "adapter_model.safetensors")  # fmt: skip
    (folder / "adapter_config.json").write_text(
        '{"base_model_name_or_path": "lab/base", "peft_type": "LORA", "r": 2}'
    )
    found = open_checkpoint("lab/lora")
    assert found.lineage["parent_name"] == "lab/base"
    assert found.lineage["parent"] == open_checkpoint(str(base)).weights
    assert "adapter_model.safetensors" in hub.taken
