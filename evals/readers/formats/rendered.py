"""Prompts as text: the user's question out of a rendered chat, the end marks off a response."""

from __future__ import annotations

import re

# what stands before the user's text and after it, in the chat formats of common model families
TURNS = (
    ("<|im_start|>user\n", "<|im_end|>"),
    ("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
    ("<start_of_turn>user\n", "<end_of_turn>"),
    ("<|user|>\n", "\n<|assistant|>"),
    ("<|user|>", "<|assistant|>"),
    ("[INST]", "[/INST]"),
    ("<｜User｜>", "<｜Assistant｜>"),
)
BARE = re.compile(r"(?:\A|\n)user\n(.*)\n(?:assistant|model)\n*(?:<think>\n*)?\Z", re.DOTALL)  # marks skipped
ENDS = ("<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "<end_of_turn>", "</s>", "<eos>",
        "<｜end▁of▁sentence｜>")  # fmt: skip


def question_in(prompt: str) -> str:
    """The last question of the user in a rendered chat prompt; the prompt itself where it is none."""
    for before, after in TURNS:
        if (start := prompt.rfind(before)) >= 0:
            rest = prompt[start + len(before) :]
            end = rest.find(after)
            return (rest if end < 0 else rest[:end]).strip()
    if match := BARE.search(prompt):
        return match[1].rpartition("\nuser\n")[2].strip()
    return prompt.strip()


def without_ends(response: str) -> str:
    """A response without the special tokens that closed it."""
    text = response.rstrip()
    while ending := next((e for e in ENDS if text.endswith(e)), None):
        text = text[: -len(ending)].rstrip()
    return text if text != response.rstrip() else response
