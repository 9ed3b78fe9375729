"""Two studies side by side."""

from pathlib import Path

import pandas as pd
import pytest

from evals.core.errors import UserError
from reports.compare import compare_studies, labels, matched
from reports.inputs import expansions
from tests.reports.findings import comparison, finding, typed, write_findings


def held(*comparisons: dict, name: str = "toy") -> list[dict]:
    one = finding(*comparisons)
    return [one | {"problems": {"name": name, "fingerprint": None, "count": 1}}]


def test_comparisons_match_by_problems_and_names() -> None:
    first = expansions(typed(*held(comparison("a", "b"), comparison("a", "c"))))
    other = comparison("a", "c")
    other["verdict"] = other["verdict"] | {"outcome": "expansion"}
    second = expansions(typed(*held(other, comparison("a", "d"))))
    frame = matched(first, second)
    assert frame[["a", "b", "outcome_1", "outcome_2"]].values.tolist() == [
        ["a", "c", "sharpening", "expansion"]
    ]
    assert matched(
        first, expansions(typed(*held(comparison("a", "b"), comparison("a", "c"), name="other")))
    ).empty


def test_one_comparison_each_is_compared_whatever_the_names() -> None:
    frame = matched(
        expansions(typed(*held(comparison("a", "b")))),
        expansions(typed(*held(comparison("a", "x"), name="more"))),
    )
    assert frame[["problems", "a", "b"]].values.tolist() == [["toy / more", "a", "b / x"]]


def test_files_show_both_and_whether_they_agree(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_findings(tmp_path / folder / "findings.json", held(comparison("a", "b"), comparison("a", "c")))
    compare_studies(tmp_path / "one", tmp_path / "two", tmp_path / "out")
    text = (tmp_path / "out" / "compare.md").read_text("utf-8")
    assert "one: verdict" in text
    assert text.count("| yes |") == 2
    assert "\\toprule" in (tmp_path / "out" / "compare.tex").read_text("utf-8")
    assert pd.read_csv(tmp_path / "out" / "compare.table.csv")["two: Δpass@K low"].tolist() == [-8.0, -8.0]
    assert (tmp_path / "out" / "compare.svg").is_file()


def test_nothing_in_common_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    write_findings(tmp_path / "1" / "findings.json", held(comparison("a", "b"), comparison("a", "c")))
    write_findings(tmp_path / "2" / "findings.json", held(comparison("x", "b"), comparison("x", "c")))
    with pytest.raises(UserError, match="no comparison in common"):
        compare_studies(tmp_path / "1", tmp_path / "2", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_labels_are_short_and_distinct(tmp_path: Path) -> None:
    assert labels(Path("runs/a"), Path("runs/b")) == ("a", "b")
    assert labels(Path("x/report"), Path("y/report")) == ("x/report", "y/report")
