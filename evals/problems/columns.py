"""From rows of a data set to problems: which columns hold question and gold, and how the gold is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evals.core.errors import UserError
from evals.records import Problem

QUESTION = ("problem", "question", "Problem")
ANSWER = ("answer", "final_answer", "expected_answer", "Answer")
SOLUTIONS = ("solution", "solutions", "generated_solution", "Solution")
GOLDS = ("gold", "gold_answer", "ground_truth")  # beside these `answer` may be a model's own
DESCRIBING = ("level", "subject", "type", "subfield", "unit", "answer_type", "problem_source", "unique_id")

HASHES = "####"  # before a gold, as GSM8K writes it
GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
OPEN = re.compile(r"(?:[(\[]|(?<![A-Za-z}^_])\{)[^()\[\]{}]*\Z")  # a pair or a set, no argument of a command
CALCULATOR = re.compile(r"<<[^<>]*>>")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns of a data set. answer None: the gold is the last \\boxed{} of the solution.

    questions, golds: further columns that must say the same, where nobody chose one.
    """

    question: str
    answer: str | None
    solutions: str | None = None
    questions: tuple[str, ...] = ()
    golds: tuple[str, ...] = ()


def find_columns(present: list[str], chosen: Mapping[str, str], where: str) -> Columns:
    """The columns to read, of those `present`: as `chosen` by role, else by known names.

    Roles: question, answer, solutions. Raises UserError where a chosen column is absent, or none is known.
    """
    if unknown := [role for role in chosen if role not in ("question", "answer", "solutions")]:
        raise UserError(f"{where}: no role {unknown[0]!r} for a column; use question, answer or solutions")
    for role, column in chosen.items():
        if column.partition(".")[0] not in present:
            raise UserError(f"{where} has no column {column!r} for the {role}; it has {', '.join(present)}")

    def pick(role: str, known: tuple[str, ...]) -> str | None:
        return chosen.get(role) or next((c for c in known if c in present), None)

    question, answer, solutions = (
        pick("question", QUESTION),
        pick("answer", ANSWER),
        pick("solutions", SOLUTIONS),
    )
    if question is None or (answer is None and solutions is None):
        raise UserError(
            f"{where} has columns {', '.join(present)}, and which hold question and answer is not clear; "
            "name them, as in 'FILE?question=COLUMN&answer=COLUMN'"
        )

    def beside(role: str, taken: str, known: tuple[str, ...]) -> tuple[str, ...]:
        return () if role in chosen else tuple(c for c in known if c in present and c != taken)

    golds = beside("answer", answer, (*ANSWER, *GOLDS)) if answer else ()
    return Columns(question, answer, solutions, beside("question", question, QUESTION), golds)


def problem_of(row: Mapping[str, Any], columns: Columns, dataset: str, where: str) -> Problem | None:
    """The problem of one row, None where it has no gold. UserError (naming `where`) where it has no question.

    A gold written as in GSM8K (`… #### n`) is cut out of its solution; of a list of golds all are asked for.
    """
    question = within(row, columns.question)
    for other in columns.questions:
        if isinstance(row.get(other), str) and row[other].strip() != str(question).strip():
            raise UserError(_two(where, "question", columns.question, other))
    if not isinstance(question, str) or not question.strip():
        raise UserError(f"{where}: column {columns.question!r} has no question; fix or remove this row")
    solutions = _texts(within(row, columns.solutions)) if columns.solutions else []
    answer = gold_text(within(row, columns.answer)) if columns.answer else ""
    if columns.answer and (cut := hashed_gold(answer)):
        solutions = solutions or [CALCULATOR.sub("", answer)]
        answer = cut
    for other in columns.golds:
        if answer and (gold := gold_text(row.get(other))) and not agree(answer, hashed_gold(gold) or gold):
            raise UserError(_two(where, "answer", str(columns.answer), other))
    if not columns.answer and solutions:
        answer = last_boxed(solutions[-1]) or ""
    if not answer:
        return None
    context = row.get("context")  # OlympiadBench: what a group of questions shares
    if isinstance(context, str) and context.strip():
        question = f"{context.strip()}\n{question}"
    described = {k: row[k] for k in DESCRIBING if isinstance(row.get(k), str | int | float)}
    return Problem.make(question.strip(), answer, tuple(solutions), {"dataset": dataset} | described)


def _two(where: str, role: str, taken: str, other: str) -> str:
    return (
        f"{where}: columns {taken!r} and {other!r} say two things where the {role} is expected; name the one "
        f"that is meant, as in 'FILE?{role}={other}'"
    )


def agree(a: str, b: str) -> bool:
    """Whether two golds say the same, also where one is a worked solution that ends with the other."""
    if a == b:
        return True
    from evals.verify import grade_answer

    ends = [last_boxed(x) or x for x in (a, b)]
    return ends[0] == ends[1] or bool(grade_answer(ends[0], ends[1]).correct)


def within(row: Mapping[str, Any], path: str) -> Any:
    """The value under a name, or at a path of names (`reward_model.ground_truth`), else None."""
    if path in row:
        return row[path]
    found: Any = row
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def gold_text(value: Any, depth: int = 0) -> str:
    """A gold as text: whole floats without `.0`, the members of a list joined, outer dollars removed; none
    where lists nest deeper than any answer does."""
    if isinstance(value, list | tuple):
        members = [gold_text(v, depth + 1) for v in value] if depth < 8 else []
        return ", ".join(hashed_gold(member) or member for member in members)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value) if value == value else ""
    text = "" if value is None else str(value).strip()
    inner = text[1:-1]
    return inner.strip() if text[:1] == text[-1:] == "$" and "$" not in inner else text


def hashed_gold(text: str) -> str | None:
    """The gold that ends a solution of GSM8K's form (`… #### n`), or None: the last one, without the commas
    that group the digits of its numbers; commas of lists, pairs and sets stay."""
    said = next((part for part in reversed(text.split(HASHES)[1:]) if part.strip()), "")
    gold = said.lstrip(" \t").rstrip()
    if not gold or "\n" in gold:
        return None
    plain = GROUPED.sub(lambda number: number[0].replace(",", ""), gold)
    first = GROUPED.search(gold)
    return gold if "," in plain or first is None or OPEN.search(gold[: first.start()]) else plain


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [v for v in values if isinstance(v, str) and v.strip()]


def last_boxed(text: str) -> str | None:
    r"""What the last box of a text holds, or None: boxes as the verifier finds them in a response, also
    `\fbox{…}` and `\boxed 5`."""
    if "box" not in text:
        return None
    from evals.verify.extract.extraction import boxes

    for _, end, content in boxes(text):
        if content is not None:
            bare = not text.endswith("}", 0, end)  # which runs to the next space, over the end of a sentence
            return content.rstrip(".,;:") if bare else content.strip()
    return None
