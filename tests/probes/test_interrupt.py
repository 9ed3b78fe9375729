"""Ctrl-C ends with 130 and loses nothing: the same command goes on and gives what one run gives."""

import json

from evals.store import SampleStore


def test_stopped_and_started_again(probes, tmp_path, tiny_checkpoint, monkeypatch):
    run = [
        "expand", "--ckpt", tiny_checkpoint, "--ckpt", tiny_checkpoint, "--n", 96, "--limit", 8,
        "--max-tokens", 8,
    ]  # fmt: skip
    held, calls = SampleStore.add, []

    def add(self, rows):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return held(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(SampleStore, "add", add)
        stopped = probes(*run, "--out", tmp_path / "a", "--quiet")
    assert stopped.code == 130
    assert "Traceback" not in stopped.err
    assert not list((tmp_path / "a").rglob("findings.json"))
    again, whole = (probes(*run, "--out", tmp_path / name, "--quiet") for name in "ab")
    assert again.code == whole.code == 0
    first, second = (
        json.loads((tmp_path / name / "findings.json").read_text())["findings"][0] for name in "ab"
    )
    for finding in (first, second):
        del finding["provenance"]
    assert first == second
    comparison = first["comparisons"][0]
    assert (comparison["n"], comparison["problems"]) == (96, 8)
    assert comparison["verdict"]["outcome"] in ("no-change", "undetermined")  # one model drawn twice
    assert [c["name"] for c in first["checkpoints"]] == ["base", "base (draw 2)"]
    assert next(c for c in comparison["confounds"] if c["name"] == "two models")["passed"] is False
