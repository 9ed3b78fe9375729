"""The worked examples of CONTRIBUTING run against the code, and do what the page says."""

import re
from pathlib import Path

import pandas as pd
import pytest

PAGE = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text("utf-8")


def example(section: str) -> dict:
    """The names that the section's example defines."""
    (code,) = re.findall(rf"## {section}\n.*?```python\n(.*?)```", PAGE, re.DOTALL)[:1]
    names: dict = {"__name__": "example"}
    exec(code, names)
    return names


def test_a_probe(tmp_path):
    from analysis import Options
    from probes.inputs.contract import Asked
    from probes.inputs.counts_file import from_counts

    path = tmp_path / "counts.csv"
    rows = [(str(i), name, 4, c) for i in range(3) for name, c in (("a", 1), ("b", 3))]
    pd.DataFrame(rows, columns=["problem", "checkpoint", "n", "c"]).to_csv(path, index=False)
    found = example("Add a probe")["run"](Asked(from_counts(path), Options(K=2), out=tmp_path))
    assert found.probe == "correct"
    assert "0.250" in str(found)
    assert "0.750" in str(found)


def test_an_algorithm():
    torch = pytest.importorskip("torch")
    from trainer.config.schema import RLConfig

    made = example("Add an algorithm")["REINFORCE"]
    rewards = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    assert made.advantages(rewards, RLConfig()).tolist() == [[0.25, -0.75], [0.0, 0.0]]
    assert set(made.defaults) <= set(RLConfig.model_fields)


def test_a_reader():
    (answers,) = example("Add a reader")["tries"].parse(
        b'{"q": "1+1?", "gold": "2", "tries": ["3", "4"]}', {}
    )
    assert (answers.question, answers.gold) == ("1+1?", "2")
    assert [r.text for r in answers.responses] == ["3", "4"]


def test_a_policy_of_the_verifier():
    """Its cases hold by the verifier as it is, and there are wrong ones beside the right ones."""
    cases = example("Add a policy of the verifier")["cases"]
    assert {equal for *_, equal in cases} == {True, False}


def test_files_and_names_exist():
    root = Path(__file__).resolve().parents[2]
    way = (root / "docs" / "architecture.md").read_text("utf-8")  # the files from the command to the card
    for path in re.findall(r"`((?:analysis|evals|trainer|probes|reports|tests)/[\w/.]+\.\w+)`", PAGE + way):
        assert (root / path).is_file() or path == "probes/correct.py", path
    named = set(re.findall(r"^make (\w+)", PAGE, re.M))
    targets = set(re.findall(r"^([\w-]+):", (root / "Makefile").read_text(), re.M))
    assert named <= targets
