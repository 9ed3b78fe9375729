"""The card says what a reader needs who sees nothing else, in a narrow terminal."""

import json
import re
from io import StringIO

import pytest
from rich.console import Console

from probes.expand import expand
from probes.findings.card import cards
from probes.findings.card_numbers import chosen
from probes.findings.grids import grids
from probes.findings.rows import Grid, interval_cell, value_cell
from probes.findings.terminal import show
from probes.findings.types import Adjusted, Check, Finding, Robustness


def shown(finding, width=80):
    console = Console(width=width, record=True, file=StringIO())
    show(finding, console)
    return console.export_text()


def test_everything_stands_on_it(toy_source):
    finding = expand(toy_source)
    text = shown(finding)
    for words in (
        "A drawn twice gives", "same-model", "Crossover", "McNemar", "guess floor", "format", "truncation",
        "robustness", "Failed checks, read them first", "Declared: level 0.05, K = 32",
        "other training seeds",
    ):  # fmt: skip
        assert words in " ".join(text.split()).replace("│ ", ""), words
    assert max(map(len, text.splitlines())) <= 80
    for row in text.splitlines():
        if "*1 " in row or "*32 " in row:
            assert "]" in row  # an interval is not broken over lines
    assert json.dumps(finding.to_dict(), allow_nan=False)


def test_curves_at_zero_have_no_crossover(toy_source):
    """Where neither side solved anything the curves meet everywhere, which would read k* = 1."""
    from dataclasses import replace

    text = shown(expand(replace(toy_source, counts=toy_source.counts.assign(c=0))))
    assert "Crossover" not in text
    assert "pass@k, problems resampled" in text


def test_hostile_names_are_text(toy_source):
    from dataclasses import replace

    evil = "[red]x[/red] [link=file:///etc/passwd]" * 3
    counts = toy_source.counts.assign(checkpoint=toy_source.counts["checkpoint"].replace("base", evil))
    first, second = toy_source.checkpoints
    source = replace(toy_source, counts=counts, checkpoints=[{**first, "name": evil}, second])
    assert "passwd]" in shown(expand(source)).replace("\n", "")


def test_tables_are_inert():
    """Markup, escape sequences and marks of direction in names and questions are shown, not obeyed."""
    evil = "[bold]x[/bold]\x1b[31m\u202eabc"
    row = {"checkpoint": evil, "measure": "m", "label": evil, "unit": "rate", "digits": 2}
    values = {"estimate": 0.5, "low": 0.4, "high": 0.6, "problems": 20}
    block = {"title": evil, "columns": [evil], "rows": [[evil]]}
    finding = {
        "probe": "x", "problems": {"name": evil, "count": 1}, "checkpoints": [], "options": {"level": 0.05},
        "estimates": [row | values], "differences": [], "tables": [block], "notes": [evil],
        "checks": [{"name": "c", "passed": None, "value": None, "detail": evil}],
    }  # fmt: skip
    console = Console(width=100, record=True, file=StringIO(), force_terminal=False)
    show(Finding.model_validate({"schema": 1} | finding), console)
    text = console.export_text()
    assert "[bold]x[/bold]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_rows_of_k():
    k = [1, 2, 3, 4, 8, 16, 24, 32, 64]
    picked = [k[i] for i in chosen(k, 24)]
    assert {1, 24, 64} <= set(picked)
    assert len(picked) <= 8


def counted(**rates):
    """A source of counts alone: 16 samples of 80 problems, one number correct for all."""
    import pandas as pd

    from probes.inputs.sources import Source, blank

    rows = [(f"p{i}", name, 16, c(i)) for name, c in rates.items() for i in range(80)]
    counts = pd.DataFrame(rows, columns=["problem", "checkpoint", "n", "c"])
    return Source(counts, [blank(n) for n in rates], {"name": "x", "fingerprint": None, "count": 80})


def changed(finding, **changes):
    """The finding with its comparisons changed."""
    made = tuple(c.model_copy(update=changes) for c in finding.comparisons)
    return finding.model_copy(update={"comparisons": made})


def test_of_several_pairs_the_adjusted_verdict_is_the_headline():
    finding = expand(counted(a=lambda i: i % 5, b=lambda i: i % 5 + 6, c=lambda i: i % 5 + 7))
    assert {c.verdict.outcome for c in finding.comparisons} == {"expansion"}
    finding = changed(finding, adjusted=Adjusted(pairs=2, level=0.025, outcome="undetermined"))
    assert (
        finding.verdict.outcome
        == finding.to_dict()["comparisons"][0]["headline"]["outcome"]
        == "undetermined"
    )
    assert set(finding.to_frame().query("kind == 'verdict'")["outcome"]) == {"undetermined"}
    text = " ".join(shown(finding).replace("│", " ").split())
    assert (
        "UNDETERMINED One of 2 pairs, adjusted by Holm: tested at 0.025; by itself this pair is expansion"
        in text
    )


def test_a_check_that_makes_the_verdict_meaningless_takes_the_headline_away():
    copies = Check(name="duplicates", passed=False, detail="90% are copies", voids=True)
    finding = expand(counted(a=lambda i: i % 5, b=lambda i: i % 5 + 6))
    finding = changed(
        finding, checks=(), confounds=(copies,), adjusted=Adjusted(pairs=2, level=0.025, outcome="expansion")
    )
    assert finding.verdict.to_dict() == {
        "outcome": "undetermined", "kind": "withheld", "voided": ("duplicates",)
    }  # fmt: skip
    text = " ".join(shown(finding).replace("│", " ").split())
    assert (
        "UNDETERMINED: withheld Withheld: a check failed (duplicates, below). The counts alone say expansion."
        in text
    )
    passed = copies.model_copy(update={"passed": True})
    assert changed(finding, confounds=(passed,)).verdict.outcome == "expansion"


def test_what_analysis_adds_has_its_rows():
    """The try multiplier, what holds for all k, changed problems, the detectable change: each in words."""
    finding = expand(counted(a=lambda i: i % 5, b=lambda i: i % 5 + 6))
    tries = {
        "k": [1, 8],
        "estimate": [2.28, 1.9],
        "low": [2.1, 1.7],
        "high": [2.5, None],
        "upto": 8,
        "reading": "cheaper, not new",
        "sentence": "One try of B is worth 2.28 of A's: cheaper, not new.",
    }
    more = {
        "tries": tries,
        "over_k": [{"low": 1, "high": 4, "state": "above"}, {"low": 8, "high": 8, "state": "equal"}],
        "detectable": {"pass@1": 0.012, "pass@8": 0.031},
        "moved": {"p": 0.001, "spread": 0.08, "mean": 0.1},
        "changes": {"fdr": 0.1, "improved": 41, "worsened": 1, "first_solved": 7},
        "groups": [{"by": "subject", "heterogeneity": {"pass@1": 0.03}, "groups": [
            {"name": "algebra", "problems": 50, "numbers": [
                {"k": 1, "estimate": 0.2, "low": 0.1, "high": 0.3, "state": "up"}]}]}],
        "also": [{"outcome": "sharpening", "kind": "coverage lost", "numbers": [{"k": 1}, {"k": 4}]}],
    }  # fmt: skip
    data = finding.to_dict()
    data["comparisons"][0].update(more)
    text = " ".join(shown(Finding.model_validate(data)).replace("│", " ").split())
    for words in (
        "worth 2.28 of A's: cheaper, not new.",
        "For all k at once: B above A at k = 1 to 4; equal within the margin at k = 8.",
        "80% power would find a true change of pass@1 by 1.2 points, pass@8 by 3.1 points.",
        "(false discovery rate 10%): 41 improved, 1 worsened.",
        "Exact p = 0.001; root mean square of their true changes 8.0 points",
        "Also declared, K = 4, by the counts alone: sharpening: coverage lost.",
        "Solved by B alone: 7;",
        "algebra 50 +0.2000 [+.100, +.300] up",
        "Did all groups change alike? pass@1 p = 0.03.",
    ):
        assert words in text, words


def test_a_verdict_that_is_not_robust_says_so_at_the_top():
    finding = expand(counted(a=lambda i: i % 5, b=lambda i: i % 5 + 6))
    finding = changed(finding, robustness=Robustness(robust=False, sentence="Not robust: something."))
    text = " ".join(shown(finding).replace("│", "").split())
    assert "the verdict is not robust (below)" in text


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_width_loses_a_number(toy_source, width):
    """Every number of every row and cell is there whole, at any width; nothing is cut short."""
    finding = expand(toy_source)
    text = shown(finding, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    kept = " ".join(text.replace("│", " ").split())
    for item in cards(finding)[0].items():
        if isinstance(item, Grid):
            for row in item.rows:
                for cell in row:
                    assert not cell.numbers or cell.text in kept, cell
        elif item.kind != "reason":
            for number in re.findall(r"[-+]?\d[\d.,]*%?", item.text):
                assert number in kept, item


def test_every_face_shows_the_same_card(toy_source):
    """The notebook's HTML, the page's, Markdown and LaTeX say what the terminal says, number by number."""
    from reports.tables import card_latex, card_markdown

    finding = expand(toy_source)
    one = cards(finding)[0]
    faces = [finding._repr_html_(), card_markdown(one), card_latex(one), repr(finding)]
    for item in one.items("numbers", "support", "robustness"):
        for row in item.rows if isinstance(item, Grid) else ():
            for cell in row:
                for face in faces:
                    plain = face
                    for mark, sign in (("$-$", "-"), ("−", "-"), ("$\\pm$", "±"), ("\\*", "*"), ("--", "–")):
                        plain = plain.replace(mark, sign)
                    assert not cell.numbers or cell.text in plain, (cell, face[:40])


def test_trained_on_what_is_asked(tmp_path):
    from probes.findings.checks import held_out

    run = tmp_path / "rl"
    (run / "step-000001").mkdir(parents=True)
    (run / "metrics.jsonl").write_text("{}\n")
    (run / "resolved.json").write_text('{"problems": "world:train"}')
    b = {"path": str(run / "step-000001"), "lineage": {"data": "f1"}}
    asked = {"name": "world:test?count=9", "fingerprint": "f2", "count": 9}
    assert held_out(asked, b)[0].passed is True
    assert held_out(asked | {"name": "world:train?count=9"}, b)[0].passed is False
    assert held_out(asked | {"fingerprint": "f1"}, b)[0].passed is False
    assert held_out(asked, {"path": str(tmp_path), "lineage": None})[0].passed is None
    assert held_out(asked, {"path": None, "lineage": None}) == []


def test_an_end_of_an_interval_keeps_its_sign() -> None:
    assert value_cell((0.012, -0.0004, 0.024), 3, "+").text == "+0.012 [-0.000, +0.024]"
    assert value_cell((-0.0004, -0.0008, -0.0001), 3).text == "0.000 [-0.001, -0.000]"
    assert value_cell((0.0, 0.0, -0.0), 3, "+").text == "+0.000 [+0.000, +0.000]"
    assert interval_cell(-0.0004, 0.5).text == "[-.000, +.500]"
    assert interval_cell(-10.2, 20.05).text == "[-10.200, +20.050]"


def test_no_change_is_a_claim_that_a_failed_check_takes_away():
    """Copies of one answer cannot show that coverage stayed; nor can they show a direction."""
    finding = expand(counted(a=lambda i: 8 * (i % 3 > 0), b=lambda i: 8 * (i % 3 > 0)))
    copies = Check(name="copies", passed=False, detail="one text", voids=True)
    for outcome, kind in (("no-change", None), ("undetermined", "pass@1 up")):
        verdict = finding.comparison.verdict.model_copy(update={"outcome": outcome, "kind": kind})
        found = changed(finding, verdict=verdict, checks=(), confounds=(copies,)).verdict
        assert (found.outcome, found.kind, found.voided) == ("undetermined", "withheld", ("copies",))
    verdict = finding.comparison.verdict.model_copy(update={"outcome": "undetermined", "kind": None})
    assert changed(finding, verdict=verdict, checks=(), confounds=(copies,)).verdict.kind is None


def test_a_small_level_is_not_rounded_to_certainty():
    rows = {
        "measure": "m",
        "label": "m",
        "unit": "rate",
        "digits": 2,
        "estimate": 0.1,
        "low": 0.0,
        "high": 0.2,
    }
    finding = {
        "probe": "x", "problems": None, "checkpoints": [], "options": {"level": 0.002},
        "estimates": [rows | {"checkpoint": "a"}], "differences": [rows | {"a": "a", "b": "b"}],
    }  # fmt: skip
    (grid,) = grids(Finding.model_validate({"schema": 1} | finding))
    assert grid.heads[-1] == "difference, 99.8% paired"


def test_McNemar_says_that_it_knows_no_clusters():
    source = counted(a=lambda i: i % 5, b=lambda i: i % 5 + 6)
    words = "which takes each problem by itself"
    assert words not in " ".join(shown(expand(source)).replace("│", " ").split())
    source.counts["cluster"] = [f"t{i % 20}" for i in range(160)]
    assert words in " ".join(shown(expand(source)).replace("│", " ").split())
