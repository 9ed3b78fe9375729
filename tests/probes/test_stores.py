"""A store is measured as it stands, and what it knows of a cell is known on the card."""

import json
from dataclasses import replace

import pytest

from evals.store import SampleStore
from evals.store.reading import labels
from probes.comparison.gained_lost import changed
from probes.inputs.sources import from_samples


def test_a_store_gives_the_verdict_of_its_checkpoints(probes, toy_source, tmp_path):
    """Fails where a store is taken for a log: `--samples STORE` ended with "is no inspect_ai log"."""
    result = probes("expand", "--samples", toy_source.store, "--k", "32", "--out", tmp_path / "out")
    assert result.code == 0, result.err
    (found,) = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"]
    assert found["provenance"]["store"] == str(toy_source.store)
    checks = {c["name"]: c["passed"] for c in found["checks"]}
    assert checks["prompt"] is True
    assert checks["decoding"] is True
    assert [c["fingerprint"] for c in found["checkpoints"]] == [
        d["fingerprint"] for d in toy_source.checkpoints
    ]


def test_counts_are_those_of_the_sampling(toy_source, tmp_path):
    read = from_samples([toy_source.store.path], tmp_path / "unused")
    assert read.counts.equals(toy_source.counts)
    assert not (tmp_path / "unused").exists()


def test_a_store_and_files_do_not_mix(probes, toy_source, tmp_path):
    result = probes(
        "expand", "--samples", toy_source.store, "--samples", "x.jsonl", "--out", tmp_path / "out"
    )
    assert result.code == 2
    assert "is a store; give one store alone, or files" in result.err


@pytest.mark.parametrize(
    ("infos", "names"),
    [
        ([{"checkpoint": "a"}, {"checkpoint": "b"}], ["a", "b"]),
        (
            [{"checkpoint": "a", "temperature": 1.0}, {"checkpoint": "a", "temperature": 0.6}],
            ["a (temperature 1.0)", "a (temperature 0.6)"],
        ),
        (
            [{"checkpoint": "a", "engine": "x"}, {"checkpoint": "a", "engine": "y"}],
            ["a (000000)", "a (111111)"],
        ),
    ],
)
def test_cells_of_one_name_are_told_apart(tmp_path, infos, names):
    store = SampleStore(tmp_path / "store")
    cells = [str(i) * 32 for i in range(len(infos))]
    for cell, info in zip(cells, infos, strict=True):
        store.add_cell(cell, info)
    assert labels(store, cells) == names


def test_problems_gained_and_lost_are_listed_with_the_samples_of_their_side(toy_source):
    """By the counts: gained have none right under A and some under B; what is shown is what each wrote."""
    counts = toy_source.counts.pivot(index="problem", columns="checkpoint", values="c")
    wanted = {"gained": ("base", "sharp"), "lost": ("sharp", "base")}
    few = replace(toy_source, n=2)
    for n, source in ((64, toy_source), (2, few)):
        found = changed(source, "base", "sharp")
        assert found["gained_total"] + found["lost_total"] > 0
        for kind, (none, some) in wanted.items():
            ids = counts.index[(counts[none] == 0) & (counts[some] > 0)]
            assert found[f"{kind}_total"] == len(ids)
            assert {row["problem"] for row in found[kind]} <= set(ids)
            for row in found[kind]:
                side, other = ("b", "a") if kind == "gained" else ("a", "b")
                assert not any(s["correct"] for s in row["samples"][other])
                assert n == 2 or row["samples"][side][0]["correct"]
                assert len(row["samples"][side]) == min(n, 4)
    for row in changed(toy_source, "base", "sharp")["improved"]:
        assert row["rate_b"] > row["rate_a"]
    for row in changed(toy_source, "base", "sharp")["worsened"]:
        assert row["rate_b"] < row["rate_a"]
