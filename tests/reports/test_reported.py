"""Figures and LaTeX of the measures that others report, from findings of the probes themselves."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from probes.capability import capability
from probes.findings.finding import finding, write_findings
from probes.findings.types import Finding
from probes.inputs.sources import Source, blank
from probes.measures.ladder import with_ladder
from probes.measures.work_shown import work_measures
from probes.passk import passk
from probes.readiness import readiness
from reports.drawings import of_probe
from reports.frames.reported import tax_title
from reports.tables import write_tables

RNG = np.random.default_rng(0)


def source_of(**shifts):
    ability = RNG.normal(-1, 1.5, 60)
    ids = [f"{i:02d}" for i in range(60)]
    parts = [
        pd.DataFrame({"problem": ids, "checkpoint": name, "n": 16,
                      "c": RNG.binomial(16, 1 / (1 + np.exp(-ability - shift)))})
        for name, shift in shifts.items()
    ]  # fmt: skip
    problems = {"name": "planted", "fingerprint": None, "count": 60}
    return Source(pd.concat(parts, ignore_index=True), [blank(n) for n in shifts], problems)


def planted():
    """Findings of passk, readiness, capability, and of support and diversity as far as figures read them."""
    ladder = with_ladder(
        source_of(m1=0.0, m2=0.6, rl=0.3), ["m1=1e9", "m2=2e9"], ["rl=1e9"], ["m1=3.2", "m2=3.0"]
    )
    ready = readiness(ladder)
    points = [p | {"reached": 0.3 + 0.1 * i} for i, p in enumerate(ready.extra("points"))]
    a, b = blank("a") | {"fingerprint": "wa"}, blank("b") | {"fingerprint": "wb"}
    text = pd.DataFrame({"weights": ["wa"] * 20 + ["wb"] * 20, "document": [*range(20)] * 2,
                         "bits": RNG.normal(500, 20, 40), "bytes": [300] * 40})  # fmt: skip
    policy = [
        {"a": "a", "b": "b", "group": g, "problems": 60, "n": 8, "measure": m, "observed": 0.2, "null": 0.1,
         "estimate": 0.1, "low": 0.0, "high": None if m == "mass_wrong" else 0.2}
        for g in ("all problems", "A: none right")
        for m in ("right_amplified", "tail_discovered", "wrong_mode", "mass_right", "mass_wrong")
    ]  # fmt: skip
    work = [
        {"checkpoint": name, **m.named(), "estimate": 0.2, "low": 0.1, "high": 0.3}
        for name in "ab"
        for m in work_measures(16, judged=True)
    ] + [{"checkpoint": "a", "measure": "guess_floor", "label": "guess floor", "estimate": 0.02}]
    told = {"checkpoints": [blank("a"), blank("b")], "problems": None}
    votes = passk(source_of(a=0.0, b=1.0)).model_copy(deep=True)
    drawn = [e.model_copy(update={"measure": f"maj@{k}", "label": f"maj@{k}"}) for e in votes.estimates
             for k in (2, 4, 8) if e.measure == f"pass@{k}"]  # fmt: skip
    return [
        votes.model_copy(update={"estimates": (*votes.estimates, *drawn)}),
        ready.model_copy(update={"points": points}),
        capability(None, [a, b], text=text),
        finding("support", **told, policy=policy),
        finding("diversity", **told, estimates=work),
    ]


def test_each_measure_has_its_figure_and_its_table(tmp_path: Path) -> None:
    findings = planted()
    names = {d.name: d for f in findings for d in of_probe(f)}
    assert {"tax", "votes", "tokens", "reached", "text", "answers", "work"} <= set(names)
    for name in ("tax", "votes", "tokens", "reached", "text", "answers", "work"):
        figure = names[name].draw()
        figure.canvas.draw()
        assert all(axes.get_xlabel() for axes in figure.axes)
    assert names["tax"].frame["share"].between(0, 1).all()
    write_findings(tmp_path / "findings.json", findings)
    written = write_tables(tmp_path, tmp_path / "out")
    assert {"passk-1", "passk-1-1", "readiness-1-1", "readiness-1-2", "capability-1"} <= set(written)
    tax = (tmp_path / "out" / "passk-1-1.tex").read_text()
    assert "Sharpening tax: above 0, further tries gain less than before" in tax
    assert "A drawn twice" in tax
    tokens = (tmp_path / "out" / "readiness-1-2.tex").read_text()
    assert "Token equivalent" in tokens


@pytest.mark.parametrize("reading", ["lost", "equivalent"])
def test_readings_stand_beside_the_margin(reading: str) -> None:
    right = np.array([1] * 300 + [0] * 100)
    other = np.array([1] * 200 + [0] * 200) if reading == "lost" else right
    rows = [{"weights": w, "task": "t", "metric": "acc_norm", "item": str(i), "correct": bool(x)}
            for w, side in (("wa", right), ("wb", other)) for i, x in enumerate(side)]  # fmt: skip
    pair = [blank("a") | {"fingerprint": "wa"}, blank("b") | {"fingerprint": "wb"}]
    drawing = next(iter(of_probe(capability(pd.DataFrame(rows), pair))))
    texts = [t.get_text() for t in drawing.draw().axes[0].texts]
    assert texts == [reading]


def test_a_tax_without_an_interval_is_told_without_one():
    row = {"estimate": 0.0, "low": None, "high": None, "null_low": -0.1, "null_high": 0.1}
    found = Finding.model_validate({"schema": 2, "probe": "passk", "checkpoints": [], "taxes": [row]})
    assert tax_title(found) == "tax +0.000; A drawn twice -0.100 to +0.100"
