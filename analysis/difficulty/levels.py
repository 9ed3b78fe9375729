"""Groups of problems by how often the base is right, as every measure by base difficulty takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.arguments import Floats

FEWEST = 6  # problems below which a group makes no claim
LEVELS = ((0.0, 0.0), (0.0, 0.25), (0.25, 0.75), (0.75, 1.0))  # shares of A's samples that are right
NAMES = ("A: none right", "A: up to 25%", "A: 25% to 75%", "A: above 75%")


def level_of(share: Floats) -> NDArray[np.int64]:
    """Which of NAMES each problem belongs to, by the share of A's samples that are right, (M,)."""
    return np.select([share == 0, share <= LEVELS[1][1], share <= LEVELS[2][1]], [0, 1, 2], 3)
