"""The place of the parser in the tokens, and what it has met so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from evals.verify.limits import MAX_NESTING, LimitError
from evals.verify.parse.tokens import Token
from evals.verify.tree import EXPR, Expr, ParseError, Value


class Grammar(NamedTuple):
    """The parsers of a sum, a product, an atom with its exponents, an exponent, an atom, and brackets."""

    total: Callable[[Cursor], Value]
    term: Callable[[Cursor], Value]
    power: Callable[[Cursor], Value]
    exponent: Callable[[Cursor], Expr]
    atom: Callable[[Cursor], Value]
    group: Callable[[Cursor], Value]


class Cursor:
    """Reads tokens from left to right.

    bars: open absolute values. money: a currency sign seen in this item. constructs: names that a final
    answer may not hold unless the gold does. choices: whether a plus-minus was seen. start: where the item
    began. parameter: what a "k in Z" is about. products: letters after a factor are factors and no unit;
    unit: such letters were left to be one. grammar: the parsers that the smaller ones need and that need the
    smaller ones.
    """

    __slots__ = (
        "bars",
        "choices",
        "constructs",
        "depth",
        "grammar",
        "i",
        "money",
        "parameter",
        "products",
        "start",
        "tokens",
        "unit",
    )

    def __init__(self, tokens: list[Token], grammar: Grammar, products: bool = False) -> None:
        self.tokens = tokens
        self.i = 0
        self.start = 0
        self.bars = 0
        self.depth = 0
        self.money = ""
        self.parameter = ""
        self.choices = self.unit = False
        self.products = products
        self.constructs: set[str] = set()
        self.grammar = grammar

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.i]

    def at(self, mark: str) -> bool:
        """Whether the next token is this operator."""
        token = self.tokens[self.i]
        return token.kind == "op" and token.text == mark

    def take(self, mark: str) -> None:
        """Pass over this operator, or fail."""
        if not self.at(mark):
            raise ParseError(f"expected {mark}, found {self.token.text[:20]!r}")
        self.i += 1

    def deeper(self) -> None:
        """One level of nesting more."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise LimitError("nesting")

    def split(self, first: int = 1) -> None:
        """Make the next token one character long, and the rest of it a token of its own."""
        token = self.tokens[self.i]
        if token.kind == "num" and not token.text.isdecimal():
            raise ParseError("a decimal where a digit should be")
        kind = "num" if token.kind == "num" else "const" if token.text[0] in "ei" else "sym"
        head = Token(kind, token.text[:first], token.spaced, token.start)
        rest = token.text[first:]
        tail_kind = token.kind
        if tail_kind == "word" and len(rest) == 1:
            tail_kind = "const" if rest in "ei" else "sym"
        self.tokens[self.i : self.i + 1] = [head, Token(tail_kind, rest, False, token.start + first)]


def expression(value: Value) -> Expr:
    """The value, which must be an expression."""
    if isinstance(value, EXPR):
        return value
    raise ParseError(f"a {type(value).__name__.lower()} where a number should be")
