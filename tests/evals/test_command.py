"""The frame of the commands: versions, packages that are not installed, the doctor."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from evals.doctor import doctor

BLOCKED = """
import sys
sys.modules[{package!r}] = None  # importing it now raises ModuleNotFoundError
sys.argv = {argv!r}
from {module} import main
main()
"""


def without(package, module, *argv):
    code = BLOCKED.format(package=package, module=module, argv=[module, *argv])
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("package", "module", "argv"),
    [
        ("torch", "trainer.cli", ("pretrain", "--preset", "micro", "--out", "{out}")),
        ("torch", "evals.cli", ("capability", "--ckpt", "{out}", "--out", "{out}")),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(tmp_path, package, module, argv):
    done = without(package, module, *(word.format(out=tmp_path / "out") for word in argv))
    assert done.returncode == 2
    assert (
        done.stderr
        == f"error: this needs {package}, which is not installed; pip install 'excursions[torch]'\n"
    )


def test_a_tokenizer_is_not_blamed_where_transformers_is_not_installed(monkeypatch, tmp_path):
    from evals.checkpoints.tokenizer import load_tokenizer

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModuleNotFoundError, match="transformers"):
        load_tokenizer(tmp_path)


def test_counts_need_no_torch(tmp_path):
    rows = "".join(f"{i},{m},8,{i % 5}\n" for m in "ab" for i in range(30))
    (tmp_path / "counts.csv").write_text("problem,checkpoint,n,c\n" + rows)
    argv = ("expand", "--counts", str(tmp_path / "counts.csv"), "--out", str(tmp_path / "out"))
    done = without("torch", "probes.commands.cli", *argv)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "findings.json").is_file()


def test_other_missing_modules_are_faults_of_ours():
    done = without("evals.doctor", "evals.cli", "doctor")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("module", ["evals.cli", "probes.commands.cli", "trainer.cli", "reports.cli"])
def test_every_command_says_its_version(module):
    code = f"import sys; sys.argv = ['x', '--version']; from {module} import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == f"excursions {metadata.version('excursions')}\n"


def test_console_commands_run_ours_beside_packages_of_the_same_names(tmp_path):
    for name in ("analysis", "evals", "trainer", "probes", "reports"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('not ours')")
    row = {"question": "1 + 1?", "answer": "2", "responses": ["\\boxed{2}"]}
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(json.dumps(row))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    script = (
        Path(sys.executable).parent / "evals"
    )  # as pip installs it; its workers are processes of their own
    done = subprocess.run([script, "grade", "a.jsonl", "b.jsonl", "--workers", "2"], cwd=tmp_path,
                          capture_output=True, text=True, env=env)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("100.0% strict") == 2
    assert "not ours" not in done.stdout + done.stderr


def test_the_doctor_says_what_works():
    found = {section: dict(rows) for section, rows in doctor(measure=False).items()}
    assert found["packages"]["numpy"] == metadata.version("numpy")
    assert found["engines"]["torch"] == "ready"
    assert "cpu" in found["devices"]
    assert found["extras"]["torch"] == "installed"
    assert set(found["extras"]) <= extras_of_the_project()
    assert "EXCURSIONS_DATA" in found["system"]["local data"]


def extras_of_the_project() -> set[str]:
    import tomllib

    root = Path(__file__).resolve().parents[2]
    return set(tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"])
