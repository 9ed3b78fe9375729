"""Commands: fractions, roots, functions, sums and integrals, decorated names, matrices."""

from __future__ import annotations

from fractions import Fraction

from evals.verify.limits import MAX_MEMBERS, LimitError
from evals.verify.parse.cursor import Cursor, expression
from evals.verify.parse.numerals import number, subscript
from evals.verify.parse.vocabulary import BIG, CALLED, DECORATIONS
from evals.verify.tree import Const, Expr, Matrix, Num, Op, ParseError, Sym, Value, negative

E_ = Const("e")
SAME_DECORATION = {"overrightarrow": "vec", "widehat": "hat", "widetilde": "tilde", "measuredangle": "angle"}


def argument(c: Cursor) -> Expr:
    """The argument of a command: a brace group, or one atom (of a number only its first digit)."""
    if c.at("{"):
        c.i += 1
        c.deeper()
        bars, c.bars = c.bars, 0
        value = expression(c.grammar.total(c))
        c.take("}")
        c.bars = bars
        c.depth -= 1
        return value
    token = c.token
    if (token.kind == "num" and len(token.text) > 1) or token.kind == "word":
        c.split()
    if c.token.kind == "num":
        c.i += 1
        return number(c.tokens[c.i - 1].text)
    if token.kind == "op" or token.kind == "eof":
        raise ParseError("a command without its argument")
    c.deeper()
    value = expression(c.grammar.atom(c))
    c.depth -= 1
    return value


def command(c: Cursor, name: str) -> Value:
    """What a command says, the cursor standing on it; ParseError where an argument is missing."""
    c.i += 1
    if name == "frac":
        top = argument(c)
        return Op("div", (top, argument(c)))
    if name == "sqrt":
        index = _index(c)
        inner = argument(c)
        return Op("root", (inner, index)) if index else Op("root", (inner,))
    if name in ("usqrt", "ucbrt"):
        c.deeper()
        inner = expression(c.grammar.atom(c))
        c.depth -= 1
        return Op("root", (inner,) if name == "usqrt" else (inner, Num(Fraction(3))))
    if name == "binom":
        top = argument(c)
        return Op("binom", (top, argument(c)))
    if name in BIG:
        return _big(c, name)
    if name in CALLED:
        c.constructs.add(name)
        if c.at("_"):
            c.i += 1
            subscript(c)
        value = c.grammar.atom(c)
        items = value.items if hasattr(value, "items") else (value,)
        return Op(name, tuple(expression(item) for item in items))
    if name in DECORATIONS:
        return _decorated(c, name)
    raise ParseError(f"unexpected \\{name}")


def _index(c: Cursor) -> Expr | None:
    """The [n] of a root."""
    if not c.at("["):
        return None
    c.i += 1
    index = expression(c.grammar.total(c))
    c.take("]")
    return index


def _decorated(c: Cursor, name: str) -> Expr:
    """\\overline{CD}, \\angle ABC, \\vec v: names."""
    name = SAME_DECORATION.get(name, name)
    if c.at("{"):
        return Sym(f"\\{name} {subscript(c)}")
    if c.token.kind in ("sym", "word", "const", "text"):
        c.i += 1
        return Sym(f"\\{name} {c.tokens[c.i - 1].text}")
    raise ParseError(f"\\{name} of nothing")


def _big(c: Cursor, name: str) -> Expr:
    """\\sum, \\int, \\lim with bounds and a term: kept as written, not worked out here.

    With bounds k=0 and n its arguments are k, 0, n and the term; other bounds are names.
    """
    c.constructs.add(name)
    c.deeper()
    bounds: list[Expr] = []
    while c.at("_") or c.at("^"):
        lower = c.at("_")
        c.i += 1
        bounds.extend(_lower(c) if lower else [argument(c)])
    body = expression(c.grammar.term(c))
    c.depth -= 1
    return Op(name, (*bounds, body))


def _lower(c: Cursor) -> list[Expr]:
    """k=0 or x \\to 0 as two expressions; anything else as a name."""
    start = c.i
    if c.at("{") and c.tokens[c.i + 1].kind == "sym":
        c.i += 1
        try:
            variable = expression(c.grammar.atom(c))
            if c.token.text in ("=", "\\to"):
                c.i += 1
                bound = expression(c.grammar.total(c))
                c.take("}")
                return [variable, bound]
        except ParseError:
            pass
        c.i = start
    return [Sym("_" + subscript(c))]


def function(c: Cursor, name: str) -> Expr:
    """A function with its power, base and argument: \\sin^2 x, \\sin^{-1} x, \\log_2 8, \\sin 2x, f(x)."""
    c.i += 1
    c.deeper()
    power: Expr | None = None
    base: Expr | None = None
    while c.at("^") or (c.at("_") and name == "log"):
        raised = c.at("^")
        c.i += 1
        if raised:
            power = c.grammar.exponent(c)
        else:
            base = argument(c)
    if power == Num(Fraction(-1)) and name in ("sin", "cos", "tan", "sec", "csc", "cot"):
        name, power = "arc" + name, None
    inner = _function_argument(c)
    c.depth -= 1
    if name == "exp":
        value: Expr = Op("pow", (E_, inner))
    else:
        value = Op(name, (inner, base) if base is not None else (inner,))
    return Op("pow", (value, power)) if power is not None else value


def _function_argument(c: Cursor) -> Expr:
    """A bracket, or the factors that follow up to the next function, sign or division."""
    if c.at("(") or c.at("[") or c.at("{"):
        return expression(c.grammar.group(c))
    sign = c.at("-")
    c.i += sign
    factors = [expression(c.grammar.power(c))]
    while c.token.kind in ("sym", "const", "num", "cmd") and c.token.text not in BIG:
        if c.token.kind == "num" and isinstance(factors[-1], Num):
            raise ParseError("two numbers side by side")
        factors.append(expression(c.grammar.power(c)))
    value = factors[0] if len(factors) == 1 else Op("mul", tuple(factors))
    return expression(negative(value)) if sign else value


def matrix(c: Cursor) -> Matrix:
    """A matrix environment; cells between & and rows between \\\\."""
    kind = c.token.text
    c.i += 1
    c.deeper()
    rows: list[list[Expr]] = [[]]
    while True:
        if c.token.kind == "end":
            break
        rows[-1].append(expression(c.grammar.total(c)))
        if sum(map(len, rows)) > MAX_MEMBERS:
            raise LimitError("members")
        if c.at("&"):
            c.i += 1
        elif c.token.kind == "row":
            c.i += 1
            rows.append([])
        elif c.token.kind != "end":
            raise ParseError("a broken matrix")
    c.i += 1
    c.depth -= 1
    rows = rows if rows[-1] else rows[:-1]
    if not rows or len({len(row) for row in rows}) != 1:
        raise ParseError("a matrix with rows of unequal length")
    if kind.lower() == "vmatrix":
        c.constructs.add("det")
    return Matrix(tuple(map(tuple, rows)), kind == "vmatrix")
