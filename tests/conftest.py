"""Shared fixtures. Real data is optional: tests on it skip with a reason where it is absent."""

import gc
import os
from functools import cache
from pathlib import Path

import pytest
import typer.main


def pytest_collection_finish() -> None:
    """Look for garbage less often: a sixth of the time of all tests was passes over what modules hold."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    typer.main.get_command = cache(typer.main.get_command)  # else built anew for every command that is run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with local copies of public data ($EXCURSIONS_DATA, else ../shared/data beside the checkout)."""
    named = os.environ.get("EXCURSIONS_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data is absent: set EXCURSIONS_DATA (looked in {folder})")
    return folder


@pytest.fixture(scope="session")
def paper_figures(shared_data: Path) -> Path:
    """The paper's numbers (figures.csv), beside the data."""
    path = shared_data.parent / "paper" / "figures.csv"
    if not path.is_file():
        pytest.skip("figures.csv is absent")
    return path
