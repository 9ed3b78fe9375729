"""Clusters of problems in probes other than the comparison: they are what an interval counts."""

import numpy as np
import pandas as pd
import pytest

from probes.inputs.counts_file import from_counts
from probes.passk import passk
from probes.seeds import seeds

NAMES = ("start", "seed_1", "seed_2", "seed_3")


@pytest.fixture
def sources(tmp_path, request):
    """The same counts with and without clusters: six kinds of four problems each, all alike within a kind."""
    rng = np.random.default_rng(0)
    rows = [
        {"problem": f"p{kind}{i}", "checkpoint": name, "n": 8, "c": c, "cluster": f"kind {kind}"}
        for name in NAMES[: request.param]
        for kind in range(6)
        for c in [int(rng.integers(0, 6)) + (name != "start") * (kind % 3)]
        for i in range(4)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "with.csv", index=False)
    table.drop(columns="cluster").to_csv(tmp_path / "without.csv", index=False)
    return from_counts(tmp_path / "with.csv"), from_counts(tmp_path / "without.csv")


@pytest.mark.parametrize("sources", [4], indirect=True)
def test_intervals_over_seeds_count_clusters(sources):
    """Four problems that always go together tell what one does.

    Planted and seen to fail: clusters not passed on; problems matched to clusters in the file's order.
    """
    widths = [[row["high"] - row["low"] for row in seeds(source).changes] for source in sources]
    assert np.all(np.divide(*widths) > 1.45)


@pytest.mark.parametrize("sources", [1], indirect=True)
def test_intervals_beyond_n_count_clusters(sources):
    """Planted and seen to fail: clusters not passed on."""
    found = []
    for source in sources:
        rows = [r for r in passk(source).beyond if r["low"] is not None]
        found.append([r["high"] - r["low"] for r in rows])
    assert np.mean(np.divide(*found)) > 1.3
