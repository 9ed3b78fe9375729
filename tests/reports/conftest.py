"""Shared fixtures: the paper's figures drawn once, and a browser."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tests.reports.browser import Tab, browser, chromium


@pytest.fixture(scope="session")
def paper() -> dict:
    """name → (drawing, rows, figure) of every figure of the paper."""
    from reports.paper.data import load_numbers
    from reports.paper.select import DRAWINGS, rows_of

    numbers = load_numbers()
    return {d.name: (d, rows_of(d, numbers), d.draw(rows_of(d, numbers))) for d in DRAWINGS}


@pytest.fixture(scope="session")
def session_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    if chromium() is None:
        pytest.skip("Chromium is not installed: the page is not tested in a browser")
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(session_tab: Tab) -> Tab:
    """A page in Chromium, at desktop size, with no events yet."""
    session_tab.size(1200, 900)
    session_tab.events.clear()
    return session_tab
