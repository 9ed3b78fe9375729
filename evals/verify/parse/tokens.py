"""Tokens of an answer: numbers, symbols, words, commands, operators; text commands are opened here."""

from __future__ import annotations

import re
from typing import NamedTuple

from evals.verify.limits import MAX_DIGITS, MAX_TOKENS, LimitError
from evals.verify.parse.braces import group_at, skip
from evals.verify.parse.vocabulary import (
    ALIGNED,
    BIG,
    CALLED,
    DECORATIONS,
    DROPPED,
    FUNCTIONS,
    GREEK,
    MATRICES,
    MONIES,
    OPERATORS,
    RELATIONS,
    RENAMED,
    TEXT_COMMANDS,
    WORDS,
)
from evals.verify.parse.wording.text_commands import text_command
from evals.verify.tree import ParseError


class Token(NamedTuple):
    """kind: num sym word fn op rel sep text cmd const set money begin end eof; spaced: a space before it."""

    kind: str
    text: str
    spaced: bool
    start: int


SCAN = re.compile(
    r"""
      (?P<space>(?:\s|~|\\[ ,;:!>/])+)
    | (?P<num>
        (?: (?:\d{1,3}(?:\s?(?:\{,\s?\}|,\\!|\\[,!;: ])\s?\d{3}(?!\d))+|\d+)(?:\.\d+|\.(?=\s*/))? | \.\d+)
        (?:[eE][+-]?\d{1,5}(?![\w.]))?)
    | (?P<word>[^\W\d_]+)
    | (?P<cmd>\\[A-Za-z]+)
    | (?P<esc>\\.)
    | (?P<rel><=|>=|=<|!=|==|:=|[=<>])
    | (?P<op>\*\*|.)
    """,
    re.VERBOSE | re.DOTALL,
)
COMMAS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?!\d)(?!,\d)(?:\.\d+)?")
SPACES = re.compile(r"\d{1,3}(?: \d{3})+(?!\d|\s*/)(?:\.\d+)?")
JUNK = re.compile(r"[{},\\!;:\s]")
ROW_SPACE = re.compile(r"\s*\[[^\]]{0,12}\]")
GLUED = re.compile(r"(and|or)([A-Z])|(sin|cos|tan|cot|sec|csc|ln|log)([a-z])")
FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac", "sfrac", "nicefrac")
BINOMIALS = ("binom", "dbinom", "tbinom")
PHANTOMS = ("phantom", "hphantom", "vphantom")
WITH_ARGUMENT = (
    "hspace",
    "vspace",
    "label",
    "tag",
    "color",
    "textcolor",
    "colorbox",
    "kern",
    "mskip",
    "hskip",
)
FOREIGN = "\u0400"  # letters from here on are Cyrillic, Chinese, …: Greek ones are commands by now
JOINING = re.compile("(或者?|以及|和|与|及|且|または|と|또는)")
LOOK_AHEAD = 4
ALIGNMENT = re.compile(r"\s*(?:[=<>]|\\(?:le|ge|lt|gt|ne|approx|in)(?![a-z]))")
ROOTS = ("sqrt", "usqrt", "ucbrt")
OPENING, CLOSING = ("(", "[", "\\{", "<("), (")", "]", "\\}", ")>")


def tokenize(text: str) -> list[Token]:
    """The tokens of a prepared text, and as many `eof` tokens after them as the parser looks ahead."""
    scanner = _Scanner(text)
    scanner.scan(text, 0, 0)
    return scanner.tokens + [Token("eof", "", True, len(text))] * LOOK_AHEAD


class _Scanner:
    """Collects tokens; depth counts open brackets, where a comma always separates."""

    def __init__(self, text: str) -> None:
        self.tokens: list[Token] = []
        self.depth = 0
        self.matrices = 0

    def add(self, kind: str, text: str, spaced: bool, start: int) -> None:
        if len(self.tokens) >= MAX_TOKENS:
            raise LimitError("tokens")
        self.tokens.append(Token(kind, text, spaced, start))

    def scan(self, text: str, base: int, level: int) -> None:
        """Tokenize a text; base: its place in the whole; level: how many text commands it stands in."""
        place, spaced = 0, False
        match_at = SCAN.match
        while match := match_at(text, place):
            kind = match.lastgroup
            found = match.group()
            start, place = place, match.end()
            if kind == "num":
                place = self.number(text, start, match, spaced, base)
            elif kind == "space":
                spaced = True
                continue
            elif kind == "word":
                self.word(found, spaced, base + start)
            elif kind == "cmd":
                place = self.command(found[1:], text, start, place, spaced, base, level)
            elif kind == "rel":
                self.add("rel", RELATIONS[found], spaced, base + start)
            else:
                place = self.operator(found, text, place, spaced, base + start)
            spaced = False

    def number(self, text: str, start: int, match: re.Match[str], spaced: bool, base: int) -> int:
        """A number; outside brackets 1,234 and 1 234 are one number."""
        found, end = match.group(), match.end()
        if self.depth == 0 and text[end : end + 1] in (",", " ") and text[start - 1 : start] != ",":
            pattern = COMMAS if text[end] == "," else SPACES
            if grouped := pattern.match(text, start):
                found, end = grouped.group(), grouped.end()
        clean = JUNK.sub("", found)
        if len(clean) > MAX_DIGITS:
            raise LimitError("digits")
        self.add("num", clean, spaced, base + start)
        return end

    def word(self, word: str, spaced: bool, start: int) -> None:
        """A run of letters: a symbol, a known word, or a word to be judged by the parser."""
        if word[0] >= FOREIGN:
            self.foreign(word, spaced, start)
            return
        if len(word) == 1:
            if word in "ei":
                self.add("const", word, spaced, start)
            else:
                self.add("sym", word, spaced, start)
            return
        lower = word.lower()
        if lower in WORDS:
            mark = WORDS[lower]
            self.add("sep" if mark in ("and", "or") else "op", mark, spaced, start)
        elif lower in FUNCTIONS:
            self.add("fn", RENAMED.get(lower, lower), spaced, start)
        elif lower == "sqrt":
            self.add("cmd", "usqrt", spaced, start)
        elif lower == "pi":
            self.add("const", "pi", spaced, start)
        elif lower in ("infinity", "infty", "inf", "oo"):
            self.add("const", "inf", spaced, start)
        elif word in GREEK and len(word) > 2:
            self.add("sym", "\\" + word, spaced, start)
        elif (glued := GLUED.fullmatch(word)) is not None:
            first = glued[1] or glued[3]
            self.add("sep" if glued[1] else "fn", first, spaced, start)
            self.word(word[len(first) :], False, start + len(first))
        else:
            self.add("word", word, spaced, start)

    def foreign(self, word: str, spaced: bool, start: int) -> None:
        """Letters of other scripts: 或 and 和 separate, the rest are words (perhaps a unit)."""
        place = 0
        for part in JOINING.split(word):
            if part in WORDS:
                self.add("sep", WORDS[part], spaced, start + place)
            elif part:
                self.add("text", part, spaced and not place, start + place)
            place += len(part)

    def operator(self, found: str, text: str, place: int, spaced: bool, start: int) -> int:
        """A single character or an escaped one; returns where to go on."""
        if found == "\\\\":
            self.add("row", found, spaced, start)
            space = ROW_SPACE.match(text, place)
            return space.end() if space else place
        if found == "\\$":
            self.add("money", "usd", spaced, start)
            return place
        if found == "&" and not self.matrices and ALIGNMENT.match(text, place):
            return place
        mark = OPERATORS.get(found, found)
        if mark in OPENING:
            self.depth += 1
        elif mark in CLOSING:
            self.depth -= 1
        self.add("op", mark, spaced, start)
        return place

    def command(
        self, name: str, text: str, start: int, place: int, spaced: bool, base: int, level: int
    ) -> int:
        """A command of LaTeX; returns where to go on."""
        where = base + start
        if name in TEXT_COMMANDS:
            return text_command(self, name, text, place, spaced, base, level)
        if name in DROPPED:
            if name in ("left", "right") and text[place : place + 1] == ".":
                return place + 1
            return place
        full = "\\" + name
        if full in RELATIONS:
            self.add("rel", RELATIONS[full], spaced, where)
        elif full in OPERATORS:
            self.operator(full, text, place, spaced, where)
            mark = self.tokens[-1]
            if mark.text in ("and", "or"):
                self.tokens[-1] = mark._replace(kind="sep")
        elif name in FRACTIONS:
            self.add("cmd", "frac", spaced, where)
        elif name in ROOTS:
            self.add("cmd", name, spaced, where)
        elif name in BINOMIALS:
            self.add("cmd", "binom", spaced, where)
        elif name in FUNCTIONS:
            self.add("fn", RENAMED.get(name, name), spaced, where)
        elif name == "pi":
            self.add("const", "pi", spaced, where)
        elif name == "infty":
            self.add("const", "inf", spaced, where)
        elif name in GREEK:
            self.add("sym", full.replace("\\var", "\\"), spaced, where)
        elif name in ("emptyset", "varnothing"):
            self.add("set", "", spaced, where)
        elif name in ("R", "Z", "Q", "N", "C"):
            self.add("set", name, spaced, where)
        elif name in MONIES:
            self.add("money", MONIES[name], spaced, where)
        elif name in BIG or name in CALLED or name in DECORATIONS or name in ("bmod", "mod", "pmod"):
            self.add("cmd", name, spaced, where)
        elif name in ("boxed", "fbox"):
            pass
        elif name in ("begin", "end"):
            return self.environment(name, text, place, spaced, where)
        elif name in PHANTOMS or name in WITH_ARGUMENT:
            return skip(text, place, name in PHANTOMS)
        elif name == "not" and text[place : place + 1] == "=":
            self.add("rel", "!=", spaced, where)
            return place + 1
        elif name == "AA":
            self.add("text", "Å", spaced, where)
        elif name in ("imath", "mathi"):
            self.add("const", "i", spaced, where)
        else:
            raise ParseError(f"unknown command {full[:20]}")
        return place

    def environment(self, name: str, text: str, place: int, spaced: bool, where: int) -> int:
        """\\begin{…} or \\end{…}; the column description of an array is passed over."""
        content, end = group_at(text, place)
        if content is None:
            raise ParseError(f"\\{name} without a name")
        kind = content.strip()
        if kind in MATRICES:
            self.matrices += 1 if name == "begin" else -1
            self.add(name, kind, spaced, where)
            if name == "begin" and kind == "array":
                _, end = group_at(text, end)
        elif kind.rstrip("*") not in ALIGNED:
            raise ParseError(f"unknown environment {kind[:20]}")
        return end
