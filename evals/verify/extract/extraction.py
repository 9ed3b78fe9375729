"""Extraction: from a response to the text of its final answer, in linear time."""

from __future__ import annotations

import re

from evals.verify.extract.announce import WINDOW, announced
from evals.verify.extract.thinking import visible
from evals.verify.grade import Answer
from evals.verify.limits import MAX_BOXES, MAX_LENGTH

BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?:\s*\[[^\[\]{}]{0,20}\]){0,2}\s*")
BOXES = ("\\boxed", "\\fbox", "\\framebox")
BARE_BOX = re.compile(r"\s+(?![A-Za-z]{2})([^\s${}\\]{1,40})")
ECHO = re.compile(  # of an instruction: \\boxed{...}, \\boxed{answer}
    r"[\s.…]*(?:\\[cl]?dots\s*)?[\s.…]*"
    r"|\s*<?\s*(?:your |the )?(?:final )?(?:answer|result)(?: here)?\s*>?\s*",
    re.IGNORECASE,
)
ECHOED = frozenset(".…\\<aAyYtTfFrR")  # how an echo begins
LABEL = re.compile(
    r"(?:\b[Pp]art\s*|\b[Qq]uestion\s*)?(?:\(([a-h]|[1-9]|i{1,3}|iv|v)\)|\b([a-h]|[1-9])[.):])"
    r"|\b(?:[Pp]art|[Qq]uestion)\s*([A-Ha-h1-9])\b|\b(First|Second|Third|Fourth|Fifth)\b(?:\s+[a-z]{1,12}){0,2}"
)
ECHO_LENGTH = 80  # characters at most of an instruction that is repeated
LABELLED = 60  # characters before a box in which its label stands
ORDINALS = ("first", "second", "third", "fourth", "fifth")
ROMAN = ("i", "ii", "iii", "iv", "v")
SEPARATOR = re.compile(
    r"(?:\s|\$|\\[()\[\]]|[,;&]|\\[,;:! ]|\*\*|\\q?quad\b|\\\\|\band\b|\bor\b"
    r"|\\(?:text|mathrm|textrm|mbox)\s*\{[\s,]*(?:(?:and|or)\s*)?\}"
    r"|\\?[A-Za-z][\w{}\\']{0,12}(?:\([\w, ]{1,12}\))?\s*=)*"
)
MAX_SENTENCE = 80  # characters between boxes of one sentence
BREAK = re.compile(r"[.!?:]\s|\n")
JOINED = re.compile(r",|;|&|\b(?:and|or)\b")
CORRECTED = re.compile(
    r"\b(?:not|no|nor|wrong|wait|instead|actually|but|correct(?:ed|ion)?|incorrect|mistake|rather|hmm|then|"
    r"so|thus|hence|therefore|gives?|means?|implies|from|because|since|is|are|was|were|get|got|check)\b|=",
    re.IGNORECASE,
)
MAX_OPEN = 16  # boxes that never close, before the search for one that does is given up
MAX_PARTS = 9
MAX_GAP = 120  # characters between boxes of one run
Box = tuple[int, int, str | None]


def extract(response: str) -> Answer:
    """The final answer of a response.

    Thinking between tags is dropped, unfinished thinking has no answer (see `thinking`). Then: the last
    balanced box (a run of boxes joined only by separators or labels is one list); else what is announced in
    words (see `announce`). No fallback to the last number.
    """
    text = visible(response)
    if text is None:
        return Answer(None, "unfinished-think")
    boxed = _boxed(text)
    if boxed is not None:
        return boxed
    return announced(text)


def boxes(text: str) -> list[Box]:
    """The last boxes of a text as (start, end, content), latest first; content None: over the limit.

    Boxes that never close are passed over. At most MAX_BOXES are looked at.
    """
    found: list[Box] = []
    end, open_boxes = len(text), 0
    names = [name for name in BOXES if name in text]
    for _ in range(MAX_BOXES):
        start = -1
        for name in names:
            start = max(start, text.rfind(name, 0, end))
        if start < 0:
            break
        end = start
        head = BOX.match(text, start)
        assert head is not None
        if text.startswith("{", head.end()):
            close = _closing(text, head.end())
            if close is None:
                open_boxes += 1
                if open_boxes > MAX_OPEN:
                    break
                continue
            content = text[head.end() + 1 : close] if close > 0 else None
            if content is None or not _is_echo(content):
                found.append((start, close + 1, content))
        elif bare := BARE_BOX.match(text, head.end() - len(head.group()) + len(head.group().rstrip())):
            found.append((start, bare.end(), bare.group(1)))
    return found


def _is_echo(content: str) -> bool:
    """Whether a box only repeats an instruction; an empty one does not."""
    first = content[: ECHO_LENGTH + 1].strip()[:1]
    return first in ECHOED and len(content) <= ECHO_LENGTH and ECHO.fullmatch(content) is not None


def _closing(text: str, opening: int) -> int | None:
    """Place of the brace that closes the one at `opening`; None: the text ends first; -1: too far away."""
    depth = 0
    for match in BRACES.finditer(text, opening, opening + WINDOW):
        brace = match.group()
        if brace == "{":
            depth += 1
        elif brace == "}":
            depth -= 1
            if depth == 0:
                return match.start()
    return None if opening + WINDOW >= len(text) else -1


def _boxed(text: str) -> Answer | None:
    """Policy "several different boxes": the last run of boxes counts; joined only by separators = a list."""
    if "box" not in text:
        return None
    found = boxes(text)
    if not found:
        return None
    found = outermost(found)
    if len(found) > 1 and (parts := labelled(text, found)):
        return Answer(" , ".join(parts), "boxed", ("multi_box",))
    start, _, content = found[0]
    run, contents, joined = [content], {content}, True
    for earlier_start, earlier_end, earlier in found[1:]:
        contents.add(earlier)
        gap = start - earlier_end
        joined = joined and gap <= MAX_GAP and SEPARATOR.fullmatch(text, earlier_end, start) is not None
        if joined:
            run.append(earlier)
        start = earlier_start
    flags = ("multi_box",) if len(contents) > 1 else ()
    if None in run:  # longer than an answer may be
        return Answer(text[found[0][0] :][: MAX_LENGTH + 9].ljust(MAX_LENGTH + 1, "."), "boxed", flags)
    parts = list(dict.fromkeys(part for part in reversed(run) if part is not None))
    return Answer(" , ".join(parts) if content else "", "boxed", flags)


def labelled(text: str, found: list[Box]) -> list[str]:
    """The contents of the last boxes where each has its label before it, from the first on: (a) … (b) …,
    1. … 2. …, First number: … Second number: …; with nothing but labels and separators between the boxes."""
    parts: list[str] = []
    due = 0
    for place, (start, _, content) in enumerate(found[:MAX_PARTS]):
        after = found[place + 1][1] if place + 1 < len(found) else max(0, start - LABELLED)
        gap = text[max(after, start - LABELLED) : start]
        rank = _rank(gap, place + 1 < len(found) and start - after <= LABELLED)
        if content is None or not rank or (due and rank != due):
            return []
        parts.append(content)
        due = rank - 1
        if due == 0:
            return parts[::-1] if len(parts) > 1 else []
    return []


def _rank(gap: str, whole: bool) -> int:
    """The number that a label says (a is 1) right before a box; whole: the gap begins at the box before, and
    nothing else may stand in it. 0: no label."""
    last = None
    for last in LABEL.finditer(gap):  # noqa: B007
        pass
    if last is None or not SEPARATOR.fullmatch(gap[last.end() :].replace(":", " ")):
        return 0
    name = last[last.lastindex or 0].lower()
    if name in ORDINALS:
        rank = ORDINALS.index(name) + 1
    elif name in ROMAN and last[1]:
        rank = ROMAN.index(name) + 1
    else:
        rank = int(name) if name.isdigit() else ord(name) - ord("a") + 1
    if whole:
        return rank if SEPARATOR.fullmatch(gap[: last.start()].rstrip(" .\n")) else 0
    return rank if rank == 1 else 0


def outermost(found: list[Box]) -> list[Box]:
    """Boxes without those inside others; of boxes one in the other alone the innermost content."""
    kept: list[Box] = []
    for start, end, content in found:
        while kept and kept[-1][0] > start and kept[-1][1] <= end:
            kept.pop()
        kept.append((start, end, content))
    return [(start, end, content and _unwrapped(content)) for start, end, content in kept]


def _unwrapped(content: str) -> str:
    """The content of a box that is nothing but another box."""
    content = content.strip()
    while content.startswith("\\boxed{") and content.endswith("}"):
        if _closing(content, len("\\boxed")) != len(content) - 1:
            break
        content = content[len("\\boxed{") : -1].strip()
    return content


def one_sentence(text: str, found: list[Box]) -> list[str]:
    """The contents of the last boxes of one sentence, in its order; the words between them (for part (a)
    and …) may name and join, but not correct or conclude."""
    parts: list[str] = []
    start = 0
    for begin, end, content in found:
        if content is None or (parts and not _belongs(text[end:start])):
            break
        parts.append(content)
        start = begin
    return list(dict.fromkeys(reversed(parts)))


def _belongs(gap: str) -> bool:
    """Whether the text between two boxes joins them."""
    if len(gap) > MAX_SENTENCE or BREAK.search(gap) or CORRECTED.search(gap):
        return False
    return JOINED.search(gap) is not None or not re.search(r"\w", gap)
