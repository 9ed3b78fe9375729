"""What the YAML files of this folder call: documents, filter and grading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from evals.core.errors import UserError


class PassK:
    """The task of lm-eval, with as many repeats as its metadata asks for (`--metadata '{"samples": 8}'`), and
    with `--apply_chat_template` the turns of our own chat prompts: exemplars as earlier turns.

    lm-eval calls a class that takes `config`; what it gets is its own kind of task, so that lm_eval is
    imported only then.
    """

    def __new__(cls, config: dict[str, Any]) -> Any:
        from lm_eval.api.task import ConfigurableTask

        samples = config["metadata"]["samples"]
        if not isinstance(samples, int) or samples < 1:
            raise UserError(f"metadata samples must be a whole number of at least 1, got {samples!r}")
        chat: dict[str, Any] = {}  # what of a chat decides how responses are read

        def graded(doc: dict[str, Any], results: Sequence[str | Sequence[str]]) -> dict[str, float]:
            return grade_repeats(doc, results, chat)

        own = {k: v for k, v in config.items() if k != "class"}
        own |= {"repeats": samples, "process_results": graded}
        make = getattr(ConfigurableTask, "from_config", None)  # of lm-eval 0.5
        task: Any = make(own) if make else ConfigurableTask(config=own)
        plain = task.fewshot_context

        def context(doc: dict[str, Any], *args: Any, **how: Any) -> Any:
            if not how.get("apply_chat_template"):
                return plain(doc, *args, **how)
            prompt = how["chat_template"](chat_turns(doc, how.get("system_instruction")))
            chat.update(chat=True, prompt=str(prompt))
            return prompt

        task.fewshot_context = context
        return task

    def __init__(self, config: dict[str, Any]) -> None:
        """Never called: `__new__` returns another type; lm-eval looks for its parameter."""


def chat_turns(doc: dict[str, Any], system: str | None) -> list[dict[str, str]]:
    """A document's prompt as the turns that `evals sample --chat` asks."""
    from evals.asking.prompts import turns_of
    from evals.records import Problem

    return turns_of(Problem("", doc["question"], ""), doc["template"], doc["shots"], system)


def documents(
    *, problems: str, template: str, shots: int, samples: int, limit: int | None = None, **_: Any
) -> dict[str, Any]:
    """The split `test`: one document per problem, with its whole prompt.

    problems: a spec of `evals.problems.load_problems`; as everything here it may be replaced on the command
    line: `--metadata '{"problems": "gsm8k/test.jsonl"}'`. samples: repeats of each.
    """
    from datasets import Dataset

    from evals.asking.prompts import render
    from evals.problems import load_problems

    rows = [
        {
            "question": p.question,
            "answer": p.answer,
            "problem_id": p.id,
            "prompt": render(p, template, shots),
            "template": template,
            "shots": shots,
            "samples": samples,
        }
        for p in load_problems(problems, limit=limit).problems
    ]
    return {"test": Dataset.from_list(rows)}


def keep_all(responses: Iterable[Sequence[str]], docs: Iterable[Any]) -> list[Sequence[str]]:
    """The filter: all repeats. Without one lm-eval keeps the first alone, and pass@k is silently 0."""
    return list(responses)


def grade_repeats(
    doc: dict[str, Any], results: Sequence[str | Sequence[str]], chat: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Per problem: pass@1, 2, 4, … up to the number of samples (Chen et al. 2021), from one set of repeats.

    Beside them the share right to a lenient grader, and the share with no answer to grade. What is graded of
    a response is what is graded of a sample in a store (`evals.grading.responses`): a base model's up to its
    first completed answer, thinking that a chat's prompt opened (chat) only where it was closed.
    Raises UserError where other than the declared number of repeats came.
    """
    from analysis import pass_at_k
    from evals.grading.responses import reading_of, response_of

    repeats = results if isinstance(results[0], str) else results[0]  # lm-eval 0.5 gives them flat
    n = int(doc["samples"])
    if len(repeats) != n:
        raise UserError(
            f"problem {doc['problem_id']} needs {n} repeats and {len(repeats)} came; make the task with "
            "`class: !function evals.tasks.passk.PassK`, which takes them from `metadata: samples`"
        )
    asked = {"template": doc.get("template"), "shots": doc.get("shots"), "prompt_form": "", **(chat or {})}
    reading = reading_of(asked)
    responses = [response_of(str(text), reading)[0] for text in repeats]
    verdicts = [_graded(doc["answer"], text, doc.get("question")) for text in responses]
    correct = sum(right for right, _, _ in verdicts)
    ks = [2**i for i in range(n.bit_length()) if 2**i <= n]
    rates = pass_at_k(np.array([n]), np.array([correct]), np.array(ks)).ravel()
    return {f"pass@{k}": float(rate) for k, rate in zip(ks, rates, strict=True)} | {
        "lenient": sum(right for _, right, _ in verdicts) / n,
        "unanswered": sum(missing for _, _, missing in verdicts) / n,
    }


@lru_cache(maxsize=4096)
def _graded(gold: str, response: str, question: str | None) -> tuple[bool, bool, bool]:
    """(strictly right, leniently right, no answer found) of one response."""
    from evals.verify import grade

    verdict = grade(gold, response, mode="eval", question=question)
    return verdict.correct, bool(verdict.lenient), verdict.answer is None
