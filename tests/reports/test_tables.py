"""Tables: digits that the intervals allow, LaTeX and Markdown that nothing in a name can break."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rounding import digits, rounded, with_interval
from reports.tables import csv, escaped, latex, markdown, tables_of
from tests.reports.findings import comparison, finding, typed
from tests.reports.hostile import HOSTILE


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (10.8, 13.8, 1),  # ± 1.5
        (4.2, 20.4, 0),  # ± 8.1
        (0.1189, 0.1279, 3),  # ± 0.0045
        (0.1204, 0.1264, 4),  # ± 0.0030
        (-300.0, 400.0, 0),
        (1.0, 1.0, 3),
        (None, 1.0, 3),
        (float("nan"), 1.0, 3),
    ],
)
def test_digits_follow_the_interval(low: float | None, high: float | None, expected: int) -> None:
    assert digits(low, high) == expected


@given(st.floats(-1e4, 1e4), st.floats(1e-6, 1e3))
def test_rounding_never_moves_a_number_by_more_than_a_sixth_of_its_error(value: float, half: float) -> None:
    text = rounded(value, value - half, value + half).replace("−", "-")
    assert abs(float(text) - value) <= max(half / 3, 0.5 * 10**-12) or digits(value - half, value + half) == 0
    assert len(text.partition(".")[2]) <= 8


def test_signs_dashes_and_no_minus_zero() -> None:
    assert with_interval(-5.04, -6.5, -3.5, signed=True) == "−5.0 [−6.5, −3.5]"
    assert with_interval(0.1, -2.0, 2.0, signed=True) == "+0.1 [−2.0, +2.0]"
    assert with_interval(-1.0, -2.0, -0.04, signed=True) == "−1.0 [−2.0, −0.0]"  # an end that decides
    assert with_interval(1.0, 0.04, 2.0, signed=True) == "+1.0 [+0.0, +2.0]"
    assert rounded(-0.001, -1.0, 1.0, signed=True) == "+0.0"
    assert rounded(-0.001, -1.0, 1.0) == "0.0"
    assert with_interval(None, None, None) == "—"
    assert with_interval(0.5, None, None) == "0.500"


def test_comparisons_say_verdict_difference_and_interval() -> None:
    table = tables_of(typed(finding()))[0]
    assert table.heads[5:] == ("Δpass@1", "Δpass@8", "Δpass@32")
    assert [c.text for c in table.rows[0]] == [
        "before", "after", "toy", "150", "sharpening: pass@K down",
        "+10.0 [+7.0, +13.0]", "+1.0 [−2.0, +4.0]", "−5.0 [−8.0, −2.0]",
    ]  # fmt: skip


def test_csv_holds_the_numbers_and_their_intervals() -> None:
    frame = pd.read_csv(io.StringIO(csv(tables_of(typed(finding()))[0])))
    assert frame.loc[0, ["Δpass@32", "Δpass@32 low", "Δpass@32 high"]].tolist() == [-5.0, -8.0, -2.0]
    counts = pd.read_csv(io.StringIO(csv(tables_of(typed(finding()))[1])))
    assert counts.loc[0, ["lost", "lost expected", "lost expected high"]].tolist() == [13, 9, 14]


def test_latex_is_booktabs_with_as_many_cells_in_every_row() -> None:
    for table in tables_of(typed(finding(comparison("a_b", "50% & $x$ \\input{y}")))):
        text = latex(table)
        for rule in ("\\toprule", "\\midrule", "\\bottomrule"):
            assert text.count(rule) == 1
        rows = [line for line in text.splitlines() if line.endswith(r"\\")]
        cells = {line.replace(r"\&", "").count("&") for line in rows}
        assert cells == {len(table.heads) - 1}
        assert "\\input" not in text
    assert escaped("a_b 50% −1 Δ→") == r"a\_b 50\% $-$1 $\Delta$$\to$"


@pytest.mark.parametrize("name", HOSTILE, ids=lambda n: repr(n)[:20])
def test_no_name_breaks_a_markdown_row(name: str) -> None:
    table = tables_of(typed(finding(comparison(name + "|x", "b"))))[0]
    lines = markdown(table).split("\n")
    bars = [line.replace("\\|", "").count("|") for line in lines[:3]]
    assert len(set(bars)) == 1
    assert "<script" not in lines[2]


def test_other_probes_give_a_table_each() -> None:
    row = {"checkpoint": "A", "measure": "h", "label": "token entropy", "unit": "nats", "estimate": 1.2345}
    row |= {"low": 1.1, "high": 1.4, "digits": 3}
    change = row | {"a": "A", "b": "B", "estimate": -0.25, "low": -0.3, "high": -0.2}
    del change["checkpoint"]
    held = {
        "probe": "entropy",
        "estimates": [row],
        "differences": [change],
        "checkpoints": [],
        "options": {"level": 0.05},
    }
    (table,) = tables_of(typed(held))
    assert table.name == "entropy-1"
    assert [c.text for c in table.rows[0]] == [
        "token entropy (nats)",
        "1.23 [1.10, 1.40]",
        "−0.25 [−0.30, −0.20]",
    ]
