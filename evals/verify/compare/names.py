"""The items of lists and tuples with their names: x=1, y=2 and (x,y)=(1,2)."""

from __future__ import annotations

import re

from evals.verify.compare.context import Context
from evals.verify.compare.relations import resolve
from evals.verify.tree import ZERO, Group, Listing, Value

Member = tuple[str | None, Value]
ONE_LETTER = re.compile(r"[A-Za-z](?:_\d+)?")


def members(v: Value, c: Context, gold: bool) -> list[Member]:
    """The items of a list or tuple, each with its name; a name holds for the unnamed items after it."""
    items = v.items if isinstance(v, Listing | Group) else (v,)
    found: list[Member] = []
    last: str | None = None
    for item in items:
        r = resolve(item, c, gold)
        last = r.name or last
        found.append((last, r.value))
    return found


def names_of(items: list[Member]) -> list[str]:
    """The names that are there."""
    return [name for name, _ in items if name]


def numbered(names: list[str], name: str) -> list[str]:
    """The names, where they number the values of one: x for each of x_1, x_2."""
    apart = len(set(names)) == len(names) and all(re.fullmatch(r"_\d", n.removeprefix(name)) for n in names)
    return [name] if apart else names


def out_of_order(name: str) -> bool:
    """Whether the name of a tuple, "(y,x)", has its letters in another order than the tuple that a gold
    without names is."""
    members: list[Member] = [(part, ZERO) for part in name.strip("()").split(",")]
    return name.startswith("(") and ordered(members) != members


def ordered(items: list[Member]) -> list[Member]:
    """The members of a tuple; named ones in the order of their names (x before y), where that is known:
    other names as they are written, and none where a name comes twice or is missing."""
    names = names_of(items)
    if not names:
        return items
    if len(set(names)) < len(items):
        return []
    if all(ONE_LETTER.fullmatch(name) for name in names):
        xyzw = set(names) <= set("xyzw")
        return sorted(items, key=lambda item: ("xyzw".index(item[0] or "") if xyzw else 0, item[0] or ""))
    return items
