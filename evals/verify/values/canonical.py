"""A canonical form of expressions that have no number: sums, integrals, unknown functions of unknowns."""

from __future__ import annotations

from evals.verify.tree import Const, Expr, Num, Op, Sym
from evals.verify.values.exact import Work

Forms = dict[tuple[object, ...], int]


def same_form(a: Expr, b: Expr, work: Work) -> bool:
    """Whether two expressions differ by the order of terms and factors only.

    Equal forms get equal numbers, so that a form costs its own terms and never those inside it again.
    """
    forms: Forms = {}
    return _number(a, forms, work) == _number(b, forms, work)


def _number(e: Expr, forms: Forms, work: Work) -> int:
    """The number of an expression's form."""
    work.spend(1)
    if isinstance(e, Num):
        key: tuple[object, ...] = ("num", e.value)
    elif isinstance(e, Sym | Const):
        key = ("name", e.name)
    elif e.name in ("add", "mul"):
        key = (e.name, *sorted(_flat(e, e.name, forms, work)))
    else:
        key = (e.name, *(_number(arg, forms, work) for arg in e.args))
    return forms.setdefault(key, len(forms))


def _flat(e: Expr, name: str, forms: Forms, work: Work) -> list[int]:
    """The terms of nested sums, or the factors of nested products."""
    if isinstance(e, Op) and e.name == name:
        work.spend(1)
        return [number for arg in e.args for number in _flat(arg, name, forms, work)]
    if isinstance(e, Op) and e.name == "neg" and name == "mul":
        return [forms.setdefault(("num", -1), len(forms)), *_flat(e.args[0], name, forms, work)]
    return [_number(e, forms, work)]
