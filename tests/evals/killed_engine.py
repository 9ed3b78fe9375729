"""A program that samples a checkpoint with the torch engine in forked children and kills them.

Run by test_store_kills. This process loads no weights and draws nothing: its children are born without
threads, with all modules imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch  # noqa: F401  imported once, before any child
from fake_engine import arguments, sample, world_problems
from killed_run import at_random, timed, whole
from transformers import PreTrainedTokenizerFast  # noqa: F401

from evals.engines import decoders, open_engine, torch_engine  # noqa: F401
from evals.engines.threads import one_thread
from evals.records import SamplingOptions
from evals.store import SampleStore

PROBLEMS = world_problems(4)
OPTIONS = SamplingOptions(max_tokens=5)
N = 64
KILLS = 20


def work(root: Path) -> None:
    """What `evals sample` does, in chunks of one problem and 32 samples."""
    one_thread()
    engine = open_engine(str(root.parents[1] / "checkpoint"), rows=8)
    sample(engine, PROBLEMS, **arguments(SampleStore(root), n=N, options=OPTIONS))
    assert "torch._dynamo" not in sys.modules, "2.5 s of every command for a compiler that is not used"


def main(folder: Path) -> None:
    """Kill a run of a checkpoint twenty times against one that nobody kills."""
    expected, seconds = timed(work, folder / "once" / "store")
    chunks = len(PROBLEMS.problems) * N // 32
    assert whole(work, folder / "twice" / "store") == expected
    at_random(work, folder / "random", KILLS, seconds, expected)
    print(f"{chunks} chunks, {seconds:.2f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
