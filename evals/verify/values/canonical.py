"""A canonical form of expressions that have no number: sums, integrals, unknown functions of unknowns."""

from __future__ import annotations

from evals.verify.tree import Const, Expr, Num, Op, Sym

Key = tuple[object, ...]


def canonical(e: Expr) -> Key:
    """A key that is the same for expressions that differ by the order of terms and factors only."""
    if isinstance(e, Num):
        return ("num", str(e.value))
    if isinstance(e, Sym | Const):
        return ("name", e.name)
    if e.name in ("add", "mul"):
        return (e.name, *sorted(map(repr, _flat(e, e.name))))
    return (e.name, *(canonical(arg) for arg in e.args))


def _flat(e: Expr, name: str) -> list[Key]:
    """The terms of nested sums, or the factors of nested products."""
    if isinstance(e, Op) and e.name == name:
        return [key for arg in e.args for key in _flat(arg, name)]
    if isinstance(e, Op) and e.name == "neg" and name == "mul":
        return [("num", "-1"), *_flat(e.args[0], name)]
    return [canonical(e)]


def same_form(a: Expr, b: Expr) -> bool:
    """Whether two expressions have the same canonical form."""
    return canonical(a) == canonical(b)
