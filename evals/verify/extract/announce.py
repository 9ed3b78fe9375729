"""Answers announced in words: "the answer is 6", "**Answer:** 6", "#### 6", "<answer>6</answer>", 答案：6."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from evals.verify.grade import Answer
from evals.verify.limits import MAX_LENGTH

WINDOW = 2 * MAX_LENGTH
SCANNED = 200_000  # characters, from the end, in which announcements are looked for
LEADING = 150  # characters that an announcement may have before its sign
LAST = 40  # announcements looked at, from the end
LEAD = (
    r"(?:(?:so|thus|hence|therefore|and|my|our|the|this|exact|final|correct|short|full|numeric|numerical|"
    r"required|model)[,\s]+){0,4}"
)
IS = (
    r"(?:is|are|(?:would|will|should|must)\s+be|comes?\s+out\s+(?:to\s+be|to|as)|works\s+out\s+to(?:\s+be)?|"
    r"turns\s+out\s+to\s+be|becomes|equals)\b"
)
# What other languages put before an answer: after a line break or a sentence, with a colon or a verb.
OTHERS = (
    r"(?:最终|正确|所以|故|因此)*答案\s*(?:应该?[为是]|就?是|为)?\s*[:：]?|(?<![回解])答\s*[:：]|"
    r"答え\s*(?:は|[:：])|(?:정답|답)\s*(?:은|는|[:：])|"
    r"(?:Окончательный\s+)?[Оо]твет\s*[:：—]|"
    r"[Rr]éponse(?:\s+finale)?\s*[:：]|[Ll]a\s+réponse(?:\s+finale)?\s+est\b\s*:?|"
    r"[Rr]espuesta(?:\s+final)?\s*[:：]|[Ll]a\s+respuesta(?:\s+(?:final|correcta))?\s+es\b\s*:?|"
    r"[Aa]ntwort\s*[:：]|[Dd]ie\s+Antwort\s+(?:ist|lautet)\b\s*:?|"
    r"[Rr]esposta(?:\s+final)?\s*[:：]|[Aa]\s+resposta(?:\s+(?:final|correta))?\s+é\b\s*:?|"
    r"[Rr]isposta(?:\s+finale)?\s*[:：]|[Ll]a\s+risposta(?:\s+finale)?\s+è\b\s*:?|"
    r"[Oo]dpowiedź\s*[:：]|[Oo]dpověď\s*[:：]|[Aa]ntwoord\s*[:：]|[Cc]evap\s*[:：]|[Đđ]áp\s+(?:án|số)(?:\s+là)?\s*[:：]?|"
    r"उत्तर\s*[:：]|الجواب\s*[:：]"
)
PHRASE = re.compile(
    rf"(?P<line>(?:^|\n)(?:[^\w\n<]|_){{0,12}}(?i:{LEAD}(?:answers?|ans))(?:\s*\([^()\n]{{1,40}}\))?"
    r"[*_ \t]{0,6}(?:[:：=]|\.?[*_ \t]{0,6}\n))"
    rf"|(?P<is>\b(?i:answers?|ans)\b(?:\s+(?:to|for|of|in)\s[^.:!?\n=]{{1,60}}?|\s*\([^()\n]{{1,40}}\))?[*_]{{0,3}}\s+(?i:{IS})\s*:?)"
    r"|(?P<option>\b(?i:correct|right|best)\s+(?i:option|choice)\s+(?i:is)\s*:?(?=[\s*$(\\]*(?:(?:text|mathrm)\w*\{)?\(?[A-J]\b))"
    r"|(?P<hash>(?<!#)####(?!#))"
    r"|(?P<tag><(?i:answer|final_answer)>|<\|begin_of_box\|>)"
    rf"|(?P<other>{OTHERS})"
)
SIGNS: tuple[str, ...] = (
    *("ption is", "hoice is"),
    *("nswer", "NSWER", "####", "Ans", "ans ", "<|begin_of_box|>"),
    *("espuesta", "Antwo", "ntwoord", "esposta", "isposta", "evap"),
)
ROUTES = {"is": "answer-is", "option": "answer-is", "hash": "hash", "tag": "tag"}
# What before "answer is" says that it is not the answer that is given.
OTHER_ANSWER = re.compile(
    r"\b(?:(?:wrong|incorrect|false|mistaken|erroneous|naive|tempting|previous|earlier|initial|old|number\s+of|no)"
    r"|(?:suppose|supposing|assum(?:e|ing)|pretend|imagine|if|unless|whether|claims?|claimed|says?|said|doubt|deny"
    r"|n['’]t\s+(?:think|believe|say)|(?:not|wrong|false|incorrect|untrue|unlikely|impossible)(?:\s+\w+)?(?=\s+that)"
    r"|(?:might|may|could|would)\s+(?:think|guess|say|argue|assume|expect|conclude|believe))"
    r"(?:\s+that)?(?:\s+(?:the|my|our|your))?(?:\s+(?:final|correct|right|real|true))?)\s+$",
    re.IGNORECASE,
)
RETRACTED = re.compile(
    r"[.…!,\s]*(?:(?:oh|hmm|oops|but|uh)[,.\s]*)?\b(?:wait|no|actually|sorry|scratch\s+that|correction)\b[^\n]{0,80}?"
    r"(?:\bno\b|\bnot\b|n['’]t\b|wrong|incorrect|mistake|error|it(?:['’]s|\s+is|\s+should)|should\s+be)",
    re.IGNORECASE,
)
BOLD_END = re.compile(r"(?<=\d)\*\*(?=\s)")
ENDING = re.compile(r"(?:です|でした|である|입니다|이다)[。.\s]*$|[\s✓✔✅☑️]+$")
END_TAG = re.compile(r"</(?:answer|final_answer)>|<\|end_of_box\|>", re.IGNORECASE)
SPECIAL = re.compile(
    r"<[|｜][^<>\n]{1,40}[|｜]>|</?s>|<(?:end_of_turn|start_of_turn|eos|bos|pad|end_of_utterance|EOS|eot)>|\[/?INST\]"
)
SENTENCE_END = re.compile(r"[.!?](?=\s|$)|。|\n|\bI hope it is correct\b")
ENVIRONMENT = re.compile(r"\\begin\{(equation|align|gather|displaymath|math|multline)(\*?)\}")
MARKUP = "*_` \t\r\n"
CONFIRMED = re.compile(
    r"(?:indeed\s+|also\s+)?(?:correct|right|verified|confirmed|consistent)\b[^\n\d]{0,60}$"
)
FILLER = re.compile(
    r"(?:therefore|thus|then|hence|so|simply|exactly|just|precisely|clearly|indeed|now|equal\s+to|given\s+by|"
    r"(?:just\s+|simply\s+)?the\s+(?:number|value|integer|fraction|single\s+number|expression)|"
    r"(?:正确)?(?:是|为)|is|are|equals)[\s,:]\s*",
    re.IGNORECASE,
)
SINCE = re.compile(
    r"(?<!\s)(?:\s*,)?\s+(?:since|because|as\s+(?:required|desired|claimed|expected|stated|shown|needed|wanted|asked))\b.*"
    r"|(?<!\s)\s*[,(]\s*(?:since|because|as|by)\s.*|,\s*(?:as\s+(?:required|desired|needed)).*",
    re.DOTALL | re.IGNORECASE,
)
HEADING = re.compile(r"\d{1,2}[.):]\s+[A-Za-z]{3}|(?:step|case|part|section)\b", re.IGNORECASE)
MATHEMATICS = re.compile(
    r"[-+−±$€£¥(\[{|√π∞∅]*\s*(?:\d|\.\d|\\|[$({\[√π∞∅])|[A-Za-z](?:$|\s*[=<>≤≥^(]|[).:]\s|'\s)|[a-z0-9^]{1,6}\s*[-+*/=]"
)
WORDS = frozenset("yes no true false none never infinity infinite zero undefined even odd impossible".split())


def announced(text: str) -> Answer:
    """The rest of the last announcement; a heading that is no answer ("#### Verification") is passed over.

    Routes: "answer-is", "answer-line" (a line "Answer: …", a heading "Answer" and the line after it, a last
    line "A: …", other languages), "hash" (####), "tag" (<answer>…</answer>).
    """
    for match in _phrases(text):
        route = ROUTES.get(match.lastgroup or "", "answer-line")
        if route == "answer-is" and OTHER_ANSWER.search(text, max(0, match.start() - 60), match.start()):
            continue
        found = _rest(text, match.end(), route)
        if found is not None:
            return Answer(found, route) if found else Answer(None, "none")
    line = text[-WINDOW:].rstrip().rpartition("\n")[2].strip()
    answer = line.removeprefix("A:").strip()
    return Answer(answer, "answer-line") if answer and line.startswith("A:") else Answer(None, "none")


def _phrases(text: str) -> Iterator[re.Match[str]]:
    """The last announcements, the last one first; what stands around the last sign is looked at first."""
    start = 0
    if text.isascii():
        place = max(map(text.rfind, SIGNS))
        if place < 0:
            return
        start = max(0, place - LEADING)
        yield from reversed(deque(PHRASE.finditer(text, start, place + 2 * LEADING), LAST))
        if not start:
            return
    earliest = max(0, len(text) - SCANNED)
    yield from reversed(deque(PHRASE.finditer(text, earliest, start or len(text)), LAST))


def _rest(text: str, place: int, route: str) -> str | None:
    """What an announcement that ends at `place` announces; None: it is no announcement."""
    rest = text[place : place + WINDOW]
    if (end := END_TAG.search(rest)) is not None:
        rest = rest[: end.start()]
    rest = rest.lstrip()
    if route == "tag":
        again = PHRASE.match(rest)  # <answer>Answer: 5</answer>
        return clean(rest[again.end() :] if again else rest)
    if route == "hash":
        line = clean(rest.partition("\n")[0])
        return line if _is_answer(line) else None
    rest = rest.lstrip(MARKUP)
    found = sentence(rest)
    if RETRACTED.match(rest, len(found)):
        return ""
    if route == "answer-is" and (CONFIRMED.match(found) or rest[len(found) : len(found) + 1] == "?"):
        return None
    return clean(found)


def _is_answer(line: str) -> bool:
    """Whether what follows #### is an answer rather than a heading of words."""
    if HEADING.match(line):
        return False
    return MATHEMATICS.match(line) is not None or line.lower().strip(" .") in WORDS


def clean(found: str) -> str:
    """An announced answer without the tokens, the markup and the words around it."""
    if "<" in found or "[" in found:
        special = SPECIAL.search(found)
        while special and not found[: special.start()].strip():
            found = found[special.end() :]
            special = SPECIAL.search(found)
        found = found[: special.start()] if special else found
    found = found.strip(MARKUP)
    for _ in range(3):
        filler = FILLER.match(found)
        if filler is None:
            break
        found = found[filler.end() :].lstrip(MARKUP)
    since = SINCE.search(found)
    if since and since.start() and found.count("$", 0, since.start()) % 2 == 0:
        found = found[: since.start()]
    found = BOLD_END.sub("", found.strip(MARKUP))
    if found.startswith("~"):  # in prose no space
        found = "\\approx" + found[1:]
    return found if found.isascii() else ENDING.sub("", found)


def sentence(rest: str) -> str:
    """Up to the end of the sentence; what stands between dollar signs, in \\[ \\] or in an environment is not
    cut."""
    for opening, closing in (("$$", "$$"), ("\\[", "\\]")):
        if rest.startswith(opening) and (end := rest.find(closing, 2)) > 0:
            return rest[2:end]
    if environment := ENVIRONMENT.match(rest):
        end = rest.find(f"\\end{{{environment[1]}{environment[2]}}}", environment.end())
        if end > 0:
            return rest[environment.end() : end]
    special = SPECIAL.search(rest) if "<" in rest or "[" in rest else None
    if special and special.start():
        rest = rest[: special.start()]
    place = 0
    while match := SENTENCE_END.search(rest, place):
        if rest.count("$", 0, match.start()) % 2 == 0:
            return rest[: match.start()]
        place = match.end()
    return rest
