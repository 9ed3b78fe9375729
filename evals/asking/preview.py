"""What a checkpoint will be asked, shown before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evals.asking.asking import Asking
from evals.asking.prompts import ids_of, prompt_text
from evals.asking.templates import template
from evals.checkpoints.checkpoint import Checkpoint

if TYPE_CHECKING:
    from evals.problems.sets import ProblemSet


def preview(checkpoint: Checkpoint, problems: ProblemSet, asking: Asking) -> Iterator[str]:
    """Lines: the first problem's prompt, then what was settled, ids, stops, room, and the exemplars' grades.

    asking: settled (`evals.asking.settled`). Reads the tokenizer, never the weights.
    """
    from evals.checkpoints.config import context_of
    from evals.checkpoints.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(checkpoint.path)
    first = problems.problems[0]
    ids = ids_of(first, asking, tokenizer)
    longest = max(problems.problems, key=lambda p: len(p.question))
    room = context_of(checkpoint, tokenizer) - len(ids_of(longest, asking, tokenizer))
    yield prompt_text(first, asking, tokenizer)
    yield "─" * 60
    yield f"asked      {asking.told()}"
    number = len(problems.problems)
    yield f"problem    {first.id}, the first of {number:,} of {problems.name}; gold {first.answer}"
    bos = tokenizer.bos_token_id
    begins = "none" if bos is None else f"{tokenizer.bos_token!r}, {ids.count(bos)} in the prompt"
    opening = " ".join(map(repr, tokenizer.convert_ids_to_tokens(list(ids[:3]))))
    yield f"tokens     {len(ids):,}, the first {opening}; BOS {begins}"
    yield f"stops      {', '.join(map(repr, asking.stops or ())) or 'end of sequence alone'}"
    yield f"decoding   {decoding(asking)}"
    yield f"room       {room:,} tokens after the longest prompt, {asking.max_tokens:,} asked for"
    yield from _exemplars(asking)


def decoding(asking: Asking) -> str:
    """In words how an asking decodes."""
    if asking.temperature == 0:
        return f"greedy, at most {asking.max_tokens:,} tokens"
    cut = [f"{n} {v:g}" for n, v, off in (("top-p", asking.top_p, 1), ("top-k", asking.top_k, 0),
                                          ("min-p", asking.min_p, 0)) if v != off]  # fmt: skip
    return ", ".join([f"temperature {asking.temperature:g}", *cut, f"at most {asking.max_tokens:,} tokens"])


def _exemplars(asking: Asking) -> Iterator[str]:
    """How the answers of the exemplars are read by the grader: a template whose own are not is no good."""
    from evals.verify import extract

    for number, exemplar in enumerate(template(asking.template or "").first(asking.shots or 0), 1):
        answer = extract(exemplar["solution"])
        read = f"{answer.text!r} ({answer.route})" if answer.text is not None else "no answer is found"
        yield f"exemplar {number} {read}"
    if not asking.shots:
        yield "exemplars  none"
