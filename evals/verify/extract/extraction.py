"""Extraction: from a response to the text of its final answer, in linear time."""

from __future__ import annotations

import re

from evals.verify.grade import Answer
from evals.verify.limits import MAX_BOXES, MAX_LENGTH, MAX_RESPONSE

BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
BOX = re.compile(r"\\(?:boxed|fbox)\s*")
BARE_BOX = re.compile(r"\s+([^\s${}\\]{1,40})")
PHRASE = re.compile(r"\b(?:answer|Answer|ANSWER)\s+(?:is|IS|Is)\b\s*:?|####")
SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n|<\||\bI hope it is correct\b")
NUMBER = re.compile(r"-?\$?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?|\.\d+)%?")
DELIMITERS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
TELLING = re.compile(r"\d|\\(?:infty|pi|sqrt|text|emptyset)|[<>=]")
PROSE = re.compile(r"[a-zA-Z]{2,}\s+(?:[a-zA-Z]{2,}|\$|\\[(\[])")
SHORT = 200
SEPARATOR = re.compile(
    r"(?:\s|\$|\\[()\[\]]|[,;&]|\\[,;:! ]|\*\*|\\q?quad\b|\\\\|\band\b|\bor\b"
    r"|\\(?:text|mathrm|textrm|mbox)\s*\{\s*,?\s*(?:and|or)?\s*\}"
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
MAX_GAP = 120  # characters between boxes of one run
Box = tuple[int, int, str | None]
WINDOW = 2 * MAX_LENGTH


def extract(response: str) -> Answer:
    """The final answer of a response.

    Text up to the last `</think>` is dropped; an unfinished `<think>` has no answer. Then: the last
    balanced box (a run of boxes joined only by separators is one list); else the rest of the last
    "answer is" or "####" line; else a last line "A: …". No fallback to the last number.
    """
    text = visible(response)
    if text is None:
        return Answer(None, "unfinished-think")
    boxed = _boxed(text)
    if boxed is not None:
        return boxed
    return _phrase(text)


def fallback(response: str, strict: Answer) -> Answer:
    """The lenient answer of a response whose strict one is known: where that has no answer, the whole text if
    it is short and has no words around it, else the last formula or the last number of the visible text,
    whichever comes later."""
    text = visible(response)
    if strict.text is not None or text is None:
        return strict
    if len(text) <= SHORT and not PROSE.search(text):
        return Answer(text, "whole", ("lenient",)) if text.strip() else strict
    tail = text[-WINDOW:]
    number = None
    for number in NUMBER.finditer(tail):  # noqa: B007
        pass
    start, end = _last_formula(tail)
    if end and (number is None or number.start() < end):
        return Answer(tail[start:end], "last-formula", ("lenient",))
    return Answer(number.group(), "last-number", ("lenient",)) if number else strict


def _last_formula(text: str) -> tuple[int, int]:
    """Where the last formula that says something stands, without its delimiters; (0, 0): nowhere."""
    best = (0, 0)
    for opening, closing in DELIMITERS:
        place = 0
        while (start := text.find(opening, place)) >= 0:
            start += len(opening)
            end = text.find(closing, start)
            if end < 0:
                break
            if end > best[1] and TELLING.search(text, start, end):
                best = (start, end)
            place = end + len(closing)
    return best


def visible(response: str) -> str | None:
    """What the model said after thinking (its last MAX_RESPONSE characters); None: it never stopped."""
    end = response.rfind("</think>")
    if response.rfind("<think>") > end:
        return None
    start = end + len("</think>") if end >= 0 else 0
    return response[max(start, len(response) - MAX_RESPONSE) :]


def boxes(text: str) -> list[Box]:
    """The last boxes of a text as (start, end, content), latest first; content None: over the limit.

    Boxes that never close are passed over. At most MAX_BOXES are looked at.
    """
    found: list[Box] = []
    end, open_boxes = len(text), 0
    for _ in range(MAX_BOXES):
        start = max(text.rfind("\\boxed", 0, end), text.rfind("\\fbox", 0, end))
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
            found.append((start, close + 1, text[head.end() + 1 : close] if close > 0 else None))
        elif bare := BARE_BOX.match(text, start + len("\\boxed")):
            found.append((start, bare.end(), bare.group(1)))
    return found


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
    if "\\boxed" not in text and "\\fbox" not in text:
        return None
    found = boxes(text)
    if not found:
        return None
    found = outermost(found)
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


def _phrase(text: str) -> Answer:
    """The rest of the last line that announces the answer."""
    last = None
    if "nswer" in text or "####" in text or "NSWER" in text:
        for last in PHRASE.finditer(text):  # noqa: B007
            pass
    if last is None:
        line = text[-WINDOW:].rstrip().rpartition("\n")[2].strip()
        answer = line.removeprefix("A:").strip()
        return Answer(answer, "answer-line") if answer and line.startswith("A:") else Answer(None, "none")
    rest = text[last.end() : last.end() + WINDOW].lstrip()
    route = "hash" if last.group().startswith("#") else "answer-is"
    if route == "hash":
        line = rest.partition("\n")[0]
    else:
        line = sentence(rest)
    line = line.strip().strip("*").strip()
    return Answer(line, route) if line else Answer(None, "none")


def sentence(rest: str) -> str:
    """Up to the end of the sentence; what stands between dollar signs or \\[ \\] is not cut."""
    for opening, closing in (("$$", "$$"), ("\\[", "\\]")):
        if rest.startswith(opening) and (end := rest.find(closing, 2)) > 0:
            return rest[2:end]
    place = 0
    while match := SENTENCE_END.search(rest, place):
        if rest.count("$", 0, match.start()) % 2 == 0:
            return rest[: match.start()]
        place = match.end()
    return rest
