"""Two studies side by side."""

from pathlib import Path

import pandas as pd
import pytest

from evals.core.errors import UserError
from reports.compare import compare_studies, compare_table, labels, matched, side_by_side
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


def test_a_study_beside_itself_is_refused(tmp_path: Path) -> None:
    write_findings(tmp_path / "one" / "findings.json", held(comparison("a", "b")))
    with pytest.raises(UserError, match="is given twice"):
        compare_studies(tmp_path / "one", tmp_path / "two" / ".." / "one", tmp_path / "out")


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


def at_k(k: int, **options: object) -> dict:
    one = comparison("a", "b")
    return one | {"options": one["options"] | {"K": k, **options}}


def test_verdicts_at_different_k_are_not_compared_and_each_k_is_shown(tmp_path: Path) -> None:
    for folder, k in (("one", 2), ("two", 32)):
        write_findings(tmp_path / folder / "findings.json", held(at_k(k), comparison("a", "c")))
    compare_studies(tmp_path / "one", tmp_path / "two", tmp_path / "out")
    text = (tmp_path / "out" / "compare.md").read_text("utf-8")
    assert "| not compared: K = 2 / 32 |" in text
    assert "| yes |" in text
    assert "verdicts at different" in text.lower()
    table = pd.read_csv(tmp_path / "out" / "compare.table.csv")
    assert table[["one: K", "two: K"]].values.tolist() == [[2, 32], [32, 32]]
    frame = pd.read_csv(tmp_path / "out" / "compare.csv")
    assert frame[["K_1", "K_2"]].values.tolist() == [[2, 32], [32, 32]]
    panels = side_by_side(frame, ("one", "two")).axes
    assert [t.get_text() for t in panels[0].get_yticklabels()] == ["a → b\nK = 2 / 32", "a → c\nK = 32"]
    panels = side_by_side(frame.assign(K_1=32), ("one", "two")).axes
    assert [axes.get_title(loc="left") for axes in panels] == ["Δpass@1", "Δpass@32"]


def test_what_else_was_declared_differently_is_named() -> None:
    both = (expansions(typed(*held(at_k(32, level=level)))) for level in (0.05, 0.01))
    table = compare_table(matched(*both), ("one", "two"))
    assert table.rows[0][-1].text == "not compared: level = 0.05 / 0.01"


def test_two_findings_of_one_pair_are_refused_unless_they_are_the_same() -> None:
    first = expansions(typed(*held(comparison("a", "b"), at_k(2))))
    with pytest.raises(UserError, match=r"runs/x holds differing findings of a → b on toy.*one of them"):
        matched(first, first, ("runs/x", "runs/y"))
    twice = expansions(typed(*held(comparison("a", "b")), *held(comparison("a", "b"))))
    assert len(matched(twice, twice)) == 1


def test_nothing_in_common_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    write_findings(tmp_path / "1" / "findings.json", held(comparison("a", "b"), comparison("a", "c")))
    write_findings(tmp_path / "2" / "findings.json", held(comparison("x", "b"), comparison("x", "c")))
    with pytest.raises(UserError, match="no comparison in common"):
        compare_studies(tmp_path / "1", tmp_path / "2", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_labels_are_short_and_distinct(tmp_path: Path) -> None:
    assert labels(Path("runs/a"), Path("runs/b")) == ("a", "b")
    assert labels(Path("x/report"), Path("y/report")) == ("x/report", "y/report")
