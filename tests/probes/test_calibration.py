"""A small run of `python -m probes.calibration.calibrate`: it finds a planted fault."""

import numpy as np

from probes.calibration.calibrate import answers, calibrate, divergence, samples, training
from probes.measures.paired import Measure


def test_small_calibration():
    """Few runs, so only gross under-coverage fails; the command itself runs 200."""
    table = calibrate(8, problems=50, n=16, kinds=(answers, samples, divergence, training))
    assert {"expand", "passk", "support", "entropy", "likelihood", "diversity", "readiness", "seeds",
            "rollouts", "capability"} == set(table["probe"])  # fmt: skip
    assert len(table) > 30
    assert table["enough"].all(), table[~table["enough"]]


def test_a_planted_fault_is_found():
    """Intervals of a quarter of their width cover too rarely, and the table says so."""

    def too_narrow(run, seed):
        import pandas as pd

        from probes.measures.paired import infer

        tables = {n: pd.DataFrame({"x": d.mean(axis=1)}) for n, d in (("a", run.one), ("b", run.two))}
        row = infer(tables, (Measure("x", "x", "rate"),), [("a", "b")])["differences"][0]
        yield "planted", "too narrow", bool(abs(row["estimate"]) <= (row["high"] - row["low"]) / 8)

    table = calibrate(40, problems=50, n=16, kinds=(too_narrow,))
    assert not table["enough"].any()
    assert np.isfinite(table["covered"]).all()
