"""The page in a real browser: hostile text is inert; all that is offered works by hand and by key."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.page import build
from reports.page.build import build_page
from tests.reports.browser import Tab
from tests.reports.findings import comparison, finding, write_findings
from tests.reports.hostile import HOSTILE, HUGE


def changed(count: int = 60, samples: int = 3) -> dict:
    """Problems gained and lost: of problem i, A says "apples i" and B "pears i"; hostile text among them."""

    def record(i: int, gained: bool) -> dict:
        def said(word: str, right: bool) -> list[dict]:
            return [
                {
                    "text": f"First {word} {i} then the same words {j}",
                    "correct": right and j == 0,
                    "answer": str(j),
                }
                for j in range(samples)
            ]

        return {
            "problem": f"p{i}", "question": f"How many in box {i}?", "gold": str(i),
            "a": {"n": 32, "c": 0 if gained else 1 + i % 7}, "b": {"n": 32, "c": 1 + i % 7 if gained else 0},
            "samples": {"a": said("apples", not gained), "b": said("pears", gained)},
        }  # fmt: skip

    held = {
        "gained": [record(i, True) for i in range(count)],
        "lost": [record(i, False) for i in range(count, count + 5)],
    }
    return held | {"gained_total": count + 9, "lost_total": 5}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    other = comparison("before", "third")
    other["verdict"] = other["verdict"] | {"outcome": "expansion", "sentence": "Both rose."}
    other["delta"] = other["delta"] | {"estimate": [0.3, 0.07, 0.04, 0.01, 0.02, 0.2]}
    write_findings(folder / "findings.json", [finding(comparison(), other, changed=changed())])
    return build_page(folder, folder / "report")


ALL = "[...document.querySelectorAll('{}')].filter(e => {}).length"
CHANGE = "{0}.value = '{1}'; {0}.dispatchEvent(new Event('change'))"


def nothing_ran(tab: Tab) -> None:
    """No script but ours, no dialog, no error, and nothing fetched but the page itself."""
    assert tab.evaluate("String(window.pwned)") == "undefined"
    assert tab.seen("Page.javascriptDialogOpening", "Runtime.exceptionThrown") == []
    wanted = {e["request"]["url"][:5] for e in tab.seen("Network.requestWillBeSent")}
    assert wanted <= {"file:"}
    assert len(tab.seen("Network.requestWillBeSent")) == 1
    assert tab.evaluate("[...document.scripts].filter(s => !s.type).length") == 1
    handlers = ALL.format("*", "[...e.attributes].some(a => /^on/.test(a.name))")
    assert tab.evaluate(handlers) == 0
    assert (
        tab.evaluate("document.querySelectorAll('img, iframe, base, object, embed, form[action]').length")
        == 0
    )
    assert tab.evaluate("getComputedStyle(document.body).display") == "block"


def open_first(tab: Tab, number: int = 0) -> None:
    tab.evaluate(f"document.querySelectorAll('#list details')[{number}].open = true; 1")
    tab.until(
        f"!!document.querySelectorAll('#list details')[{number}].querySelector('.sides, .note + .note')"
    )


def search(tab: Tab, text: str, says: str) -> list[str]:
    """Type a search and wait for what the status says; the headings found."""
    tab.evaluate(
        f"(() => {{ const box = document.getElementById('search'); box.value = {json.dumps(text)};"
        "document.getElementById('status').textContent = '';"
        "box.dispatchEvent(new Event('input')); })()"
    )
    tab.until(f"document.getElementById('status').textContent.includes({json.dumps(says)})")
    return tab.evaluate("[...document.querySelectorAll('#list summary')].map(s => s.textContent)")


def test_hostile_text_everywhere_is_inert(tab: Tab, tmp_path: Path) -> None:
    bad = " ".join(HOSTILE)
    one = comparison(f"A {bad}", f"B {bad}")
    one["verdict"] = one["verdict"] | {"sentence": bad, "reasons": list(HOSTILE), "kind": bad}
    one["confounds"] = [
        {"name": bad, "passed": p, "value": bad, "detail": bad + str(p)} for p in (True, False, None)
    ]
    records = changed(len(HOSTILE) + 1)
    for record, text in zip(records["gained"], (*HOSTILE, HUGE), strict=True):
        record |= {"problem": text[:200], "question": text, "gold": text}
        for side in record["samples"].values():
            for sample in side:
                sample |= {"text": text, "answer": text}
    held = finding(one, changed=records)
    held["problems"] = {"name": bad, "fingerprint": bad, "count": 3}
    held["provenance"] = held["provenance"] | {"command": [bad, HUGE[:5000]], "versions": {bad: bad}}
    row = {
        "checkpoint": bad,
        "measure": bad,
        "label": bad,
        "unit": bad,
        "estimate": 1.0,
        "low": None,
        "high": None,
    }
    tables = [{"title": bad, "columns": [bad, bad], "rows": [[bad, 1.5]]}]
    entropy = held | {"probe": bad, "estimates": [row], "differences": [], "tables": tables, "notes": [bad]}
    write_findings(tmp_path / "findings.json", [held, entropy])
    tab.open(build_page(tmp_path, tmp_path / "report"))
    for number in range(len(HOSTILE) + 1):
        open_first(tab, number)
    tab.evaluate("document.querySelectorAll('.steps button').forEach(b => b.click()); 1")
    tab.evaluate("document.querySelectorAll('.body input').forEach(b => b.click()); 1")
    for text in HOSTILE[:6]:
        assert len(search(tab, text, "searched")) >= 1
        open_first(tab)
    nothing_ran(tab)
    texts = tab.evaluate("document.querySelector('#list .text').textContent")
    assert "\\boxed{</p>}" in texts
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_even_an_injected_script_would_not_run(tab: Tab, page: Path) -> None:
    tab.open(page)
    tab.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned=1\">'); 1")
    tab.evaluate("window.made = document.createElement('script'); made.text = 'window.pwned = 1'; 1")
    tab.evaluate("document.body.append(made); 1")
    tab.evaluate("new Promise(done => setTimeout(done, 100))")
    assert tab.evaluate("String(window.pwned)") == "undefined"


def test_direction_and_control_marks_are_shown_not_obeyed(tab: Tab, tmp_path: Path) -> None:
    records = changed(1)
    records["gained"][0]["samples"]["b"][0]["text"] = "safe\u202egnp.exe\x07\nnext"
    write_findings(tmp_path / "findings.json", [finding(changed=records)])
    tab.open(build_page(tmp_path, tmp_path / "report"))
    open_first(tab)
    text = tab.evaluate("document.querySelectorAll('#list .side .text')[1].textContent")
    assert text == "safeU+202Egnp.exeU+0007\nnext"


def test_filters_and_searches_questions_and_samples(tab: Tab, page: Path) -> None:
    tab.open(page)
    assert tab.evaluate("document.getElementById('status').textContent") == "60 of 60 problems"
    options = tab.evaluate("[...document.getElementById('group').options].map(o => o.textContent)")
    assert options == ["gained (60)", "lost (5)", "both (0)", "neither (0)", "all (65)"]
    assert "65 of 74" in tab.evaluate("document.getElementById('set-note').textContent")
    found = search(tab, "box 17?", "searched")
    assert len(found) == 1
    assert "A 0/32 → B 4/32 How many in box 17?" in found[0]
    found = search(tab, "PEARS 23", "samples searched")  # stands in a sample only
    assert [f for f in found if "box 23?" in f] == found
    assert len(found) == 1
    assert search(tab, "nowhere to be found", "samples searched") == []
    assert len(search(tab, "", "60 of 60")) == 40
    tab.evaluate("document.getElementById('more').click(); 1")
    assert tab.evaluate("document.querySelectorAll('#list > li').length") == 60
    assert tab.evaluate("document.getElementById('more').hidden")
    tab.evaluate(CHANGE.format("document.getElementById('group')", "lost"))
    assert tab.evaluate("document.querySelectorAll('#list > li').length") == 5


def test_samples_stand_side_by_side_and_differences_are_marked(tab: Tab, page: Path) -> None:
    tab.open(page)
    search(tab, "box 23?", "searched")
    open_first(tab)
    assert tab.evaluate("[...document.querySelectorAll('.side h3')].map(h => h.textContent)") == [
        "A: before",
        "B: after",
    ]
    words = "[...document.querySelectorAll('.removed, .added')].map(e => e.className + ' ' + e.textContent)"
    assert tab.evaluate(words) == ["removed apples", "added pears"]
    about = "[...document.querySelectorAll('.about')].map(e => e.textContent)"
    assert tab.evaluate(about) == ["wrong 1 of 3 (sample 0), answer 0", "correct 1 of 3 (sample 0), answer 0"]
    tab.evaluate("document.querySelectorAll('.side')[1].querySelectorAll('button')[1].click(); 1")
    assert tab.evaluate(about)[1] == "wrong 2 of 3 (sample 1), answer 1"
    assert tab.evaluate(words) == ["removed apples", "removed 0", "added pears", "added 1"]
    tab.evaluate("document.querySelector('.body input').click(); 1")
    assert tab.evaluate(words) == []
    boxes = "[...document.querySelectorAll('.side')].map(s => s.getBoundingClientRect().toJSON())"
    one, two = tab.evaluate(boxes)
    assert one["right"] <= two["left"]
    assert one["top"] == two["top"]


def test_tables_sort_by_number_and_say_so(tab: Tab, page: Path) -> None:
    tab.open(page)
    head = "document.querySelectorAll('#overview table.sortable th')[3]"
    cells = "[...document.querySelectorAll('#overview > .wide tbody tr')].map(r => r.cells[3])"
    column = cells + ".map(c => parseFloat(c.dataset.value))"
    assert tab.evaluate(column) == [0.1, 0.3]
    tab.evaluate(f"{head}.querySelector('button').click(); 1")
    tab.evaluate(f"{head}.querySelector('button').click(); 1")
    assert tab.evaluate(f"{head}.getAttribute('aria-sort')") == "descending"
    assert tab.evaluate(column) == [0.3, 0.1]


def test_keys_alone_reach_everything(tab: Tab, page: Path) -> None:
    tab.open(page)
    tab.key("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    tab.key("/", "/")
    assert tab.evaluate("document.activeElement.id") == "search"
    tab.evaluate("document.querySelector('#list summary').focus(); 1")
    tab.key("Enter", "\r")
    tab.until("!!document.querySelector('#list .sides')")
    tab.evaluate("document.querySelectorAll('.steps button')[1].focus(); 1")
    tab.key(" ", " ")
    assert "2 of 3" in tab.evaluate("document.querySelector('.about').textContent")
    assert tab.evaluate(ALL.format("button, select, input, summary, a[href]", "e.tabIndex < 0")) == 0
    assert tab.evaluate(ALL.format("button", "!e.hidden && !e.textContent.trim()")) == 0


def test_a_phone_sees_all_without_scrolling_sideways(tab: Tab, page: Path) -> None:
    tab.size(390, 844)
    tab.open(page)
    open_first(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    tops = tab.evaluate("[...document.querySelectorAll('.side')].map(s => s.getBoundingClientRect().top)")
    assert tops[1] > tops[0]
    assert tab.evaluate("document.querySelector('.outcome').getBoundingClientRect().top < 844")


def test_it_prints_with_every_comparison_open_and_no_controls(tab: Tab, page: Path) -> None:
    tab.open(page)
    tab.call("Emulation.setEmulatedMedia", media="print")
    try:
        tab.evaluate("window.dispatchEvent(new Event('beforeprint')); 1")
        assert tab.evaluate("[...document.querySelectorAll('details.comparison')].every(d => d.open)")
        assert tab.evaluate("getComputedStyle(document.getElementById('filter')).display") == "none"
        assert len(tab.call("Page.printToPDF")["data"]) > 20_000
    finally:
        tab.call("Emulation.setEmulatedMedia", media="")


def test_figures_are_drawn_with_text_as_text_and_ids_of_their_own(tab: Tab, page: Path) -> None:
    tab.open(page)
    assert tab.evaluate("document.querySelectorAll('figure svg').length") == 8
    assert tab.evaluate("document.querySelectorAll('figure svg text').length") > 60
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(set(ids)) == len(ids)
    sizes = "[...document.querySelectorAll('#verdict figure svg')].map(s => s.getBoundingClientRect().width)"
    assert all(width > 250 for width in tab.evaluate(sizes))
    dangling = (
        "[...document.querySelectorAll('use')].filter(u => !document.getElementById("
        "(u.getAttribute('xlink:href') || u.getAttribute('href')).slice(1))).length"
    )
    assert tab.evaluate(dangling) == 0


def test_the_second_comparison_has_problems_only_if_they_were_listed(tab: Tab, page: Path) -> None:
    tab.open(page)
    assert tab.evaluate("document.getElementById('pair-label').hidden")
    link = "document.querySelector('a[href=\"#comparison-2\"]')"
    assert tab.evaluate(f"{link}.textContent") == "third"
    tab.evaluate(f"{link}.click(); 1")
    tab.until("document.getElementById('comparison-2').open")


def test_folded_cards_are_unpacked_when_looked_at(
    tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "DRAWN", 1)
    bad = "<img src=x onerror='window.pwned=1'></details>"
    held = finding(*(comparison("a", f"b{i} {bad}") for i in range(3)))
    write_findings(tmp_path / "findings.json", [held])
    tab.open(build_page(tmp_path, tmp_path / "report"))
    assert tab.evaluate("document.querySelectorAll('article').length") == 1
    tab.evaluate("document.querySelector('#comparison-3').open = true; 1")
    tab.until("!!document.querySelector('#comparison-3 article')")
    assert "pass@1 rose" in tab.evaluate("document.querySelector('#comparison-3').textContent")
    assert tab.evaluate("document.querySelectorAll('#comparison-3 th button').length") > 0
    tab.evaluate("window.dispatchEvent(new Event('beforeprint')); 1")
    assert tab.evaluate("document.querySelectorAll('article').length") == 3
    nothing_ran(tab)


ROOT = Path(__file__).resolve().parents[2]
AXE = Path(os.environ.get("AXE_CORE", ROOT / "build/axe/package/axe.min.js"))
WIDTHS = (400, 768, 1280, 1920)
FOUND = """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(
  v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).slice(0, 3).join('; ')))"""
SCROLLS = "['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1"


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest, tab: Tab, page: Path) -> Iterator[str]:
    """The page in light or dark with everything open."""
    value = [{"name": "prefers-color-scheme", "value": request.param}]
    tab.call("Emulation.setEmulatedMedia", features=value)
    tab.open(page)
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true); 1")
    open_first(tab)
    yield request.param
    tab.call("Emulation.setEmulatedMedia", features=[])


def test_nothing_scrolls_sideways_and_dark_is_dark(tab: Tab, scheme: str) -> None:
    for width in WIDTHS:
        tab.size(width, 900)
        assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
        assert tab.evaluate(ALL.format("*", SCROLLS)) == 0, width
    paper = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")


def test_axe_finds_no_violation(tab: Tab, scheme: str) -> None:
    if not AXE.is_file():
        pytest.skip(f"axe-core is absent: `make axe` fetches it to {AXE}")
    for width in (400, 1280):
        tab.size(width, 900)
        tab.call("Runtime.evaluate", expression=AXE.read_text("utf-8"))
        assert tab.evaluate(FOUND) == [], width
