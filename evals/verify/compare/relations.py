"""Names, chains of equalities, equations: what x = 3 says, and when two relations are the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from evals.verify.compare.context import Context, Wrong
from evals.verify.compare.equality import NOTHING, equal, number_of, point
from evals.verify.compare.policies import decimal, rounds, scalar
from evals.verify.tree import (
    EXPR,
    Const,
    Expr,
    Group,
    Num,
    Op,
    Quantity,
    Ratio,
    Relation,
    Sym,
    Text,
    Value,
    rebuild,
    symbols,
)
from evals.verify.values.exact import Undefined, exact

NAMING_FUNCTIONS = ("sin", "cos", "tan", "sec", "csc", "cot")
DENIED = re.compile(r"^text .*(?:\bnot|n['’]t|\bnever|\bwrong|\bbut)$")  # "is not" = 3
MIRROR = {">": "<", ">=": "<="}


class Resolved(NamedTuple):
    """A value with the name that it was given; alternatives: the sides of a gold's chain."""

    name: str | None
    value: Value
    alternatives: tuple[Value, ...]


def name_of(side: Value) -> str | None:
    """The name that a left side is (x, AB, P(A), f(x), |AB|, \\angle ABC, (x, y)), else None."""
    if isinstance(side, Sym):
        return side.name
    if isinstance(side, Text):
        return "text " + side.text.lower()
    if isinstance(side, Group | Ratio):
        names = [name_of(item) for item in side.items]
        return None if None in names else "(" + ",".join(filter(None, names)) + ")"
    if not isinstance(side, Op):
        return None
    if side.name.startswith("apply:"):
        return side.name[6:]
    inner = [name_of(arg) for arg in side.args]
    if None in inner:
        return None
    joined = " ".join(filter(None, inner))
    if side.name == "mul" and all(isinstance(arg, Sym) for arg in side.args):
        return joined if joined[0].isupper() or "\\" in joined else None
    if side.name == "abs" and not (joined[0].isupper() or joined[0] in "zw"):
        return None  # |x| = 3 says that x is 3 or -3; |AB| and |z| are lengths
    return f"{side.name} {joined}" if side.name in ("abs", "norm", "div", *NAMING_FUNCTIONS) else None


def _asked_for(side: Value) -> bool:
    """Whether a side is a sum or product of different variables or their powers: m+n, xy, a^2+b^2."""
    if not isinstance(side, Op) or side.name not in ("add", "mul"):
        return False
    bases = [a.args[0] if isinstance(a, Op) and a.name == "pow" else a for a in side.args]
    return len(set(bases)) == len(bases) > 1 and all(isinstance(base, Sym) for base in bases)


def resolve(v: Value, c: Context, gold: bool) -> Resolved:
    """Policy "x=3": x=3 equals 3 and 3 equals x=3; y=3 is not x=3; a chain counts only if every link holds;
    \\approx is wrong as an answer, except after the exact value that it rounds.

    Equations and inequalities come back as they are, without a name.
    """
    if not isinstance(v, Relation):
        return Resolved(None, v, (v,))
    if v.ops == ("in",):
        name = name_of(v.sides[0])
        return Resolved(name, v.sides[1], v.sides[1:]) if name else Resolved(None, v, (v,))
    if any(op not in "=~" for op in v.ops):
        return Resolved(None, v, (v,))
    sides = list(v.sides)
    if "~" in v.ops:
        sides = _approximate(v, c, gold)
    name = name_of(sides[0]) if len(sides) > 1 else None
    if name and not gold and DENIED.search(name):
        raise Wrong("denied")
    if name is None and len(sides) > 1 and not gold and _asked_for(sides[0]):
        name = "text " + str(sides[0])
    if name is not None and not any(_named(sides[0]) & symbols(s) for s in sides[1:]):
        sides = sides[1:]
        while len(sides) > 1 and name_of(sides[0]) is not None and not gold:  # x = y = 3
            sides = sides[1:]
        if _function_of(v.sides[0]) and any(symbols(s) for s in sides):
            return Resolved(None, v, (v,))
    elif len(sides) == 2 and _may_flip(*sides) and (flipped := name_of(sides[1])) is not None:
        name, sides = flipped, sides[:1]
    else:
        name = None
    if len(sides) > 1 and not gold and not _chain(sides, c):
        if name is not None or not any(symbols(s) for s in sides):
            raise Wrong("chain")
        return Resolved(None, v, (v,))
    if len(sides) > 1 and gold and name is None and not _chain(sides, c):
        return Resolved(None, v, (v,))
    return Resolved(name, sides[-1], tuple(sides))


def _may_flip(left: Value, right: Value) -> bool:
    """Whether left = right may say what the name on its right is: 3 = x, 2t+1 = x."""
    if not symbols(left):
        return True
    return isinstance(right, Sym) and isinstance(left, Op) and right.name not in symbols(left)


def _named(side: Value) -> frozenset[str]:
    """The symbols that a left side defines: of f(x) the function alone."""
    if isinstance(side, Op) and side.name.startswith("apply:"):
        return frozenset((side.name[6:] + "()",))
    return symbols(side)


def rename(gold: Value, answer: Value, value: Value) -> Value | None:
    """The value of f(t) = … with the gold's variable in the place of t, as f(x) = … says it;
    None where that variable means something else in the answer."""
    if not isinstance(gold, Relation) or not isinstance(answer, Relation):
        return value
    left, right = gold.sides[0], answer.sides[0]
    if not (isinstance(left, Op) and isinstance(right, Op) and left.name == right.name):
        return value
    if not left.name.startswith("apply:") or len(left.args) != len(right.args) or left == right:
        return value
    if not all(isinstance(arg, Sym) for arg in (*left.args, *right.args)):
        return value
    names = {b.name: a for a, b in zip(left.args, right.args, strict=True)}  # type: ignore[union-attr]
    taken = {a.name for a in left.args} - set(names)  # type: ignore[union-attr]
    return None if len(names) != len(left.args) or taken & symbols(value) else _swapped(value, names)


def _swapped(value: Value, names: Mapping[str, Expr]) -> Value:
    if isinstance(value, Sym):
        return names.get(value.name, value)
    return value if isinstance(value, Num | Const) else rebuild(value, lambda part: _swapped(part, names))


def _function_of(side: Value) -> bool:
    return isinstance(side, Op) and side.name in NAMING_FUNCTIONS


def _approximate(v: Relation, c: Context, gold: bool) -> list[Value]:
    """The exact sides of a chain that goes on with \\approx; the approximations must be right."""
    first = v.ops.index("~")
    head, tail = list(v.sides[: first + 1]), v.sides[first + 1 :]
    only_name = len(head) == 1 and name_of(head[0]) is not None
    if gold or (only_name and c.approximate):
        c.approximate = c.approximate or only_name
        return [*head, tail[0]] if only_name else head
    if only_name:
        raise Wrong("approximate")
    for side in tail:
        if not _rounds(head[-1], side, c):
            raise Wrong("chain")
    return head


def _rounds(whole: Value, shown: Value, c: Context) -> bool:
    """Whether a decimal is the rounded exact value."""
    a = whole.value if isinstance(whole, Quantity) else whole
    b = shown.value if isinstance(shown, Quantity) else shown
    if not isinstance(a, EXPR) or not isinstance(b, EXPR):
        return False
    shown_digits = (b.value, 0) if isinstance(b, Num) and b.place is None else decimal(b)
    return bool(equal(a, b, c.work)) or (shown_digits is not None and rounds(shown_digits, a, c))


def _chain(sides: list[Value], c: Context) -> bool:
    """Whether every link of a chain of equalities holds."""
    return all(_link(a, b, c) for a, b in pairwise(sides))


def _link(a: Value, b: Value, c: Context) -> bool:
    if a == b:
        return True
    if not isinstance(a, (*EXPR, Quantity)) or not isinstance(b, (*EXPR, Quantity)):
        return False
    trial = Context(c.work)
    return scalar(a, b, trial) is True and not trial.flags - {"unit_ignored"} and not _loose_decimal(a, b, c)


def _loose_decimal(a: Value, b: Value, c: Context) -> bool:
    """Whether one side is a decimal that the other only rounds to."""
    pair = [s.value if isinstance(s, Quantity) else s for s in (a, b)]
    places = [decimal(s) for s in pair if isinstance(s, EXPR)]
    one_of_two = None in places and any(p is not None for p in places)
    return one_of_two and pair[0] != pair[1] and not _exactly(pair, c)


def _exactly(pair: Sequence[Value], c: Context) -> bool:
    return all(isinstance(s, EXPR) for s in pair) and equal(pair[0], pair[1], c.work) is True  # type: ignore[arg-type]


def same_relation(gold: Relation, answer: Relation, c: Context) -> bool | None:
    """Whether two relations are the same: equations up to a constant factor, inequalities up to a positive
    one, chains side by side in either direction."""
    g, a = _ascending(gold), _ascending(answer)
    if g.ops != a.ops:
        return False
    if len(g.ops) == 1 and g.ops[0] in ("=", "!=", "<", "<="):
        left, right = _difference(g), _difference(a)
        if left is not None and right is not None:
            return proportional(left, right, g.ops[0] in ("<", "<="), c)
    for x, y in zip(g.sides, a.sides, strict=True):
        if x == y:
            continue
        if not isinstance(x, EXPR) or not isinstance(y, EXPR) or not equal(x, y, c.work):
            return False
    return True


def _ascending(r: Relation) -> Relation:
    """The relation with < and <= only."""
    if any(op in MIRROR for op in r.ops):
        return Relation(tuple(reversed(r.sides)), tuple(MIRROR.get(op, op) for op in reversed(r.ops)))
    return r


def _difference(r: Relation) -> Expr | None:
    left, right = r.sides
    if isinstance(left, EXPR) and isinstance(right, EXPR):
        return Op("add", (left, Op("neg", (right,))))
    return None


def proportional(a: Expr, b: Expr, positive: bool, c: Context) -> bool | None:
    """Whether a = r · b for a constant r that is not zero (and positive if so asked)."""
    names = symbols(a) | symbols(b)
    if not names:
        return None
    plain = tuple(sorted(n for n in names if not n.endswith("()")))
    for k in range(4):
        env = point(plain, k)
        ratio = Op("div", (_at(a, env), _at(b, env)))
        try:
            factor = number_of(ratio, c.work)
        except Undefined:
            continue
        if not factor:
            continue
        if positive and factor < 0:
            return False
        whole = exact(ratio, NOTHING, c.work)
        return equal(a, Op("mul", (ratio if whole is None else Num(whole), b)), c.work)
    return None


def _at(e: Value, env: Mapping[str, Fraction]) -> Expr:
    """The expression with numbers for its variables."""
    if isinstance(e, Sym):
        return Num(env[e.name])
    if isinstance(e, Num | Const):
        return e
    return rebuild(e, lambda part: _at(part, env))  # type: ignore[return-value]
