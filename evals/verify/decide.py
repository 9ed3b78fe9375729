"""The decision on one extracted answer: identical, number, parse, compare; with its reason and flags."""

from __future__ import annotations

import re
from typing import NamedTuple

from evals.verify.compare.by_type import compare
from evals.verify.compare.choices import choice
from evals.verify.compare.context import Context, Prove, Wrong
from evals.verify.compare.derivatives import opaque
from evals.verify.golds import ANY_OF, accepted, parse_gold
from evals.verify.limits import MAX_LENGTH, LimitError, remembered
from evals.verify.parse.answers import Failure, Parsed, parse
from evals.verify.parse.vocabulary import FUNCTIONS
from evals.verify.parse.wording.letters import after_letter, bare_option, lettered, several
from evals.verify.tree import (
    Listing,
    Num,
    Op,
    Quantity,
    Relation,
    Text,
    Value,
    renamed,
    symbols,
    type_name,
    walk,
)
from evals.verify.values.exact import Undefined
from evals.verify.values.plain_numbers import plain_number

GROUPED = re.compile(r"(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d,])")
MARKUP = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname|left|right)(?![a-zA-Z])|\\[,;:! ]|[{}$~]"
)
DOTS = re.compile(r"\\(?:[lc]?dots[cbmio]?)(?![a-zA-Z])|…|\.\.\.")
BEFORE_MARK = re.compile(r"\s*([,;])\s*")
LETTER = re.compile(r"[A-ZⒶ-Ⓩ①-⑩Ａ-Ｚ]")
PLAIN_UNIT = re.compile(r"(-?[\d.,]+)\s*([A-Za-z]{1,3}(?:/[A-Za-z]{1,3})?(?:\^\d)?)")
PARAMETERS = frozenset("kmnltp")
ARITHMETIC = ("add", "mul", "pow", "fact", "binom", "abs")


class Decision(NamedTuple):
    """correct is None where the comparison could not decide; spent: units of work that it took."""

    correct: bool | None
    stage: str
    reason: str
    gold_type: str | None = None
    answer_type: str | None = None
    flags: tuple[str, ...] = ()
    spent: int = 0


def decide(gold: str, answer: str, prove: Prove | None = None, asked: bool = False) -> Decision:
    """Compare an answer with the gold; both as text. Never an exception, never late.

    prove: the symbolic stage for what is left undecided (in a worker process only).
    asked: whether the question asks for a percentage.
    """
    if ANY_OF in gold:
        tried = [decide(one, answer, prove, asked) for one in accepted(gold)]
        return max(tried, key=lambda decision: {True: 2, None: 1, False: 0}[decision.correct])
    gold, answer = gold.strip(), answer.strip()
    if not answer or not gold:
        return Decision(False, "extract", "no answer" if not answer else "no gold")
    if (plain := _plainly(gold, answer)) is not None:
        return plain
    if len(answer) > MAX_LENGTH:
        return Decision(False, "limits", "limit:length", flags=("limit",))
    decision = _decide(gold, answer, asked)
    if decision.correct is None and prove is not None:
        return _guarded(gold, answer, prove, asked)
    return decision


def _plainly(gold: str, answer: str) -> Decision | None:
    """The same text, or two plain numbers; None where more must be read."""
    if gold == answer:
        return Decision(True, "identical", "equal")
    left, right = plain_number(gold), plain_number(answer)
    if left is None or right is None or "$" in gold + answer:
        return None
    same = left == right
    return Decision(same, "number", "equal" if same else "different", "number", "number")


@remembered(16_384)
def _decide(gold: str, answer: str, asked: bool) -> Decision:
    return _guarded(gold, answer, None, asked)


def _guarded(gold: str, answer: str, prove: Prove | None, asked: bool) -> Decision:
    c = Context(prove=prove, percent_asked=asked)
    try:
        chosen = _chosen(gold, answer, c)
        decision = _parsed(gold, answer, c) if chosen is None else chosen
    except RecursionError:
        decision = Decision(False, "error", "error:RecursionError")
    except MemoryError:
        decision = Decision(False, "error", "error:MemoryError")
    except Exception as error:  # a bug of ours must not end a training run; it is counted by its reason
        decision = Decision(False, "error", f"error:{type(error).__name__}")
    return decision._replace(spent=c.work.spent())


def _parsed(gold: str, answer: str, c: Context) -> Decision:
    g, a = parse_gold(gold), parse(answer)
    if isinstance(a, Failure) or isinstance(g, Failure):
        return _unparsed(gold, answer, g, a)
    if (measured := _in_units(g, a, answer)) is not a:
        decision = _compared(gold, answer, g, measured, c)
        if decision.correct:
            return decision
    return _compared(gold, answer, _as_product(g, a, gold), _as_product(a, g, answer), c)


def _compared(gold: str, answer: str, g: Parsed, a: Parsed, c: Context) -> Decision:
    c.flags.clear()
    a = _same_parameter(g, a)
    types = type_name(g.value), type_name(a.value)
    if (
        "mod" in g.constructs
        and _moduli(g.value) != _moduli(a.value)
        and (isinstance(a.value, Relation) or "mod" in a.constructs)
    ):
        return Decision(False, "compare", "different", *types)  # x = 3 is not x = 3 (mod 7)
    extra = sorted(a.constructs - g.constructs)
    if extra:
        return Decision(False, "compare", "unevaluated", *types)
    c.percent_sign = "%" in answer
    c.proportion = any(mark in answer.lower() for mark in (":", "：", "\\colon", "ratio"))
    try:
        outcome = compare(opaque(g.value), opaque(a.value), c)
        if not outcome and isinstance(g.value, Listing) and GROUPED.search(answer):
            outcome = _regrouped(g.value, answer, c) or outcome
    except Wrong as wrong:
        return Decision(False, "compare", str(wrong), *types)
    except Undefined:
        return Decision(False, "compare", "undefined", *types)
    except LimitError as error:
        return Decision(False, "compare", f"limit:{error}", *types, ("limit",))
    if outcome:
        if _work_left(a.value, g.value):
            c.flags.add("unevaluated")
        stage = "symbolic" if c.proved else "compare"
        return Decision(True, stage, "equal", *types, tuple(sorted(c.flags)))
    if (isinstance(g.value, Text) or isinstance(a.value, Text)) and _plain(gold) == _plain(answer):
        return Decision(True, "text", "equal", *types)
    if outcome is None:
        return Decision(None, "compare", "undecided", *types)
    return Decision(False, "compare", "different" if _alike(*types) else "type", *types)


def _moduli(v: Value) -> set[Value]:
    return {node.args[1] for node in walk(v) if isinstance(node, Op) and node.name == "mod"}


def _in_units(g: Parsed, a: Parsed, answer: str) -> Parsed:
    """The answer with letters after its number read as the unit that the gold's form asks for: 30 m/s."""
    if not isinstance(g.value, Quantity) or isinstance(a.value, Quantity) or not symbols(a.value):
        return a
    if symbols(g.value):
        return a
    plain = PLAIN_UNIT.fullmatch(answer)
    read = parse(f"{plain[1]}\\text{{ {plain[2]}}}") if plain else a
    return read if isinstance(read, Parsed) else a


def _as_product(side: Parsed, other: Parsed, text: str) -> Parsed:
    """A quantity whose unit may be a product of letters (\\mu mg) as that, where the other has letters."""
    if not isinstance(side.value, Quantity) or isinstance(other.value, Quantity) or not symbols(other.value):
        return side
    read = parse(text, True)
    return read if isinstance(read, Parsed) else side


def _same_parameter(g: Parsed, a: Parsed) -> Parsed:
    """The answer with the gold's name for an integer parameter (k, where one of them says k in Z)."""
    if g.parameter == a.parameter:
        return a
    mine, theirs = symbols(g.value), symbols(a.value)
    old, new = {a.parameter} - {""} or theirs - mine, {g.parameter} - {""} or mine - theirs
    if len(old) != 1 or len(new) != 1 or new & theirs:
        return a
    before, after = next(iter(old)), next(iter(new))
    if not {before, after} <= PARAMETERS:
        return a
    return Parsed(renamed(a.value, before, after), a.constructs, after)


def _chosen(gold: str, answer: str, c: Context) -> Decision | None:
    """Policy "choices": a letter stands for its value and the value for its letter, where the gold has both;
    None where nothing is chosen."""
    if not LETTER.search(gold) and not LETTER.search(answer):
        return None
    option = bare_option(answer)
    right = choice(gold, option)
    if right is None:
        right = several(gold, answer)
    if right is not None:
        return Decision(right, "compare", "equal" if right else "different", "choice", "choice")
    g, a = lettered(gold), lettered(option)
    if g is None and a is None:
        return None
    if g is not None and a is None:
        letter = choice(g.letter, option)
        if letter and (rest := after_letter(option)):
            return _parsed(g.value, rest, c)
        if letter is not None:
            return Decision(letter, "compare", "equal" if letter else "different", "choice", "choice")
    if g is not None and a is not None and g.letter != a.letter:
        return Decision(False, "compare", "different", "choice", "choice")
    meant, given = g.value if g else gold, a.value if a else answer
    decision = _plainly(meant, given) or _parsed(meant, given, c)
    return decision if g is not None or decision.correct else None


def _unparsed(gold: str, answer: str, g: Parsed | Failure, a: Parsed | Failure) -> Decision:
    """What does not parse is compared as plain text."""
    if isinstance(a, Failure) and a.reason.startswith("limit"):
        return Decision(False, "limits", a.reason, flags=("limit",))
    types = _type(g), _type(a)
    if isinstance(g, Failure) and _plain(gold) == _plain(answer):
        return Decision(True, "text", "equal", *types)
    return Decision(False, "parse", "gold" if isinstance(g, Failure) else "parse", *types)


def _type(parsed: Parsed | Failure) -> str | None:
    return type_name(parsed.value) if isinstance(parsed, Parsed) else None


def _plain(text: str) -> str:
    """Text without its markup, its case and its extra spaces."""
    words = " ".join(MARKUP.sub(" ", DOTS.sub(" ... ", text)).lower().split()).strip(" .")
    return BEFORE_MARK.sub(r"\1", words)


def _regrouped(gold: Value, answer: str, c: Context) -> bool | None:
    """Against a list of numbers 100,200 may be two numbers."""
    spaced = parse(GROUPED.sub(lambda m: m.group().replace(",", ", "), answer))
    return compare(gold, spaced.value, c) if isinstance(spaced, Parsed) else None


def _alike(gold_type: str, answer_type: str) -> bool:
    numbers = ("number", "expression", "percent", "degree", "quantity")
    return gold_type == answer_type or (gold_type in numbers and answer_type in numbers)


def _work_left(answer: Value, gold: Value) -> bool:
    """Policy "closed arithmetic": an answer that is right but leaves more to be done than the gold does
    (2+2, 3!, (x+1)(x-1), \\cos 45^\\circ) is accepted with the flag unevaluated."""
    return not isinstance(answer, Num) and _undone(answer) > _undone(gold)


def _undone(v: Value) -> int:
    """How many operations could be carried out: on numbers alone, products of sums, functions of numbers."""
    return sum(_could_be_done(node) for node in walk(v) if isinstance(node, Op))


def _could_be_done(node: Op) -> bool:
    if node.name in ARITHMETIC:
        return all(isinstance(arg, Num) for arg in node.args) or (
            node.name != "add" and any(isinstance(arg, Op) and arg.name == "add" for arg in node.args)
        )
    return node.name in FUNCTIONS and not symbols(node)
