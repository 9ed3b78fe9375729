"""Atoms of expressions: numbers, symbols, fractions, roots, functions, absolute values, matrices."""

from __future__ import annotations

from fractions import Fraction

from evals.verify.cursor import Cursor, expression
from evals.verify.limits import MAX_MEMBERS, LimitError
from evals.verify.names import BIG, CALLED, DECORATIONS
from evals.verify.tree import Based, Const, Expr, Matrix, NamedSet, Num, Op, ParseError, Sym, Value

OPENING = frozenset(("(", "[", "\\{", "{", "<(", "]"))
APPLIED = "fgFG"
E_ = Const("e")


def number(text: str) -> Num:
    """A decimal literal; place keeps how far it was written."""
    if text.isdecimal():
        return Num(Fraction(int(text)))
    mantissa, _, exponent = text.lower().partition("e")
    whole, point, digits = mantissa.partition(".")
    shift = int(exponent or 0)
    if abs(shift) > 5000:
        raise LimitError("exponent")
    place = len(digits) - shift
    digits = whole + digits
    value = Fraction(int(digits), 10**place) if place > 0 else Fraction(int(digits) * 10**-place)
    return Num(value, place if point or exponent else None)


def primary(c: Cursor) -> Value:
    """One atom, without what follows it (exponents, factorials, subscripts of numbers)."""
    kind, text, _, _ = c.token
    if kind == "num":
        return _numeral(c)
    if kind == "sym":
        after = c.tokens[c.i + 1]
        if after.kind == "num" and c.i == c.start and text.isupper() and c.tokens[c.i + 2].text == "_":
            c.i += 2
            return Based(text + after.text, _base(c))
        return _symbol(c)
    if kind == "op":
        return _bracketed(c, text)
    if kind == "cmd":
        return _command(c, text)
    if kind == "const":
        c.i += 1
        return Const(text)
    if kind == "fn":
        return _function(c, text)
    if kind == "word":
        c.split()
        return primary(c)
    if kind == "text" and len(text) == 1:
        c.tokens[c.i] = c.token._replace(kind="const" if text in "ei" else "sym")
        return primary(c)
    if kind == "money" and not c.money:
        c.money = text
        c.i += 1
        return primary(c)
    if kind == "set":
        c.i += 1
        return NamedSet(text)
    if kind == "begin":
        return _matrix(c)
    raise ParseError(f"unexpected {text[:20]!r}" if text else "unexpected end")


def _bracketed(c: Cursor, mark: str) -> Value:
    if mark in OPENING:
        return c.group(c)
    if mark in ("|", "||"):
        c.i += 1
        c.bars += 1
        c.deeper()
        inner = expression(c.sum(c))
        c.take(mark)
        c.bars -= 1
        c.depth -= 1
        return Op("abs" if mark == "|" else "norm", (inner,))
    if mark in ("\\lfloor", "\\lceil"):
        c.i += 1
        c.deeper()
        inner = expression(c.sum(c))
        c.take(mark.replace("l", "r", 1))
        c.depth -= 1
        c.constructs.add(mark[1:])
        return Op("floor" if mark == "\\lfloor" else "ceil", (inner,))
    raise ParseError(f"unexpected {mark[:20]!r}")


def _numeral(c: Cursor) -> Value:
    """A number, a mixed number, a repeating decimal, or digits with a base."""
    token = c.token
    c.i += 1
    after = c.token
    if after.kind == "cmd" and after.text == "overline" or after.text == ".":
        return _repeating(c, token.text)
    if token.text.isdecimal():
        if after.kind == "cmd" and after.text == "frac":
            return _mixed(c, token.text)
        if after.kind == "num" and after.spaced and c.tokens[c.i + 1].text == "/":
            return _mixed_plain(c, token.text)
    if after.kind == "op" and after.text == "_":
        return Based(token.text, _base(c))
    if after.kind in ("sym", "word") and not after.spaced and c.tokens[c.i + 1].text == "_":
        if after.text.isupper() and after.text.isascii():
            c.i += 1
            return Based(token.text + after.text, _base(c))
    return number(token.text)


def _base(c: Cursor) -> int:
    from evals.verify.expressions import subscript_base

    return subscript_base(c)


def _repeating(c: Cursor, text: str) -> Expr:
    """0.1\\overline{6} as an exact fraction."""
    if c.at("."):
        c.i += 1
        text += "."
    if not (c.token.kind == "cmd" and c.token.text == "overline" and "." in text):
        raise ParseError("a number and a bare point")
    c.i += 1
    c.take("{")
    period = c.token.text
    c.i += 1
    c.take("}")
    if not (period.isdecimal() and text.replace(".", "").isdecimal()):
        raise ParseError("an overline that is no period")
    whole, _, digits = text.partition(".")
    start = Fraction(int(whole + digits), 10 ** len(digits))
    return Num(start + Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(digits)))


def _mixed(c: Cursor, whole: str) -> Expr:
    """2\\frac{1}{2} is 2 + 1/2; a fraction that is not proper or not of integers makes a product."""
    part = expression(primary(c))
    if isinstance(part, Op) and part.name == "div":
        top, bottom = part.args
        if isinstance(top, Num) and isinstance(bottom, Num) and top.place is None and bottom.place is None:
            if not 0 < top.value < bottom.value:
                raise ParseError("neither a mixed number nor a product")
            return Op("mixed", (number(whole), top, bottom))
    return Op("mul", (number(whole), part))


def _mixed_plain(c: Cursor, whole: str) -> Expr:
    """2 1/2 is 2 + 1/2."""
    top, bottom = c.token.text, c.tokens[c.i + 2]
    if not (
        top.isdecimal() and bottom.kind == "num" and bottom.text.isdecimal() and int(top) < int(bottom.text)
    ):
        raise ParseError("two numbers side by side")
    c.i += 3
    return Op("mixed", (number(whole), number(top), number(bottom.text)))


def subscript(c: Cursor) -> str:
    """The raw text of a subscript: a brace group, or one token."""
    if not c.at("{"):
        text = c.token.text
        if c.token.kind in ("eof", "sep", "rel", "op"):
            raise ParseError("an empty subscript")
        if c.token.kind == "word":
            c.split()
            text = c.token.text
        c.i += 1
        return text
    depth, parts = 0, []
    while True:
        token = c.token
        if token.kind == "eof":
            raise ParseError("unbalanced braces")
        depth += token.text == "{" and token.kind == "op"
        depth -= token.text == "}" and token.kind == "op"
        c.i += 1
        if depth == 0:
            return "".join(parts)
        if token.text not in "{}":
            parts.append(token.text)


def _symbol(c: Cursor) -> Expr:
    """A symbol with subscript and primes; before a parenthesis perhaps a function."""
    name = c.token.text
    here = c.i
    c.i += 1
    while c.token.kind == "op" and c.token.text in ("_", "'", "^"):
        if c.at("_"):
            c.i += 1
            name += "_" + subscript(c)
        elif c.at("'"):
            c.i += 1
            name += "'"
        elif c.tokens[c.i + 1].text == "'":
            c.i += 2
            name += "'"
        elif [t.text for t in c.tokens[c.i + 1 : c.i + 4]] == ["{", "'", "}"]:
            c.i += 4
            name += "'"
        elif [t.text for t in c.tokens[c.i + 1 : c.i + 6]] == ["{", "-", "1", "}", "("] and name in APPLIED:
            c.i += 5
            name += "^-1"
            break
        else:
            break
    if c.at("(") and not c.token.spaced and (name[0] in APPLIED or (here == c.start and _is_left_side(c))):
        arguments = c.group(c)
        items = arguments.items if hasattr(arguments, "items") else (arguments,)
        return Op("apply:" + name, tuple(expression(item) for item in items))
    return Sym(name)


def _is_left_side(c: Cursor) -> bool:
    """Whether the parenthesis that opens here closes just before an equals sign."""
    depth = 0
    for place in range(c.i, len(c.tokens)):
        token = c.tokens[place]
        if token.kind == "op":
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0:
                after = c.tokens[place + 1]
                return after.kind == "rel" and after.text == "="
    return False


def argument(c: Cursor) -> Expr:
    """The argument of a command: a brace group, or one atom (of a number only its first digit)."""
    if c.at("{"):
        c.i += 1
        c.deeper()
        bars, c.bars = c.bars, 0
        value = expression(c.sum(c))
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
    value = expression(primary(c))
    c.depth -= 1
    return value


def _command(c: Cursor, name: str) -> Value:
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
        inner = expression(primary(c))
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
        value = primary(c)
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
    index = expression(c.sum(c))
    c.take("]")
    return index


def _decorated(c: Cursor, name: str) -> Expr:
    """\\overline{CD}, \\angle ABC, \\vec v: names."""
    if c.at("{"):
        return Sym(f"\\{name} {subscript(c)}")
    if c.token.kind in ("sym", "word", "const", "text"):
        c.i += 1
        return Sym(f"\\{name} {c.tokens[c.i - 1].text}")
    raise ParseError(f"\\{name} of nothing")


def _big(c: Cursor, name: str) -> Expr:
    """\\sum, \\int, \\lim with limits and a term: kept as written, never worked out here."""
    c.constructs.add(name)
    limits: list[Expr] = []
    while c.at("_") or c.at("^"):
        mark = c.token.text
        c.i += 1
        limits.append(Sym(mark + subscript(c)))
    c.deeper()
    from evals.verify.expressions import term

    body = expression(term(c))
    c.depth -= 1
    return Op(name, (*limits, body))


def _function(c: Cursor, name: str) -> Expr:
    """A function with its power, base and argument: \\sin^2 x, \\sin^{-1} x, \\log_2 8, \\sin 2x, f(x)."""
    from evals.verify.expressions import exponent

    c.i += 1
    c.deeper()
    power: Expr | None = None
    base: Expr | None = None
    while c.at("^") or (c.at("_") and name == "log"):
        raised = c.at("^")
        c.i += 1
        if raised:
            power = exponent(c)
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
    from evals.verify.expressions import negative, power

    if c.at("(") or c.at("[") or c.at("{"):
        return expression(c.group(c))
    sign = c.at("-")
    c.i += sign
    factors = [expression(power(c))]
    while c.token.kind in ("sym", "const", "num", "cmd") and c.token.text not in BIG:
        if c.token.kind == "num" and isinstance(factors[-1], Num):
            raise ParseError("two numbers side by side")
        factors.append(expression(power(c)))
    value = factors[0] if len(factors) == 1 else Op("mul", tuple(factors))
    return expression(negative(value)) if sign else value


def _matrix(c: Cursor) -> Matrix:
    """A matrix environment; cells between & and rows between \\\\."""
    kind = c.token.text
    c.i += 1
    c.deeper()
    rows: list[list[Expr]] = [[]]
    while True:
        if c.token.kind == "end":
            break
        rows[-1].append(expression(c.sum(c)))
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
