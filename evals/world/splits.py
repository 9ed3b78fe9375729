"""Problems of one split of the world, with worked solutions in every style."""

from __future__ import annotations

from evals.core.errors import UserError
from evals.records import Problem
from evals.world.drafts import LARGEST, drafts
from evals.world.solutions import STYLES, solve


def problems(
    split: str = "test",
    *,
    seed: int = 0,
    count: int = 200,
    levels: tuple[int, ...] = (1, 2, 3, 4),
    largest: int = LARGEST,
) -> list[Problem]:
    """`count` distinct problems of one split, with worked solutions in every style.

    levels: numbers of operations, in turn. largest: of every result; answers spread over as many numbers,
    so that a large one makes guesses rare.

    Splits share no arithmetic skeleton, so no problem of one is a rewording of another's.
    """
    found: dict[str, Problem] = {}
    for tried, made in enumerate(drafts(split, seed=seed, levels=levels, largest=largest)):
        solutions = tuple(solve(made, style) for style in STYLES)
        meta = {
            "dataset": "world",
            "split": split,
            "level": len(made.steps),
            "template": "".join(step.op for step in made.steps),
        }
        problem = Problem.make(made.question, str(made.steps[-1].result), solutions, meta)
        found.setdefault(problem.id, problem)
        if len(found) >= count:
            return list(found.values())
        if tried > 50 * count + 1000:
            raise UserError(
                f"the synthetic world has fewer than {count} distinct {split} problems at {levels=}"
            )
    raise AssertionError("unreachable: drafts is endless")
