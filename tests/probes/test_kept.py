"""Findings as an earlier version wrote them: still read, and made again with the same numbers."""

import json
from pathlib import Path

import pytest

from analysis import Options, PairedCounts
from analysis.problems.selection import select_on_half
from evals.core.errors import UserError
from probes.expand import expand
from probes.findings.finding import read_findings, typed, write_findings
from probes.inputs.counts_file import from_counts
from probes.passk import passk
from probes.support import support

KEPT = Path(__file__).parent / "kept"
WORDS = {"sentence", "reasons", "detail", "title"}  # texts may be put better
CHANGED = {  # created is certified on both sides for all problems together; Holm runs over both numbers of
    # all pairs; p of the second number is after step-down; a default K follows from n alone
    *("certification", "origin", "tables", "p", "K declared", ".adjusted.level"),
}


def differences(kept, made, place=""):
    """Every number, name and outcome of the kept JSON that the new one lacks or has otherwise."""
    if isinstance(kept, dict):
        for key in kept:
            if key in ("schema", "provenance", *WORDS) or {key, f"{place}.{key}"[-15:]} & CHANGED:
                continue
            if key not in made:
                yield f"{place}.{key} is missing"
            else:
                yield from differences(kept[key], made[key], f"{place}.{key}")
    elif isinstance(kept, (list, tuple)) and kept and all(isinstance(x, dict) and "name" in x for x in kept):
        named = [{x["name"]: x for x in part} for part in (kept, made)]
        yield from differences(*named, place)  # checks may be added
    elif isinstance(kept, (list, tuple)):
        measured = bool(kept) and isinstance(kept[0], dict) and "measure" in kept[0]  # may be added behind
        if len(kept) > len(made) or (len(kept) < len(made) and not measured):
            yield f"{place} has {len(made)} entries for {len(kept)}"
        for i, (x, y) in enumerate(zip(kept, made, strict=False)):
            yield from differences(x, y, f"{place}[{i}]")
    elif isinstance(kept, float) and not isinstance(made, bool) and made is not None:
        if made != pytest.approx(kept, rel=1e-6, abs=1e-7):  # sums in float32 depend on threads and processor
            yield f"{place}: {made} for {kept}"
    elif kept != made:
        yield f"{place}: {made!r} for {kept!r}"


@pytest.mark.parametrize(("place", "probe"), [(0, expand), (1, passk), (2, support)])
def test_every_number_is_the_same_as_before(place, probe):
    kept = json.loads((KEPT / "findings.json").read_text("utf-8"))["findings"][place]
    options = Options(K=8, margin=0.02) if probe is expand else Options()
    made = probe(from_counts(KEPT / "counts.csv"), options).to_dict()
    assert "; ".join(differences(kept, json.loads(json.dumps(made)))) == ""


def test_an_older_schema_is_read_and_written_as_the_new_one(tmp_path):
    old = read_findings(KEPT / "findings.json")
    assert [f.version for f in old] == [1, 1, 1]
    assert old[0].comparisons[0].headline.kind == "pass@1 up"
    write_findings(tmp_path / "findings.json", old)
    again = read_findings(tmp_path / "findings.json")
    assert [f.version for f in again] == [2, 2, 2]
    assert again[0].comparisons == old[0].comparisons
    assert again[2].extra("pairs") == old[2].extra("pairs")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"probe": 7}, "damaged at probe"),
        ({"comparisons": [{"a": "x"}]}, r"damaged at comparisons\.0\.b"),
        ({"checks": [{"name": "x", "passed": "perhaps"}]}, r"damaged at checks\.0\.passed"),
        ({"probe": None}, "damaged at probe"),
    ],
)
def test_a_damaged_finding_is_refused_with_the_field(change, says):
    with pytest.raises(UserError, match=says):
        typed({"schema": 2, "probe": "expand"} | change)


def test_problems_are_selected_on_half_of_the_samples_and_compared_on_the_rest():
    source = from_counts(KEPT / "counts.csv")
    whole, part = (expand(source, Options(K=4), select=s).comparison for s in (None, (0.0, 0.5)))
    assert part.problems < whole.problems
    assert part.n == whole.n // 2
    assert part.robustness is None


def test_what_is_gained_and_lost_is_of_the_selected_counts():
    """Fails where the list is of all problems and all samples, beside a card of the selected ones."""
    source = from_counts(KEPT / "counts.csv")
    found = expand(source, Options(K=4), select=(0.0, 0.5))
    pair = select_on_half(
        PairedCounts.from_frame(source.counts, found.comparison.a, found.comparison.b), 0.0, 0.5, seed=0
    )
    only_b, only_a = (pair.c_a == 0) & (pair.c_b > 0), (pair.c_a > 0) & (pair.c_b == 0)
    assert (found.changed["gained_total"], found.changed["lost_total"]) == (only_b.sum(), only_a.sum())
    n = dict(zip(pair.problems, pair.n_a, strict=True))
    assert all(r["a"]["n"] == n[r["problem"]] for kind in ("gained", "lost") for r in found.changed[kind])


def test_problems_whose_rate_changed_are_listed_with_their_p(tmp_path):
    """Gained and lost problems alone are what one model drawn twice gives, too."""
    rows = [f"p{i},a,64,{i % 3}\np{i},b,64,{40 if i == 7 else (i + 1) % 3}" for i in range(60)]
    (tmp_path / "c.csv").write_text("\n".join(["problem,checkpoint,n,c", *rows]))
    found = expand(from_counts(tmp_path / "c.csv"))
    (one,) = found.changed["improved"]
    assert (one["problem"], one["rate_a"], one["rate_b"]) == ("p7", 1 / 64, 40 / 64)
    assert one["p"] < one["q"] < 1e-6
    assert found.changed["worsened"] == []
    assert found.comparison.changes.improved == 1
    assert found.changed["gained_total"] == found.changed["lost_total"] == 20


def test_counts_files_name_clusters_and_strata(tmp_path):
    """The columns were dropped without a word; whole floats, a mark of UTF-8 and spaces in heads are read."""
    lines = [f"{i},{side},8.0,{i % 5},t{i // 4}" for side in "ab" for i in range(40)]
    (tmp_path / "c.csv").write_text("\ufeffproblem , checkpoint,n,c,cluster\n" + "\n".join(lines), "utf-8")
    found = expand(from_counts(tmp_path / "c.csv"), Options(K=4)).comparison
    assert "10 clusters" in next(c.detail for c in found.checks if c.name == "clusters")
    (tmp_path / "d.csv").write_text("problem,checkpoint,n,c,stratum\n1,a,8,1,\n1,b,8,1,x\n", "utf-8")
    with pytest.raises(UserError, match="stratum"):
        from_counts(tmp_path / "d.csv")
