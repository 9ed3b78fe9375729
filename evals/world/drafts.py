"""Word problems graded by number of operations.

A problem is a chain of steps `left op right = result` told as a short story: a start (a number given,
or boxes with the same number in each), changes (more, fewer, times, an equal share), and an end (how
many are left, or how many two people have together). Its level is the number of steps; no result is above
`largest`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from evals.core.errors import UserError
from evals.core.keys import content_hash, derive_seed

SPLITS = ("train", "validation", "test")
LARGEST = 99  # of every intermediate result, unless another is asked for

NAMES = "Ana Ben Cora Dan Ella Finn Gus Hana Ivo June Kai Lena Milo Nora Omar Pia Quin Rosa Sam Tess".split()
THINGS = "apples pears coins shells cards beads stamps books nuts rings stones keys".split()


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, `left op right = result`; op is one of + - * /."""

    left: int
    op: str
    right: int
    result: int

    def __str__(self) -> str:
        return f"{self.left}{self.op}{self.right}={self.result}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A problem before rendering: its steps and the sentences of its question."""

    steps: tuple[Step, ...]
    question: str
    name: str
    things: str

    @property
    def skeleton(self) -> tuple[tuple[int, str, int], ...]:
        """The arithmetic alone: what decides the split."""
        return tuple((s.left, s.op, s.right) for s in self.steps)


def _most(largest: int) -> int:
    """The largest number that a change adds or takes away: 9 of 99, 90 of 999."""
    return largest // 11


def _start(
    rng: random.Random, name: str, things: str, room: int, largest: int
) -> tuple[list[Step], int, str]:
    if room > 1 and rng.random() < 0.25:
        boxes, each = rng.randint(2, 6), rng.randint(2, _most(largest))
        text = f"{name} has {boxes} boxes with {each} {things} in each."
        return [Step(boxes, "*", each, boxes * each)], boxes * each, text
    value = rng.randint(5, largest // 2 + 1)
    verb = rng.choice(("has", "finds", "buys"))
    return [], value, f"{name} {verb} {value} {things}."


def _change(rng: random.Random, value: int, name: str, things: str, largest: int) -> tuple[Step, str]:
    most = _most(largest)
    kinds = ["+", "+", "-", "-"]
    kinds += ["*"] if value <= largest // 3 else []
    kinds += ["/"] if value > 8 and any(value % k == 0 for k in (2, 3, 4, 5)) else []
    op = "+" if value <= 5 else "-" if value > largest - most else rng.choice(kinds)
    if op == "+":
        x = rng.randint(2, most)
        text = rng.choice(
            (f"Then {name} gets {x} more.", f"A friend gives {name} {x} {things}.", f"{name} adds {x}.")
        )
        return Step(value, "+", x, value + x), text
    if op == "-":
        x = rng.randint(2, min(most, value - 1))
        text = rng.choice(
            (f"Then {name} loses {x}.", f"{name} gives away {x} {things}.", f"{name} sells {x}.")
        )
        return Step(value, "-", x, value - x), text
    if op == "*":
        x = rng.choice((2, 3))
        word = {2: "doubles", 3: "triples"}[x]
        return Step(value, "*", x, value * x), f"Then {name} {word} the number of {things}."
    x = rng.choice([k for k in (2, 3, 4, 5) if value % k == 0])
    return Step(value, "/", x, value // x), f"{name} shares them equally among {x} bags and keeps one bag."


def _end(
    rng: random.Random, value: int, name: str, things: str, room: int, largest: int
) -> tuple[list[Step], str]:
    most = _most(largest)
    if room < 2 or value > (largest - most) // 2 or rng.random() > 0.3:
        return [], rng.choice((f"How many {things} does {name} have now?", f"How many {things} are left?"))
    other = rng.choice([n for n in NAMES if n != name])
    if rng.random() < 0.5 or value < 6:
        x = rng.randint(2, most)
        theirs, word = Step(value, "+", x, value + x), "more"
    else:
        x = rng.randint(2, min(most, value - 1))
        theirs, word = Step(value, "-", x, value - x), "fewer"
    total = Step(value, "+", theirs.result, value + theirs.result)
    text = f"{other} has {x} {word} {things} than {name}. How many {things} do they have together?"
    return [theirs, total], text


def draft(rng: random.Random, level: int, largest: int = LARGEST) -> Draft:
    """One problem with exactly `level` steps and no result above `largest`, drawn from `rng`."""
    name, things = rng.choice(NAMES), rng.choice(THINGS)
    steps, value, text = _start(rng, name, things, level, largest)
    parts = [text]
    keep_two = level - len(steps) >= 2 and rng.random() < 0.4
    while len(steps) < level - (2 if keep_two else 0):
        step, text = _change(rng, value, name, things, largest)
        steps.append(step)
        parts.append(text)
        value = step.result
    ending, text = _end(rng, value, name, things, level - len(steps), largest)
    if len(ending) != level - len(steps):  # the two-step ending did not fit: fill with changes
        while len(steps) < level:
            step, change = _change(rng, value, name, things, largest)
            steps.append(step)
            parts.append(change)
            value = step.result
        ending, text = [], f"How many {things} does {name} have now?"
    return Draft(tuple(steps + ending), " ".join([*parts, text]), name, things)


def split_of(skeleton: tuple[tuple[int, str, int], ...]) -> str:
    """The split of an arithmetic skeleton: 90% train, 5% validation, 5% test, by its hash."""
    bucket = int(content_hash("world-split", [list(s) for s in skeleton])[:8], 16) % 20
    return {0: "test", 1: "validation"}.get(bucket, "train")


def drill(rng: random.Random, largest: int = LARGEST) -> Step:
    """One operation as problems have it, whose one-step problem is of the train split."""
    while True:
        step, _ = _change(rng, rng.randint(2, largest), "", "", largest)
        if rng.random() < 0.2:
            boxes, each = rng.randint(2, 6), rng.randint(2, _most(largest))
            step = Step(boxes, "*", each, boxes * each)
        if split_of(((step.left, step.op, step.right),)) == "train":
            return step


def drafts(split: str, *, seed: int, levels: tuple[int, ...], largest: int = LARGEST) -> Iterator[Draft]:
    """Endless problems of one split, levels in turn, each keyed by (seed, split, index)."""
    if split not in SPLITS:
        raise UserError(f"the synthetic world has no split {split!r}; choose one of {', '.join(SPLITS)}")
    if not levels or any(not 1 <= level <= 12 for level in levels):
        raise UserError(f"levels must be numbers of operations from 1 to 12, got {list(levels)}")
    check_largest(largest)
    index = 0
    while True:
        rng = random.Random(derive_seed("world", seed, split, index))
        for _ in range(1000):
            made = draft(rng, levels[index % len(levels)], largest)
            if split_of(made.skeleton) == split:
                yield made
                break
        index += 1


def check_largest(largest: int) -> None:
    """Raises UserError where no world has this largest result."""
    if not LARGEST <= largest <= 999_999:
        raise UserError(f"the largest result must be from {LARGEST} to 999999, got {largest}")
