"""Tables from spreadsheets: what would give a plausible number of the wrong column or line is an error."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evals.core.errors import UserError
from evals.problems import load_problems
from evals.readers import import_samples
from evals.store import SampleStore
from probes.inputs.counts_file import from_counts
from probes.measures.sharpening import from_histograms

HEADER = "problem,checkpoint,n,c"
ROWS = [f"p{i},{name},8,{(3 * i + shift) % 9}" for i in range(20) for name, shift in (("a", 0), ("b", 4))]


def refused(tmp_path, lines, says):
    path = tmp_path / "counts.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=says) as met:
        from_counts(path)
    assert "\n" not in str(met.value)


def test_two_columns_of_one_name_are_refused(tmp_path):
    """Read by name the last one counts: c of n samples became the wrong ones, and the verdict turned."""
    refused(tmp_path, [HEADER + ",c", *(f"{row},{8 - int(row[-1])}" for row in ROWS)], "two columns 'c'")
    (tmp_path / "p.csv").write_text("question,answer,answer\nWhat?,1,2\n")
    with pytest.raises(UserError, match="two columns 'answer'"):
        load_problems(str(tmp_path / "p.csv"))
    (tmp_path / "h.csv").write_text("checkpoint,n,c,problems,problems\na,8,0,10,9\na,8,8,20,9\n")
    with pytest.raises(UserError, match="two columns 'problems'"):
        from_histograms(tmp_path / "h.csv")


def test_two_columns_of_one_name_in_parquet_are_refused(tmp_path):
    """The last one was the response, or the gold."""
    columns = [pa.array(["q"]), pa.array(["1"]), pa.array(["1"]), pa.array(["2"])]
    for name in ("response", "answer"):
        names = ["question", "answer", "response", name]
        pq.write_table(pa.table(columns, names=names), tmp_path / "a.parquet")
        with pytest.raises(UserError, match=f"two columns '{name}'"):
            import_samples([tmp_path / "a.parquet"], SampleStore(tmp_path / "store"))
        with pytest.raises(UserError, match=f"two columns '{name}'"):
            load_problems(str(tmp_path / "a.parquet"))


def test_columns_without_a_name_are_none(tmp_path):
    """What a spreadsheet writes of empty columns, and pandas of its index."""
    path = tmp_path / "counts.csv"
    path.write_text("\n".join([f",{HEADER},,", *(f"{i},{row},," for i, row in enumerate(ROWS))]))
    assert from_counts(path).counts[["n", "c"]].sum().tolist() == [320, sum(int(r[-1]) for r in ROWS)]


@pytest.mark.parametrize("ends", [(11, 21), (11,)])
def test_a_stray_quote_takes_in_no_lines(tmp_path, ends):
    """Lines up to the next quote were one field of a column that nobody reads: five problems, or the rest."""
    notes = [('"' if i in ends else "") + "seen" for i in range(len(ROWS))]
    rows = [f"{row},{note}" for row, note in zip(ROWS, notes, strict=True)]
    refused(tmp_path, [f"{HEADER},note", *rows], "is not a CSV file after line")


def test_the_line_of_a_total_is_no_problem(tmp_path):
    totals = [f"Total,{name},160,{sum(int(r[-1]) for r in ROWS if f',{name},' in r)}" for name in "ab"]
    refused(
        tmp_path, [HEADER, *ROWS, *totals], "line 42: 'Total' has the n and c of all other problems of 'a'"
    )
    path = tmp_path / "counts.csv"
    path.write_text("\n".join([HEADER, *ROWS, "p20,a,160,3", "p20,b,160,9"]))  # drawn more often, no total
    assert from_counts(path).problems["count"] == 21


def test_another_separator_is_named(tmp_path):
    refused(tmp_path, [HEADER.replace(",", ";"), *(r.replace(",", ";") for r in ROWS)],
            "with commas between them, and is 'problem;checkpoint;n;c'")  # fmt: skip


def test_lines_of_a_histogram_without_a_checkpoint_are_not_left_out(tmp_path):
    (tmp_path / "h.csv").write_text("checkpoint,n,c,problems\na,8,0,10\na,8,8,20\n,8,0,5\n,8,8,25\n")
    with pytest.raises(UserError, match="without a checkpoint"):
        from_histograms(tmp_path / "h.csv")
