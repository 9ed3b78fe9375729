"""Comparison by the gold's type: scalars, lists, tuples, intervals, sets, matrices, ratios, words."""

from __future__ import annotations

import re
from collections import Counter

from evals.verify.compare.context import Context
from evals.verify.compare.equality import NOTHING
from evals.verify.compare.names import Member, members, names_of, numbered, ordered, out_of_order
from evals.verify.compare.policies import base, conjunction, ratio, scalar
from evals.verify.compare.real_sets import same_region
from evals.verify.compare.relations import name_of, rename, resolve, same_relation
from evals.verify.tree import (
    EXPR,
    Based,
    Group,
    Listing,
    Matrix,
    NamedSet,
    Num,
    Op,
    Quantity,
    Ratio,
    Region,
    Relation,
    Text,
    Value,
    symbols,
)
from evals.verify.values.exact import exact

SCALAR = (*EXPR, Quantity)
ARTICLE = re.compile(r"^(?:an?|the) (?=\w)")


def compare(gold: Value, answer: Value, c: Context) -> bool | None:
    """Whether an answer equals the gold; None: not decided here (see `evals.verify.compare.symbolic`).

    Raises Wrong where the answer refutes itself, Undefined and LimitError as its parts do.
    """
    if gold == answer:
        return True
    g, a = resolve(gold, c, True), resolve(answer, c, False)
    if (
        isinstance(gold, Relation)
        and isinstance(answer, Relation)
        and _equations(gold, answer)
        and (isinstance(g.value, Relation) or isinstance(a.value, Relation) or g.name != a.name)
    ):
        return _relations(gold, answer, c)
    if g.name and a.name and g.name != a.name and g.name != "?":
        return False
    if not g.name and a.name and out_of_order(a.name):
        return False
    if g.name and g.name == a.name:
        renamed = rename(gold, answer, a.value)
        if renamed is None:
            return False
        a = a._replace(value=renamed)
    if isinstance(g.value, Relation) or isinstance(a.value, Relation):
        return _inequality(g.value, a.value, c)
    if isinstance(g.value, SCALAR):
        outcome: bool | None = False
        for side in g.alternatives:
            outcome = _scalar(side, a.value, c)
            if outcome:
                return True
        return outcome
    return _structure(g.value, a.value, c)


def _equations(gold: Relation, answer: Relation) -> bool:
    """Whether both are equations in several variables, where only the solved form of one would differ."""
    return gold.ops == answer.ops == ("=",) and all(isinstance(s, EXPR) for s in (*gold.sides, *answer.sides))


def _relations(gold: Relation, answer: Relation, c: Context) -> bool | None:
    """Equations; where the gold is solved for its only variable, so must the answer be."""
    if len(symbols(gold)) == 1 and _solved(gold) != _solved(answer):
        return False
    return same_relation(gold, answer, c)


def _solved(r: Relation) -> bool:
    """Whether an equation is x = number."""
    left, right = r.sides
    return any(name_of(a) is not None and not symbols(b) for a, b in ((left, right), (right, left)))


def _inequality(gold: Value, answer: Value, c: Context) -> bool | None:
    region = same_region(gold, answer, c)
    if region is not None:
        return region
    if isinstance(gold, Relation) and isinstance(answer, Relation):
        return same_relation(gold, answer, c)
    left, right = _between(gold), _between(answer)
    return _group(left, right, c) if left and right else False


def _between(v: Value) -> Group | None:
    """An interval, also one written a < x <= b."""
    if isinstance(v, Group):
        return v
    if isinstance(v, Relation) and len(v.ops) == 2 and set(v.ops) <= {"<", "<="} and name_of(v.sides[1]):
        left, right = ("[" if v.ops[0] == "<=" else "("), ("]" if v.ops[1] == "<=" else ")")
        return Group((v.sides[0], v.sides[2]), left, right)
    return None


def _scalar(gold: Value, answer: Value, c: Context) -> bool | None:
    if isinstance(gold, SCALAR) and isinstance(answer, SCALAR):
        return scalar(gold, answer, c)
    if isinstance(gold, EXPR) and isinstance(answer, Ratio):
        return c.proportion and ratio(answer, gold, c)  # "3 to 4" alone is a range
    return False


def _structure(gold: Value, answer: Value, c: Context) -> bool | None:
    if isinstance(gold, Listing):
        return _listing(gold, answer, c)
    if isinstance(gold, Group):
        return _group(gold, answer, c)
    if isinstance(gold, Region | NamedSet):
        return _region(gold, answer, c)
    if isinstance(gold, Matrix):
        return _matrix(gold, answer, c)
    if isinstance(gold, Ratio):
        return ratio(gold, answer, c)
    if isinstance(gold, Based):
        return base(gold, answer, c)
    return isinstance(gold, Text) and isinstance(answer, Text) and _words(gold.text) == _words(answer.text)


def _words(text: str) -> str:
    """Words without case, final points, quotes and the article before them."""
    words = " ".join(text.lower().replace("-", " ").replace('"', "").split()).strip(" .'")
    return ARTICLE.sub("", words)


def _listing(gold: Listing, answer: Value, c: Context) -> bool | None:
    """Policy "lists": as multisets; a bare list equals a set in any order and a tuple in its order; items
    with different names (x=1, y=2) go by their names, or in order where only one side names them."""
    if _inequalities(gold):
        region = same_region(gold, answer, c)
        if region is not None:
            return region
    if isinstance(answer, Region | NamedSet):
        return _has_intervals(gold) and (same_region(gold, answer, c) or False)
    if not isinstance(answer, Listing | Group):
        return False
    if isinstance(answer, Group) and (gold.kind == "set" or (answer.left, answer.right) != ("(", ")")):
        return False
    if len(gold.items) != len(answer.items):
        return False
    g, a = members(gold, c, True), members(answer, c, False)
    if len(set(names_of(g))) > 1 or isinstance(answer, Group):
        return _tuples(g, a, c)
    if names_of(g) and names_of(a) and set(names_of(g)) != set(numbered(names_of(a), names_of(g)[0])):
        return False
    return _multiset([v for _, v in g], [v for _, v in a], c)


def _inequalities(v: Listing) -> bool:
    return any(isinstance(item, Relation) and not set(item.ops) <= {"=", "~"} for item in v.items)


def _has_intervals(v: Listing) -> bool:
    """Whether a list is one of intervals rather than of points."""
    return any(isinstance(item, Group) and item.left + item.right != "()" for item in v.items)


def _by_name(g: list[Member], a: list[Member], c: Context) -> bool | None:
    left, right = dict(g), dict(a)
    if len(left) != len(g) or len(right) != len(a) or set(left) != set(right):
        return _in_order(g, a, c) if [n for n, _ in g] == [n for n, _ in a] else False
    names = sorted(left, key=str)
    return conjunction(compare(left[n], right[n], c) for n in names)


def _in_order(g: list[Member], a: list[Member], c: Context) -> bool | None:
    if len(g) != len(a):
        return False
    return conjunction(compare(x, y, c) for (_, x), (_, y) in zip(g, a, strict=True))


def _multiset(gold: list[Value], answer: list[Value], c: Context) -> bool | None:
    """Equal as multisets; first by exact values, else item by item."""
    if len(gold) != len(answer):
        return False
    keys = [_key(v, c) for v in (*gold, *answer)]
    if None not in keys:
        if Counter(keys[: len(gold)]) == Counter(keys[len(gold) :]):
            return True
        if all(isinstance(v, Num) and v.place is None for v in (*gold, *answer)):
            return False
    free = list(answer)
    undecided = False
    for item in gold:
        for place, candidate in enumerate(free):
            c.work.spend(3)
            before = set(c.flags)
            outcome = compare(item, candidate, c)
            if outcome:
                del free[place]
                break
            c.flags = before
            undecided = undecided or outcome is None
        else:
            return None if undecided else False
    return True


def _key(v: Value, c: Context) -> object:
    if isinstance(v, Op) and v.name in ("percent", "degree"):
        return None
    return exact(v, NOTHING, c.work) if isinstance(v, EXPR) else None


def _group(gold: Group, answer: Value, c: Context) -> bool | None:
    """Policy "tuples": in order; (1,2) is not {1,2}; a bare list equals either; intervals go by endpoint and
    bracket, and equal the inequality that says the same."""
    if isinstance(answer, Listing):
        if answer.kind == "set" or _inequalities(answer) or (gold.left, gold.right) != ("(", ")"):
            return same_region(gold, answer, c) or False
        return _tuples(members(gold, c, True), members(answer, c, False), c)
    if isinstance(answer, Matrix):
        return _matrix(answer, gold, c) if (gold.left, gold.right) == ("(", ")") else False
    if not isinstance(answer, Group):
        return same_region(gold, answer, c) or False
    if (gold.left, gold.right) != (answer.left, answer.right) and not (
        _is_vector(gold) and _is_vector(answer)
    ):
        return False
    return _tuples(members(gold, c, True), members(answer, c, False), c)


def _is_vector(v: Group) -> bool:
    """Whether a tuple of three and more is written (1,2,3) or [1,2,3], which are the same."""
    return len(v.items) > 2 and v.left + v.right in ("()", "[]")


def _tuples(g: list[Member], a: list[Member], c: Context) -> bool | None:
    """Members in order; names of the answer alone put them in the order of the names, and names of the gold
    alone in theirs or in the gold's."""
    if names_of(g) and names_of(a):
        return _by_name(g, a, c)
    left, right = ordered(g), ordered(a)
    if not left or not right:
        return False
    return _in_order(g, right, c) or (left != g and _in_order(left, right, c))


def _region(gold: Value, answer: Value, c: Context) -> bool | None:
    outcome = same_region(gold, answer, c)
    if outcome is not None:
        return outcome
    if isinstance(gold, Region) and isinstance(answer, Region) and gold.op == answer.op:
        if gold.op == "setminus":
            return _in_order([(None, p) for p in gold.parts], [(None, p) for p in answer.parts], c)
        return _multiset(list(gold.parts), list(answer.parts), c)
    return gold == answer


def _matrix(gold: Matrix, answer: Value, c: Context) -> bool | None:
    """Entry by entry; a column equals the tuple of its entries."""
    if isinstance(answer, Matrix):
        if gold.bars != answer.bars or [len(r) for r in gold.rows] != [len(r) for r in answer.rows]:
            return False
        pairs = zip(sum(gold.rows, ()), sum(answer.rows, ()), strict=True)
        return conjunction(compare(x, y, c) for x, y in pairs)
    column = all(len(row) == 1 for row in gold.rows) and not gold.bars
    if isinstance(answer, Group) and column and (answer.left, answer.right) == ("(", ")"):
        entries: list[Member] = [(None, row[0]) for row in gold.rows]
        return _in_order(entries, members(answer, c, False), c)
    return False
