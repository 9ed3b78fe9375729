"""The sample store: problems, samples and grades of any number of checkpoints, as parquet in one folder."""

from evals.store.reading import all_cells
from evals.store.store import SampleStore

__all__ = ["SampleStore", "all_cells"]
