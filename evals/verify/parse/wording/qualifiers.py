"""What stands around an answer without changing it: "for all x", "(n \\ge 1)", "only", systems and cases.

All of it is text to text, before tokens are made. A condition is dropped only where it is about a variable of
the answer and the answer is no inequality itself.
"""

from __future__ import annotations

import re

TEXT = re.compile(r"\\(?:text|textrm|textit|mathrm|mbox|textnormal)\s*\{([^{}]*)\}")
SPACES = re.compile(r"\\[,;:! ]|\\q?quad(?![A-Za-z])|~")
QUICK = re.compile(
    r"\b(?:for|where|with|only|all|except|excluding|other|real|reals|integers?|such|mod)\b|\\begin|\\equiv|\\in(?![a-z])"
    r"|[(,](?:\s|\\[,;:! ]|\\q?quad(?![A-Za-z])|~)*\\?[A-Za-z]\s*(?:\\[gln]e|\\[gl]t|[<>])"
)
MARKS = r"(?:\s*[\^_](?:\s*\{)?(?:\s*[*+-])?(?:\s*\d)?(?:\s*\})?)*"
SET = rf"(?:\\mathbb\s*\{{?\s*[RNQC]\s*\}}?|\\[RNQC](?![a-z])|[RNQ](?![a-z])){MARKS}"
INTEGERS = rf"(?:\\mathbb\s*\{{?\s*Z\s*\}}?|\\Z(?![a-z])|Z(?![a-z])){MARKS}"
SYMBOL = r"\\?[A-Za-z](?![A-Za-z])(?:_\{?\w+\}?)?"
RELATION = r"(?:>=|<=|!=|[<>]|\\(?:geq?|leq?|neq?)(?:slant)?(?![a-z])|\\[gl]t(?![a-z]))"
SYMBOLS = rf"{SYMBOL}(?:\s*(?:,|and)\s*{SYMBOL})*"
NUMBER = r"-?\d{1,9}(?:\.\d+)?"
MEMBER = rf"{SYMBOLS}\s*\\in\s*{SET}"
BOUND = rf"{SYMBOL}\s*{RELATION}\s*{NUMBER}"
CONDITION = rf"(?:{MEMBER}|{SYMBOLS}\s*\\in\s*{INTEGERS}|{BOUND})"
KIND = (
    r"(?:(?:real|positive|negative|non-?negative|natural|whole|rational|complex|non-?zero|arbitrary|fixed|any|some|"
    r"an?)\s+)*(?:numbers?|integers?|reals?|constants?|values?(?:\s+of)?|parameters?|variables?|scalars?)"
)
TAIL = re.compile(
    rf"[\s,;:]*(?P<open>\(?)\s*(?:"
    rf"for\s+(?:all|any|every|each|some|arbitrary)?\s*(?:{KIND})?\s*(?P<all>{CONDITION}|{SYMBOLS})?"
    rf"|(?:where|with)\s+(?P<where>{SYMBOLS})\s+(?:is|are|being)\s+[A-Za-z ,'-]{{1,80}}"
    rf"|(?:where|with)\s+(?P<with>{CONDITION})"
    rf"|(?P<word>real|integers?|reals|real\s+numbers?|natural\s+numbers?)(?=\s*\))"
    rf"|(?<=\()\s*(?P<bare>{CONDITION})(?=\s*\))"
    rf")\s*(?P<close>\)?)$"
)
AFTER_COMMA = re.compile(rf"\s*,\s*(?P<bare>{MEMBER}|{BOUND})$")
PARENTHESIS = re.compile(rf"[\s,;]*\(\s*(?P<bare>{CONDITION})\s*\)$")
ONLY = re.compile(
    r"^only\s+|\s+only$|\s+(?:is|are)\s+the\s+only\s+(?:solutions?|values?|answers?|possibilit(?:y|ies)|roots?)$"
)
ALL = re.compile(
    rf"^all\s+{KIND}\s*(?:{SYMBOL}\s+)?(?:(?:such\s+that|satisfying|for\s+which|where|with)\s+)?"
    rf"(?={SYMBOL}\s*(?:{RELATION}|\\in))"
)
EXCEPT = re.compile(
    rf"^(?:all\s+(?:real\s+numbers|reals|real\s+values)(?:\s+of)?|\\mathbb\s*\{{?R\}}?|\\R)\s*(?:{SYMBOL}\s+)?"
    rf"(?:except(?:\s+for)?|other\s+than|excluding)\s+(?:{SYMBOL}\s*=\s*)?(?P<list>[-\d\\][^=<>]*)$"
)
MODULO = re.compile(r"\(\s*(?:\\operatorname\s*\{\s*mod\s*\}|\\b?mod|mod)\s*(\d{1,12}|[a-z])\s*\)")
SYSTEM = re.compile(
    r"(?:\\left\s*(?:\\\{|\\lbrace|\.)|\\\{|\\lbrace)?\s*"
    r"\\begin\s*\{(array|matrix|cases|aligned|gathered|rcases|align\*?|split)\}\s*(?:\{[lcr| ]*\})?"
    r"(.*?)\\end\s*\{\1\}\s*(?:\\right\s*(?:\.|\\\}|\\rbrace)|\\\})?",
    re.DOTALL,
)
ROW = re.compile(r"\\\\(?:\s*\[[^\]]{0,12}\])?")
RELATES = re.compile(r"=|<|>|\\(?:le|ge|lt|gt|ne|leq|geq|neq)(?![a-z])")
MEMBERSHIP = re.compile(r"\\in(?![a-z])")
SOLVED = re.compile(rf"\s*{SYMBOL}\s*=(?:[^A-Za-z]|\\(?:frac|sqrt|pi)(?![a-z]))*")
SIDES = re.compile(rf"\\in(?![a-z])|{RELATION}")
COMMAND = re.compile(r"\\[A-Za-z]+|[A-Za-z]{4,}")
PARAMETER = re.compile(rf"\b[kmn]\s*(?:\\in\s*(?:\\mathbb\s*)?[\\{{\s]*[RNQC](?![a-z])|{RELATION})")
WHEN = re.compile(
    r"^(?:\s|,|\\[,;:! ]|\\q?quad)*(?:\\(?:text|mathrm)\s*\{\s*,?\s*)?(?:if|for|when|where)\b\s*\}?"
)


def without_qualifiers(text: str) -> str:
    """The text of an answer with nothing around it but what is compared."""
    if not QUICK.search(text):
        return text
    if "\\begin" in text:
        text = SYSTEM.sub(_system, text)
    flat = SPACES.sub(" ", TEXT.sub(r" \1 ", text))
    flat = MODULO.sub(r"\\pmod{\1}", flat)
    kept = _cut(" ".join(flat.split()).rstrip(" .,;"))
    if kept is not None:
        return kept
    return flat if "\\pmod" in flat and "\\pmod" not in text else text


def _cut(flat: str) -> str | None:
    """What is left of a flat text; None where there is nothing to drop."""
    if (found := EXCEPT.match(flat)) is not None:
        outside = re.sub(r"\s*,?\s*\band\b\s*", ", ", found["list"].strip())
        outside = outside.removeprefix("\\{").removesuffix("\\}")
        return f"\\mathbb{{R}} \\setminus \\{{{outside}\\}}"
    if (found := ALL.match(flat)) is not None:
        return flat[found.end() :]
    if (found := ONLY.search(flat)) is not None:
        return flat[: found.start()] + flat[found.end() :]
    for pattern in (PARENTHESIS, TAIL, AFTER_COMMA):
        found = pattern.search(flat)
        if found is not None and (head := flat[: found.start()].rstrip(" ,;:(")):
            return head if _is_about(head, found) else None
    return None


def _is_about(head: str, found: re.Match[str]) -> bool:
    """Whether a condition says of a variable of the answer something that the answer itself does not say."""
    groups = found.groupdict()
    if bool(groups.get("open")) != bool(groups.get("close")) or head.count("(") != head.count(")"):
        return False
    if groups.get("word"):
        return True
    if "\\pi" in head and PARAMETER.search(found.group()):
        return False  # pi/4 + k pi with k in N or R is not what it is with k in Z
    condition = groups.get("all") or groups.get("where") or groups.get("with") or groups.get("bare") or ""
    said = RELATES.search(head.replace("=", "")) or MEMBERSHIP.search(head) or SOLVED.fullmatch(head)
    if RELATES.search(condition) and said:
        return False
    names = re.findall(r"\\?[A-Za-z]+", SIDES.split(condition)[0].replace(" and ", " "))
    letters = COMMAND.sub(" ", head)
    return bool(names) and all(name in (head if name[0] == "\\" else letters) for name in names)


def _system(match: re.Match[str]) -> str:
    """The equations of a system as a list; values with their conditions as a set of pairs."""
    rows = [row.strip() for row in ROW.split(match[2]) if row.strip()]
    if (
        match[1] in ("cases", "array", "rcases")
        and all(row.count("&") == 1 for row in rows)
        and len(rows) > 1
    ):
        pairs = [row.split("&") for row in rows]
        if not all(RELATES.match(condition.strip()) for _, condition in pairs):
            if not all(RELATES.search(condition) or "otherwise" in condition for _, condition in pairs):
                return match.group()
            return (
                "\\{" + ", ".join(f"({v.strip().rstrip(',')}, {WHEN.sub('', w)})" for v, w in pairs) + "\\}"
            )
    if not rows or not all(RELATES.search(row) for row in rows):
        return match.group()
    return " " + " , ".join(row.replace("&", " ") for row in rows) + " "
