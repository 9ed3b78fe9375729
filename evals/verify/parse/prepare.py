"""Preparation of an answer's text: limits, unicode to LaTeX, delimiters and wrappers off."""

from __future__ import annotations

import re
import unicodedata

from evals.verify.limits import MAX_LENGTH, LimitError
from evals.verify.parse.unicode import SUBSCRIPTS, SUPERSCRIPTS, UNICODE

TABLE = {ord(k): v for k, v in UNICODE.items()}
RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ]+")
LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋₍₎]+")
MIXED = re.compile(r"(?<=\d)(?=[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])")
BACKSLASHES = re.compile(r"\\+")
ESCAPED = re.compile(r"[A-Za-z!$%{},;]")
EMPTY_BRACES = re.compile(r"^\{\}|\{\}$|\{\}(?=[\^_])")
BRACED_SIGN = re.compile(r"\{([-+=<>:])\}")
FRENCH = re.compile(r"(?<!\\sqrt)([\[\]])([^\[\](){},;]+[,;][^\[\](){},;]+)(?<!\\sqrt)([\[\]])")
ANGLES = re.compile(r"(?<![\w)\]}\s])<([^<>=]*,[^<>=]*)>(?!\s*[\w\\(])")
UNION = re.compile(
    r"([\[(][^\[\]()]{1,80}[,;][^\[\]()]{1,80}[\])])\s*(?:U|\\text\s*\{\s*U\s*\})\s*(?=[\[({\\])"
)
ORDINAL = re.compile(
    r"(?<=\d)(?:(?:st|nd|rd|th)(?![A-Za-z])|\^?\\(?:text|mathrm|textrm|mbox)\{\s?(?:st|nd|rd|th)\s?\}"
    r"|\^\{(?:\\(?:text|mathrm|textrm|mbox)\{\s?(?:st|nd|rd|th)\s?\}|\s?(?:st|nd|rd|th)\s?)\})"
)
OHMS = re.compile(r"(?<=\d)(?:~|\\[,;: ]|\s)*\\Omega\s*$")
HOURS = re.compile(r"^(\d{1,4})\s*hr?s?\s*(\d{1,2})\s*m(?:ins?)?\s*(?:(\d{1,2})\s*s)?$")
TIMES_TEN = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*(?:\^|\*\*))")  # 6.02 x 10^{23}
DOLLARS = re.compile(r"^(?:US\s*(?=\\?\$)|((?:USD|\\text\s*\{\s*USD\s*\})\s*(?=\d)))")
RUPEES = re.compile(r"^(?:Rs\.?|INR|\\text\s*\{\s*(?:Rs\.?|INR)\s*\})\s*(?=\d)")
PER_CENT = re.compile(r"\bper\s+cent\b", re.IGNORECASE)
INTEGER = re.compile(r"([A-Za-z])\s*\\in\s*(?:\\mathbb\s*(?:\{\s*Z\s*\}|Z)|\\Z|Z)\s*(\)?)$")
WHERE = re.compile(r"(?:\\text\s*\{\s*,?\s*(?:where|for|with)\s*\}|\b(?:where|for|with))$")
OPENERS = ("(", "[", "{", "|", "=")
QUOTES = ("`", '"', "'", "*")
DELIMITERS = re.compile(r"\\[()\[\]]")
DOLLAR = re.compile(r"(?<!\\)\$")
MONEY = re.compile(r"[-+(\s]*\$\s*[\d.]")
TAIL = " \t\r\n.,;:"
SMALL_CAPS = re.compile(r"\\q?quad(?![A-Z])")


def prepare(text: str) -> str:
    """The text to tokenize, in plain LaTeX; LimitError where it is too long."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise LimitError("length")
    if not text.isascii():
        text = _ascii(text)
        if len(text) > 4 * MAX_LENGTH:
            raise LimitError("length")
    if "\\\\" in text:
        text = halve(text)
    if "<" in text:
        text = ANGLES.sub(r"\\langle \1\\rangle ", text)
    if "U" in text:
        text = UNION.sub(r"\1\\cup ", text)
    text = PER_CENT.sub("percent", ORDINAL.sub(r"\\text{ th}", text))
    text = HOURS.sub(
        lambda m: f"{m[1]}\\text{{ h }}{m[2]}\\text{{ min }}" + (f"{m[3]}\\text{{ s}}" if m[3] else ""), text
    )
    text = DOLLARS.sub(lambda m: "\\$" if m[1] else "", text)
    text = TIMES_TEN.sub(r"\\times ", RUPEES.sub(r"\\rupee ", text))
    if "\\" in text:
        text = OHMS.sub(r"\\text{ \\Omega}", DELIMITERS.sub(_delimiter, text))
        if "quad" in text:
            text = SMALL_CAPS.sub(" ", text)
        if (where := INTEGER.search(text)) is not None:
            text = _parameter(text[: where.start()].rstrip(), where)
    if "[" in text or "]" in text:
        text = FRENCH.sub(_outward, text)
    if "{" in text:
        text = EMPTY_BRACES.sub("", BRACED_SIGN.sub(r"\1", text))
    if "$" in text:
        text = _dollars(text)
    return _trim(text)


def _parameter(head: str, where: re.Match[str]) -> str:
    """A final "(k in Z)" or "where k in Z" set off with a comma."""
    if where[2] and not head.endswith("("):
        return where.string
    head = WHERE.sub("", head.removesuffix("(").rstrip()).rstrip(" ,;:\\")
    return f"{head}, {where[1]} \\in \\mathbb{{Z}}" if head and not head.endswith(OPENERS) else where.string


def halve(text: str) -> str:
    """Backslashes doubled by an escaping (\\\\frac for \\frac) made single; row ends of a matrix stay.

    Only where every run of backslashes is even and one of them stands before what makes a command.
    """
    runs = list(BACKSLASHES.finditer(text))
    if any(len(m.group()) % 2 for m in runs) or not any(ESCAPED.match(text, m.end()) for m in runs):
        return text
    return BACKSLASHES.sub(lambda m: "\\" * (len(m.group()) // 2), text)


def _ascii(text: str) -> str:
    text = MIXED.sub(" ", text)
    text = RAISED.sub(lambda m: "^{" + m.group().translate(SUPERSCRIPTS) + "}", text)
    text = LOWERED.sub(lambda m: "_{" + m.group().translate(SUBSCRIPTS) + "}", text)
    return unicodedata.normalize("NFKC", text.translate(TABLE)).translate(TABLE)


def _delimiter(match: re.Match[str]) -> str:
    """A math delimiter is a space; after a backslash it is a row end with a bracket."""
    before = match.string[: match.start()]
    odd = (len(before) - len(before.rstrip("\\"))) % 2
    return match.group() if odd else " "


def _outward(match: re.Match[str]) -> str:
    """An interval with outward brackets for open ends, ]1,2[, with parentheses."""
    left, inner, right = match.groups()
    return ("(" if left == "]" else "[") + inner + (")" if right == "[" else "]")


def _dollars(text: str) -> str:
    """Dollar signs are math delimiters, except one before a number that has no partner: money."""
    if len(DOLLAR.findall(text)) % 2 and MONEY.match(text):
        text = text.replace("$", "\\$", 1)
    return DOLLAR.sub(" ", text)


def _trim(text: str) -> str:
    """Without spaces, final punctuation, markdown stars and stray backslashes around it."""
    before = None
    while before != text:
        before = text
        text = text.strip()
        if text.startswith("**") and text.endswith("**") and len(text) > 4:
            text = text[2:-2]
        if len(text) > 2 and text[0] == text[-1] and text[0] in QUOTES and text[0] not in text[1:-1]:
            text = text[1:-1]
        if not text.endswith("..") or not text.rstrip(". ").endswith((",", ";")):  # 1, 2, ... goes on
            text = text.rstrip(TAIL).rstrip("\\")
    return text
