"""Left sides that are names, nothing to calculate: P(X=2), \\operatorname{Var}(X), |A \\cup B|, \\deg p."""

from __future__ import annotations

import re

from evals.verify.parse.vocabulary import CALLED, FUNCTIONS

MAX_NAME = 100
SCRIPTS = r"(?:\s*[_^]\s*(?:\{[^{}=]{0,30}\}|\\?[A-Za-z*]+|\*|\d|')|')*"
COMMAND = re.compile(
    r"\\(?:operatorname\*?|text|textbf|mathrm|mathbb|mathbf|mathcal|mathit)\s*\{([^{}=]{1,40})\}"
)
HEAD = re.compile(
    rf"(?:{COMMAND.pattern}|\\(?:Pr|deg|dim|ker|arg|lim|gcd|lcm|max|min|sup|inf|det|angle|triangle|mathbb\s*[EP])"
    rf"(?![a-z])|[A-Za-z](?![A-Za-z])|[A-Z][a-z]{{1,8}}){SCRIPTS}\s*(?:\\left\s*|\\[bB]igg?l?\s*)?"
)
ARGUMENT = re.compile(rf"[A-Za-z](?![A-Za-z]){SCRIPTS}(?:\([A-Za-z]\))?")
SET_SIZE = re.compile(
    r"(?:\\left\s*)?(?:\||\\lvert)[^|=]{1,60}\\(?:cup|cap|setminus)[^|=]{1,60}(?:\||\\rvert)"
)
MARKUP = re.compile(r"\\(?:left|right|text|mathrm|operatorname\*?|mathbb|,|;|:|!|\s)|[\s{}$]")


def at_once(text: str) -> bool:
    """Whether a text begins with what is always a name: \\mathbb{E}[…], \\Pr(…), \\operatorname{Var}(…)."""
    match = HEAD.match(text)
    if match is None or text[match.end() : match.end() + 1] not in ("(", "["):
        return False
    command = COMMAND.match(text)
    if command:
        return command[1].strip() not in FUNCTIONS and command[1].strip() not in CALLED
    return text.startswith(("\\Pr", "\\mathbb", "E[", "E ["))


def split(text: str) -> tuple[str, str] | None:
    """(name, the rest) of "name = rest" where the left side is a name; None where it is not."""
    place = _equals(text)
    if place is None:
        return None
    left, rest = text[:place].strip(), text[place + 1 :].strip()
    if not left or not rest or len(left) > MAX_NAME or not _is_name(left):
        return None
    return MARKUP.sub("", left).lower(), rest


def _equals(text: str) -> int | None:
    """Where the first = outside of brackets stands."""
    depth = 0
    for place, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "=" and depth == 0:
            alone = text[place + 1 : place + 2] != "=" and text[place - 1 : place] not in (
                "<",
                ">",
                "!",
                ":",
                "=",
            )
            return place if alone else None
    return None


def _is_name(left: str) -> bool:
    if SET_SIZE.fullmatch(left.replace("\\right", "").strip()):
        return True
    head = HEAD.match(left)
    if head is None:
        return False
    rest = left[head.end() :].strip()
    if not rest:
        return True
    if rest[0] in "([" and rest[-1] in ")]":
        return _one_group(rest)
    return ARGUMENT.fullmatch(rest) is not None


def _one_group(text: str) -> bool:
    """Whether a bracket that opens here closes at the end."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0:
            return place == len(text) - 1
    return False
