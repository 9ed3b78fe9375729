"""The typed tree of an answer: expressions, and the values made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Num:
    """A number as written. place: the last written digit counts 10^-place; None for an integer."""

    value: Fraction
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Sym:
    """A variable or another name, with its subscript and primes: x, x_1, \\theta, f'."""

    name: str


@dataclass(frozen=True, slots=True)
class Const:
    """pi, e, i or inf."""

    name: str


@dataclass(frozen=True, slots=True)
class Op:
    """An operation on expressions: add, mul, div, pow, neg, root, fact, abs, sin, …, percent, degree, pm,
    apply:f (an unknown function), sum, int, … (see `evals.verify.parse.vocabulary`)."""

    name: str
    args: tuple[Expr, ...]


Expr = Num | Sym | Const | Op


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure: powers of base dimensions or of unknown words, and the factor to base units.
    known: whether all its words are units; others count only where the gold has them too."""

    powers: tuple[tuple[str, int], ...]
    factor: Fraction
    known: bool = True


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit."""

    value: Expr
    unit: Unit


@dataclass(frozen=True, slots=True)
class Group:
    """A tuple, point, vector or interval: items between left ( [ < and right ) ] >."""

    items: tuple[Value, ...]
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A set in braces (kind "set") or a bare list (kind "list"); joiner: the separator written
    last, or "pm" for the values of a plus-minus."""

    items: tuple[Value, ...]
    kind: str
    joiner: str = ","


@dataclass(frozen=True, slots=True)
class Region:
    """A union (cup), intersection (cap) or difference (setminus) of sets."""

    op: str
    parts: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class NamedSet:
    """R, Z, Q, N or C."""

    name: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain: sides[0] ops[0] sides[1] ops[1] …; ops are = != < > <= >= ~ in."""

    sides: tuple[Value, ...]
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of expressions; bars: written between | |, which means its determinant."""

    rows: tuple[tuple[Expr, ...], ...]
    bars: bool = False

    @property
    def size(self) -> int:
        """The number of entries."""
        return sum(map(len, self.rows))


@dataclass(frozen=True, slots=True)
class Ratio:
    """a : b (: c); clock: "clock", "am" or "pm" where it is written like a time of day, else empty."""

    items: tuple[Expr, ...]
    clock: str


@dataclass(frozen=True, slots=True)
class Based:
    """Digits in a base; the sign is in the digits."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str


Value = (
    Num
    | Sym
    | Const
    | Op
    | Quantity
    | Group
    | Listing
    | Region
    | NamedSet
    | Relation
    | Matrix
    | Ratio
    | Based
    | Text
)
EXPR = (Num, Sym, Const, Op)
ZERO, ONE = Num(Fraction(0)), Num(Fraction(1))
EMPTY = Listing((), "set")


class ParseError(Exception):
    """The text is not an answer that the parser knows; the message says where."""


def children(value: Value) -> tuple[Value, ...]:
    """The direct parts of a value."""
    if isinstance(value, Op):
        return value.args
    if isinstance(value, Group | Listing | Ratio):
        return value.items
    if isinstance(value, Region):
        return value.parts
    if isinstance(value, Relation):
        return value.sides
    if isinstance(value, Matrix):
        return tuple(entry for row in value.rows for entry in row)
    return (value.value,) if isinstance(value, Quantity) else ()


def walk(value: Value) -> Iterator[Value]:
    """The value and everything in it, parents first."""
    stack: list[Value] = [value]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def rebuild(value: Value, change: Callable[[Value], Value]) -> Value:
    """The same value with `change` applied to its direct parts."""
    if isinstance(value, Op):
        return Op(value.name, tuple(change(a) for a in value.args))  # type: ignore[misc]
    if isinstance(value, Group):
        return Group(tuple(change(a) for a in value.items), value.left, value.right)
    if isinstance(value, Listing):
        return Listing(tuple(change(a) for a in value.items), value.kind, value.joiner)
    if isinstance(value, Ratio):
        return Ratio(tuple(change(a) for a in value.items), value.clock)  # type: ignore[misc]
    if isinstance(value, Region):
        return Region(value.op, tuple(change(a) for a in value.parts))
    if isinstance(value, Relation):
        return Relation(tuple(change(a) for a in value.sides), value.ops)
    if isinstance(value, Matrix):
        return Matrix(tuple(tuple(change(a) for a in row) for row in value.rows), value.bars)  # type: ignore[misc]
    return Quantity(change(value.value), value.unit) if isinstance(value, Quantity) else value  # type: ignore[arg-type]


def renamed(value: Value, old: str, new: str) -> Value:
    """The value with another name for one of its variables."""
    if isinstance(value, Sym):
        return Sym(new) if value.name == old else value
    if not isinstance(value, Op | Group | Listing | Ratio | Region | Relation | Matrix | Quantity):
        return value
    return rebuild(value, lambda part: renamed(part, old, new))


def negative(value: Value) -> Value:
    """The value with its sign changed."""
    if isinstance(value, Num):
        return Num(-value.value, value.place)
    if isinstance(value, Based):
        return Based("-" + value.digits, value.base)
    if isinstance(value, Matrix):
        return rebuild(value, lambda entry: negative(entry))
    if not isinstance(value, EXPR):
        raise ParseError(f"a {type(value).__name__.lower()} where a number should be")
    return Op("neg", (value,))


def symbols(value: Value) -> frozenset[str]:
    """Names of the variables in a value (unknown functions as `f()`)."""
    if isinstance(value, Num):
        return frozenset()
    names = set()
    for node in walk(value):
        if isinstance(node, Sym):
            names.add(node.name)
        elif isinstance(node, Op) and node.name.startswith("apply:"):
            names.add(node.name[6:] + "()")
    return frozenset(names)


def type_name(value: Value) -> str:
    """The name of a value's type, as verdicts show it."""
    if isinstance(value, Op) and value.name in ("percent", "degree"):
        return value.name
    if isinstance(value, EXPR):
        return "expression" if symbols(value) else "number"
    if isinstance(value, Group):
        interval = len(value.items) == 2 and (value.left == "[") != (value.right == "]")
        return "interval" if interval else "tuple"
    if isinstance(value, Listing):
        return value.kind
    names = {Region: "union", NamedSet: "set", Quantity: "quantity", Based: "base"}
    return names.get(type(value), type(value).__name__.lower())
