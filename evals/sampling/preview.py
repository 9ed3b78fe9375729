"""What a checkpoint will be asked, shown before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from evals.asking.asking import Asking, decoding
from evals.asking.prompts import ids_of, prompt_text
from evals.asking.templates import template
from evals.checkpoints.checkpoint import Checkpoint
from evals.engines.server import UNSEEN, Untokenized

if TYPE_CHECKING:
    from evals.problems.sets import ProblemSet


def preview(checkpoint: Checkpoint, problems: ProblemSet, asking: Asking) -> Iterator[str]:
    """Lines: the first problem's prompt, then what was settled, ids, stops, room, and the exemplars' grades.

    asking: settled (`evals.asking.settled`). Reads the tokenizer, never the weights.
    """
    from evals.engines.server import tokenizer_for

    tokenizer = tokenizer_for(checkpoint)
    first = problems.problems[0]
    yield prompt_text(first, asking, tokenizer)
    yield "─" * 60
    yield f"asked      {asking.told()}"
    number = len(problems.problems)
    yield f"problem    {first.id}, the first of {number:,} of {problems.name}; gold {first.answer}"
    yield f"tokens     {_tokens(ids_of(first, asking, tokenizer), tokenizer)}"
    yield f"stops      {', '.join(map(repr, asking.stops or ())) or 'end of sequence alone'}"
    yield f"decoding   {decoding(asking)}"
    longest = max(problems.problems, key=lambda p: len(p.question))
    yield f"room       {_room(checkpoint, ids_of(longest, asking, tokenizer), tokenizer)}"
    yield from _exemplars(asking)


def _tokens(ids: Sequence[int], tokenizer: Any) -> str:
    if isinstance(tokenizer, Untokenized):
        return f"the server's own, of {len(ids):,} bytes"
    bos = tokenizer.bos_token_id
    begins = "none" if bos is None else f"{tokenizer.bos_token!r}, {ids.count(bos)} in the prompt"
    opening = " ".join(map(repr, tokenizer.convert_ids_to_tokens(list(ids[:3]))))
    return f"{len(ids):,}, the first {opening}; BOS {begins}"


def _room(checkpoint: Checkpoint, longest: Sequence[int], tokenizer: Any) -> str:
    """What a model's context leaves for a response; servers often do not say theirs."""
    from evals.checkpoints.config import context_of

    if checkpoint.weights.startswith(UNSEEN):
        said = None if isinstance(tokenizer, Untokenized) else checkpoint.config.get("context")
        if said is None:
            return "not known: the server decides"
        return f"{int(said) - len(longest):,} tokens after the longest prompt"
    return f"{context_of(checkpoint, tokenizer) - len(longest):,} tokens after the longest prompt"


def _exemplars(asking: Asking) -> Iterator[str]:
    """How the answers of the exemplars are read by the grader: a template whose own are not is no good."""
    from evals.verify import extract

    for number, exemplar in enumerate(template(asking.template or "").first(asking.shots or 0), 1):
        answer = extract(exemplar["solution"])
        read = f"{answer.text!r} ({answer.route})" if answer.text is not None else "no answer is found"
        yield f"exemplar {number} {read}"
    if not asking.shots:
        yield "exemplars  none"
