"""Answers: lists, sets, tuples, intervals, relations, ratios, quantities and words, made of expressions."""

from __future__ import annotations

from dataclasses import dataclass

from evals.verify.limits import MAX_MEMBERS, LimitError, remembered
from evals.verify.parse.cursor import Cursor, Grammar
from evals.verify.parse.expressions import additive, exponent, power, term
from evals.verify.parse.prepare import prepare
from evals.verify.parse.primaries import primary
from evals.verify.parse.sides import side
from evals.verify.parse.tokens import Token, tokenize
from evals.verify.parse.wording.names import at_once, split
from evals.verify.parse.wording.qualifiers import without_qualifiers
from evals.verify.tree import (
    EXPR,
    Group,
    Listing,
    NamedSet,
    ParseError,
    Relation,
    Sym,
    Text,
    Value,
    symbols,
)
from evals.verify.values.plus_minus import expand

CLOSERS = {"(": (")", "]"), "[": (")", "]"), "\\{": ("\\}",), "{": ("}",), "<(": (")>",)}
INTEGERS = NamedSet("Z")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed answer: its value, the constructs that only a gold with the same ones excuses, and the name of
    the integer parameter that a "k in Z" says ("": none)."""

    value: Value
    constructs: frozenset[str]
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a text did not parse: "parse", or "limit:…"."""

    reason: str
    detail: str


@remembered(1024)
def parse(text: str, products: bool = False) -> Parsed | Failure:
    """The typed tree of an answer's text, all of which must be consumed; never an exception.

    Letters such as mg after a number are a unit where the text parses so; products: never.
    """
    try:
        prepared = without_qualifiers(prepare(text))
        if "=" in prepared and at_once(prepared) and (named := _named(prepared)) is not None:
            return named
        found = _parse(prepared, products)
        if isinstance(found, Failure) and found.reason == "parse" and "=" in prepared:
            return _named(prepared) or found
        return found
    except LimitError as error:
        return Failure(f"limit:{error}", "over a limit")


def _parse(prepared: str, products: bool = False) -> Parsed | Failure:
    cursor = None
    try:
        tokens = tokenize(prepared)
        cursor = Cursor(tokens, Grammar(additive, term, power, exponent, primary, group), products)
        value = listing(cursor, ("eof",))
        if cursor.token.kind != "eof":
            raise ParseError(f"unexpected {cursor.token.text[:20]!r}")
        return Parsed(value, frozenset(cursor.constructs), cursor.parameter)
    except ParseError as error:
        again = cursor is not None and cursor.unit and not products  # \\frac{3mg}{2}, 2nm + 1
        return _parse(prepared, True) if again else Failure("parse", str(error))
    except LimitError as error:
        return Failure(f"limit:{error}", "over a limit")


def _named(prepared: str) -> Parsed | None:
    """P(X=2) = 5/9 and the like: a relation whose left side is a name; None where it is none."""
    parts = split(prepared)
    rest = _parse(parts[1]) if parts else None
    if (
        parts is None
        or not isinstance(rest, Parsed)
        or (isinstance(rest.value, Listing) and rest.value.kind != "set")
    ):
        return None
    sides, ops = (
        (rest.value.sides, rest.value.ops) if isinstance(rest.value, Relation) else ((rest.value,), ())
    )
    if not set(ops) <= {"=", "~"}:
        return None
    return Parsed(Relation((Text(parts[0]), *sides), ("=", *ops)), rest.constructs, rest.parameter)


def listing(c: Cursor, closers: tuple[str, ...]) -> Value:
    """Items up to a closer: one item alone, else a bare list."""
    items, seps = _unconditioned(*_items(c, closers), c)
    if not items:
        raise ParseError("nothing")
    if len(items) == 1:
        return items[0]
    return _listed(items, seps)


def _listed(items: list[Value], seps: list[str]) -> Value:
    """A bare list; where semicolons (or "or" between equations) and commas mix, a list of tuples."""
    outer = ";" if ";" in seps and "," in seps else "or"
    inner = [s for s in seps if s != outer]
    if set(seps) == {"or"} and _of_different_names(items):
        raise ParseError("x = 1 or y = 2")
    named = all(isinstance(i, Relation) for i in items)
    if len(seps) == len(items) - 1 and inner and outer in seps and (outer == ";" or named):
        rows: list[list[Value]] = [[]]
        for item, sep in zip(items, [*seps, outer], strict=True):
            rows[-1].append(item)
            if sep == outer:
                rows.append([])
        if len({len(row) for row in rows[:-1]}) == 1:
            return Listing(tuple(Group(tuple(row), "(", ")") for row in rows[:-1]), "list", ";")
    return Listing(tuple(items), "list", seps[-1] if seps else "pm")


def _of_different_names(items: list[Value]) -> bool:
    """Whether all items say what one name is, and no two the same name."""
    names = [
        i.sides[0].name
        for i in items
        if isinstance(i, Relation) and i.ops == ("=",) and isinstance(i.sides[0], Sym)
    ]
    return len(names) == len(items) == len(set(names))


def _unconditioned(items: list[Value], seps: list[str], c: Cursor) -> tuple[list[Value], list[str]]:
    """Without a last "k in Z" that says what a parameter of the items before it is; after x \\ne 2 a bare 5
    is x \\ne 5."""
    if len(items) > 1 and isinstance(items[0], Relation) and items[0].ops == ("!=",):
        name = items[0].sides[0]
        items = [Relation((name, i), ("!=",)) if isinstance(i, EXPR) else i for i in items]
    last = items[-1] if items else None
    if len(items) > 1 and isinstance(last, Relation) and last.ops == ("in",) and last.sides[1] == INTEGERS:
        names = symbols(last.sides[0])
        if isinstance(last.sides[0], Sym) and any(names <= symbols(i) for i in items[:-1]):
            c.parameter = last.sides[0].name
            return items[:-1], seps[: len(items) - 2]
    return items, seps


def _items(c: Cursor, closers: tuple[str, ...]) -> tuple[list[Value], list[str]]:
    items: list[Value] = []
    seps: list[str] = []
    while not _closes(c.token, closers):
        items.extend(_item(c))
        if len(items) > MAX_MEMBERS:
            raise LimitError("members")
        sep = _between(c)
        if not sep:
            break
        if not _closes(c.token, closers):
            seps.append(sep)
        elif c.depth or sep in ("and", "or"):
            raise ParseError("a separator at the end")
    return items, seps


def _between(c: Cursor) -> str:
    """Passes over one separator, or a comma and a word."""
    sep = _separator(c.token)
    if sep:
        c.i += 1
        word = _separator(c.token)
        if sep == "," and word in ("and", "or"):
            c.i += 1
            return word
    return sep


def _closes(token: Token, closers: tuple[str, ...]) -> bool:
    return token.kind == "eof" or (token.kind == "op" and token.text in closers)


def _separator(token: Token) -> str:
    """The separator that a token is: a comma, a semicolon, and, or; "" for none."""
    if token.kind == "sep":
        return token.text
    if token.kind == "row":
        return ","
    return token.text if token.kind == "op" and token.text in (",", ";") else ""


def _item(c: Cursor) -> list[Value]:
    """One item; with a plus-minus sign the values that it stands for."""
    outer, c.choices, c.start = c.choices, False, c.i
    value = relation(c)
    values = expand(value) if c.choices and c.depth == 0 else [value]
    c.choices = outer or (c.choices and c.depth > 0)
    return values


def relation(c: Cursor) -> Value:
    """Sides joined by = < > …; one side alone is itself."""
    sides: list[Value] = []
    ops: list[str] = []
    if c.token.kind == "rel":
        if c.token.text not in ("=", "~") or c.depth:
            raise ParseError("a relation without a left side")
        if c.token.text == "~":
            sides.append(Sym("?"))
            ops.append("~")
        c.i += 1
    begin, before = c.i, frozenset(c.constructs)
    sides.append(side(c))
    end, left = c.i, c.constructs - before
    while c.token.kind == "rel":
        ops.append(c.token.text)
        c.i += 1
        sides.append(side(c))
    if left and set(ops) == {"="} and c.depth == 0 and c.constructs - before == left:
        c.constructs -= (
            left  # \\gcd(m, n) = 4: the left side is a name, and in \\gcd(12, 8) = 4 the link must hold
        )
        if symbols(sides[0]):
            sides[0] = Text("".join(token.text for token in c.tokens[begin:end]))
    return Relation(tuple(sides), tuple(ops)) if ops else sides[0]


def group(c: Cursor) -> Value:
    """What stands in brackets: a single value, a tuple, an interval, a set, or (in braces) a list."""
    left = c.token.text
    c.i += 1
    c.deeper()
    bars, c.bars = c.bars, 0
    start, money, c.money = c.start, c.money, ""
    builder = _builder(c) if left == "\\{" else 0
    if builder:
        c.i += builder
        value = listing(c, ("\\}",))
        c.take("\\}")
    else:
        items, seps = _items(c, CLOSERS[left])
        right = c.token.text if c.token.kind == "op" else ""
        if right not in CLOSERS[left]:
            raise ParseError("unbalanced brackets")
        c.i += 1
        value = _grouped(left, right, items, seps)
    c.bars, c.start, c.money = bars, start, money or c.money
    c.depth -= 1
    return value


def _builder(c: Cursor) -> int:
    """The number of tokens of "x |", "x :" or "x in R |" at the start of a set, else 0."""
    marks = [t.text for t in c.tokens[c.i : c.i + 4]]
    if c.token.kind != "sym" or len(marks) < 4:
        return 0
    if marks[1] in ("|", ":"):
        return 2
    return 4 if marks[1:] in (["in", "R", "|"], ["in", "R", ":"]) else 0


def _grouped(left: str, right: str, items: list[Value], seps: list[str]) -> Value:
    if left == "\\{":
        return Listing(tuple(items), "set", seps[-1] if seps else ",")
    if not items or (left in "([" and ("or" in seps or "and" in seps)):
        raise ParseError("empty brackets" if not items else "words in a tuple")
    if left == "{":
        return items[0] if len(items) == 1 else _listed(items, seps)
    if len(items) == 1:
        if (left, right) not in (("(", ")"), ("[", "]"), ("<(", ")>")):
            raise ParseError("unbalanced brackets")
        return items[0]
    if left == "<(":
        left, right = "(", ")"
    return Group(tuple(items), left, right)
