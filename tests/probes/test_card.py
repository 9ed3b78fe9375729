"""The card says what a reader needs who sees nothing else, in a narrow terminal."""

import json
from io import StringIO

from rich.console import Console

from probes.expand import expand
from probes.findings.card import card, chosen


def shown(finding, width=80):
    console = Console(width=width, record=True, file=StringIO())
    for comparison in finding["comparisons"]:
        console.print(card(finding, comparison))
    return console.export_text()


def test_everything_stands_on_it(toy_source):
    finding = expand(toy_source)
    text = shown(finding)
    for words in (
        "A drawn twice gives", "by chance", "Crossover", "McNemar", "guess floor", "format", "truncation",
        "asked otherwise", "Look before you believe it", "Declared: level 0.05, K = 32",
        "other training seeds",
    ):  # fmt: skip
        assert words in " ".join(text.split()).replace("│ ", ""), words
    assert max(map(len, text.splitlines())) <= 80
    for row in text.splitlines():
        if "*1 " in row or "*32 " in row:
            assert "]" in row  # an interval is not broken over lines
    assert json.dumps(finding, allow_nan=False)


def test_hostile_names_are_text(toy_source):
    from dataclasses import replace

    evil = "[red]x[/red] [link=file:///etc/passwd]" * 3
    counts = toy_source.counts.assign(checkpoint=toy_source.counts["checkpoint"].replace("base", evil))
    first, second = toy_source.checkpoints
    source = replace(toy_source, counts=counts, checkpoints=[{**first, "name": evil}, second])
    assert "passwd]" in shown(expand(source)).replace("\n", "")


def test_tables_are_inert():
    """Markup, escape sequences and marks of direction in names and questions are shown, not obeyed."""
    from probes.findings.terminal import show

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
    show(finding, console)
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


def test_of_several_pairs_the_adjusted_verdict_is_the_headline():
    finding = expand(counted(a=lambda i: i % 5, b=lambda i: i % 5 + 6, c=lambda i: i % 5 + 7))
    for comparison in finding["comparisons"]:
        comparison["adjusted"] |= {"outcome": "undetermined", "kind": None}
        assert comparison["verdict"]["outcome"] == "expansion"
    lines = shown(finding).splitlines()
    assert "UNDETERMINED" in lines[1]
    below = " ".join(" ".join(lines[2:5]).replace("│", " ").split())
    assert below.startswith("One of 2 pairs, adjusted by Holm: tested at 0.025; alone it would be expansion")


def test_a_verdict_that_hangs_on_the_question_says_so_at_the_top():
    finding = expand(counted(a=lambda i: i % 5, b=lambda i: i % 5 + 6))
    comparison = finding["comparisons"][0]
    comparison["robustness"] = {"rows": [], "robust": False, "sentence": "It hangs on something."}
    text = " ".join(shown(finding).replace("│", "").split())
    assert "it hangs on how the question is asked (below)" in text


def test_trained_on_what_is_asked(tmp_path):
    from probes.findings.checks import held_out

    run = tmp_path / "rl"
    (run / "step-000001").mkdir(parents=True)
    (run / "metrics.jsonl").write_text("{}\n")
    (run / "resolved.json").write_text('{"problems": "world:train"}')
    b = {"path": str(run / "step-000001"), "lineage": {"data": "f1"}}
    asked = {"name": "world:test?count=9", "fingerprint": "f2", "count": 9}
    assert held_out(asked, b)[0]["passed"] is True
    assert held_out(asked | {"name": "world:train?count=9"}, b)[0]["passed"] is False
    assert held_out(asked | {"fingerprint": "f1"}, b)[0]["passed"] is False
    assert held_out(asked, {"path": str(tmp_path), "lineage": None})[0]["passed"] is None
    assert held_out(asked, {"path": None, "lineage": None}) == []
