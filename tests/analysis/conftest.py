"""Property tests here do not race a clock, and use few examples: the exact grids beside them do the rest."""

import numpy as np
import pytest
from hypothesis import settings

from analysis import PairedCounts

settings.register_profile("analysis", deadline=None, max_examples=40)
settings.load_profile("analysis")


@pytest.fixture(scope="session")
def changed() -> PairedCounts:
    """400 problems × 32 samples on which both pass@1 and pass@16 rose a lot."""
    rng = np.random.default_rng(7)
    p = rng.beta(0.5, 2.5, 400)
    return PairedCounts.from_arrays(32, rng.binomial(32, p), 32, rng.binomial(32, p**0.6))
