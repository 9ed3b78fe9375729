"""Derivatives: dy/dx is a name of its own, and d/dx of an expression an unknown function of it.

They are constructs: never a product with a variable d, and never worked out here.
"""

from __future__ import annotations

from evals.verify.tree import Expr, Num, Op, Sym, Value, children, rebuild, walk

DIFFERENTIALS = ("d", "\\partial", "\\delta", "\\Delta")


def opaque(value: Value) -> Value:
    """The value with its derivatives as names or as unknown functions."""
    if not any(isinstance(node, Sym) and node.name in DIFFERENTIALS for node in walk(value)):
        return value
    return _changed(value)


def _changed(value: Value) -> Value:
    if not children(value):
        return value
    if isinstance(value, Op) and value.name in ("mul", "div"):
        taken = _derivative(value)
        if taken is not None:
            return taken
    return rebuild(value, _changed)


def _derivative(e: Op) -> Expr | None:
    """A fraction d y / d x, or a product that begins with d/dx or with dy/d x (typed dy/dx)."""
    if e.name == "div":
        return _fraction(e, ())
    for place, factor in enumerate(e.args):
        if not isinstance(factor, Op) or factor.name != "div":
            continue
        rest = e.args[place + 1 :]
        if rest and _differential(factor.args[1]) != ("", 0) and isinstance(factor.args[1], Sym):
            below = Op("mul", (factor.args[1], rest[0]))
            found = _fraction(Op("div", (factor.args[0], below)), rest[1:])
        else:
            found = _fraction(factor, rest)
        if found is not None:
            before = e.args[:place]
            return Op("mul", (*(_changed(f) for f in before), found)) if before else found  # type: ignore[arg-type]
    return None


def _fraction(e: Op, rest: tuple[Expr, ...]) -> Expr | None:
    """The derivative that a fraction is, of what its numerator or the factors after it say."""
    top, bottom = (arg.args if isinstance(arg, Op) and arg.name == "mul" else (arg,) for arg in e.args)
    mark, order = _differential(top[0])
    variables = _variables(bottom, mark)
    if not mark or variables is None or variables[0] != order:
        return None
    operand = top[1:]
    name = f"{mark}{order}/{variables[1]}"
    if not operand and rest:
        return Op("apply:" + name, (_changed(_product(rest)),))  # type: ignore[arg-type]
    if len(operand) == 1 and isinstance(operand[0], Sym):
        whole: Expr = Sym(f"{name} {operand[0].name}")
    else:
        whole = Op("apply:" + name, (_changed(_product(operand)),)) if operand else Sym(name)  # type: ignore[arg-type]
    return Op("mul", (whole, *(_changed(f) for f in rest))) if rest else whole  # type: ignore[arg-type]


def _product(factors: tuple[Expr, ...]) -> Expr:
    return factors[0] if len(factors) == 1 else Op("mul", factors)


def _differential(e: Expr) -> tuple[str, int]:
    """The mark d of d or d^n and its order; an empty mark for anything else."""
    base, order = _power(e)
    return (base.name, order) if isinstance(base, Sym) and base.name in DIFFERENTIALS else ("", 0)


def _variables(factors: tuple[Expr, ...], mark: str) -> tuple[int, str] | None:
    """The order and the variables of d x, d x^2, or d x d y."""
    if len(factors) < 2 or len(factors) % 2:
        return None
    total, names = 0, []
    for differential, variable in zip(factors[::2], factors[1::2], strict=True):
        base, order = _power(variable)
        if differential != Sym(mark) or not isinstance(base, Sym):
            return None
        total += order
        names.append(f"{base.name}^{order}")
    return total, ",".join(names)


def _power(e: Expr) -> tuple[Expr, int]:
    if isinstance(e, Op) and e.name == "pow" and isinstance(e.args[1], Num):
        exponent = e.args[1].value
        if exponent.denominator == 1 and 0 < exponent < 100:
            return e.args[0], exponent.numerator
    return e, 1
