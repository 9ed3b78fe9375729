"""A model that is a table: every probability is known, so every probe can be held against the truth.

Vocabulary: token 0 ends a response, tokens 1 to 3 write a digit; the last digit is the answer. The next
token depends on problem, position and the token before it, so all responses can be enumerated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd

from evals.records import Problem

VOCABULARY = 4


@dataclass(frozen=True)
class Toy:
    """A table model over M problems and responses of at most L tokens.

    table: (M, L, V, V) probability of the next token given problem, position and token before (0 at the
    first position); the last position always ends. golds: (M,) right answers, 1 to 3.
    """

    table: np.ndarray
    golds: np.ndarray

    @cached_property
    def sequences(self) -> list[tuple[int, ...]]:
        """All S responses, each ending with token 0."""
        free = range(self.table.shape[1])
        return [(*body, 0) for length in free for body in product(range(1, VOCABULARY), repeat=length)]

    @cached_property
    def probabilities(self) -> np.ndarray:
        """(M, S) probability of every response of every problem, at temperature 1."""
        columns = [np.prod(self.steps(s), axis=1) for s in self.sequences]
        return np.stack(columns, axis=1)

    def steps(self, sequence: Sequence[int]) -> np.ndarray:
        """(M, T) probability of each token of one response given those before it."""
        before = (0, *sequence[:-1])
        return np.stack(
            [self.table[:, t, b, s] for t, (b, s) in enumerate(zip(before, sequence, strict=True))], axis=1
        )

    @cached_property
    def solved(self) -> np.ndarray:
        """(M, S) whether a response is right for a problem."""
        last = np.array([s[-2] if len(s) > 1 else 0 for s in self.sequences])
        return last[None, :] == self.golds[:, None]

    @property
    def p(self) -> np.ndarray:
        """(M,) success rate of one sample."""
        return (self.probabilities * self.solved).sum(axis=1)

    @property
    def sequence_entropy(self) -> np.ndarray:
        """(M,) entropy of the response in nats: -sum P ln P."""
        return -(self.probabilities * np.log(self.probabilities)).sum(axis=1)

    @property
    def mean_tokens(self) -> np.ndarray:
        """(M,) expected number of tokens, the ending one included."""
        return self.probabilities @ np.array([len(s) for s in self.sequences], dtype=float)

    def kl(self, other: Toy) -> np.ndarray:
        """(M,) KL(self || other) of the response in nats, by enumeration."""
        ratio = np.log(self.probabilities) - np.log(other.probabilities)
        return (self.probabilities * ratio).sum(axis=1)

    def tempered(self, temperature: float) -> Toy:
        """The table from which an engine draws at this temperature."""
        raised = self.table ** (1.0 / temperature)
        return Toy(raised / raised.sum(axis=-1, keepdims=True), self.golds)

    def subset(self, problems: np.ndarray) -> Toy:
        """The same model on these problems only."""
        return Toy(self.table[problems], self.golds[problems])

    def problems(self) -> list[Problem]:
        """The M problems, told apart by a number in the question."""
        return [Problem.make(f"toy problem {i}", str(int(g))) for i, g in enumerate(self.golds)]

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(M, n) numbers of responses drawn at temperature 1."""
        cdf = self.probabilities.cumsum(axis=1)
        u = rng.random((len(self.golds), n)) * cdf[:, -1:]
        return np.stack([np.searchsorted(c, row, side="right") for c, row in zip(cdf, u, strict=True)])

    def scored(self, drawn: np.ndarray, name: str = "toy") -> pd.DataFrame:
        """Drawn responses (M, n) as a frame of scores (`probes.measures.log_probs`), with this model's own.

        Columns problem, index, checkpoint, sequence, tokens, correct, answer, logprobs (list), entropy (sum,
        nats), outside (tokens outside this model's top-p = .95 set).
        """
        rows = []
        for i, numbers in enumerate(drawn):
            for j, number in enumerate(numbers):
                sequence = self.sequences[number]
                rows.append((f"p{i}", j, name, len(sequence), bool(self.solved[i, number])))
        frame = pd.DataFrame(rows, columns=["problem", "index", "checkpoint", "tokens", "correct"])
        last = [self.sequences[k][-2] if len(self.sequences[k]) > 1 else 0 for k in drawn.ravel()]
        frame["sequence"] = [self.sequences[k] for k in drawn.ravel()]
        frame["answer"] = [str(a) if a else None for a in last]
        steps = [self.steps(s) for s in self.sequences]
        where = [(i, k) for i, row in enumerate(drawn) for k in row]
        frame["logprobs"] = [np.log(steps[k][i]) for i, k in where]
        entropy = [self._entropies(s) for s in self.sequences]
        frame["entropy"] = [float(entropy[k][i]) for i, k in where]
        above = [self._above(s) for s in self.sequences]
        frame["outside"] = [int((above[k][i] >= 0.95).sum()) for i, k in where]
        return frame

    def _above(self, sequence: Sequence[int]) -> np.ndarray:
        """(M, T) probability of everything more likely than each token."""
        before = (0, *sequence[:-1])
        rows = [self.table[:, t, b] for t, b in enumerate(before)]
        return np.stack(
            [(r * (r > r[:, [s]])).sum(axis=1) for r, s in zip(rows, sequence, strict=True)], axis=1
        )

    def _entropies(self, sequence: Sequence[int]) -> np.ndarray:
        """(M,) sum over positions of the entropy of the next token, along one response."""
        before = (0, *sequence[:-1])
        total = np.zeros(len(self.golds))
        for t, b in enumerate(before):
            row = self.table[:, t, b]
            total -= np.where(row > 0, row * np.log(np.where(row > 0, row, 1.0)), 0.0).sum(axis=-1)
        return total


def random_toy(problems: int, length: int = 4, *, seed: int = 0, concentration: float = 1.0) -> Toy:
    """A table drawn from Dirichlet distributions; concentration below 1 makes it peaked.

    Right answers are drawn from the model's own answers, so that likely answers are right more often.
    """
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(VOCABULARY, concentration), (problems, length, VOCABULARY))
    table = np.maximum(table, 1e-4)
    table /= table.sum(axis=-1, keepdims=True)
    table[:, -1] = 0.0
    table[:, -1, :, 0] = 1.0
    toy = Toy(table, np.ones(problems, dtype=int))
    last = np.array([s[-2] if len(s) > 1 else 0 for s in toy.sequences])
    shares = np.stack([toy.probabilities[:, last == a].sum(axis=1) for a in range(1, VOCABULARY)], axis=1)
    shares /= shares.sum(axis=1, keepdims=True)
    golds = 1 + (rng.random((problems, 1)) > shares.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return Toy(table, golds)
