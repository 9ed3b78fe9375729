"""Pre-training documents of the synthetic world: problems with solutions, drills, stories, facts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from evals.core.errors import UserError
from evals.core.keys import derive_seed
from evals.world.drafts import LARGEST, check_largest, draft, drill, split_of
from evals.world.general import fact_document, story_document
from evals.world.solutions import STYLES, solve

DRILL = 8  # equations of a drill


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weights of the kinds of document, and of solution styles among problems (normalised when drawn).

    levels: numbers of operations seen in pre-training, drawn uniformly. largest: of every result. graded:
    facts and stories of graded difficulty (`evals.world.general`).
    """

    problems: float = 0.5
    drills: float = 0.2
    stories: float = 0.15
    facts: float = 0.15
    levels: tuple[int, ...] = (1, 2, 3)
    styles: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STYLES, 1.0))
    largest: int = LARGEST
    graded: bool = False

    def __post_init__(self) -> None:
        kinds = (self.problems, self.drills, self.stories, self.facts)
        if min(*kinds, *self.styles.values()) < 0 or sum(kinds) <= 0 or sum(self.styles.values()) <= 0:
            raise UserError("a mixture needs weights of at least 0 with a positive sum")
        if unknown := set(self.styles) - set(STYLES):
            raise UserError(f"no solution style {sorted(unknown)[0]!r}; choose among {', '.join(STYLES)}")
        check_largest(self.largest)


def document(mixture: Mixture, seed: int, index: int) -> str:
    """Document number `index`, from (mixture, seed, index) alone; problems are of the train split."""
    rng = random.Random(derive_seed("document", seed, index))
    kinds = ("problem", "drill", "story", "fact")
    kind = rng.choices(kinds, (mixture.problems, mixture.drills, mixture.stories, mixture.facts))[0]
    if kind == "story":
        return story_document(rng, graded=mixture.graded)
    if kind == "fact":
        return fact_document(rng, seed, graded=mixture.graded)
    if kind == "drill":
        return " ".join(f"{drill(rng, mixture.largest)}." for _ in range(DRILL))
    while True:
        made = draft(rng, rng.choice(mixture.levels), mixture.largest)
        if split_of(made.skeleton) == "train":
            break
    style = rng.choices(list(mixture.styles), list(mixture.styles.values()))[0]
    return f"Problem: {made.question}\nSolution:{solve(made, style)}"


def documents(mixture: Mixture | None = None, *, seed: int = 0, start: int = 0) -> Iterator[str]:
    """Endless documents from number `start` on."""
    mixture = mixture or Mixture()
    index = start
    while True:
        yield document(mixture, seed, index)
        index += 1
