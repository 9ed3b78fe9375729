"""Brace groups of commands, and what their content is."""

from __future__ import annotations

import re

from evals.verify.tree import ParseError

BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+|.", re.DOTALL)
LETTERS = re.compile(r"[^\W\d_]+")
UNITS = re.compile(
    r"[A-Za-z]{1,5}(?:\^\{?-?\d\}?)?(?:(?:\s*[/*·.]\s*|\s+)[A-Za-z]{1,5}(?:\^\{?-?\d\}?)?)+"
    r"|[A-Za-z]{1,3}\^\{?-?\d\}?"
)


def is_words(inner: str) -> bool:
    """Whether the content of a text command is words or a unit rather than mathematics in text."""
    if UNITS.fullmatch(inner) or (len(inner) == 1 and inner.isalpha()) or inner[:1] in "μΩÅ":
        return True
    return "\\" not in inner and "{" not in inner and any(len(w) > 1 for w in LETTERS.findall(inner))


def group_at(text: str, place: int) -> tuple[str | None, int]:
    """The content of the brace group at `place` (spaces allowed before it) and where it ends."""
    while place < len(text) and text[place].isspace():
        place += 1
    if text[place : place + 1] != "{":
        return None, place
    depth = 0
    for match in BRACES.finditer(text, place):
        brace = match.group()
        depth += (brace == "{") - (brace == "}")
        if depth == 0:
            return text[place + 1 : match.start()], match.end()
    raise ParseError("unbalanced braces")


def skip(text: str, place: int, or_token: bool) -> int:
    """Past a brace group, or (if wanted) past one token."""
    content, end = group_at(text, place)
    if content is not None or not or_token:
        return end
    match = TOKEN.match(text, end)
    return match.end() if match else end
