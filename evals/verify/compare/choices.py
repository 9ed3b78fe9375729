"""Choices: whether an answer names the option that the gold names, and does not doubt it."""

from __future__ import annotations

import re

LETTER = r"(?:\(([A-Z])\)|([A-Z])[.):]?)"
CHOICE = re.compile(rf"(?:\\(?:text|textbf|mathrm|mathbf|textrm|mbox)\s*\{{\s*{LETTER}\s*\}}|{LETTER})")
CHOICE_AND_MORE = re.compile(
    r"\s*(?:\\(?:text|textbf|mathrm|mathbf|textrm|mbox)\s*\{)?\s*"
    r"(?:\(([A-Z])\)|([A-Z])[).:])(?:[\s}~\\].*)?",
    re.DOTALL,
)
DOUBT = re.compile(
    r"(?<![A-Za-z\\])[A-J](?![A-Za-z])|\?|n['’]t\b"
    r"|(?i:\b(?:not|no|or|nor|never|neither|none|nothing|cannot|unless|if|wrong|incorrect(?:ly)?|false(?:ly)?"
    r"|untrue|invalid|impossible|unlikely|implausible|absurd|inconsistent|except|excludes?|excluded"
    r"|eliminat\w+|reject\w*|rul(?:ed?|es|ing)\s+out|discard\w*|dismiss\w*|contradict\w*|fail\w*|mistak\w+"
    r"|errors?|erroneous|instead|rather|but|however|although|though|yet|unsure|uncertain|doubt\w*|maybe"
    r"|perhaps|possibl[ey]|probabl[ey]|likely|presumably|guess\w*|suppos\w+|tempting|trap|distractor"
    r"|otherwise|also|both|another|either|tentative\w*|provisional\w*|initially|at first)\b)"
)
JUDGED = re.compile(
    r"[\s}):.,]*(?:is|are|was|were|be|being|has|had|have|does|did|do|can|could|would|will|may|might|must"
    r"|should|shall|seems?|looks?|appears?|feels?|sounds?|gives?|gave|makes?|made|leads?|requires?|needs?)\b",
    re.IGNORECASE,
)
RIGHT = re.compile(
    r"[\s}):.,]*is\s+(?:(?:the|clearly|definitely)\s+)*(?:right|correct|true)"
    r"(?:\s+(?:answer|choice|option|one))?[\s.!}]*",
    re.IGNORECASE,
)


def choice(gold: str, answer: str) -> bool | None:
    """Choice: C, (C), \\text{(C)} and "(C) with its text" are the same, but not a sentence that judges or
    doubts it; None where the gold is no choice."""
    letter, plain = CHOICE.fullmatch(gold), CHOICE.fullmatch(answer)
    if letter is None:
        return None
    name = letter[letter.lastindex or 0]
    if plain is not None:
        return plain[plain.lastindex or 0] == name
    more = CHOICE_AND_MORE.fullmatch(answer)
    if more is None or answer.count("{") != answer.count("}"):
        return None
    rest = answer[more.end(more.lastindex or 0) + 1 :]
    if not RIGHT.fullmatch(rest) and (DOUBT.search(rest) or JUDGED.match(rest)):
        return False
    return (more[1] or more[2]) == name
