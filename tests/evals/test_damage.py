"""Checkpoints that are damaged: each file, in each way, is one sentence that names it."""

import json
import shutil
import struct

import pytest

from evals.asking import Asking, settled
from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from evals.engines import open_engine
from tests.evals.tiny import checkpoint


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("damage") / "tiny")


@pytest.fixture
def folder(whole, tmp_path):
    """A copy to damage."""
    return shutil.copytree(whole, tmp_path / "copy")


def opened(folder):
    found = open_checkpoint(str(folder))
    settled(Asking(), found.lineage, has_chat=False)
    open_engine(found)


def refused(folder, *words):
    with pytest.raises(UserError) as met:
        opened(folder)
    said = str(met.value)
    assert "\n" not in said
    assert "; " in said  # what is wrong; what to do
    assert len(said) < 400
    for word in words:
        assert word in said


JSON = ("config.json", "generation_config.json", "lineage.json", "tokenizer_config.json", "tokenizer.json")


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"null", b"\xff\xfe\x00", b"[" * 100_000])
@pytest.mark.parametrize("name", JSON)
def test_a_file_that_is_no_json_object(folder, name, data):
    (folder / name).write_bytes(data)
    refused(folder, "tokenizer" if name == "tokenizer.json" else name)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("tokenizer_config.json", {"tokenizer_class": 5}, "tokenizer of"),
        ("tokenizer_config.json", {"eos_token": 5}, "eos_token"),
        ("tokenizer_config.json", {"model_max_length": "long"}, "tokenizer of"),
        ("tokenizer.json", {"model": 5}, "tokenizer of"),
        ("config.json", {"hidden_size": "wide"}, "hidden_size of 'wide'"),
        ("config.json", {"hidden_size": [64]}, "hidden_size of [64]"),
        ("config.json", {"num_attention_heads": 0}, "num_attention_heads of 0"),
        ("config.json", {"num_hidden_layers": 10**9}, "num_hidden_layers of 1000000000"),
        ("config.json", {"vocab_size": -5}, "vocab_size of -5"),
        ("config.json", {"vocab_size": 1e999}, "vocab_size of inf"),
        ("config.json", {"rope_parameters": 5}, "does not load"),
        ("config.json", {"hidden_size": 32}, "weights do not fit its config.json"),
        ("config.json", {"num_hidden_layers": 3}, "weights do not fit its config.json"),
        ("config.json", {"max_position_embeddings": "x"}, "context of 'x' tokens"),
        ("config.json", {"max_position_embeddings": 0}, "context of 0 tokens"),
        ("config.json", {"max_position_embeddings": 1e999}, "does not say its context"),
        ("config.json", {"max_position_embeddings": 10**400}, "does not say its context"),
        ("config.json", {"eos_token_id": "end"}, "eos_token_id 'end'"),
        ("generation_config.json", {"eos_token_id": [None]}, "eos_token_id None"),
        ("lineage.json", {"prompt": "world"}, "lineage.json has no prompt"),
        ("lineage.json", {"prompt": {"template": "world", "shots": "8"}}, "lineage.json has no prompt"),
    ],
)
def test_a_setting_of_the_wrong_kind(folder, name, changes, words):
    (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | changes))
    refused(folder, words)


def header(text):
    return struct.pack("<Q", len(text)) + text


ENTRY = b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": %s}}'


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff" * 1000, header(b"[1]"), header(b'{"a": 1}'), header(b"["), header(ENTRY % b"[0]"),
     header(ENTRY % b'["x", "y"]'), header(ENTRY % b"[0, 4]")],
)  # fmt: skip
def test_weights_that_are_cut_off_or_no_safetensors(folder, data):
    (folder / "model.safetensors").write_bytes(data)
    refused(folder, "half-written: model.safetensors")


def test_weights_cut_off_anywhere(folder):
    data = (folder / "model.safetensors").read_bytes()
    for size in (4, 8, 100, len(data) // 2, len(data) - 1):
        (folder / "model.safetensors").write_bytes(data[:size])
        refused(folder, "half-written: model.safetensors")


def test_weights_of_other_names_and_pickles(folder):
    (folder / "model.safetensors").write_bytes(header(b"{}"))
    refused(folder, "weights do not fit its config.json")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(folder, "does not load")
    (folder / "pytorch_model.bin").unlink()
    refused(folder, "has no weight files")


@pytest.mark.parametrize("map_", [None, [1], {"a": 1}, {"a": "../model.safetensors"}])
def test_an_index_that_names_no_files_of_the_folder(folder, map_):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": map_}))
    refused(folder, "index.json names no weight files")


def test_an_index_that_names_a_missing_file(folder):
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "b.safetensors"}}')
    refused(folder, "b.safetensors is missing")


def test_a_tokenizer_that_is_not_there(folder):
    (folder / "tokenizer.json").unlink()
    refused(folder, "tokenizer of")
    (folder / "tokenizer_config.json").unlink()
    refused(folder, "has no tokenizer files")
