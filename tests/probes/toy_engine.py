"""The engine of a toy model (`probes.calibration.toy`): the same code as for real ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from evals.core.keys import content_hash
from probes.calibration.toy import VOCABULARY, Toy


class ToyTokenizer:
    """Reads the number of the problem out of a prompt; writes digits and boxes the last."""

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        """One prompt token that stands for the problem named last in the text; the end token for none."""
        numbers = re.findall(r"toy problem (\d+)", text)
        return {"input_ids": [VOCABULARY + int(numbers[-1]) if numbers else 0]}

    def decode(self, ids: Sequence[int], **_: Any) -> str:
        """The text of response tokens: the digits written, and the last of them as the answer."""
        body = "".join(str(i) for i in ids if i)
        return f"{body} \\boxed{{{body[-1]}}}" if body else ""


class ToyDecoder:
    """`evals.engines.decoders.Decoder` on a table."""

    one_length = False

    def __init__(self, toy: Toy) -> None:
        import torch

        self.table = torch.from_numpy(np.log(np.maximum(toy.table, 1e-300)))  # finite, as of a real model
        self.vocab_size = VOCABULARY + len(self.table)  # the prompt tokens name the problems
        self.model = torch.nn.Module()  # nothing to train or to switch
        self.device = torch.device("cpu")

    def prefill(self, prompts: Sequence[Sequence[int]], group: Any) -> Any:
        """See Decoder."""
        import torch

        numbers = torch.tensor([p[-1] - VOCABULARY for p in prompts])
        self.problem, self.position = numbers[group], 0
        return self.table[self.problem, 0, 0].float()

    def step(self, tokens: Any) -> Any:
        """See Decoder."""
        self.position += 1
        return self.table[self.problem, self.position, tokens].float()

    def keep(self, rows: Any) -> None:
        """See Decoder."""
        self.problem = self.problem[rows]

    def hidden(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> Any:
        """See Decoder; a prompt ends with the problem's token. The logits themselves: `head` adds nothing."""
        import torch

        out = []
        for prompt, response in zip(prompts, responses, strict=True):
            before = torch.tensor([0, *response[:-1]])
            at = torch.arange(len(before)).clamp(max=self.table.shape[1] - 1)
            out.append(self.table[prompt[-1] - VOCABULARY, at, before].float())
        return torch.cat(out)

    def head(self, hidden: Any) -> Any:
        """See Decoder."""
        return hidden


def toy_engine(toy: Toy) -> Any:
    """The torch engine on a table: the same sampling and scoring code as for real models."""
    from evals.engines.torch_engine import TorchEngine

    weights = content_hash("toy", toy.table.tolist())
    identity = {"weights": weights, "tokenizer": "toy", "engine": "torch", "version": "toy", "dtype": "table"}
    return TorchEngine(ToyDecoder(toy), ToyTokenizer(), eos_ids=(0,), context=64, identity=identity)
