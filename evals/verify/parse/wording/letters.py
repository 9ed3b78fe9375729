"""Letters of multiple choice: a letter with its value, "Option B", several letters."""

from __future__ import annotations

import re
from typing import NamedTuple

WRAP = r"\\(?:text|textbf|textrm|textit|mathrm|mathbf|mbox|bf|rm|boldsymbol)\s*"
SPACE = r"(?:\s|~|\\[ ,;:!]|\\q?quad(?![a-zA-Z])|\\hspace\*?\s*\{[^{}]{0,12}\}|\{\}|\$)"
LETTERED = re.compile(
    rf"{SPACE}*(?:{WRAP}\{{\s*\(\s*([A-J])\s*\)\s*[.:]?{SPACE}*\}}|{WRAP}\{{\s*([A-J])\s*[).:]{SPACE}*\}}"
    rf"|\(\s*{WRAP}\{{\s*([A-J])\s*\}}\s*\)|\(\s*([A-J])\s*\)(?!\()|([A-J])[).:](?=\s|~|\\)"
    rf"|{WRAP}\{{\s*([A-J])\s*\}}\s*[).:])"
    rf"{SPACE}*(.*)",
    re.DOTALL,
)
INSIDE = re.compile(rf"{WRAP}\{{\s*(\(?[A-J][).:]\s*[^{{}}]+)\}}\s*(.*)", re.DOTALL)
NO_VALUE = re.compile(
    r"[-+*/^_=<>,;&|:!.)\]]|\\(?:cdot|times|cap|cup|in|le|ge|mid|to|pm)(?![a-zA-Z])|(?:and|or)\b"
)
OPTION = re.compile(
    rf"(?:{WRAP}\{{\s*)?(?:the\s+)?(?:correct\s+)?(?:option|choice|answer|选项)\s*:?\s*(?:\}})?\s*"
    r"(\(?[A-J]\)?)\s*\}?\.?",
    re.IGNORECASE,
)
WORD = re.compile(r"^(?:the\s+)?(?:correct\s+)?(?:option|choice)\s*:?\s*(?=\(?[A-J][).:])", re.IGNORECASE)
CIRCLED = {ord("Ⓐ") + i: chr(ord("A") + i) for i in range(10)}
SEVERAL = re.compile(
    rf"(?:{WRAP}\{{)?{SPACE}*\(?[A-J]\)?(?:(?:{SPACE}|[,;、，}}]|\band\b|{WRAP}\{{|和)*\(?[A-J]\)?)+"
    rf"(?:{SPACE}|\}}|\.)*"
)
EITHER = re.compile(r"\b(?:or|not)\b|或")
LETTER = re.compile(r"(?<![a-zA-Z\\])[A-J](?![a-z])|(?<=[A-J])[A-J](?![a-z])")
PLAIN_LETTERS = re.compile(r"[A-J]{2,8}")


class Lettered(NamedTuple):
    """A choice: its letter and the text of its value."""

    letter: str
    value: str


def lettered(text: str) -> Lettered | None:
    """(B) 12, \\textbf{(B)}\\ 12, B. 12 and \\text{(B) 12} as letter and value; None for anything else."""
    if inside := INSIDE.fullmatch(text):
        text = f"{inside[1]} {inside[2]}"
    match = LETTERED.fullmatch(text)
    if match is None:
        return None
    value = match[7].strip().strip("$").strip()
    letter = next(name for name in match.groups()[:6] if name)
    if not value or NO_VALUE.match(value) or value.count("{") != value.count("}"):
        return None
    return Lettered(letter, value)


def after_letter(text: str) -> str:
    """What a text that names a choice says after its letter, where that has digits."""
    match = LETTERED.fullmatch(text)
    rest = match[7].strip().strip("$").strip() if match else ""
    return rest if any(character.isdigit() for character in rest) else ""


def bare_option(text: str) -> str:
    """ "Option B" and "\\text{Choice (B)}" as the letter alone, "option (B) 12" as "(B) 12"; anything else as
    it stands, without delimiters of mathematics around it."""
    text = undelimited(text)
    match = OPTION.fullmatch(text.translate(CIRCLED).strip()) if len(text) < 60 else None
    return match[1].upper() if match else WORD.sub("", text)


def undelimited(text: str) -> str:
    """A text in $ … $, \\( … \\) or \\[ … \\] without these."""
    for opening, closing in (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        inner = text[len(opening) : -len(closing)]
        if text.startswith(opening) and text.endswith(closing) and opening not in inner:
            return inner.strip()
    return text


def several(gold: str, answer: str) -> bool | None:
    """Whether two sets of letters are the same: ABD, "A, B, D" and (A), (B), (D); None where the gold is no
    set of choices (two or more letters in the order of the alphabet).

    Two letters without a separator on both sides are left to others: AB may be a product or a segment.
    """
    names = _letters(gold)
    if names is None or names != sorted(set(names)):
        return None
    found = _letters(answer)
    if found is None:
        return False if EITHER.search(answer) else None
    if len(names) == 2 and PLAIN_LETTERS.fullmatch(gold.strip()) and PLAIN_LETTERS.fullmatch(answer.strip()):
        return None
    return sorted(found) == names


def _letters(text: str) -> list[str] | None:
    text = text.strip()
    if len(text) > 120 or not (PLAIN_LETTERS.fullmatch(text) or SEVERAL.fullmatch(text)):
        return None
    return LETTER.findall(re.sub(WRAP, " ", text))
