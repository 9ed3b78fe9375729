"""The pages: built without a warning; their commands run, or exist where they need a hub, a GPU or hours."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BIN = Path(sys.executable).parent
APPS = {
    "evals": "evals.cli",
    "probes": "probes.commands.cli",
    "trainer": "trainer.cli",
    "reports": "reports.cli",
}
NEEDS = re.compile(r"<!-- (needs|runs): [^>]+ -->\n\Z")


def blocks(page: Path, language: str) -> list[tuple[str, bool]]:
    """(text, whether the page says that it needs what a test has not) of each block of a language."""
    text = page.read_text("utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```", text, re.S | re.M)
    return [(m[1], bool(NEEDS.search(text[: m.start()]))) for m in found]


def lines(text: str) -> list[str]:
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def commands() -> list[tuple[str, str]]:
    shell = [(p, b) for p in PAGES for b, _ in blocks(p, "sh")]
    shell += [(p, p.read_text("utf-8")) for p in (ROOT / "docs/examples").glob("*.slurm")]
    return [
        (page.name, line)
        for page, block in shell
        for line in lines(block)
        if line.split()[0] in APPS and line.split()[1:] != ["doctor"]
    ]


@pytest.mark.parametrize(("page", "line"), commands())
def test_options_exist(page, line):
    name, command, *args = shlex.split(line, comments=True)
    module = importlib.import_module(APPS[name])
    group = typer.main.get_command(module.app)
    with group.commands[command].make_context(command, args) as context:  # parses, and does not run
        assert context.params


def test_the_example_script_asks_what_exists():
    spec = importlib.util.spec_from_file_location("hub_pair", ROOT / "docs/examples/hub_pair.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for line in module.commands("base", "tuned"):
        test_options_exist("hub_pair.py", shlex.join(line))


def run(code_or_command: list[str], folder: Path, **env: str) -> str:
    settings = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", **env}
    done = subprocess.run(code_or_command, cwd=folder, capture_output=True, text=True, env=settings)
    assert done.returncode == 0, (code_or_command, done.stderr[-2000:])
    return done.stdout


def test_tutorial_1_word_for_word_without_torch(tmp_path):
    page = ROOT / "docs/tutorials/logs.md"
    (tmp_path / "absent").mkdir()
    for name in ("torch", "transformers"):
        (tmp_path / "absent" / f"{name}.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    path = os.pathsep.join([str(tmp_path / "absent"), str(ROOT)])
    work = tmp_path / "work"
    work.mkdir()
    (program,) = [text for text, _ in blocks(page, "python")]
    (work / "make_logs.py").write_text(program)
    said = ""
    for text, _ in blocks(page, "sh"):
        for line in lines(text):
            if not line.startswith("pip install"):
                said += run([str(BIN / shlex.split(line)[0]), *shlex.split(line)[1:]], work, PYTHONPATH=path)
    shown = [line for text, _ in blocks(page, "text") for line in text.splitlines()]
    assert len(shown) > 15
    printed = said.splitlines()
    assert [line for line in shown if line not in printed] == []
    assert (work / "report" / "index.html").is_file()


def test_the_readme_shows_what_is_printed(tmp_path):
    ((shown, _),) = blocks(ROOT / "README.md", "console")
    (asked,) = [line.removeprefix("$ ") for line in shown.splitlines() if line.startswith("$ ")]
    _, *words, counts = asked.split()
    printed = run([str(BIN / "probes"), *words, str(ROOT / counts)], tmp_path, PYTHONPATH=str(ROOT))
    lines_shown = [line for line in shown.splitlines() if line[0] != "$"]
    assert [line for line in lines_shown if line not in printed.splitlines()] == []


def test_every_command_is_run_or_says_what_it_needs():
    """What an unmarked block says is run by a test here: tutorial 1, or the start of one of its lines."""
    run_here = [line for text, _ in blocks(ROOT / "docs/tutorials/logs.md", "sh") for line in lines(text)]
    run_here += ["evals doctor"]  # tests/evals/test_command.py
    unmarked = [
        (page.name, line)
        for page in PAGES
        for text, marked in blocks(page, "sh")
        for line in lines(text)
        if not marked and line.split()[0] not in ("pip", "make", "python")
    ]
    assert [(p, one) for p, one in unmarked if not any(r.startswith(one) for r in run_here)] == []


@pytest.mark.parametrize("page", ["docs/howto/verifier.md"])
def test_python_of_the_pages_runs(page, tmp_path):
    for text, _ in blocks(ROOT / page, "python"):
        run([sys.executable, "-c", text], tmp_path, PYTHONPATH=str(ROOT))


def test_the_study_file_of_the_tutorial_is_one(tmp_path):
    pytest.importorskip("torch")
    from trainer.config.load import load_study

    ((text, _),) = blocks(ROOT / "docs/tutorials/study.md", "toml")
    (tmp_path / "study.toml").write_text(text)
    assert list(load_study(tmp_path / "study.toml").seeds) == [0, 1]


def test_the_asking_file_of_the_page_is_one(tmp_path):
    from evals.asking.asking import asking_file

    ((text, _),) = blocks(ROOT / "docs/howto/chat.md", "toml")
    (tmp_path / "chat.toml").write_text(text)
    assert asking_file(tmp_path / "chat.toml")


def test_the_notebook_runs_and_shows_card_and_figures():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    path = ROOT / "docs/examples/counts_to_card.ipynb"
    notebook = nbformat.read(path, 4)
    assert all(not cell.get("outputs") for cell in notebook.cells)  # kept without output
    where = {"metadata": {"path": str(path.parent)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=where).execute()
    data = [
        [out.get("data", {}) for out in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"
    ]
    assert all(len(outputs) == 1 for outputs in data)  # each cell shows its last value, once
    assert "sharpening" in data[1][0]["text/html"]
    assert sum("image/png" in outputs[0] for outputs in data) == 3


def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--quiet",
            "--strict",
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    for page in site.rglob("*.html"):
        for target in re.findall(r'(?:src|href)="([^"#?:]+)"', page.read_text("utf-8")):
            if page.name != "404.html" and not target.startswith("/"):
                assert (page.parent / target).exists(), (page, target)


def test_the_readme_quotes_the_galleries_as_they_stand():
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    study = (ROOT / "reports/gallery/micro/README.md").read_text("utf-8")
    judged = (ROOT / "reports/gallery/published/README.md").read_text("utf-8")
    peers = (ROOT / "tests/benchmarks/results/table.md").read_text("utf-8")
    (claims,) = re.findall(r"19 claims on its own data \((.*?)\)", text)
    assert f"19 claims: {claims}." in judged
    (found,) = re.findall(r"## What was found(.*?)\[Published runs", text)
    quoted = re.findall(r"([+−][\d.]+)(?: points)? \(([+−][\d.]+) to ([+−][\d.]+)\)", found)
    assert len(quoted) >= 8
    assert all("{} [{}, {}]".format(*numbers) in study for numbers in quoted), quoted
    (counted,) = re.findall(r"(Of 5 primary claims .*? undetermined)", found)
    assert counted in study
    (seeds,) = re.findall(r"six recipes with (\w+) seeds each", found)
    known = json.loads((ROOT / "reports/gallery/micro/findings.json").read_text("utf-8"))["seeds"]
    assert ["one", "two", "three", "four", "five"].index(seeds) + 1 == max(map(len, known.values()))
    for ratio, low, high in re.findall(r"\| \**([\d.]+)\** \(([\d.]+) to ([\d.]+)\) \|", text):
        exact = [
            tuple(map(float, t)) for t in re.findall(r"\*\*([\d.]+)\*\* \(([\d.]+) to ([\d.]+)\)", peers)
        ]
        assert any(
            all(
                abs(float(a) - b) <= 0.51 * 10.0 ** -len(a.partition(".")[2])
                for a, b in zip(shown, found, strict=True)
            )
            for shown in [(ratio, low, high)]
            for found in exact
        ), (ratio, low, high)
