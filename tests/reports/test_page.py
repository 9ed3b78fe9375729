"""The page as a file: whole, the same every time, small enough, and honest about what it leaves out."""

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from evals.core.errors import UserError
from evals.records import Problem
from evals.store import SampleStore
from evals.store.schema import GRADES, SAMPLES
from evals.store.store import grade_group
from probes.findings.finding import read_findings
from reports.page import build, payload
from reports.page.build import build_page
from reports.page.made import made_by
from reports.page.payload import packed
from reports.page.problems import LONGEST, ProblemSet, collect
from tests.reports.findings import comparison, finding, typed, write_findings
from tests.reports.hostile import HUGE


@pytest.fixture(scope="module")
def plain_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the finding made by hand."""
    folder = tmp_path_factory.mktemp("plain")
    return build_page(written(folder, finding()), folder / "out").read_text("utf-8")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without figures of comparisons, for tests that look elsewhere."""
    monkeypatch.setattr(build, "of_comparison", lambda *_: [])


def unpacked(text: str) -> object:
    return json.loads(zlib.decompress(base64.b64decode(text)))


def data_of(page: Path) -> tuple[list, list]:
    """(index, parts of samples) of a page."""
    text = page.read_text("utf-8")
    found = re.findall(r'<script type="text/plain" (id="index"|class="part")>([^<]*)</script>', text)
    return unpacked(found[0][1]), [unpacked(t) for kind, t in found if "part" in kind]


def written(folder: Path, *held: dict) -> Path:
    write_findings(folder / "findings.json", list(held))
    return folder


def fill(
    store: SampleStore, cells: str, problems: int = 6, n: int = 4, text: str = "says {0} {1} {2}"
) -> list[Problem]:
    """Graded samples of every cell: problem i of cell j is correct in samples below (i + j) % (n + 1)."""
    asked = [Problem.make(f"question {i}", str(i)) for i in range(problems)]
    store.add_problems(asked)
    for place, cell in enumerate(cells):
        store.add_cell(cell, {"checkpoint": cell})
        rows = [(p, i, j) for i, p in enumerate(asked) for j in range(n)]
        common = {
            "key": [f"{cell}{p.id}{j}" for p, _, j in rows], "cell": [cell] * len(rows),
            "problem": [p.id for p, _, _ in rows], "index": [j for _, _, j in rows],
        }  # fmt: skip
        said = {"text": [text.format(cell, i, j) for _, i, j in rows]}
        graded = {
            "correct": [j < (i + place) % (n + 1) for _, i, j in rows],
            "answer": [str(j) for _, _, j in rows],
        }
        store.sample_table.add(cell, table(common | said, SAMPLES))
        store.grade_table.add(grade_group(cell), table(common | graded, GRADES))
    return asked


def table(columns: dict, schema: pa.Schema) -> pa.Table:
    rows = len(columns["key"])
    return pa.table(
        [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(rows, f.type) for f in schema],
        schema=schema,
    )


def stored(folder: Path, cells: str = "ab", **options: object) -> dict:
    """A finding whose samples stand in folder/store."""
    fill(SampleStore(folder / "store"), cells, **options)
    held = finding(*(comparison("a", b, problems=options.get("problems", 6)) for b in cells[1:]))
    held["provenance"]["store"] = "elsewhere/store"
    for checkpoint in held["checkpoints"]:
        checkpoint["cell"] = checkpoint["name"]
    return held


def test_the_report_is_complete_and_the_same_every_time(tmp_path: Path) -> None:
    source = written(tmp_path, finding())
    pages = [build_page(source, tmp_path / name) for name in ("one", "two")]
    files = [
        {p.relative_to(page.parent): p.read_bytes() for p in page.parent.rglob("*") if p.is_file()}
        for page in pages
    ]
    assert files[0] == files[1]
    figures = {f"figures/{n}.{e}" for n in ("passk", "delta", "support") for e in ("svg", "png", "csv")}
    assert {str(p) for p in files[0]} == figures | {"index.html", "findings.json"}
    assert read_findings(tmp_path / "one" / "findings.json") == read_findings(source / "findings.json")


def test_the_page_loads_nothing(plain_page: str) -> None:
    assert "default-src 'none'" in plain_page
    assert not re.findall(r'(?:src|href)="(?:https?:|//)[^"]*"', plain_page)
    assert not re.findall(r"@import|url\(\s*['\"]?http", plain_page)


def test_names_of_figures_hold_no_marks(tmp_path: Path) -> None:
    """What a screen reader is told of a figure: the names of checkpoints stood there as they are."""
    page = build_page(written(tmp_path, finding(comparison("a\x1b[2J", "b\u202e\0"))), tmp_path / "out")
    said = re.findall(r'aria-label="([^"]*)"', page.read_text("utf-8"))
    assert any("a [2J" in one for one in said)
    assert all(one.isprintable() for one in said)


def test_card_says_what_the_finding_says(plain_page: str) -> None:
    text = plain_page
    card = text[text.index('<article class="card') : text.index("</article>")]
    for said in (
        "sharpening", "(pass@K down)", "pass@1 rose and pass@32 fell.", "read them first: prompt (below).",
        "level 0.05, K = 32, margin ±2 points", "[+.070, +.130]", "[−.080, −.020]", "k = 16, 95% 8 to 32",
        "McNemar p = 0.012", "0.046", "9 (4–14)", "the prompts differ: shots 8 against 0",
        "1.0% under A, not known under B",
    ):  # fmt: skip
        assert said in card, said
    assert "probes expand --counts &#39;a file.csv&#39;" in text
    assert "python 3.11.0" in text


def test_gaps_in_a_finding_are_dashes_not_errors(tmp_path: Path) -> None:
    one = comparison()
    one["k"], one["options"] = [1], one["options"] | {"K": 1}
    for values in (one["passk"]["a"], one["passk"]["b"], one["delta"]):
        for key in values:
            values[key] = values[key][:1] if key == "estimate" else [None]
    one["crossover"] = dict.fromkeys(("k", "low", "high"))
    one["support"] |= {"mcnemar_p": None, "detection_limit": None}
    one["support"]["expected"] = {c: dict.fromkeys(("mean", "low", "high")) for c in "PESO"}
    one["verdict"]["needed"] = {"problems": 1200, "samples": None}
    text = build_page(written(tmp_path, finding(one)), tmp_path / "out").read_text("utf-8")
    assert "To settle it: about 1,200 problems at this n." in text
    shown = re.sub(r"<(svg|script|style).*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r"\bnan\b|\bNone\b", shown)


def test_many_comparisons_get_one_overview_and_figures_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "DRAWN", 2)
    held = finding(*(comparison("a", f"b{i}") for i in range(5)))
    page = build_page(written(tmp_path, held), tmp_path / "out")
    text = page.read_text("utf-8")
    assert text.count("<article") == 2
    assert "the other 3 have their card" in text
    (folded,) = re.findall(r'id="folded">([^<]*)</script>', text)
    cards = unpacked(folded)
    assert sorted(cards) == ["comparison-3", "comparison-4", "comparison-5"]
    assert "pass@1 rose and pass@32 fell." in cards["comparison-4"]
    names = {p.stem for p in (tmp_path / "out" / "figures").glob("*.svg")}
    drawn = {f"0{i}-{n}" for i in (1, 2) for n in ("delta", "passk", "support")}
    assert names == drawn | {"all-comparisons", "all-gained-lost"}


def test_findings_of_one_making_are_told_once() -> None:
    one, other = finding(), finding(comparison("a", "b"))
    other["provenance"] = other["provenance"] | {"command": ["other"]}
    made = made_by(typed(one, finding(comparison("before", "third")), other))
    assert [m["findings"] for m in made] == [2, 1]
    assert [c["name"] for c in made[0]["checkpoints"]] == ["before", "after", "third"]


@pytest.mark.usefixtures("undrawn")
def test_the_page_shows_what_each_checkpoint_was_asked(tmp_path: Path) -> None:
    held = finding()
    held["checkpoints"][0]["report"] = {
        "template": "gsm8k", "shots": 1, "chat": False, "prompt": "Question: <b>1+1?</b>\nAnswer: 2",
    }  # fmt: skip
    shown = build_page(written(tmp_path, held), tmp_path / "out").read_text("utf-8")
    assert shown.count("is asked:") == 1
    assert "What <bdi>before</bdi> is asked: gsm8k, 1 shots, in plain text" in shown
    assert "Question: &lt;b&gt;1+1?&lt;/b&gt;" in shown


def test_problems_and_samples_come_from_the_store_beside_the_finding(tmp_path: Path) -> None:
    page = build_page(written(tmp_path, stored(tmp_path)), tmp_path / "out")
    (index,), parts = data_of(page)
    assert (index["names"], index["pairs"]) == (["a", "b"], [[0, 1]])
    assert len(index["problems"]) == 6
    by_question = {row[1]: row for row in index["problems"]}
    _, _, gold, counts, place = by_question["question 3"]
    assert (gold, counts) == ("3", [[4, 3], [4, 4]])
    of_a, of_b = parts[place[0]][place[1]]
    assert [s[1] for s in of_a] == [1, 1, 1, 0]  # correct ones first
    assert of_a[-1] == ["says a 3 3", 0, "3", 3]
    assert [s[0] for s in of_b] == [f"says b 3 {j}" for j in range(4)]
    assert {p.stem for p in (tmp_path / "out" / "figures").glob("*.svg")} >= {"histogram", "flow"}


def test_a_store_that_has_grown_shows_what_was_compared(tmp_path: Path) -> None:
    """The card spoke of the first 2 samples of 4 problems; beside it stood counts and figures of all."""
    held = stored(tmp_path)
    for checkpoint in held["checkpoints"]:
        checkpoint["report"] = {"n_most": 2}
    held["comparisons"][0]["problems"] = 4
    page = build_page(written(tmp_path, held), tmp_path / "out")
    (index,), parts = data_of(page)
    assert {n for row in index["problems"] for n, _ in row[3]} == {2}
    assert {len(side) for part in parts for row in part for side in row} == {2}
    assert index["note"] == "These are all 6 problems of the store, of which 4 are compared."
    assert not {p.stem for p in (tmp_path / "out" / "figures").glob("*.svg")} & {"histogram", "flow"}


def test_a_store_beside_the_finding_that_is_not_its_own_is_passed_over(tmp_path: Path) -> None:
    """`probes expand --samples OTHER/store --out X`, where X/store holds the samples of another command."""
    held = stored(tmp_path / "other")
    held["provenance"]["store"] = str(tmp_path / "other" / "store")
    fill(SampleStore(tmp_path / "store"), "cd")
    (found,) = collect(typed(held), tmp_path)
    assert (found.complete, found.partial, len(found.problems)) == (True, None, 6)


def test_of_many_checkpoints_the_first_pair_shows_samples(tmp_path: Path) -> None:
    held = stored(tmp_path, "abcde")
    (found,) = collect(typed(held), tmp_path)
    assert found.pairs == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert [t is not None for t in found.texts] == [True, True, False, False, False]
    assert found.partial == "Samples are shown of the first two of 5 checkpoints; counts of all."
    pair = found.pair("a", "e")
    assert sorted(pair.c_b) == [0, 1, 2, 3, 4, 4]


@pytest.mark.usefixtures("undrawn")
def test_a_lost_store_leaves_what_the_finding_lists(tmp_path: Path) -> None:
    record = {"problem": "p", "question": None, "gold": None, "a": {"n": 4, "c": 0}, "b": {"n": 4, "c": 1}}
    record["samples"] = {"a": [], "b": []}
    held = finding(changed={"gained": [record], "lost": [], "gained_total": 3, "lost_total": 0})
    held["provenance"]["store"] = "gone"
    (index,), parts = data_of(build_page(written(tmp_path, held), tmp_path / "out"))
    assert parts == []
    assert "1 of 3 problems gained or lost, without samples" in index["note"]
    text = build_page(written(tmp_path, finding()), tmp_path / "none").read_text("utf-8")
    assert "No problems are listed" in text


def test_a_store_graded_by_another_version_leaves_what_the_finding_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = stored(tmp_path)
    monkeypatch.setattr("evals.verify.VERSION", "of another year")
    record = {"problem": "p", "question": None, "gold": None, "a": {"n": 4, "c": 0}, "b": {"n": 4, "c": 1}}
    record["samples"] = {"a": [], "b": []}
    held["changed"] = {"gained": [record], "lost": [], "gained_total": 1, "lost_total": 0}
    (found,) = collect(typed(held), tmp_path)
    assert [row[0] for row in found.problems] == ["p"]
    assert "The store was not read: " in found.partial
    assert "evals grade" in found.partial


def test_samples_are_halved_until_they_fit_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "PART", 20_000)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    rng = np.random.default_rng(0)
    rows = [
        (f"p{i}", j, "".join(rng.choice(letters, 2000)), j == 0, "1") for i in range(200) for j in range(8)
    ]
    texts = pd.DataFrame(rows, columns=["problem", "index", "text", "correct", "answer"])
    held = ProblemSet(
        ["a", "b"],
        [(0, 1)],
        [(f"p{i}", "q", "1") for i in range(200)],
        [[(8, 1), (8, 1)]] * 200,
        [texts, texts],
    )
    _, parts, note = payload.payload([held])
    size = sum(map(len, parts))
    assert note is None
    index, parts, note = payload.payload([held], budget=size // 3)
    assert sum(map(len, parts)) <= size // 3
    assert "at most 2 samples of each problem" in note
    held_samples = [len(side) for part in parts for samples in unpacked(part) for side in samples]
    assert held_samples == [2] * 400
    index, parts, note = payload.payload([held], budget=size // 40)
    assert "the first problems only" in note
    places = [row[4] for row in unpacked(index)[0]["problems"]]
    assert places[0] == [0, 0]
    assert places[-1] is None


def test_long_texts_keep_their_ends_and_say_what_is_left_out(tmp_path: Path) -> None:
    (found,) = collect(typed(stored(tmp_path, problems=1, text="start" + HUGE + "end{0}{1}{2}")), tmp_path)
    ((of_a, _),) = list(found.samples(1))
    text = of_a[0][0]
    assert len(text) < LONGEST + 60
    assert text.startswith("startx")
    assert re.search(r"x\n… 294,0\d\d characters left out …\nx+enda0\d$", text)


def test_what_is_packed_cannot_be_markup() -> None:
    text = packed(["</script>", "\ud800", "\u2028", "<!--"])
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", text)
    assert unpacked(text) == ["</script>", "?", "\u2028", "<!--"]


@pytest.mark.usefixtures("undrawn")
def test_a_page_that_cannot_be_finished_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(build, "write_file", full)
    with pytest.raises(OSError, match="No space"):
        build_page(written(tmp_path, finding()), tmp_path / "out")
    assert not (tmp_path / "out" / "index.html").exists()


def test_many_findings_of_other_probes_are_folded_and_few_are_not(tmp_path: Path) -> None:
    one = finding() | {"probe": "passk", "tables": [], "problems": None}
    del one["comparisons"]
    bars = [{"checkpoint": "before", "low": 0.0, "high": 0.5, "share": 1.0}]
    few = build_page(written(tmp_path / "few", one | {"histogram": bars}), tmp_path / "few" / "out")
    assert '<details class="finding" open>' in few.read_text("utf-8")
    assert (tmp_path / "few" / "out" / "figures" / "finding-1-histogram.svg").is_file()
    many = build_page(written(tmp_path / "many", *[one] * 7), tmp_path / "many" / "out").read_text("utf-8")
    assert many.count('<details class="finding" >') == 7


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ({"schema": 1, "findings": []}, "holds an empty list of findings"),
        ({"schema": 1, "findings": [{"a": 1}]}, "does not say which probe made it"),
        ({"schema": 1, "findings": [{"probe": "expand", "comparisons": []}]}, "compares nothing"),
        ({"schema": 99, "findings": []}, "schema version 99"),
        ([], "is not a findings file"),
    ],
)
def test_findings_that_say_nothing_are_refused(tmp_path: Path, held: object, says: str) -> None:
    (tmp_path / "findings.json").write_text(json.dumps(held))
    with pytest.raises(UserError, match=says):
        build_page(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("changed",), {"gained": []}),
        (("changed", "lost", 0), "text"),
        (("changed", "lost", 0, "b"), 3),
        (("changed", "lost", 0, "samples"), {"a": [{"text": 1}], "b": []}),
        (("comparisons", 0, "support", "expected", "E"), "text"),
        (("comparisons", 0, "support", "expected", "O", "mean"), "text"),
    ],
)
def test_what_a_finding_lists_has_its_shape_or_is_named(tmp_path: Path, place: tuple, value: object) -> None:
    """Each of these ended in a traceback."""
    record = {"problem": "p", "question": None, "gold": None, "a": {"n": 4, "c": 1}, "b": {"n": 4, "c": 0}}
    record["samples"] = {"a": [{"text": "t", "correct": True, "answer": None}], "b": []}
    held = finding(changed={"gained": [], "lost": [record], "gained_total": 0, "lost_total": 1})
    inner: Any = held
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(UserError, match="is damaged at"):
        build_page(written(tmp_path, held), tmp_path / "out")


def test_a_folder_without_findings_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no findings\.json"):
        build_page(tmp_path, tmp_path / "out")
    with pytest.raises(UserError, match="does not exist"):
        build_page(tmp_path / "nowhere", tmp_path / "out")


@pytest.mark.usefixtures("undrawn")
def test_other_probes_stand_on_the_page_with_their_checks(tmp_path: Path) -> None:
    row = {"checkpoint": "before", "measure": "m", "label": "token entropy", "unit": "nats", "estimate": 1.25}
    row |= {"low": 1.0, "high": 1.5, "digits": 2}
    other = finding() | {
        "probe": "likelihood",
        "estimates": [row],
        "differences": [],
        "notes": ["A note."],
        "tables": [{"title": "Budget", "columns": ["k", "share"], "rows": [[8, 0.5], [None, True]]}],
        "perplexity": [{"samples": "A", "group": "P", "estimate": 1.5, "low": 1.4, "high": 1.6}],
        "checks": [{"name": "KL", "passed": False, "value": None, "detail": "not estimated"}],
        "problems": None,
    }
    del other["comparisons"]
    text = build_page(written(tmp_path, finding(), other), tmp_path / "out").read_text("utf-8")
    for said in (
        "token entropy (nats)",
        "1.25 [1.00, 1.50]",
        "A note.",
        "Budget",
        "not estimated",
        "Perplexity by group",
    ):
        assert said in text, said
    assert (tmp_path / "out" / "figures" / "finding-1-perplexity.svg").is_file()
    change = {"a": "before", "b": "after", "label": "facts", "estimate": 0.1, "low": None, "high": None}
    rows = [change | {"measure": "facts", "unit": "rate", "digits": 3, "p": None}]
    other |= {"probe": "capability", "differences": rows}
    alone = build_page(written(tmp_path / "alone", other), tmp_path / "alone" / "out").read_text("utf-8")
    assert "token entropy" in alone
    assert "Change on general benchmarks" in alone


@pytest.mark.usefixtures("undrawn")
def test_with_several_pairs_page_terminal_and_tables_head_with_the_verdict_that_stands(
    tmp_path: Path,
) -> None:
    """Holm's step turns the first pair's expansion into undetermined: nobody shows it as an expansion."""
    adjusted = {"pairs": 2, "level": 0.025, "p": 0.04, "outcome": "undetermined", "kind": None}
    first, second = comparison("a", "b", adjusted=adjusted), comparison("a", "c")
    first["verdict"] |= {"outcome": "expansion", "kind": None}
    page = build_page(written(tmp_path, finding(first, second)), tmp_path / "out").read_text("utf-8")
    assert re.findall(r'<p class="outcome">\s*([\w-]+)', page)[0] == "undetermined"
    assert re.findall(r'<article class="card ([\w-]+)"', page)[0] == "undetermined"
    assert 'class="badge expansion"' not in page
    assert "by itself this pair is expansion" in page
