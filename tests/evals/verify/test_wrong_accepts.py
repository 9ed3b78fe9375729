"""Kinds of wrong answers that a comparison by values at points, by order or by letters would accept, with the
right ones beside them: 200 cases of each kind, at least half of them wrong."""

import random
from fractions import Fraction
from itertools import islice

import pytest

from evals.verify import grade_answer
from evals.verify.compare.symbolic import prove
from evals.verify.parse.answers import parse

MARKS = {"<": "<", "<=": "\\le", ">": ">", ">=": "\\ge"}


def inequalities(rng):
    """|a x - b| against a number, and sums of two absolute values, against their solutions."""
    while True:
        centre, radius, factor = rng.randint(-60, 60), rng.randint(1, 30), rng.choice((1, 1, 2, 3))
        op, shut = rng.choice((("<", False), ("<=", True)))
        low, high = Fraction(centre - radius), Fraction(centre + radius)
        shift = f"x-{centre}" if centre > 0 else f"x+{-centre}" if centre else "x"
        inside = f"|{shift}|" if factor == 1 else f"{factor}|{shift}|"
        gold = f"{inside}{MARKS[op]} {factor * radius}"
        brackets = ("[", "]") if shut else ("(", ")")
        yield gold, f"{low}{MARKS[op]} x{MARKS[op]} {high}", True
        yield gold, f"{brackets[0]}{low},{high}{brackets[1]}", True
        yield gold, f"x{MARKS['>=' if shut else '>']} {low}", False
        yield gold, f"x{MARKS[op]} {high}", False
        yield gold, f"{low + 1}{MARKS[op]} x{MARKS[op]} {high}", False
        yield gold, f"{low}{MARKS['<' if shut else '<=']} x{MARKS[op]} {high}", False
        yield f"x>{radius}", f"{factor + 1}|x|>{(factor + 1) * radius}", False
        yield f"|x|>{radius}", f"{factor + 1}|x|>{(factor + 1) * radius}", True
        yield f"x<{low} or x>{high}", f"{inside}>{factor * radius}", True
        yield f"x>{high}", f"{inside}>{factor * radius}", False
        near = abs(centre) + 1
        yield f"|x-{near}|+|x+{near}|<{4 * near}", f"(-{2 * near},{2 * near})", True
        yield f"|x-{near}|+|x+{near}|<{4 * near}", f"(-{near},{near})", False
        yield f"{near + 20}-x", f"|x-{near + 20}|", False
        yield f"|{near + 20}-x|", f"|x-{near + 20}|", True


def derivatives(rng):
    """Derivatives against what they would be if d were a variable, and against themselves."""
    mark = "d \\mathrm{d} \\partial".split(" ")
    while True:
        d, (u, v) = rng.choice(mark), rng.sample("xytrsuvw", 2)
        space = " " if d == "\\partial" else ""
        n = rng.randint(2, 9)
        first = f"\\frac{{{d}{space}{u}}}{{{d}{space}{v}}}"
        second = f"\\frac{{{d}^{n}{u}}}{{{d}{space}{v}^{n}}}"
        acting = f"\\frac{{{d}}}{{{d}{space}{v}}}"
        yield f"\\frac{{{u}}}{{{v}}}", first, False
        yield first, f"\\frac{{{u}}}{{{v}}}", False
        yield v if n == 2 else f"{v}^{n - 1}", f"{acting}{v}^{n}", False
        yield f"\\frac{{1}}{{{v}}}", acting, False
        yield f"\\frac{{{u}}}{{{v}^{n}}}", second, False
        yield f"{first}={n}{v}", f"{v}={n}{first}", False
        yield f"{first}={n}{v}", f"\\frac{{{d}{space}{v}}}{{{d}{space}{u}}}={n}{v}", False
        yield f"{first}={n}{v}", f"{first} = {v}\\cdot {n}", True
        yield f"{first}={n}{v}", f"{n}{v}={first}", True
        yield f"{first}+{n}", f"{n}+{first}", True
        yield f"{acting}({v}^2+1)+{n}", f"{n}+{acting}(1+{v}^2)", True
        yield f"{acting}({u}{v})", f"{v}{first}", False
        yield f"\\frac{{{d}}}{{{n}}}", f"\\frac{{{d}}}{{{n}}}+0", True
        yield f"\\frac{{{n}d}}{{bd}}", f"\\frac{{{n}}}{{b}}", True


def named_tuples(rng):
    """Tuples given by equations, in and out of the order of their names."""
    while True:
        a, b, c = rng.sample(range(-40, 40), 3)
        x, y, z = rng.choice(("xyz", "abc", "pqr", "mno", "uvw"))
        yield f"({a},{b})", f"{x}={a}, {y}={b}", True
        yield f"({a},{b})", f"{y}={b}, {x}={a}", True
        yield f"({a},{b})", f"{y}={a}, {x}={b}", False
        yield f"({a},{b})", f"{x}={b}, {y}={a}", False
        yield f"({a},{b})", f"{x}={a}, {x}={b}", False
        yield f"({a},{b})", f"({y},{x})=({a},{b})", False
        yield f"({a},{b})", f"({x},{y})=({a},{b})", True
        yield f"({a},{b},{c})", f"{x}={a}, {y}={b}, {z}={c}", True
        yield f"({a},{b},{c})", f"{z}={a}, {y}={b}, {x}={c}", False
        yield f"({a},{b},{c})", f"{x}={a}, {y}={b}, {y}={c}", False
        yield f"({a},{b},{c})", f"{z}={c}, {x}={a}, {y}={b}", True
        yield f"({a},{b},{c})", f"{y}={a}, {z}={b}, {x}={c}", False
        yield f"{x}={a},{y}={b}", f"{x}={b},{y}={a}", False
        yield f"{x}={a},{y}={b}", f"({a},{b})", True


def shifted_indices(rng):
    """Sums and products whose terms carry shifted indices; also with the symbolic stage."""
    while True:
        n = rng.randint(1, 9)
        big, (s, k) = rng.choice(("\\sum", "\\prod")), (rng.choice("xyab"), rng.choice("ijk"))
        head = f"{big}_{{{k}=1}}^{{{rng.choice('nm')}}}"
        yield f"{head} {s}_{{{k}+{n}}}", f"{head} {s}_{{{k}-{n}}}", False
        yield f"{head} {s}_{{{k}+{n}}}", f"{head} {s}_{{{k}+{n}}} .", True
        yield f"{head} {s}_{{{k}+{n}}}", f"{head} {s}_{{{k}}}", False
        yield f"{head} {s}_{{{k}}}y_{n}", f"{head} y_{n}{s}_{{{k}}}", True
        yield f"{head} {s}_{{{k}-{n}}}", f"n{s}_{{{k}-{n}}}", False
        yield f"{s}_{{{k}+{n}}}", f"{s}_{{{k}-{n}}}", False
        yield f"{s}_{{{k}+{n}}}+1", f"1+{s}_{{{k}+{n}}}", True


def decimals(rng):
    """Decimal golds: what rounds to two digits and more, and what is too coarse, exact or in degrees."""
    while True:
        p, q = rng.randint(1, 40), rng.choice((3, 6, 7, 9, 11, 13, 17))
        value = Fraction(p, q)
        if value.denominator == 1:
            continue
        for places in (1, 2, 3):
            unit = Fraction(1, 10**places)
            steps = (value / unit + Fraction(1, 2)).__floor__()
            shown = f"{steps // 10**places}.{steps % 10**places:0{places}d}"
            other = f"{(steps + 1) // 10**places}.{(steps + 1) % 10**places:0{places}d}"
            yield shown, f"\\frac{{{p}}}{{{q}}}", steps >= 10
            yield other, f"\\frac{{{p}}}{{{q}}}", False
            yield shown, shown + "4", False
        thousand = rng.randint(2, 9)
        yield f"{thousand}e3", f"{thousand * 1000 + rng.randint(1, 499)}", False
        yield f"{thousand}e3", f"{thousand * 1000}", True
        yield f"{thousand}.5\\times10^{{4}}", f"{thousand * 10000 + 5000 + rng.randint(1, 400)}", False
        yield f"0.{thousand}", f"\\frac{{{thousand}01}}{{1001}}", False
        yield rng.choice(("0.5", "0.52", "0.524")), "30^\\circ", False
        yield rng.choice(("0.79", "0.785", "0.8")), "45^\\circ", False


def odds_and_ends(rng):
    """Choices that are doubted, ranges for ratios, mixed brackets, differences too small to see."""
    doubts = (
        "cannot be right|can't be it|is wrong|was ruled out|must be rejected|fails the test|is not it"
        "|is unlikely|or maybe another|contradicts the first line|never holds|was my first guess"
    ).split("|")
    texts = ("", " 12", "\\ 12", " the blue ball", " \\frac{1}{2}", " is correct", " is the right answer")
    while True:
        letter = rng.choice("ABCDE")
        yield letter, f"({letter}) {rng.choice(doubts)}", False
        yield letter, f"{letter}. {rng.choice(doubts)}", False
        yield letter, f"({letter}){rng.choice(texts)}", True
        a, b = rng.sample(range(1, 30), 2)
        yield f"\\frac{{{a}}}{{{b}}}", f"{a} to {b}", False
        yield f"\\frac{{{a}}}{{{b}}}", f"{a}:{b}", True
        yield f"{a}:{b}", f"{a} to {b}", True
        yield f"[{a},{b},{a + b}]", f"({a},{b},{a + b}]", False
        yield f"({a},{b},{a + b})", f"[{a},{b},{a + b})", False
        yield f"[{a},{b},{a + b}]", f"({a},{b},{a + b})", True
        tiny = rng.randint(310, 399)
        root = rng.choice(("\\pi", "\\sqrt{2}", "e", "\\ln 2"))
        yield root, f"{root}+10^{{-{tiny}}}", False
        yield root, f"10^{{-{tiny}}}+{root}", False
        yield f"{root}+{a}", f"{a}+{root}", True
        yield root, f"{root}(1-10^{{-{tiny}}})", False
        small = rng.choice((f"e^{{-{2 * tiny}}}", f"\\pi^{{-{2 * tiny}}}", f"(\\sqrt2)^{{-{7 * tiny}}}"))
        yield str(a), f"{a}+{small}", False
        yield root, f"{root}-{small}", False
        yield f"x+{a}", f"x+{a}+{small}", False
        yield "1", f"\\frac{{1}}{{1+{small}}}", False
        yield "1", f"\\tanh({2 * tiny})", False
        yield "1", f"\\cos({small})", False
        yield f"{a}+e^{{{a}}}", f"e^{{{a}}}+{a}", True
        yield f"\\tanh({a})", f"\\frac{{e^{{{2 * a}}}-1}}{{e^{{{2 * a}}}+1}}", True


KINDS = (inequalities, derivatives, named_tuples, shifted_indices, decimals, odds_and_ends)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind(kind):
    cases = list(islice(kind(random.Random(0)), 240))
    missed = [
        (gold, answer, equal, verdict.reason)
        for gold, answer, equal in cases
        if (verdict := grade_answer(gold, answer)).correct is not equal
    ]
    assert missed == []
    assert 2 * sum(not equal for *_, equal in cases) >= len(cases) >= 200


def test_the_symbolic_stage_keeps_indices_apart():
    for gold, answer, equal in islice(shifted_indices(random.Random(1)), 40):
        a, b = parse(gold).value, parse(answer).value
        assert equal or not prove(a, b), (gold, answer)
