"""The `evals` command, on a real checkpoint of random weights: what it prints, writes and refuses."""

import errno
import json
import subprocess
import sys
from itertools import islice

import pytest

from evals import cli
from evals.checkpoints.tokenizer import train_tokenizer
from evals.core import command
from evals.engines.torch_engine import TorchEngine
from evals.store import SampleStore
from evals.world import documents
from tests.evals.fake_engine import files
from trainer.config.schema import ModelConfig
from trainer.models.checkpoint import Lineage, save_checkpoint
from trainer.models.native import new_model


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint folder of 2 small layers, random weights, and the world's tokenizer."""
    path = tmp_path_factory.mktemp("checkpoint") / "tiny"
    tokenizer = train_tokenizer(islice(documents(), 200), 320)
    shape = ModelConfig(hidden_size=32, intermediate_size=48, layers=2, heads=4, kv_heads=2, context=256)
    lineage = Lineage(None, None, "base", 0, 0, 0.0, 0, "", {"template": "world", "shots": 0})
    save_checkpoint(path, new_model(shape, len(tokenizer), seed=2), tokenizer, lineage)
    return path


@pytest.fixture
def evals(monkeypatch, capsys):
    """Run the command in this process: (exit code, stdout, stderr)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["evals", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            command.run(cli.app)
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return run


def sampling(checkpoint, out, n, *more):
    return ("sample", "--ckpt", checkpoint, "--out", out, "--n", n, "--max-tokens", 12, "--limit", 6, *more)


def refused(result, *said):
    code, _, err = result
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    for words in said:
        assert words in err


def test_sample_grade_report_export_and_import_again(evals, checkpoint, tmp_path):
    store = tmp_path / "store"
    code, out, err = evals(*sampling(checkpoint, store, 8))
    assert code == 0
    assert out.startswith("tiny: cell ")
    assert "48/48" in err
    code, out, _ = evals("grade", store, "--quiet")
    assert code == 0
    assert out.startswith("tiny ")
    assert "48 samples of 6 problems" in out
    code, report, _ = evals("report", store)
    assert code == 0
    for words in ("top-p", "0.95", "prompt hash", "cut off", "guess floor", "torch 2", "answer found by"):
        assert words in report
    code, out, _ = evals("export", store, "--out", tmp_path / "x.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert len(rows) == 48
    assert {"question", "gold", "text", "correct", "checkpoint", "temperature"} <= set(rows[0])
    code, out, _ = evals("import", tmp_path / "x.jsonl", "--store", tmp_path / "again")
    assert out.startswith("tiny: 48 samples in cell ")
    again = SampleStore(tmp_path / "again")
    columns = ["problem", "index", "text", "finish_reason", "tokens", "temperature"]
    first = SampleStore(store).samples(list(SampleStore(store).cells()), columns)
    assert first.equals(again.samples(list(again.cells()), columns))


def test_top_up_with_the_real_engine_leaves_the_bytes_of_one_run(evals, checkpoint, tmp_path):
    for n in (32, 64):
        assert evals(*sampling(checkpoint, tmp_path / "twice", n, "--quiet"))[0] == 0
    assert evals(*sampling(checkpoint, tmp_path / "once", 64, "--quiet"))[0] == 0
    assert files(tmp_path / "twice") == files(tmp_path / "once")


def test_ctrl_c_is_130_and_the_next_start_goes_on(evals, checkpoint, tmp_path, monkeypatch):
    assert evals(*sampling(checkpoint, tmp_path / "once", 64, "--quiet"))[0] == 0
    real, calls = TorchEngine.sample, []

    def interrupted(self, requests, options):
        calls.append(len(requests))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, requests, options)

    monkeypatch.setattr(TorchEngine, "sample", interrupted)
    code, _, err = evals(*sampling(checkpoint, tmp_path / "s", 64, "--quiet"))
    assert (code, err.strip()) == (130, "stopped; start the same command again to go on")
    assert evals(*sampling(checkpoint, tmp_path / "s", 64, "--quiet"))[0] == 0
    assert sum(calls) == 6 * 64 + calls[1]
    assert files(tmp_path / "s") == files(tmp_path / "once")


def test_a_part_is_a_share_of_the_problems_and_all_of_them_are_the_whole(evals, checkpoint, tmp_path):
    """Planted and seen to fail: the part lost on its way to the sampler."""
    assert evals(*sampling(checkpoint, tmp_path / "once", 2, "--quiet"))[0] == 0
    (cell,) = SampleStore(tmp_path / "once").cells()
    store, drawn = SampleStore(tmp_path / "s"), []
    for part in range(3):
        assert evals(*sampling(checkpoint, store.path, 2, "--quiet", "--part", f"{part}/3"))[0] == 0
        drawn.append(store.sample_table.count(cell))
    assert 0 < drawn[0] < drawn[-1] == 12
    same = ["problem", "index", "token_ids"]
    assert store.samples([cell], same).equals(SampleStore(tmp_path / "once").samples([cell], same))


def test_user_errors_are_one_sentence_and_code_2(evals, checkpoint, tmp_path):
    store = tmp_path / "store"
    refused(evals(*sampling(tmp_path / "nowhere", store, 1)), "nowhere does not exist")
    refused(evals(*sampling(checkpoint, store, 1), "--shard", "2/2"), "--part '2/2' is not I/N")
    refused(evals("sample", "--ckpt", checkpoint, "--out", store), "set --max-tokens to")
    refused(evals(*sampling(checkpoint, store, 1, "--shots", 3)), "393 tokens and the model's context is 256")
    refused(evals(*sampling(checkpoint, store, 1, "--chat", "on")), "no chat template")
    assert not store.exists()
    refused(evals("report", store), "holds no samples")
    refused(evals("grade", tmp_path / "none.jsonl"), "none.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"question": "q", "gold": "1", "text": "1"}\n{"question"\n')
    refused(evals("grade", tmp_path / "bad.jsonl"), "bad.jsonl line 2")
    assert evals("grade", tmp_path / "bad.jsonl", "--skip-bad", "--quiet")[0] == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    refused(evals(*sampling(checkpoint, tmp_path / "other", 1)), "is no store of samples")


def test_a_full_disk_is_one_sentence_and_nothing_half_written(evals, checkpoint, tmp_path, monkeypatch):
    def full(self, rows):
        raise OSError(errno.ENOSPC, "No space left on device", str(self.path / "x.parquet"))

    monkeypatch.setattr(SampleStore, "add", full)
    command = sampling(checkpoint, tmp_path / "s", 1, "--quiet")
    refused(evals(*command), "no space left on the disk", "x.parquet")
    assert not list((tmp_path / "s" / "samples").rglob("*.*"))
    monkeypatch.undo()
    assert evals(*command)[0] == 0
    store = SampleStore(tmp_path / "s")
    assert len(store.samples(list(store.cells()))) == 6


def test_unknown_options_are_named(evals):
    code, _, err = evals("sample", "--nonsense")
    assert code == 2
    assert "No such option" in err


def test_problems_are_listed_and_checked(evals, tmp_path):
    code, out, _ = evals("problems", "world:test?count=20")
    assert code == 0
    assert "20 problems" in out
    assert "every gold can be graded" in out


def test_a_prompt_is_shown_with_all_that_decides_it(evals, checkpoint, tmp_path):
    ask = tmp_path / "ask.toml"
    ask.write_text('template = "gsm8k"\nshots = 1\ntop_k = 5\n')
    code, out, _ = evals("prompt", "--ckpt", checkpoint, "--limit", 3, "--ask", ask, "--temperature", 1)
    assert code == 0
    assert out.startswith("Question: A bakery")
    told = ("asked      gsm8k, 1 shots, plain text", "of 3 of world:test", "BOS none", r"stops      '\nQue",
            "temperature 1, top-p 0.95, top-k 5", "after the longest prompt", "1 '42' (hash)")  # fmt: skip
    assert all(words in out for words in told), out
    refused(evals("prompt", "--ckpt", checkpoint, "--chat", "on"), "no chat template")
    refused(
        evals("prompt", "--ckpt", checkpoint, "--ask", tmp_path / "none.toml"), "none.toml cannot be read"
    )


def test_the_help_needs_no_heavy_package():
    heavy = {"torch", "pandas", "pyarrow", "transformers"}
    code = f"import sys, evals.cli; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
