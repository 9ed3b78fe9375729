"""What stands in the repository: the page is what its command makes, its numbers follow from the tables."""

import contextlib
import json
import re
from types import SimpleNamespace

import pytest

from evals.core.errors import UserError
from reports.study.build import findings
from reports.study.driver.plan import HOME, load
from reports.study.driver.reproduce_cell import _same_counts, beside, main, same
from reports.study.page.page import page
from reports.study.readings.paper_verdicts import reread
from reports.study.readings.tables import read

needs_study = pytest.mark.skipif(not (HOME / "findings.json").is_file(), reason="the study has not been run")


@needs_study
def test_the_page_is_what_the_command_makes() -> None:
    assert (HOME / "README.md").read_text("utf-8") == page(HOME)


@needs_study
def test_the_findings_follow_from_the_tables() -> None:
    """From the counts in the repository to every number of the page, again."""
    known = json.loads((HOME / "findings.json").read_text("utf-8"))
    assert same(findings(read(HOME / "data"), load()), known)


@needs_study
def test_a_fresh_cell_is_compared_with_its_own_seed_and_shown_beside_all(tmp_path) -> None:
    """Planted and seen to fail: the counts of seed 0 for every seed; cells of all recipes."""
    tables, plan = read(HOME / "data"), load()
    way, start = plan.table["probe"]["sampling"][0], tables.starts[0]
    cells = tables.counts[(tables.counts["where"] == "cells") & (tables.counts["start"] == start)]
    cells = cells[(cells["recipe"] == "rl") & (cells["temperature"] == way["temperature"])]
    cells = cells[cells["draw"] == 0]
    rates = [group["c"].sum() / group["n"].sum() for _, group in cells.groupby("seed")]
    (tmp_path / "asked").mkdir()
    for seed, group in cells.groupby("seed"):
        group[["problem", "n", "c"]].to_csv(tmp_path / "asked" / "counts.csv", index=False)
        agrees = [_same_counts(tmp_path, tables, "rl", start, other, way) for other in range(len(rates))]
        assert agrees == [other == seed for other in range(len(rates))]
        text, inside = beside(tmp_path, HOME, "rl", 0)
        assert text.startswith(f"pass@1 {rates[int(str(seed))]:.3f} here; in the repository {rates[0]:.3f}; ")
        assert inside
    group.assign(c=group["n"])[["problem", "n", "c"]].to_csv(tmp_path / "asked" / "counts.csv", index=False)
    assert beside(tmp_path, HOME, "rl", 0)[1] is False


@needs_study
def test_the_page_names_no_path_and_shows_figures_that_exist() -> None:
    text = (HOME / "README.md").read_text("utf-8")
    assert not re.search(r"(/tmp|/home|/root|/work)/", text)
    for name in re.findall(r"\]\((figures/[^)]+)\)", text):
        assert (HOME / name).is_file()
    assert sum(p.stat().st_size for p in HOME.rglob("*") if p.is_file()) < 5_000_000


def test_the_papers_numbers_are_read_as_a_careful_reader_reads_them() -> None:
    rows = {(r["figure"], r["a"], r["b"], r["tokens"]): r["outcome"] for r in reread()}
    assert len(rows) == 14
    assert rows["math_data_vs_scale", "base", "direct RL, 1B/50B", 10] == "sharpening"
    assert rows["math_data_vs_scale", "base", "direct RL, 4B/50B", 10] == "sharpening"
    assert rows["math_passatk", "sft-gold", "sft-gold-rl", 10] == "expansion"
    assert rows["fig2_gsm8k_single_sft", "sft", "sft-rl", 44] == "sharpening"
    assert rows["fig3_gsm8k_sft_gold", "sft-gold", "sft-gold-rl", 10] == "sharpening"
    assert rows["a4_base_shots", "0-shot", "1-shot", 44] == "expansion"


@needs_study
@pytest.mark.parametrize(
    ("made", "inside", "passes"),
    [("this one", True, False), ("another", True, True), ("another", False, False)],
)
def test_other_bytes_pass_only_on_another_processor_within_the_interval(
    made, inside, passes, monkeypatch, capsys, tmp_path
) -> None:
    """Where the bytes were made they must repeat; elsewhere the fresh cell may be one more seed."""
    module = "reports.study.driver.reproduce_cell"
    results = [("weights", False), ("findings", True)]
    monkeypatch.setattr(f"{module}.check", lambda *_, **__: results)
    monkeypatch.setattr(f"{module}.beside", lambda *_: ("pass@1 0.5 here", inside))
    monkeypatch.setattr(f"{module}.processor", lambda: "this one")
    monkeypatch.setattr(f"{module}.read", lambda _: SimpleNamespace(run={"processor": made}))
    with contextlib.nullcontext() if passes else pytest.raises(UserError):
        main(tmp_path, HOME, "rl", 0)
    said = capsys.readouterr().out
    assert ("made on another, repeated on this one" in said) == passes


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        ({"x": [1, 2.0]}, {"x": [1, 2.0 + 1e-12]}, True),
        ({"x": [1, 2.0]}, {"x": [1, 2.001]}, False),
        ({"x": 1}, {"x": 1, "y": 2}, False),
        ([None, "up"], [None, "down"], False),
        ([1, 2], [1], False),
        (float("0.1"), None, False),
    ],
)
def test_same_allows_rounding_alone(a, b, agree) -> None:
    assert same(a, b) is agree
