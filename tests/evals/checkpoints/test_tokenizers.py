"""Tokenizers as published: the ids are those of tokenizer.json, whatever class the settings name."""

import json

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from evals.checkpoints.tokenizer import encode, load_tokenizer
from tests.evals.small import saved

TEXT = "What is 12 + 30?\nIt is 42."
WORDS = ["the sum of 12345 and 67890 is 80235. don't\n\n\nProblem: 123 x 456 = 56088\n    code"] * 3
DIGITS = r"\p{N}{1,3}| ?\p{L}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"
CHAT = "{% for m in messages %}<|user|>{{ m.content }}{% endfor %}"


def write(folder, made, kind, architecture, **settings):
    folder.mkdir(exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": kind, "model_max_length": 4096, **settings}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    if architecture:
        (folder / "config.json").write_text(json.dumps({"model_type": architecture}))
    return folder


def byte_level():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(DIGITS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|end|>", "<|begin|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([*WORDS, *map(str, range(1000, 3000, 7))], trainer)
    return made


@pytest.mark.parametrize(
    ("kind", "architecture"),
    [("LlamaTokenizerFast", "llama"), ("LlamaTokenizerFast", "qwen2"), ("Qwen2Tokenizer", "qwen3"),
     ("GPT2Tokenizer", "llama"), ("GPTNeoXTokenizerFast", "gpt_neox")],
)  # fmt: skip
def test_a_class_with_another_pipeline_than_the_file_is_not_used(tmp_path, kind, architecture):
    made = byte_level()
    said = {"bos_token": "<|begin|>", "eos_token": "<|end|>", "pad_token": "<|end|>", "chat_template": CHAT}
    folder = write(tmp_path / "model", made, kind, architecture, add_bos_token=True, **said)
    loaded = load_tokenizer(folder)
    for text in (TEXT, *WORDS):
        ids = made.encode(text, add_special_tokens=False).ids
        assert list(encode(loaded, text, special=False)) == ids
        assert loaded.decode(ids) == text
    begins = encode(loaded, TEXT)[0] == loaded.bos_token_id == made.token_to_id("<|begin|>")
    assert begins == kind.startswith("Llama")
    assert (loaded.eos_token, loaded.pad_token) == ("<|end|>", "<|end|>")
    chat = [{"role": "user", "content": "a"}]
    assert loaded.apply_chat_template(chat, tokenize=False) == "<|user|>a"


def sentence_pieces(before, after, splitter=None):
    made = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    made.normalizer, made.pre_tokenizer = before, splitter
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *after]
    )
    special = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False)
    made.train_from_iterator([w for t in WORDS for w in t.replace(" ", "▁").splitlines()], trainer)
    return made


SPACE = normalizers.Replace(" ", "▁")
GENUINE = {
    "llama": ("LlamaTokenizer", [normalizers.Prepend("▁"), SPACE], [decoders.Strip(" ", 1, 0)], None),
    "llama-spaced": ("LlamaTokenizer", [normalizers.Prepend("▁"), SPACE], [decoders.Strip(" ", 1, 0)], None),
    "llama-bare": ("LlamaTokenizer", [normalizers.Prepend("▁"), SPACE], [decoders.Strip(" ", 1, 0)], None),
    "gemma": ("GemmaTokenizer", [SPACE], [], pre_tokenizers.Split(" ", "merged_with_previous")),
}


@pytest.mark.parametrize("family", GENUINE)
def test_a_tokenizer_of_its_class_keeps_its_class_and_ids(tmp_path, family):
    from transformers import AutoTokenizer

    kind, before, after, splitter = GENUINE[family]
    made = sentence_pieces(normalizers.Sequence(before), after, splitter)
    given = {"llama-spaced": {"add_prefix_space": True}, "llama-bare": {"add_prefix_space": False}}
    folder = write(tmp_path / "model", made, kind, family.partition("-")[0], **given.get(family, {}))
    loaded, usual = load_tokenizer(folder), AutoTokenizer.from_pretrained(str(folder))
    assert type(loaded) is type(usual)
    assert type(loaded).__name__ == kind
    for text in (TEXT, *WORDS, " a", ""):
        assert encode(loaded, text) == encode(usual, text)


@pytest.mark.parametrize("kind", ["GPTNeoXTokenizer", "GPTNeoXTokenizerFast", "Qwen2Tokenizer"])
def test_what_the_file_sets_before_a_text_is_set(tmp_path, kind):
    """Seen to fail: GPT-NeoX's class dropped the first token, in silence."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special, alphabet = ["<|endoftext|>", "<|padding|>", "<s>"], pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(WORDS, trainer)
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 2)])
    folder = write(tmp_path / "model", made, kind, "gpt_neox", bos_token="<s>", add_bos_token=True)
    assert list(encode(load_tokenizer(folder), TEXT)) == made.encode(TEXT).ids
    assert made.encode(TEXT).ids[0] == 2


def test_lm_eval_reads_with_the_same_tokenizer(tmp_path):
    pytest.importorskip("lm_eval", reason="lm-eval is not installed")
    from evals.capability.harness import open_model
    from evals.checkpoints.checkpoint import open_checkpoint

    made = byte_level()
    folder = saved(tmp_path / "model", vocab_size=made.get_vocab_size())
    write(folder, made, "LlamaTokenizerFast", None, eos_token="<|end|>")
    model = open_model(open_checkpoint(str(folder)), None, 1)
    assert model.tok_encode(TEXT, add_special_tokens=False) == made.encode(TEXT).ids
