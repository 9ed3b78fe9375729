"""A byte-level BPE tokenizer trained on given text, with every digit a token of its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.checkpoints.forms import read_object
from evals.core.errors import UserError, first_line

EOS = "<|endoftext|>"
PAD = "<|pad|>"
PLAIN = ("TokenizersBackend", "PreTrainedTokenizerFast")  # no code of their own in transformers
PROBE = (  # begins with a letter: classes of one family differ in leading spaces only
    "What is 12345 + 30.5?\n\nIt's 42, isn't it:  caf\u00e9, nai\u0308ve;\n    x = y_1 ** 2 \n\n\n"
    "Answer: \\boxed{1234567}"
)


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


def load_tokenizer(checkpoint: str | Path, *, own_code: bool = False) -> Any:
    """The tokenizer of a checkpoint folder or hub id. UserError where it is absent or damaged.

    own_code: whether Python that its config names (`auto_map`) may be run; nothing ever asks.
    A folder that says it holds a plain fast tokenizer is read as one: the class that finds out
    imports every model of transformers, seconds of CPU in every process. So is one whose class gives other
    ids than its tokenizer.json: such a class puts a pipeline of its own in place of the file's.
    """
    import transformers  # noqa: F401  where it is not installed, that is what is said

    config = read_object(Path(checkpoint) / "tokenizer_config.json", str(checkpoint))
    try:
        if config is not None and config.get("tokenizer_class") in PLAIN:
            from transformers import PreTrainedTokenizerFast

            loaded = PreTrainedTokenizerFast.from_pretrained(str(checkpoint))
        else:
            from transformers import AutoTokenizer

            loaded = AutoTokenizer.from_pretrained(str(checkpoint), trust_remote_code=own_code)
            if _departs(loaded, str(checkpoint), config or {}):
                loaded = _as_stored(str(checkpoint), config or {})
        loaded("a")  # a wrong setting may show only now
    except Exception as error:  # `tokenizers` raises Exception itself
        if "trust_remote_code" in str(error):
            raise UserError(
                f"the tokenizer of {checkpoint} needs code of its own (auto_map in its config), which is not "
                "run unasked; read that code, and give --trust-remote-code to run it"
            ) from error
        raise UserError(
            f"the tokenizer of {checkpoint} does not load ({first_line(error)}); "
            "save it again into the checkpoint's folder"
        ) from error
    return loaded


def _departs(loaded: Any, checkpoint: str, config: dict[str, Any]) -> bool:
    """Whether the fast tokenizer of a class encodes or decodes otherwise than the tokenizer.json it is from.

    A space in front of the text is the settings' choice where they make it (`add_prefix_space`). What
    the file sets around a text counts too, which a class may drop (GPT-NeoX's).
    """
    from collections import Counter

    from tokenizers import Tokenizer
    from transformers.utils import cached_file

    if not loaded.is_fast or type(loaded).__module__.startswith("transformers_modules"):
        return False
    file = cached_file(checkpoint, "tokenizer.json", _raise_exceptions_for_missing_entries=False)
    if file is None:
        return False
    stored = Tokenizer.from_file(file)
    stored.no_truncation()
    stored.no_padding()
    ids = stored.encode(PROBE, add_special_tokens=False).ids
    found = loaded(PROBE, add_special_tokens=False)["input_ids"]
    texts = [one.decode(ids) for one in (stored, loaded.backend_tokenizer)]
    around = Counter(stored.encode(PROBE).ids) - Counter(ids)
    if around and around != Counter(loaded(PROBE)["input_ids"]) - Counter(found):
        return True
    if config.get("add_prefix_space") is not None:
        rest = max(1, min(len(ids), len(found)) - 8)  # the tokens after the first word
        ids, found = ids[-rest:], found[-rest:]
        texts = [text.lstrip(" ") for text in texts]
    return bool(ids != found or texts[0] != texts[1])


def _as_stored(checkpoint: str, config: dict[str, Any]) -> Any:
    """The tokenizer of tokenizer.json, with the special tokens and the chat template of the settings.

    Llama's class sets the first token where the settings say so, whatever the file does; so does this.
    """
    from transformers import PreTrainedTokenizerFast

    loaded = PreTrainedTokenizerFast.from_pretrained(checkpoint)
    if str(config.get("tokenizer_class")).startswith("Llama") and config.get("add_bos_token") is True:
        bare = loaded("a")["input_ids"]
        if loaded.bos_token_id is not None and bare[:1] != [loaded.bos_token_id]:
            loaded.add_bos_token = True
    return loaded


def tokenizer_of(found: Checkpoint) -> Any:
    """The tokenizer of a checkpoint; UserError where it is absent, damaged or another model's."""
    return load_tokenizer(found.tokenizer_path or found.path, own_code=found.own_code)


def encode(tokenizer: Any, text: str, *, special: bool = True) -> tuple[int, ...]:
    """Token ids of a text: of a prompt with whatever the tokenizer sets before it, of a response without.

    What a tokenizer sets behind a text, such as the end of a sequence, is left out: a prompt goes on.
    """
    ids = tuple(tokenizer(text, add_special_tokens=special)["input_ids"])
    behind = _behind(tokenizer) if special else ()
    return ids[: len(ids) - len(behind)] if behind and ids[-len(behind) :] == behind else ids


def special_ids(tokenizer: Any) -> set[int]:
    """Ids that decoding without special tokens leaves out."""
    added = {i for i, token in getattr(tokenizer, "added_tokens_decoder", {}).items() if token.special}
    return added.union(tokenizer.all_special_ids)


def _behind(tokenizer: Any) -> tuple[int, ...]:
    """Ids that a tokenizer sets behind every text."""
    bare = tuple(tokenizer("a", add_special_tokens=False)["input_ids"])
    full = tuple(tokenizer("a", add_special_tokens=True)["input_ids"])
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return full[start + len(bare) :]
    return ()
