"""Local files in the place of the hub's data sets: found by name, read in two layouts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from evals.problems.files import SUFFIXES, read_rows

COLUMNS = {
    "lambada": ("text",),
    "hellaswag": ("ctx_a", "ctx_b", "activity_label", "endings", "label"),
    "arc_easy": ("question", "choices", "answerKey"),
    "arc_challenge": ("question", "choices", "answerKey"),
    "piqa": ("goal", "sol1", "sol2", "label"),
    "openbookqa": ("question_stem", "choices", "answerKey"),
}

TESTED = ("test", "")  # splits by preference; "": the file's name says none
VALIDATED = ("validation", "", "test")  # their test splits are public only by another's naming
SPLITS = dict.fromkeys(COLUMNS, TESTED) | {"hellaswag": VALIDATED, "piqa": VALIDATED}
WORDS = {"test": "test", "train": "train", "training": "train"}
WORDS |= dict.fromkeys(("dev", "development", "val", "valid", "validation"), "validation")

ASKED = re.compile(r"\APlease choose the correct (?:answer|solution) to the question: ")
FORMAT = re.compile(r"\s*(?:Answer|Solution) format: .*\Z", re.DOTALL)
CHOICE = re.compile(r"(?:\A|\s)(?:Answer|Solution)(\d+): ?")


def find(folder: Path, task: str) -> Path | None:
    """The file of a task: its name begins with the task's, as `arc_easy.jsonl` or `ARC-Easy_test.json`.

    Of several that of the split the task is asked on, in the folder before those below it. UserError where
    only other splits are there, or two files fit alike.
    """
    if not folder.is_dir():
        raise UserError(f"data folder {folder} does not exist; check --data")
    levels = [
        [p for p in sorted(folder.glob(below)) if p.is_file() and p.name.endswith(SUFFIXES) and _is(p, task)]
        for below in ("*", "*/*")
    ]
    for split in SPLITS[task]:
        for level in levels:
            fit = [p for p in level if _split(p, task) == split]
            if len(fit) > 1:
                both = " and ".join(str(p.relative_to(folder)) for p in fit[:2])
                raise UserError(f"{both} may both be {task}; keep one of them in {folder}")
            if fit:
                return fit[0]
    if others := [*levels[0], *levels[1]]:
        raise UserError(
            f"{folder} has no {SPLITS[task][0]} split of {task}, only {others[0].relative_to(folder)}; "
            f"bring that split, or name a file {task}{others[0].suffix}"
        )
    return None


def _is(path: Path, task: str) -> bool:
    return path.stem.lower().replace("-", "_").startswith(task)


def _split(path: Path, task: str) -> str:
    """The split that a file's name says after the task's; several: the one that is asked; none: empty."""
    words = re.findall(r"[a-z]+", path.stem.lower()[len(task) :])
    said = [WORDS[word] for word in words if word in WORDS]
    return next((split for split in SPLITS[task] if split in said), said[0] if said else "")


def dataset(*, task_data: str, task_kind: str, **_: Any) -> dict[str, Any]:
    """What lm-eval calls for its documents: the split `test` of a local file, in the task's own columns."""
    from datasets import Dataset

    return {"test": Dataset.from_list(rows(Path(task_data), task_kind))}


def rows(path: Path, task: str) -> list[dict[str, Any]]:
    """Rows in the columns of the data set that lm-eval knows. Raises UserError with file and line."""
    found = [_row(row, task, where) for where, row in read_rows(path)]
    if not found:
        raise UserError(f"{path} has no items; it needs columns {', '.join(COLUMNS[task])}")
    return found


def _row(row: dict[str, Any], task: str, where: str) -> dict[str, Any]:
    if set(COLUMNS[task]) <= set(row):
        return {name: row[name] for name in COLUMNS[task]}
    if not {"instruction", "answer"} <= set(row) or task in ("lambada", "hellaswag"):
        raise UserError(f"{where} lacks a column; {task} needs {', '.join(COLUMNS[task])}")
    question, choices, right = instruction(row, where)
    if task == "piqa":
        if len(choices) != 2:
            raise UserError(f"{where}: piqa has two solutions, not {len(choices)}; fix or remove this row")
        return {"goal": question, "sol1": choices[0], "sol2": choices[1], "label": right}
    labels = [chr(ord("A") + i) for i in range(len(choices))]
    named = {"text": choices, "label": labels}
    asked = "question_stem" if task == "openbookqa" else "question"
    return {asked: question, "choices": named, "answerKey": labels[right]}


def instruction(row: dict[str, Any], where: str) -> tuple[str, list[str], int]:
    """(question, choices, index of the right one) of a row that was rewritten as an instruction.

    The layout of LLM-Adapters (2304.01933): "Please choose …: QUESTION Answer1: … Answer2: …".
    """
    text = FORMAT.sub("", ASKED.sub("", str(row["instruction"])))
    marks = list(CHOICE.finditer(text))
    numbers = [int(m[1]) for m in marks]
    number = re.search(r"(\d+)\Z", str(row["answer"]))
    if len(marks) < 2 or numbers != list(range(1, len(marks) + 1)) or number is None:
        raise UserError(f"{where} is no multiple-choice instruction; fix or remove this row")
    ends = [m.start() for m in marks[1:]] + [len(text)]
    choices = [text[m.end() : end].strip() for m, end in zip(marks, ends, strict=True)]
    right = int(number[1]) - 1
    if not 0 <= right < len(choices):
        raise UserError(f"{where}: its answer is none of its {len(choices)} choices; fix or remove this row")
    return text[: marks[0].start()].strip(), choices, right
