"""Counts of checkpoints and nothing else: what a study needs of cells that it compares by itself later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.core.files import write_file
from probes.inputs.checkpoints import Sampling, from_checkpoints
from probes.inputs.sources import Source, store_of

COUNTS, CHECKPOINTS = "counts.csv", "checkpoints.json"


def count(names: Sequence[str], sampling: Sampling, out: Path) -> Source:
    """Sample and grade checkpoints; writes OUT/checkpoints.json, then OUT/counts.csv.

    counts.csv: columns problem, checkpoint, n, c (and cluster, where problems have templates), as `--counts`
    of other probes takes it. checkpoints.json:
    name, path, fingerprint, lineage and sampling report of each, and the problem set. A checkpoint that is
    given again is another draw of it. What OUT/store holds is not drawn again.
    """
    source = from_checkpoints(names, sampling, store_of(out))
    described: dict[str, Any] = {"problems": source.problems, "checkpoints": source.checkpoints}
    write_file(out / CHECKPOINTS, json.dumps(described, indent=1, sort_keys=True, default=str) + "\n")
    rows = source.counts.sort_values(["checkpoint", "problem"])
    write_file(out / COUNTS, rows.to_csv(index=False, lineterminator="\n"))
    return source
