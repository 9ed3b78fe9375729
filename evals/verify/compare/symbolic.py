"""The symbolic stage: sympy objects made from our tree by constructors, never from text.

For what was parsed, has the same type and could not be decided by values. Run in worker processes only
(`evals.verify.pool.grader`): sympy may take any time and memory.
"""

from __future__ import annotations

from typing import Any

from evals.verify.tree import Const, Expr, Num, Op, Sym, walk

FUNCTIONS = {
    "ln": "log",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "sec": "sec",
    "csc": "csc",
    "cot": "cot",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsec": "asec",
    "arccsc": "acsc",
    "arccot": "acot",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "coth": "coth",
    "sech": "sech",
    "csch": "csch",
    "abs": "Abs",
    "fact": "factorial",
    "binom": "binomial",
    "floor": "floor",
    "ceil": "ceiling",
    "gcd": "gcd",
    "lcm": "lcm",
    "max": "Max",
    "min": "Min",
    "mod": "Mod",
}


class Unsupported(Exception):
    """The tree holds something that is not built here."""


def prove(a: Expr, b: Expr) -> bool | None:
    """Whether sympy shows a = b; None where it cannot tell."""
    import sympy

    try:
        difference = to_sympy(a) - to_sympy(b)
        for step in (lambda d: d.doit(), sympy.expand, sympy.simplify):
            difference = step(difference)
            if difference.is_zero:
                return True
        return False if difference.is_number and difference.is_zero is False else None
    except (Unsupported, ArithmeticError, ValueError, TypeError, AttributeError, NotImplementedError):
        return None


def to_sympy(e: Expr) -> Any:
    """The sympy expression of a tree."""
    import sympy

    if isinstance(e, Num):
        return sympy.Rational(e.value.numerator, e.value.denominator)
    if isinstance(e, Sym):
        return sympy.Symbol(_safe(e.name))
    if isinstance(e, Const):
        return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "inf": sympy.oo}[e.name]
    if e.name in ("sum", "prod", "lim"):
        return _big(e)
    args = [to_sympy(arg) for arg in e.args]
    if e.name == "add":
        return sympy.Add(*args)
    if e.name == "mul":
        return sympy.Mul(*args)
    if e.name == "neg":
        return sympy.Mul(sympy.Integer(-1), args[0])
    if e.name == "div":
        return sympy.Mul(args[0], sympy.Pow(args[1], sympy.Integer(-1)))
    if e.name == "pow":
        return sympy.Pow(*args)
    if e.name == "root":
        index = args[1] if len(args) > 1 else sympy.Integer(2)
        return sympy.real_root(args[0], index) if args[0].is_real else sympy.root(args[0], index)
    if e.name == "log":
        return sympy.log(args[0], args[1] if len(args) > 1 else sympy.Integer(10))
    if e.name == "degree":
        return args[0] * sympy.pi / 180
    if e.name == "percent":
        return args[0] / 100
    if e.name == "mixed":
        return args[0] + args[1] / args[2]
    if e.name.startswith("apply:"):
        return sympy.Function(_safe(e.name[6:]))(*args)
    if e.name in FUNCTIONS:
        return getattr(sympy, FUNCTIONS[e.name])(*args)
    raise Unsupported(e.name)


def _big(e: Op) -> Any:
    """A sum, product or limit with structured bounds."""
    import sympy

    bound = e.args[0].name if e.args and isinstance(e.args[0], Sym) else ""
    if any(isinstance(n, Sym) and bound in n.name and n.name != bound for n in walk(e)):
        raise Unsupported("an index that depends on the bound variable")
    if e.name == "lim" and len(e.args) == 3 and isinstance(e.args[0], Sym):
        variable, point, body = (to_sympy(arg) for arg in e.args)
        return sympy.Limit(body, variable, point)
    if len(e.args) == 4 and isinstance(e.args[0], Sym):
        variable, low, high, body = (to_sympy(arg) for arg in e.args)
        return (sympy.Sum if e.name == "sum" else sympy.Product)(body, (variable, low, high))
    raise Unsupported(e.name)


def _safe(name: str) -> str:
    """A name of letters and digits only (a Symbol's name is data, but it is printed), another one for every
    name."""
    return name if name.isascii() and name.isalpha() else "v" + name.encode("utf-8", "replace").hex()
