"""Studies: the table of cells, claims that survive no death, the same bytes after kills."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evals.core.errors import UserError
from tests.trainer.cuts import contents
from trainer.config.load import load_study, preset_file
from trainer.config.schema import StudyConfig
from trainer.run.files import Rows
from trainer.study import cells, study
from trainer.study.cells import Cell, claimed, held

TOML = """
[study]
starts = [1500]
recipes = ["rl", "sft-rl", "parallel"]
[pretrain]
vocab_size = 400
tokens = 3000
batch_tokens = 1024
model = {hidden_size = 32, intermediate_size = 48, layers = 2, heads = 2}
[rl]
steps = 3
prompts = 4
minibatch = 4
n = 2
max_tokens = 4
limit = 12
kl = 0.0
save_every = 2
optimizer.lr = 1e-3
[sft]
limit = 8
epochs = 1
batch = 4
optimizer.lr = 1e-3
"""
OUT = Path("study")  # relative, as the paths of parents stand in the files


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> StudyConfig:
    path = tmp_path_factory.mktemp("config") / "study.toml"
    path.write_text(TOML)
    return load_study(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, config):
    """(folder, contents) of a study that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole-study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        study.study(config, OUT, source=TOML, quiet=True)
        return folder / OUT, contents(OUT)


def states(config, out=OUT):
    return {(r["start"], r["recipe"], r["seed"]): r["state"] for r in study.status(config, out)}


def test_the_table_has_every_cell_once_after_what_it_starts_from(config):
    many = config.model_copy(
        update={"starts": (5, 3), "seeds": (1, 0), "recipes": ("sft-gold-rl", "rl", "sft-rl", "sft")}
    )
    table = cells.table(many)
    assert len(table) == len(set(table)) == 2 * 2 * 5  # sft-gold is needed, though not asked for
    for cell in table:
        if cell.before:
            assert table.index(cell.before) < table.index(cell)
    assert Cell(3, "sft-rl", 1).before == Cell(3, "sft", 1)
    assert Cell(3, "parallel", 1).before is None


def test_a_study_stands_on_disk_as_designed(whole):
    out, files = whole
    assert {"study.toml", "resolved.json", "env.json"} <= files.keys()
    assert files["study.toml"].decode() == TOML
    base = "step-000002"
    for recipe in ("rl", "sft", "sft-rl", "parallel"):
        folder = out / "excursions" / base / recipe / "seed-0"
        assert (folder / "DONE").is_file()
        lineage = json.loads((max(folder.glob("step-*")) / "lineage.json").read_text())
        assert lineage["recipe"] == recipe
        first = "pretrain/seed-0" if recipe != "sft-rl" else f"excursions/{base}/sft/seed-0"
        assert lineage["parent_name"].startswith(f"study/{first}/step-")
        assert lineage["tokens"] >= 1500
    assert not (out / "claims").exists()
    assert not list(out.rglob("state"))


def test_a_killed_study_goes_on_to_the_same_bytes_in_two_processes(tmp_path, monkeypatch, config, whole):
    """SIGKILL in the middle of a cell; the claim of the dead process is taken over.

    Planted and seen to fail: a cell called done when it was begun.
    """
    monkeypatch.chdir(tmp_path)
    shutil.copytree(whole[0], OUT, ignore=shutil.ignore_patterns("excursions"))  # the base stands
    add = Rows.add

    def stops(rows, row):
        add(rows, row)
        if "parallel" in rows.path.parts:
            os.kill(os.getpid(), signal.SIGSTOP)  # alive, and not going on

    if (child := os.fork()) == 0:
        try:
            monkeypatch.setattr(Rows, "add", stops)
            study.study(config, OUT, source=TOML, quiet=True)
        finally:
            os._exit(1)
    _, why = os.waitpid(child, os.WUNTRACED)
    assert os.WIFSTOPPED(why)
    seen = states(config)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert seen[0, "base", 0] == "done"
    assert seen[1500, "rl", 0] == "done"
    assert seen[1500, "parallel", 0] == "running"
    assert seen[1500, "sft-rl", 0] == "left"
    assert states(config)[1500, "parallel", 0] == "left"
    study.study(config, OUT, source=TOML, processes=2, quiet=True)
    assert set(states(config).values()) == {"done"}
    assert contents(OUT) == whole[1]


def test_a_claim_is_held_by_one_and_ends_with_its_holder(tmp_path):
    """Fault planted and seen to fail: the claim is the mere existence of its file."""
    with claimed(tmp_path, "a") as ours:
        assert ours
        assert held(tmp_path, "a")
        assert not held(tmp_path, "b")
        with claimed(tmp_path, "a") as again:
            assert not again
    assert not held(tmp_path, "a")
    script = (
        "import sys, time; from pathlib import Path; from trainer.study.cells import claimed\n"
        "with claimed(Path(sys.argv[1]), 'a') as ours: print(ours, flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"True\n"
    with claimed(tmp_path, "a") as ours:
        assert not ours
    holder.kill()
    holder.communicate()
    with claimed(tmp_path, "a") as ours:
        assert ours


@pytest.fixture
def copied(tmp_path, monkeypatch, whole):
    """A copy of the finished study to work on."""
    shutil.copytree(whole[0], tmp_path / OUT)
    monkeypatch.chdir(tmp_path)


def test_a_failed_cell_stops_no_other_and_is_tried_again(monkeypatch, copied, config, whole, capsys):
    for recipe in ("rl", "sft-rl", "sft"):
        shutil.rmtree(OUT / "excursions" / "step-000002" / recipe)
    with monkeypatch.context() as patch:

        def fails(*_, **__):
            raise UserError("no room left")

        patch.setattr(study, "sft", fails)
        with pytest.raises(
            UserError, match=r"1 of 5 cells failed, the first is sft from 1500 .*: no room left"
        ):
            study.study(config, OUT, source=TOML, quiet=True)
    assert "sft from step-000002, seed 0 failed: no room left" in capsys.readouterr().err
    assert states(config) == {
        (0, "base", 0): "done",
        (1500, "rl", 0): "done",
        (1500, "parallel", 0): "done",
        (1500, "sft", 0): "failed",
        (1500, "sft-rl", 0): "left",
    }
    study.study(config, OUT, source=TOML, quiet=True)
    assert contents(OUT) == whole[1]


def test_seeds_and_recipes_may_be_added_and_nothing_else(monkeypatch, copied, config):
    began = []
    monkeypatch.setattr(
        study, "_run", lambda c, out, cell, base, quiet: began.append(cell) or finish(cell, base)
    )

    def finish(cell, base):
        study.write_file(cells.folder_of(cell, base, OUT) / "DONE", "")

    study.study(config, OUT, source=TOML, quiet=True)
    assert not began
    more = config.model_copy(update={"seeds": (0, 1), "recipes": ("rl", "sft-gold")})
    study.study(more, OUT, source=TOML, quiet=True)
    assert began == [Cell(1500, "sft-gold", 0), Cell(1500, "rl", 1), Cell(1500, "sft-gold", 1)]
    other = config.model_copy(update={"rl": config.rl.model_copy(update={"n": 4})})
    with pytest.raises(UserError, match=r"rl\.n is 2 there, 4 here"):
        study.study(other, OUT, source=TOML, quiet=True)


def test_status_before_the_start_and_as_a_command(tmp_path, monkeypatch, copied, config):
    from typer.testing import CliRunner

    from trainer.cli import app

    assert set(states(config, tmp_path / "new").values()) == {"left"}
    assert not (tmp_path / "new").exists()
    (OUT / "excursions" / "step-000002" / "rl" / "seed-0" / "DONE").unlink()
    study.write_file(OUT / "failed" / "1500.rl.seed-0", "no room left\n")
    shown = CliRunner().invoke(app, ["study", str(OUT / "study.toml"), "--out", str(OUT), "--status"]).output
    assert "1,500  rl           seed 0   failed   no room left" in shown
    assert shown.splitlines()[-1] == "4 done, 0 running, 1 failed, 0 left"


def test_the_shipped_presets_are_studies_and_the_papers_has_its_numbers():
    paper, _, _ = (load_study(preset_file(name)) for name in ("paper-1b", "small", "micro"))
    assert (paper.pretrain.tokens, paper.pretrain.batch_tokens) == (50_000_000_000, 512 * 4096)
    assert cells.starts_of(paper) == tuple(b * 10**9 for b in (2, 4, 6, 10, 12, 14, 20, 28, 44))
    asked = paper.rl
    assert (asked.prompts, asked.minibatch, asked.n, asked.optimizer.lr) == (512, 128, 32, 1e-6)
    assert (asked.kl, asked.max_tokens, asked.optimizer.betas) == (0.001, 2048, (0.9, 0.999))
    assert (paper.sft.epochs, paper.sft.optimizer.lr) == (5, 4e-5)
    both = paper.parallel
    assert (both.rl.kl, both.rl.max_tokens, both.rl.prompts, both.weight) == (0.0, 512, 512, 0.5)
    assert (both.rl.optimizer.lr, both.sft.optimizer.lr) == (1e-6, 4e-5)


def test_what_makes_no_study_is_refused_in_a_sentence(tmp_path, monkeypatch, copied, config):
    with pytest.raises(UserError, match="no checkpoint to start from"):
        study.study(StudyConfig(), tmp_path / "a")
    with pytest.raises(UserError, match="holds no study"):
        study.study(config, tmp_path)
    with pytest.raises(UserError, match=r"study\.starts: 9000 tokens lie beyond pretrain\.tokens \(3000\)"):
        study.study(config.model_copy(update={"starts": (1500, 9000)}), tmp_path / "a")
    twice = config.model_copy(update={"starts": (1500, 1501)})
    with pytest.raises(UserError, match="1501 tokens are the same checkpoint"):
        cells.bases(twice, OUT)
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(UserError, match="without torchrun"):
        study.study(config, OUT)
    path = tmp_path / "c.toml"
    path.write_text("[study]\nseed = [1]\n")
    with pytest.raises(UserError, match=r"unknown key study\.seed; did you mean 'seeds'"):
        load_study(path)
