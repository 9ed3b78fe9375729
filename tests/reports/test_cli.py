"""The command: thin, quick to answer, one sentence and exit code 2 for what the user can fix."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.reports.findings import finding, write_findings


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reports", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_help_needs_none_of_the_heavy_packages() -> None:
    heavy = {"pandas", "matplotlib", "seaborn", "torch"}
    code = f"import sys, reports.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("html", "nowhere"),
        ("tables", "nowhere"),
        ("figures", "nowhere"),
        ("compare", "nowhere", "there"),
        ("paper", "--data", "nowhere.csv"),
    ],
    ids=lambda a: a[0],
)
def test_a_missing_input_is_one_sentence_and_exit_code_2(arguments: tuple, tmp_path: Path) -> None:
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "nowhere" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_html_and_tables_say_what_they_wrote(tmp_path: Path) -> None:
    write_findings(tmp_path / "probe" / "findings.json", [finding()])
    done = run("html", "probe/findings.json", "--out", "report", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "written: report/index.html\n")
    done = run("tables", "probe", "--out", "tables", folder=tmp_path)
    assert done.stdout.splitlines()[0] == "written: tables/comparisons.tex, .md and .csv"
    done = run("html", "probe", "--nonsense", folder=tmp_path)
    assert done.returncode == 2
