"""The runner of `make bench`: intervals of ratios, exponents, rows that are not measured twice."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.fixture
def modules(monkeypatch):
    """bench and bench_table, which are scripts beside each other."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import bench
    import bench_table

    return bench, bench_table


def test_a_ratio_is_welchs_interval_on_logarithms(modules):
    _, table = modules
    ours, theirs = [10.0, 12.0, 11.0, 9.0], [5.0, 4.0, 7.0]
    middle, low, high = table.ratio(ours, theirs, "more")
    want = stats.ttest_ind(np.log(ours), np.log(theirs), equal_var=False).confidence_interval()
    assert np.log([low, high]) == pytest.approx([want.low, want.high])
    assert table.ratio(ours, theirs, "less") == pytest.approx((1 / middle, 1 / high, 1 / low))
    assert np.isnan(table.ratio([1.0], theirs, "more")[1])
    assert table.ratio([2.0, 2.0], [1.0, 1.0], "more") == pytest.approx((2, 2, 2))


def test_an_exponent_is_the_slope_in_logarithms(modules):
    _, table = modules
    x = [10, 100, 1000, 10_000]
    slope, low, high = table.exponent(x, [3 * v**0.7 for v in x])
    assert (slope, low, high) == pytest.approx((0.7, 0.7, 0.7), abs=1e-6)


def test_a_finished_row_is_not_measured_again_and_a_failed_one_is(modules, monkeypatch, tmp_path, capsys):
    """Fault planted and seen to fail: rows are kept whatever they were measured on."""
    bench, _ = modules
    part = {"what": "w|", "unit": "u", "better": "more", "ours": [2.0, 2.2], "peers": {"peer": "not there"}}
    answers = {"help": {"parts": [part]}, "sft-step": {"failed": "no memory"}}
    asked = []
    monkeypatch.setattr(bench, "measure", lambda name, quick: asked.append((name, quick)) or answers[name])
    command = ["bench.py", "--out", str(tmp_path), "--only", "help", "sft-step"]
    monkeypatch.setattr(sys, "argv", command)
    assert bench.main() == 1
    answers["sft-step"] = {"parts": [part | {"peers": {"peer": [1.0, 1.1]}}]}
    assert bench.main() == 0
    assert asked == [("help", False), ("sft-step", False), ("sft-step", False)]
    assert "| peer | not measured | | not there |" in (tmp_path / "table.md").read_text()
    assert "**2.00**" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*command, "--quick"])
    assert bench.main() == 0
    assert asked[3:] == [("help", True), ("sft-step", True)]
    assert "measures nothing" in (tmp_path / "table.md").read_text()
    assert json.loads((tmp_path / "table.json").read_text())["about"]["quick"] is True


def test_the_string_grader_reads_boxes_and_numbers(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import rows_grading

    grade = rows_grading.string_grader
    assert grade("\\frac{1}{2}", "so \\boxed{\\dfrac12}.")
    assert grade("1,000", "it is 1000.")
    assert grade("0.5", "\\boxed{.5}")
    assert not grade("2", "no number, \\boxed{3")


def test_the_page_of_the_gpu_says_what_was_not_measured(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_small

    assert gpu_small.page(tmp_path).count("not measured") == len(gpu_small.PARTS)
    got = {"matmul_flops": 5e14, "copy_bytes": 2e12}
    kept = {"card": "a card", "toy": False, "versions": {}}
    (tmp_path / "rates.json").write_text(json.dumps(kept | {"figures": got}))
    step = {"tokens_per_s": 1e5, "flops_per_s": 1e14}
    (tmp_path / "pretrain.json").write_text(json.dumps(kept | {"figures": step}))
    page = gpu_small.page(tmp_path)
    assert "500 TFLOP/s, copy 2,000 GB/s" in page
    assert "100,000 tokens/s, 100 TFLOP/s | 20.0% | a card" in page
    assert page.count("not measured") == len(gpu_small.PARTS) - 2


def test_the_commands_for_the_gpu_refuse_a_machine_without_one_and_run_as_toys(monkeypatch, tmp_path):
    import torch

    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_small

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_small.py", "rates", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="not measured"):
        gpu_small.main()
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--toy"])
    gpu_small.main()
    assert "toy size" in (tmp_path / "gpu" / "README.md").read_text()


def test_a_change_of_the_code_is_another_circumstance(modules, monkeypatch, tmp_path):
    """Planted and seen to fail: only the names of the files; the benchmarks left out."""
    _, table = modules
    bench = tmp_path / "tests" / "benchmarks"
    (tmp_path / "trainer").mkdir()
    bench.mkdir(parents=True)
    monkeypatch.setattr(table, "__file__", str(bench / "bench_table.py"))
    found = [table.sources()]
    for path, text in ((tmp_path / "trainer" / "loss.py", "a"), (bench / "bench.py", "a")):
        for version in (text, text + "b"):
            path.write_text(version)
            found.append(table.sources())
    (bench / "results.json").write_text("{}")
    assert table.sources() == found[-1]
    assert len(set(found)) == len(found)


def test_by_turns_every_command_has_its_rounds_and_a_failed_one_no_more(modules, monkeypatch):
    """Planted and seen to fail: one round whatever was asked; a failed peer tried again."""
    import rows_steps

    started = []

    def measured(command):
        started.append(command[0])
        if command[0] == "broken":
            return {"failed": "not there"}
        place = started.count(command[0])
        return {
            "runs": [{"rates": [place, 10.0 * place, 100.0], "peak": 5 - place}, {"rates": [7.0], "peak": 1}]
        }

    monkeypatch.setattr(rows_steps.bench_trainer, "measured", measured)
    commands = {"ours": ["ours"], "peer": ["peer"], "absent": ["broken"]}
    found = rows_steps.by_turns(commands, 2)
    assert started == ["ours", "peer", "broken", "ours", "peer"]
    second = {"rates": [7.0, 7.0], "peak": 1}
    assert found["ours"] == found["peer"] == {"runs": [{"rates": [10.0, 20.0], "peak": 4}, second]}
    assert found["absent"] == {"failed": "not there"}
    assert rows_steps.by_turns({"peer": ["peer"]}, 1)["peer"]["runs"][0]["rates"] == [3, 30.0, 100.0]


def test_each_run_of_a_sampler_is_set_beside_its_own_and_the_first_draw_is_not_measured(
    monkeypatch, tmp_path
):
    """Planted and seen to fail: every part with the rates of the first run; the first draw of full length."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import rows_steps
    import trainer_peers

    runs = [
        {"prompts": [[1], [2, 3]], "group": n, "length": 4, "ends": [9], "times": 2, "greedy": n == 2}
        for n in (2, 3)
    ]
    drawn = []

    def draw(prompts, length, _run):
        drawn.append((len(prompts), length))
        return [[5, 9, 5, 5][:length] for _ in prompts]

    ours = trainer_peers.drawn(draw, {"runs": runs})
    assert drawn == [(2, 2), (4, 4), (4, 4), (2, 2), (6, 4), (6, 4)]
    assert [run["rows"] for run in ours] == [[[5, 9]] * 4, [[5, 9]] * 6]
    other = [
        run | {"rates": [1.0 + i], "rows": [[5, 9], *run["rows"][1:-1], [0]]} for i, run in enumerate(ours)
    ]
    (tmp_path / "work.json").write_text(json.dumps({"runs": runs}))
    monkeypatch.setattr(rows_steps, "version", lambda _python, name: f"{name} 1")
    monkeypatch.setattr(
        rows_steps,
        "by_turns",
        lambda _commands, _rounds: {
            "ours": {"runs": ours},
            "vLLM": {"runs": other},
            "none": {"failed": "absent"},
        },
    )
    row = rows_steps.beside(
        tmp_path, ["a", "b"], "sampler_ours", {"vLLM": "sampler_vllm", "none": "x_vllm"}, {}
    )
    assert [part["peers"] for part in row["parts"]] == [
        {"vLLM": [1.0], "none": "absent"},
        {"vLLM": [2.0], "none": "absent"},
    ]
    assert "3 of 4 rows have our ids" in row["parts"][0]["notes"]["vLLM"]
    assert "our ids" not in row["parts"][1]["notes"]["vLLM"]
