"""Thirty checkpoints damaged by a script: each is one sentence; none gives a number."""

import json
import random
import shutil
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from evals.engines import open_engine
from evals.records import Request, SamplingOptions
from tests.evals.small import saved


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("damaged") / "plain")


def tensors(change):
    def damage(folder, rng):
        state = load_file(folder / "model.safetensors")
        change(state, rng.choice(sorted(k for k in state if "norm" not in k and "embed" not in k)), rng)
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})

    return damage


def renamed(state, name, rng):
    state[name.replace("model.", "model.body.", 1) if "model." in name else "head.weight"] = state.pop(name)


def swapped_names(state, name, rng):
    one, other = "model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.down_proj.weight"
    state[one], state[other] = state[other], state[one]


def dropped(state, name, rng):
    del state[name]


def cut_rows(state, name, rng):
    state[name] = state[name][:-1].clone()


def flattened(state, name, rng):
    state[name] = state[name].reshape(-1).clone()


def not_finite(value):
    def change(state, name, rng):
        state[name].view(-1)[rng.randrange(state[name].numel())] = value

    return change


def integers(state, name, rng):
    state[name] = state[name].to(torch.float8_e4m3fn).view(torch.uint8).clone()


def header(change):
    """A lying header: lengths and data stay."""

    def damage(folder, rng):
        file = folder / "model.safetensors"
        data = file.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        entries = json.loads(data[8 : 8 + length])
        names = [k for k in entries if k != "__metadata__"]
        change(entries, *rng.sample(names, 2))
        text = json.dumps(entries).encode()
        file.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])

    return damage


def longer(entries, one, other):
    entries[one]["shape"][0] += 1


def negative(entries, one, other):
    entries[one]["shape"][0] *= -1


def other_type(entries, one, other):
    entries[one]["dtype"] = "F16"


def no_type(entries, one, other):
    entries[one]["dtype"] = ["F32"]


def overlapping(entries, one, other):
    start = entries[other]["data_offsets"][0]
    size = entries[one]["data_offsets"][1] - entries[one]["data_offsets"][0]
    last = max(e["data_offsets"][1] for k, e in entries.items() if k != "__metadata__")
    entries[one]["data_offsets"] = [start, start + size] if start + size <= last else [0, 1]


def exchanged(entries, one, other):
    entries[one]["data_offsets"], entries[other]["data_offsets"] = [0, 4], [4, 8]


def cut(share):
    def damage(folder, rng):
        file = folder / "model.safetensors"
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])

    return damage


def config(**changes):
    def damage(folder, rng):
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return damage


def other_tokenizer(entries):
    def damage(folder, rng):
        from evals.checkpoints.tokenizer import train_tokenizer

        words = [" ".join(f"{rng.randrange(10**6):x}" for _ in range(2000))]
        train_tokenizer(words, entries).save_pretrained(folder)

    return damage


def in_bin(change):
    def damage(folder, rng):
        state = load_file(folder / "model.safetensors")
        (folder / "model.safetensors").unlink()
        file = folder / "pytorch_model.bin"
        torch.save(state, file)
        change(file, state)

    return damage


def half_bin(file, state):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def no_dict(file, state):
    torch.save(list(state.values()), file)


def without_head(file, state):
    torch.save({k: v for k, v in state.items() if k != "lm_head.weight"}, file)


def two_parts(folder, rng):
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    half = dict(list(state.items())[:9])
    save_file(half, folder / "model-00001-of-00002.safetensors", metadata={"format": "pt"})


def twice(folder, rng):
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    for i in (1, 2):
        save_file(state, folder / f"model-0000{i}-of-00002.safetensors", metadata={"format": "pt"})


DAMAGES = {
    "a name": tensors(renamed), "a tensor lost": tensors(dropped), "a row lost": tensors(cut_rows),
    "a shape flattened": tensors(flattened), "names exchanged": tensors(swapped_names),
    "a NaN": tensors(not_finite(torch.nan)), "an infinity": tensors(not_finite(-torch.inf)),
    "bytes for numbers": tensors(integers),
    "header: a longer side": header(longer), "header: a negative side": header(negative),
    "header: another type": header(other_type), "header: no type": header(no_type),
    "header: shared bytes": header(overlapping), "header: four bytes each": header(exchanged),
    "cut in the header": cut(0.001), "cut in the middle": cut(0.5), "cut at the end": cut(0.9999),
    "config: a layer more": config(num_hidden_layers=3), "config: a layer less": config(num_hidden_layers=1),
    "config: wider": config(hidden_size=64), "config: more entries": config(vocab_size=300),
    "config: another model": config(model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"]),
    "config: no such model": config(model_type="unheard", architectures=["Unheard"]),
    "config: tied": config(tie_word_embeddings=True),
    "a longer tokenizer": other_tokenizer(400),
    "bin: cut": in_bin(half_bin), "bin: a list": in_bin(no_dict), "bin: no head": in_bin(without_head),
    "one part of two": two_parts, "every tensor twice": twice,
}  # fmt: skip


def drawn(folder):
    engine = open_engine(open_checkpoint(str(folder)))
    return engine.sample([Request(engine.encode("12 + 30"), 1)], SamplingOptions(max_tokens=4))


def test_there_are_thirty():
    assert len(DAMAGES) == 30


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_checkpoint_is_one_sentence_and_no_number(plain, tmp_path, kind):
    folder = shutil.copytree(plain, tmp_path / "copy")
    DAMAGES[kind](folder, random.Random(kind))
    with pytest.raises(UserError) as met:
        drawn(folder)
    said = str(met.value)
    assert "\n" not in said
    assert "; " in said
    assert str(folder) in said
    assert len(said) - len(str(folder)) < 400
