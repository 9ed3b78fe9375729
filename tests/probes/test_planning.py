"""`probes plan`: its table from a pilot, and pilots that are none."""

import numpy as np
import pytest

HEAD = "problem,checkpoint,n,c\n"


def counts_file(path, names=("a", "b"), n=16, problems=120, extra=None):
    """A CSV of counts; extra: (names of columns, values of problem i)."""
    rng = np.random.default_rng(0)
    p = rng.beta(1, 2, problems)
    heads, values = extra or ((), lambda i: ())
    rows = [",".join(["problem", "checkpoint", "n", "c", *heads])]
    for j, name in enumerate(names):
        c = rng.binomial(n, np.minimum(p + 0.15 * j, 1))
        rows += [",".join(map(str, (f"q{i}", name, n, c[i], *values(i)))) for i in range(problems)]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_plan_is_what_analysis_computes(probes, tmp_path):
    from analysis import Options
    from analysis.families.plan import plan
    from probes.commands.planning import pilot
    from probes.inputs.counts_file import from_counts

    file = counts_file(tmp_path / "pilot.csv")
    result = probes("plan", "--counts", file, "--effect", 3, "--k", 8, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    best = plan(pilot(from_counts(file)), 0.03, Options(K=8))["best"]
    line = next(x for x in result.out.splitlines() if x.endswith("cheapest"))
    words = line.replace(",", "").split()
    assert [int(x) for x in words[:4]] == [best["n"], 8, best["problems"], best["samples"]]
    assert not (tmp_path / "out").exists()
    file = counts_file(tmp_path / "c.csv", extra=(("cluster",), lambda i: (f"t{i // 5}",)))
    assert "clusters need more" in " ".join(probes("plan", "--counts", file).out.split())


def test_seeds_and_too_few_problems_are_told(probes, tmp_path):
    file = counts_file(tmp_path / "pilot.csv", names=("only",), n=4)
    result = probes("plan", "--counts", file, "--seeds", 1, "--seeds", 4, "--seed-sd", 1, "--most", 3)
    assert result.code == 0, result.err
    assert "seeds" in result.out
    assert "not feasible" in result.out
    assert "None of these is feasible" in result.out
    assert "One checkpoint alone" in result.out
    assert "the pilot's at 4" in " ".join(result.out.split())


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ("a,x,8,2\nb,x,8,3\n", ("--effect", "0.03"), "three points"),
        ("a,x,8,2\nb,x,8,3\n", ("--effect", "nan"), "points"),
        ("a,x,8,2\nb,x,8,3\n", ("--power", "1"), "0.8 is usual"),
        ("a,x,1,1\nb,x,1,0\n", (), "at least 2 samples"),
        ("a,x,8,2\n", (), "at least two"),
        ("a,x,8,2\nb,x,8,3\n", (), "a pilot of 2 problems"),
        ("a,x,8,2\nb,x,8,3\n", ("--k", "2000"), "up to which plans go"),
        ("".join(f"{i},x,8,{i % 2 * 8}\n" for i in range(20)), (), "all right or all wrong"),
        ("a,x,8,2\na,y,8,2\na,z,8,2\n", (), "--only"),
        ("a,x,8,2\nb,x,8,3\n", ("--seed-sd", "nan"), "seed-sd"),
    ],
)
def test_what_is_no_pilot_is_said(probes, tmp_path, rows, options, says):
    file = tmp_path / "pilot.csv"
    file.write_text(HEAD + rows)
    result = probes("plan", "--counts", file, *options, "--out", tmp_path / "out")
    assert result.code == 2
    assert says in " ".join(result.err.split())
