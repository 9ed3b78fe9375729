"""Every wrong input ends with exit code 2 and one sentence that names the thing and the fix."""

import errno
import gzip
import json
import os
import shutil

import pytest

from evals.core.errors import UserError
from probes.inputs.counts_file import from_counts

HEADER = "problem,checkpoint,n,c\n"
GOOD = HEADER + "".join(f"{i},{m},8,{i % 5}\n" for m in "ab" for i in range(30))


def counts_file(folder, text: str):
    path = folder / "counts.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column 'problem'"),
        (HEADER, "no rows"),
        ("problem,checkpoint,n\n1,a,8\n", "no column 'c'"),
        (HEADER + "1,a,8,2\n1,b,8,9\n", "line 3: needs n from 1 to 100,000,000 and c from 0 to n"),
        (HEADER + "1,a,8,-1\n", "line 2: needs n from 1"),
        (HEADER + "1,a,0,0\n", "line 2: needs n from 1"),
        (HEADER + f"1,a,{10**400},1\n", "line 2: needs n from 1"),
        (HEADER + f"1,a,{'9' * 5000},1\n", "line 2: n and c must be whole numbers, got '9999"),
        (HEADER + "1,a,8,x\n", "line 2: n and c must be whole numbers"),
        (HEADER + "1,a,8,1.5\n", "line 2: n and c must be whole numbers"),
        (HEADER + "1,a,8\n", "line 2: it has not as many fields"),
        (HEADER + "1,a,8,2,7\n", "line 2: it has not as many fields"),
        (HEADER + ",a,8,2\n", "line 2: problem and checkpoint must not be empty"),
        (HEADER + "1,a,8,2\n1,b,8,2\n1,a,8,3\n", "line 4: problem '1' of 'a' is already in line 2"),
        (HEADER + "1,a,8,2\n2,a,8,2\n", "needs two checkpoints, got one (a)"),
        (HEADER + "1,a,8,2\n2,a,8,2\n1,b,8,1\n3,b,8,1\n", "problems have counts of only one of a and b"),
    ],
)
def test_wrong_counts(probes, tmp_path, text, says):
    result = probes("expand", "--counts", counts_file(tmp_path, text), "--out", tmp_path / "out")
    assert_refused(result, says, tmp_path)


def assert_refused(result, says, tmp_path) -> None:
    assert result.code == 2
    assert says in result.err
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1  # one sentence, no traceback
    assert not list((tmp_path / "out").rglob("findings.json"))


def test_blanks_around_names_are_no_part_of_them(tmp_path):
    """Fails where ` p1` is another problem than `p1`: the pair had no problems in common, or half of them."""
    file = tmp_path / "counts.csv"
    file.write_text("problem,checkpoint,n,c\np1, a,4,1\n p1 ,b,4,2\np2,a ,4,3\np2,\u00a0b,4,4\n")
    found = from_counts(file)
    assert found.problems["count"] == 2
    assert [d["name"] for d in found.checkpoints] == ["a", "b"]
    file.write_text("problem,checkpoint,n,c\np1,a,4,1\n p1,a,4,2\n")
    with pytest.raises(UserError, match="line 3: problem 'p1' of 'a' is already in line 2"):
        from_counts(file)
    file.write_text("problem,checkpoint,n,c\n  ,a,4,1\n")
    with pytest.raises(UserError, match="must not be empty"):
        from_counts(file)


def test_binary_counts(probes, tmp_path):
    (tmp_path / "counts.csv").write_bytes(bytes(range(256)))
    result = probes("expand", "--counts", tmp_path / "counts.csv", "--out", tmp_path / "out")
    assert_refused(result, "is not a CSV file in UTF-8", tmp_path)


def test_packed_counts(probes, tmp_path):
    plain = counts_file(tmp_path, GOOD)
    packed = tmp_path / "counts.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    cards = []
    for path in (plain, packed):
        found = probes("expand", "--counts", path, "--out", tmp_path / "found")
        assert found.code == 0
        cards.append(found.out.replace("counts.csv.gz", "counts.csv").split("written")[0])
    assert cards[0].split() == cards[1].split()
    for bad in (packed.read_bytes()[:-20], b"not packed"):
        packed.write_bytes(bad)
        result = probes("expand", "--counts", packed, "--out", tmp_path / "out")
        assert_refused(result, "damaged gzip data", tmp_path)


def test_missing_counts(probes, tmp_path):
    result = probes("expand", "--counts", tmp_path / "no.csv", "--out", tmp_path / "out")
    assert_refused(result, "cannot be read (No such file or directory)", tmp_path)


def test_fewer_samples_than_k(probes, tmp_path):
    path = counts_file(tmp_path, GOOD)
    result = probes("expand", "--counts", path, "--k", 16, "--out", tmp_path / "out")
    assert_refused(result, "K = 16 needs at least as many samples", tmp_path)
    result = probes("expand", "--ckpt", "a", "--ckpt", "b", "--n", 8, "--k", 16, "--out", tmp_path / "out")
    assert_refused(result, "--k 16 needs at least as many samples, and --n is 8", tmp_path)


def test_ways_do_not_mix(probes, tmp_path):
    path = counts_file(tmp_path, GOOD)
    assert_refused(probes("expand", "--out", tmp_path / "out"), "got none of them", tmp_path)
    both = probes("expand", "--counts", path, "--samples", path, "--out", tmp_path / "out")
    assert_refused(both, "got --samples and --counts", tmp_path)


@pytest.mark.parametrize(
    "given", [["--n", 32], ["--limit", 10], ["--problems", "gsm8k"], ["--temperature", 1]]
)
def test_options_of_sampling_say_nothing_of_counts(probes, tmp_path, given):
    """They were passed over: all problems and samples of the file were compared."""
    path = counts_file(tmp_path, GOOD)
    result = probes("expand", "--counts", path, *given, "--out", tmp_path / "out")
    assert_refused(
        result, f"{given[0]} is for checkpoints that are sampled here; --counts is taken", tmp_path
    )


def test_unknown_option_value_and_name(probes, tmp_path):
    path = counts_file(tmp_path, GOOD)
    unknown = probes("expand", "--contts", path)
    assert unknown.code == 2
    assert "No such option: --contts" in unknown.err
    assert "Traceback" not in unknown.err
    result = probes("expand", "--counts", path, "--against", "last", "--out", tmp_path / "out")
    assert_refused(result, "choose one of first, parent, all", tmp_path)
    result = probes("expand", "--counts", path, "--against", "parent", "--out", tmp_path / "out")
    assert_refused(result, "a has no lineage; use --against first", tmp_path)
    result = probes("expand", "--counts", path, "--only", "c", "--out", tmp_path / "out")
    assert_refused(result, "no checkpoint 'c' in these files; choose among a, b", tmp_path)


def test_out_is_a_file(probes, tmp_path):
    path = counts_file(tmp_path, GOOD)
    result = probes("expand", "--counts", path, "--out", path)
    assert_refused(result, "is a file; choose another", tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no samples found"),
        ('{"question": "1+1?", "answer": "2", "responses": ["2"]\n', "line 1"),
        ('{"nothing": 1}\n', "samples.jsonl"),
    ],
)
def test_wrong_samples(probes, tmp_path, text, says):
    path = tmp_path / "samples.jsonl"
    path.write_text(text)
    assert_refused(probes("expand", "--samples", path, "--out", tmp_path / "out"), says, tmp_path)


def test_wrong_checkpoints(probes, tmp_path, tiny_checkpoint):
    def run(*names):
        args = [x for n in names for x in ("--ckpt", n)]
        return probes("expand", *args, "--out", tmp_path / "out", "--quiet")

    good = tiny_checkpoint
    assert_refused(run(good), "needs 2 checkpoints, got one", tmp_path)
    assert_refused(
        run(good, tmp_path / "nowhere"), "does not exist; give a local folder or a hub id", tmp_path
    )
    (tmp_path / "empty").mkdir()
    assert_refused(run(good, tmp_path / "empty"), "is no checkpoint: it has no config.json", tmp_path)
    file = counts_file(tmp_path, GOOD)
    assert_refused(run(good, file), "is a file, not a checkpoint folder", tmp_path)
    half = shutil.copytree(good, tmp_path / "half")
    weights = half / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert_refused(run(good, half), "is half-written", tmp_path)
    weights.unlink()
    assert_refused(run(good, half), "is half-written: it has no weight files", tmp_path)


def test_prompt_beyond_the_context(probes, tmp_path, tiny_checkpoint):
    problem = {"question": "What is one and one? " * 200, "answer": "2"}
    file = tmp_path / "long.jsonl"
    file.write_text(json.dumps(problem) + "\n")
    result = probes(
        "expand", "--ckpt", tiny_checkpoint, "--ckpt", tiny_checkpoint, "--problems", file, "--n", 2,
        "--out", tmp_path / "out", "--quiet",
    )  # fmt: skip
    assert_refused(result, "and the model's context is", tmp_path)


def test_full_disk(probes, tmp_path, monkeypatch):
    path = counts_file(tmp_path, GOOD)
    (tmp_path / "out").mkdir()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("evals.core.files.os.fsync", full)
    result = probes("expand", "--counts", path, "--out", tmp_path / "out")
    assert result.code == 2
    assert "no space left on the disk" in result.err
    assert list((tmp_path / "out").iterdir()) == []  # nothing half-written


def test_finding_of_another_schema_version(probes, tmp_path):
    """It is refused before anything is sampled, and left as it is."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "findings.json").write_text('{"schema": 99, "findings": []}')
    counts = counts_file(tmp_path, GOOD)
    runs = [
        ("expand", "--counts", counts),
        ("expand", "--ckpt", "nowhere", "--ckpt", "nowhere-else"),
        ("weights", "--ckpt", "nowhere", "--ckpt", "nowhere-else"),
        ("capability", "--ckpt", "nowhere"),
        ("rollouts", "nowhere", "nowhere-else"),
    ]
    for run in runs:
        result = probes(*run, "--out", out)
        assert result.code == 2
        assert "has schema version 99 and this program reads 1" in result.err
        assert "choose another --out" in result.err
    assert json.loads((out / "findings.json").read_text())["schema"] == 99


def without_lineage(checkpoint, folder):
    copy = shutil.copytree(checkpoint, folder)
    (copy / "lineage.json").unlink()
    return copy


def test_missing_lineage(probes, tmp_path, tiny_checkpoint):
    """By parent: refused before sampling. Elsewhere: a check that says what is not known."""
    bare = without_lineage(tiny_checkpoint, tmp_path / "bare" / "step-000004")
    pair = ("--ckpt", tiny_checkpoint, "--ckpt", bare)
    refused = probes("expand", *pair, "--against", "parent", "--out", tmp_path / "out")
    assert_refused(refused, "has no lineage; use --against first", tmp_path)
    assert not (tmp_path / "out").exists()
    (bare.parent / "metrics.jsonl").write_text('{"step": 1, "reward": 0.5}\n')
    refused = probes(
        "readiness", "--ckpt", tiny_checkpoint, "--rl", bare.parent, "--n", 4, "--limit", 4,
        "--max-tokens", 4, "--out", tmp_path / "out", "--quiet",
    )  # fmt: skip
    assert_refused(refused, "does not say what it was trained from (lineage.json)", tmp_path)
    result = probes("weights", *pair, "--out", tmp_path / "weights")
    assert result.code == 0
    assert "step-000004 does not say where it was trained from" in " ".join(result.out.split())


def test_unequal_numbers_of_samples(probes, tmp_path):
    text = HEADER + "".join(f"{i},{m},{8 + 4 * (i % 2)},{i % 5}\n" for m in "ab" for i in range(60))
    path = counts_file(tmp_path, text)
    for command in ("expand", "passk", "support"):
        result = probes(command, "--counts", path, "--out", tmp_path / "out")
        assert result.code == 0, result.err
        found = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"][-1]
        check = next(c for c in found["checks"] if c["name"] == "equal samples")
        assert check["passed"] is False
        assert check["value"] == [8, 12]


def test_unequal_numbers_of_texts(probes, tmp_path):
    """Measures that grow with the number of samples use the first so many of each, and say so."""
    files = []
    for name, n in (("a", 6), ("b", 4)):
        rows = [
            {"question": f"{i}+1?", "answer": str(i + 1), "model": name, "responses": [f"\\boxed{{{i}}}"] * n}
            for i in range(12)
        ]
        files.append(tmp_path / f"{name}.jsonl")
        files[-1].write_text("".join(json.dumps(r) + "\n" for r in rows))
    for command in ("entropy", "diversity"):
        result = probes(command, "--samples", files[0], "--samples", files[1], "--out", tmp_path / "out")
        assert result.code == 0, result.err
        assert "n differs, up to 6: the first 4 of each are used" in " ".join(result.out.split())


def test_other_problems(probes, tmp_path):
    """Checkpoints with as many problems, but not the same: no probe pairs them."""
    rows = [f"{i + (m == 'c')},{m},8,{i % 5}\n" for m in "abc" for i in range(30)]
    path = counts_file(tmp_path, HEADER + "".join(rows))
    for command in ("seeds", "dynamics", "readiness"):
        result = probes(command, "--counts", path, "--out", tmp_path / "out")
        assert_refused(result, "2 problems (such as '0') are known of only one of a and c", tmp_path)


def test_groups_larger_than_n(probes, tmp_path):
    path = counts_file(tmp_path, GOOD)
    result = probes("readiness", "--counts", path, "--group", 16, "--out", tmp_path / "out")
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert "16" in result.err
