"""A byte-level BPE tokenizer trained on given text, with every digit a token of its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evals.checkpoints.checkpoint import read_object
from evals.core.errors import UserError, first_line

EOS = "<|endoftext|>"
PAD = "<|pad|>"
PLAIN = ("TokenizersBackend", "PreTrainedTokenizerFast")  # no code of their own in transformers


def train_tokenizer(texts: Iterable[str], vocab_size: int = 512) -> Any:
    """A `PreTrainedTokenizerFast` with `vocab_size` entries at most.

    Digits never merge, so numbers are spelled; EOS ends documents, PAD only fills batches.
    Training is deterministic in the order-free counts of `texts`.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"),
            pre_tokenizers.Split(Regex(r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOS, pad_token=PAD)


def load_tokenizer(checkpoint: str | Path, revision: str | None = None) -> Any:
    """The tokenizer of a checkpoint folder or hub id. UserError where it is absent or damaged.

    A folder that says it holds a plain fast tokenizer is read as one: the class that finds out
    imports every model of transformers, seconds of CPU in every process.
    """
    config = read_object(Path(checkpoint) / "tokenizer_config.json", str(checkpoint))
    try:
        if config is not None and config.get("tokenizer_class") in PLAIN:
            from transformers import PreTrainedTokenizerFast

            loaded = PreTrainedTokenizerFast.from_pretrained(str(checkpoint))
        else:
            from transformers import AutoTokenizer

            loaded = AutoTokenizer.from_pretrained(str(checkpoint), revision=revision)
        loaded("a")  # a wrong setting may show only now
    except Exception as error:  # `tokenizers` raises Exception itself
        raise UserError(
            f"the tokenizer of {checkpoint} does not load ({first_line(error)}); "
            "save it again into the checkpoint's folder"
        ) from error
    return loaded


def encode(tokenizer: Any, text: str, *, special: bool = True) -> tuple[int, ...]:
    """Token ids of a text: of a prompt with whatever the tokenizer sets before it, of a response without."""
    return tuple(tokenizer(text, add_special_tokens=special)["input_ids"])
