"""Groups, clusters and strata of problems on the command line: from columns of counts and from metadata."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis import Options, PairedCounts
from analysis.families.groups import by_base_difficulty, by_group
from analysis.families.guessing import Floor, corrected
from probes.expand import expand
from probes.inputs.counts_file import from_counts
from probes.inputs.sources import Source, blank
from probes.passk import passk
from tests.probes.test_planning import counts_file

SUBJECTS = ("algebra", "geometry")


@pytest.fixture
def told(probes, tmp_path):
    """Run expand on counts with a subject and a family of each problem; (output, its first comparison)."""
    file = counts_file(
        tmp_path / "c.csv", extra=(("subject", " family"), lambda i: (SUBJECTS[i // 10 % 2], f"f{i // 10}"))
    )

    def go(*options, code=0):
        result = probes("expand", "--counts", file, *options, "--out", tmp_path / "out")
        assert result.code == code, result.err
        if code:
            return " ".join(result.err.split())
        found = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"][-1]
        return result.out, found["comparisons"][0]

    go.file = file
    return go


def test_groups_are_those_of_analysis_and_on_the_card(told):
    out, found = told("--by", "subject", "--by", "base-difficulty", "--k", 4)
    pair = PairedCounts.from_frame(from_counts(told.file).counts, "a", "b")
    labels = np.array(SUBJECTS)[[int(p[1:]) // 10 % 2 for p in pair.problems]]
    expected = [by_group(pair, labels, Options(K=4)), by_base_difficulty(pair, Options(K=4))]
    for got, want, by in zip(found["groups"], expected, ("subject", "base-difficulty"), strict=True):
        assert got["by"] == by
        assert got["groups"] == json.loads(json.dumps(want["groups"]))
        assert got["heterogeneity"] == want["heterogeneity"]
    assert "By subject" in out or "subject" in out
    assert "Did all groups change alike?" in " ".join(out.split())


def test_clusters_and_strata_are_columns_of_any_name(told):
    _, plain = told()
    _, found = told("--cluster", "family", "--stratum", "subject")
    assert "12 clusters" in next(c["detail"] for c in found["checks"] if c["name"] == "clusters")
    assert plain["verdict"]["numbers"][0]["low"] != found["verdict"]["numbers"][0]["low"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--by", "topic"), "no column 'topic'"),
        (("--by", "problem"), "name another"),
        (("--cluster", "n"), "name another"),
        (("--cluster", "topic"), "no column 'topic'"),
    ],
)
def test_keys_that_are_not_there_are_said(told, options, says):
    assert says in told(*options, code=2)


def test_labels_that_contradict_or_are_one_are_said(probes, tmp_path):
    file = tmp_path / "c.csv"
    heads = "problem,checkpoint,n,c,one,two\n"
    file.write_text(heads + "".join(f"{i},{s},8,{i},x,{s}\n" for s in "ab" for i in range(8)))
    for options, says in ((("--by", "one"), "1 values"), (("--stratum", "two"), "two values")):
        result = probes("expand", "--counts", file, *options, "--out", tmp_path / "out")
        assert result.code == 2
        assert says in " ".join(result.err.split())


def test_metadata_of_problems_groups_checkpoints(probes, tmp_path, tiny_checkpoint):
    """A key that problems lack is said before anything is sampled."""
    args = ("--ckpt", tiny_checkpoint, "--ckpt", tiny_checkpoint, "--problems", "world:test?count=40")
    args += ("--n", 4, "--max-tokens", 4, "--quiet", "--out", tmp_path / "out")
    result = probes("expand", *args, "--by", "subject")
    assert result.code == 2
    assert "they have dataset, level, split, template" in " ".join(result.err.split())
    result = probes("expand", *args, "--n", 3, "--by", "base-difficulty")
    assert result.code == 2
    assert "--n of at least 4" in " ".join(result.err.split())
    assert not (tmp_path / "out").exists()
    result = probes("expand", *args, "--by", "level", "--cluster", "template")
    assert result.code == 0, result.err
    (found,) = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"][0]["comparisons"]
    assert sum(g["problems"] for g in found["groups"][0]["groups"]) == 40
    assert any(c["name"] == "clusters" for c in found["checks"])


def test_several_K_are_declared_together(told):
    out, found = told("--k", 8, "--k", 4)
    assert found["options"]["K"] == 8
    assert [v["numbers"][-1]["k"] for v in found["also"]] == [4]
    assert "Also declared, K = 4" in " ".join(out.split())
    assert "needs at least as many" in told("--k", 8, "--k", 32, code=2)


def test_a_guess_floor_that_turns_the_verdict_takes_the_headline(told):
    _, plain = told("--k", 4)
    assert plain["headline"]["outcome"] not in ("undetermined", "no-change")
    _, small = told("--k", 4, "--guess-floor", 0.01, 0.01)
    assert small["headline"] == plain["headline"]
    assert small["guess_floor"] == {"guess_floor_a": 0.01, "guess_floor_b": 0.01}
    _, large = told("--k", 4, "--guess-floor", 0.01, 0.25)
    assert large["headline"]["voided"] == ["guess floor"]
    (item,) = [c for c in large["confounds"] if c["name"] == "guess floor"]
    assert "corrected for guess floors of 1.0% and 25.0%" in item["detail"]
    assert "0 to below 1" in told("--guess-floor", 0.1, 1.5, code=2)
    assert "0 to below 1" in told("--guess-floor", 0.1, "nan", code=2)


def test_intervals_of_one_checkpoint_resample_clusters(tmp_path):
    """Forty problems in eight clusters that are solved alike: the interval is that of eight."""
    lines = [f"{i},a,8,{8 * (i // 5 % 2)},t{i // 5}" for i in range(40)]
    rows = {}
    for name, kept in (("with", 5), ("without", 4)):
        head = ",".join(["problem", "checkpoint", "n", "c", "cluster"][:kept])
        text = [",".join(line.split(",")[:kept]) for line in lines]
        (tmp_path / f"{name}.csv").write_text("\n".join([head, *text]) + "\n")
        estimates = passk(from_counts(tmp_path / f"{name}.csv"), Options(replicates=500)).estimates
        rows[name] = {r.measure: r for r in estimates}
    width = {name: r["pass@1"].high - r["pass@1"].low for name, r in rows.items()}
    assert width["with"] > 1.8 * width["without"]
    assert rows["with"]["g_pass"].low is None  # eight units: below what carries an interval


def test_floors_of_nothing_take_no_headline():
    """The correction's method has less power: where it does not find the verdict without any correction, it
    cannot take it away. Fails where a floor of 0 withholds an expansion."""
    rng, options = np.random.default_rng(32), Options(replicates=1000, seed=32)
    p = rng.beta(0.4, 2, 60)
    c = rng.binomial(16, p), rng.binomial(16, np.minimum(1, p + 0.06))
    pair = PairedCounts.from_arrays(16, c[0], 16, c[1])
    assert corrected(pair, Floor(0), Floor(0), options)["outcome"] == "undetermined"
    rows = [(f"q{i:02}", x, 16, c[j][i]) for j, x in enumerate("ab") for i in range(60)]
    counts = pd.DataFrame(rows, columns=["problem", "checkpoint", "n", "c"])
    source = Source(counts, [blank(x) for x in "ab"], {"name": "x", "fingerprint": None, "count": 60})
    found = expand(source, options, floors=(0.0, 0.0)).comparison
    assert found.verdict.outcome == found.headline.outcome == "expansion"
    (item,) = [x for x in found.confounds if x.name == "guess floor"]
    assert item.passed is None
    assert "with no guesses to take away this method says undetermined" in item.detail
