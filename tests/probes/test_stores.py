"""A store is measured as it stands, and what it knows of a cell is known on the card."""

import json
import shutil
from dataclasses import replace

import pytest

from evals.asking import Asking
from evals.sampling import Where
from evals.store import SampleStore, all_cells
from evals.store.reading import labels
from probes.comparison.gained_lost import changed
from probes.inputs.checkpoints import Sampling, from_checkpoints
from probes.inputs.sources import from_samples, pairs_of
from tests.probes.conftest import sample_toys


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


def _sampled(folder, base, sharp):
    return sample_toys(folder / "store", {"z-base": base, "a-rl": sharp}, 4)


def test_a_store_is_compared_in_the_order_in_which_it_was_sampled(tmp_path, base, sharp):
    """Fails where cells are ordered by label: B - A had the other sign than when the same was sampled."""
    source = _sampled(tmp_path, base, sharp)
    read = from_samples([source.store.path], tmp_path / "unused")
    assert [d["name"] for d in read.checkpoints] == ["z-base", "a-rl"]
    pairs = [[(a["name"], b["name"]) for a, b in pairs_of(s.checkpoints, "first")] for s in (source, read)]
    assert pairs[0] == pairs[1]


def test_a_store_that_does_not_know_its_order_says_which_is_a(tmp_path, base, sharp, capsys):
    store = _sampled(tmp_path, base, sharp).store
    for file in (store.path / "cells").glob("*.json"):  # as older versions wrote them
        info = json.loads(file.read_text())
        file.write_text(json.dumps({key: value for key, value in info.items() if key != "begun"}))
    read = from_samples([store.path], tmp_path / "unused")
    assert [d["name"] for d in read.checkpoints] == ["a-rl", "z-base"]
    assert "a-rl first (A); choose A and B with --only" in capsys.readouterr().err
    from_samples([store.path], tmp_path / "unused", ordered=True)
    assert not capsys.readouterr().err
    sample_toys(store.path, {"0-later": base.tempered(0.5)}, 4)
    names = [store.cell(cell)["checkpoint"] for cell in all_cells(store)]
    assert names == ["a-rl", "z-base", "0-later"]


def test_the_same_weights_under_another_name_leave_a_store_its_names(tmp_path, tiny_checkpoint):
    """Fails where a cell is renamed: what the first command called `base` was `a-copy` to the next."""
    copy = shutil.copytree(tiny_checkpoint, tmp_path / "a-copy")
    asked = Sampling(n=2, limit=3, askings=(Asking(max_tokens=4),), where=Where(quiet=True))
    for path in (tiny_checkpoint, copy):
        source = from_checkpoints([str(path)], asked, tmp_path / "store")
        assert source.checkpoints[0]["name"] == path.name == source.checkpoints[0]["report"]["checkpoint"]
        assert set(source.counts["checkpoint"]) == {path.name}
    read = from_samples([tmp_path / "store"], tmp_path / "unused")
    assert [d["name"] for d in read.checkpoints] == [tiny_checkpoint.name]


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
