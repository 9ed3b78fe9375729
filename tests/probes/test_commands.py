"""Every subcommand end to end on small checkpoints and on files; what is missing is said."""

import json
import shutil
import subprocess
import sys

import pytest

from probes.findings.types import SCHEMA
from tests.probes.conftest import random_checkpoint

COMMANDS = (
    "expand", "passk", "support", "entropy", "likelihood", "diversity", "readiness", "seeds", "rollouts",
    "dynamics", "weights", "capability", "study", "plan", "histograms",
)  # fmt: skip


@pytest.fixture(scope="session")
def others(tmp_path_factory, tiny_checkpoint):
    """Two more checkpoints that say they were trained by RL from the first, with two seeds."""
    from evals.checkpoints.checkpoint import open_checkpoint

    parent = open_checkpoint(str(tiny_checkpoint)).weights
    made = []
    for seed in (0, 1):
        path = tmp_path_factory.mktemp("rl") / f"seed-{seed}" / "step-000004"
        random_checkpoint(path, seed=10 + seed, parent=parent, recipe="rl", training_seed=seed)
        rows = [{"step": i + 1, "reward": 0.1 * i, "entropy": 1.0 - 0.1 * i} for i in range(4)]
        (path.parent / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        made.append(path)
    return made


@pytest.fixture
def run(probes, tmp_path):
    """Run a probe on checkpoints with small sizes; returns (result, its finding)."""

    def go(command, *checkpoints, **options):
        args = [x for c in checkpoints for x in ("--ckpt", c)]
        sizes = {"n": 4, "limit": 12, "max-tokens": 6} | {k.replace("_", "-"): v for k, v in options.items()}
        args += [x for k, v in sizes.items() if v is not None for x in (f"--{k}", v)]
        result = probes(command, *args, "--out", tmp_path / "out", "--quiet")
        assert result.code == 0, result.err
        file = tmp_path / "out" / "findings.json"
        assert "NaN" not in file.read_text()
        found = json.loads(file.read_text())["findings"][-1]
        assert found["probe"] == command
        assert found["schema"] == SCHEMA
        assert found["checks"]
        assert found["provenance"]["command"][1] == command
        return result, found

    return go


def test_help_is_thin():
    """Asking for help imports none of the heavy packages."""
    code = (
        "import sys, probes.commands.cli; "
        "heavy = {'torch', 'transformers', 'pandas', 'scipy', 'pyarrow', 'numpy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(probes, command):
    result = probes(command, "--help")
    assert result.code == 0
    assert "Usage" in result.out


def test_probes_on_checkpoints(run, tiny_checkpoint, others):
    a, b = tiny_checkpoint, others[0]
    for command in ("passk", "support", "diversity", "expand"):
        run(command, a, b)
    _, found = run("entropy", a, b, scored=2)
    measures = {e["measure"] for e in found["estimates"]}
    assert {"entropy_per_tokens", "sequence_entropy", "nll_per_tokens", "answer_entropy"} <= measures
    _, found = run("likelihood", a, b, scored=2)
    kl = next(e for e in found["estimates"] if e["measure"] == "sequence_k1")
    assert kl["estimate"] > 0  # random weights are far apart
    assert next(c for c in found["checks"] if c["name"] == "KL")["passed"] is True
    _, found = run("likelihood", a, b, scored=2, temperature=0.6)
    assert not any("k1" in e["measure"] for e in found["estimates"])
    assert "use --temperature 1" in next(c for c in found["checks"] if c["name"] == "KL")["detail"]


def test_probes_on_runs(run, probes, tmp_path, tiny_checkpoint, others):
    _, found = run("seeds", tiny_checkpoint, *others)
    assert [s["seed"] for s in found["seeds"]] == [0, 1]
    assert [s["training_reward"] for s in found["seeds"]] == [pytest.approx(0.3)] * 2
    assert found["best_of_bias_sd"] == pytest.approx(0.564, abs=1e-3)
    _, found = run("readiness", tiny_checkpoint, problems="world:train", rl=others[0].parent, group=2)
    assert found["points"][0]["reached"] == pytest.approx(0.3)
    assert found["correlation"]["first"]["estimate"] is None  # one point
    _, found = run("dynamics", tiny_checkpoint, run=others[0].parent, scored=1)
    assert [r["step"] for r in found["training"]] == [1, 2, 3, 4]
    assert "entropy_per_tokens" in {e["measure"] for e in found["estimates"]}


def test_weights_and_capability(probes, tmp_path, tiny_checkpoint, others):
    args = [x for c in (tiny_checkpoint, *others) for x in ("--ckpt", c)]
    result = probes("weights", *args, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    found = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"][-1]
    assert found["cosines"][0]["kind"] == "seed to seed"
    assert next(c for c in found["checks"] if c["name"] == "seed-to-seed baseline")["passed"] is True
    result = probes("capability", *args, "--limit", 40, "--out", tmp_path / "out", "--quiet")
    assert result.code == 0, result.err
    found = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"][-1]
    assert {"world_facts", "world_stories", "mean", "bits_per_bytes"} == {
        e["measure"] for e in found["estimates"]
    }


def test_tokenizers_that_differ_are_compared_per_byte(run, tmp_path, tiny_checkpoint):
    other = shutil.copytree(tiny_checkpoint, tmp_path / "other")
    config = json.loads((other / "tokenizer_config.json").read_text())
    (other / "tokenizer_config.json").write_text(json.dumps(config | {"another": True}))
    _, found = run("likelihood", tiny_checkpoint, other, scored=1)
    assert {e["unit"] for e in found["estimates"]} == {"bits/byte"}
    checks = {c["name"]: c for c in found["checks"]}
    assert checks["tokenizers"]["passed"] is False
    assert "per byte" in checks["tokenizers"]["detail"]
    assert checks["KL"]["passed"] is False
    _, found = run("entropy", tiny_checkpoint, other, scored=1)
    assert {"nats/token"} & {e["unit"] for e in found["estimates"]} == set()
    assert {"entropy_bits_per_bytes", "nll_bits_per_bytes"} <= {e["measure"] for e in found["estimates"]}
    assert {c["name"]: c["passed"] for c in found["checks"]}["tokenizers"] is False
    _, found = run("dynamics", tiny_checkpoint, other, scored=1)
    measured = {e["measure"] for e in found["estimates"]}
    assert "entropy_bits_per_bytes" in measured
    assert "entropy_per_tokens" not in measured


def samples_file(path, name, logprobs=True, n=4):
    rows = []
    for i in range(12):
        texts = [f"{i}+{j}={i + j}. So the answer is \\boxed{{{i + j}}}." for j in range(n)]
        row = {"question": f"What is {i} + 1?", "answer": str(i + 1), "model": name, "responses": texts}
        rows.append(json.dumps(row))
    path.write_text("\n".join(rows) + "\n")
    return path


def test_probes_on_files(probes, tmp_path):
    a, b = (samples_file(tmp_path / f"{n}.jsonl", n) for n in "ab")
    for command in ("expand", "passk", "support", "diversity", "entropy"):
        result = probes(command, "--samples", a, "--samples", b, "--out", tmp_path / "out")
        assert result.code == 0, (command, result.err)
    found = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"]
    assert [f["probe"] for f in found] == ["expand", "passk", "support", "diversity", "entropy"]
    checks = {c["name"]: c for c in found[-1]["checks"]}
    assert "needs the checkpoints" in checks["token entropy"]["detail"]
    assert checks["prompt"]["passed"] is None  # foreign samples do not say how they were asked
    result = probes("likelihood", "--samples", a, "--samples", b, "--out", tmp_path / "out")
    assert result.code == 2
    assert "carry no log-probs; give the checkpoints with --ckpt" in result.err


def test_counts_alone(probes, tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text(
        "problem,checkpoint,n,c\n" + "".join(f"{i},{m},16,{(i * k) % 9}\n" for m, k in (("a", 1), ("b", 2))
                                             for i in range(60))
    )  # fmt: skip
    for command in ("expand", "passk", "support", "dynamics"):
        result = probes(command, "--counts", path, "--out", tmp_path / "out")
        assert result.code == 0, (command, result.err)
    assert probes("diversity", "--counts", path).code == 2  # no such option where texts are needed
    seeds = probes("seeds", "--counts", path, "--out", tmp_path / "out")
    assert seeds.code == 2
    assert "at least two runs" in seeds.err


def test_all_pairs_with_holm(probes, tmp_path):
    path = tmp_path / "counts.csv"
    rows = [
        f"{i},{m},16,{min(16, i % 5 + k)}\n" for m, k in (("a", 0), ("b", 6), ("c", 7)) for i in range(80)
    ]
    path.write_text("problem,checkpoint,n,c\n" + "".join(rows))
    result = probes("expand", "--counts", path, "--against", "all", "--out", tmp_path / "out")
    assert result.code == 0, result.err
    found = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"][0]
    assert [(c["a"], c["b"]) for c in found["comparisons"]] == [("a", "b"), ("a", "c"), ("b", "c")]
    levels = [c["adjusted"]["level"] for c in found["comparisons"]]
    assert sorted(levels) == [
        pytest.approx(0.05 / m) for m in (6, 5, 4)
    ]  # two numbers of each of three pairs


def test_until_decided_and_other_prompts(run, probes, tmp_path, tiny_checkpoint, others):
    _, found = run("expand", tiny_checkpoint, others[0], limit=8, base_shots=1, k=2)
    rows = [r["name"] for r in found["comparisons"][0]["robustness"]["rows"]]
    assert rows[0] == "A asked with 1 shots"
    args = [
        "--ckpt",
        tiny_checkpoint,
        "--ckpt",
        others[0],
        "--n",
        4,
        "--limit",
        8,
        "--max-tokens",
        6,
        "--quiet",
    ]
    result = probes("expand", *args, "--until-decided", "--max-n", 8, "--out", tmp_path / "until")
    assert result.code == 0, result.err
    found = json.loads((tmp_path / "until" / "findings.json").read_text())["findings"][0]
    comparison = found["comparisons"][0]
    assert [look["n"] for look in comparison["looks"]] == [4, 8]  # both solve nothing: never decided
    assert comparison["options"]["K"] == 2
    assert comparison["verdict"]["look"] == 2
    shown = " ".join(result.out.replace("│", "").split())
    assert "looked at n = 4, 8, and not decided. The error of all looks together is kept" in shown
    check = next(c for c in comparison["checks"] if c["name"] == "K declared")
    assert check["passed"] is None
    assert "set at the first look, n = 4" in check["detail"]
    refused = probes("expand", "--counts", "x.csv", "--until-decided", "--out", tmp_path / "until")
    assert refused.code == 2
    assert "give checkpoints with --ckpt" in refused.err


def test_a_tokenizer_from_another_folder(probes, tiny_checkpoint, tmp_path):
    """Refused without --tokenizer, which the sentence names; sampled with it."""
    bare = tmp_path / "bare"
    shutil.copytree(tiny_checkpoint, bare, ignore=shutil.ignore_patterns("*token*", "*vocab*", "*merges*"))
    words = ("passk", "--ckpt", bare, "--n", "2", "--limit", "2", "--max-tokens", "4", "--quiet")
    refused = probes(*words, "--out", tmp_path / "out")
    assert refused.code == 2
    assert "--tokenizer" in refused.err
    done = probes(*words, "--tokenizer", tiny_checkpoint, "--out", tmp_path / "out")
    assert done.code == 0, done.err
