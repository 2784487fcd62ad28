"""The wafers of the self-test, drawn by a formula that a microcontroller can follow."""

from __future__ import annotations

from typing import Final

import numpy as np

from edge.wafer.wafermap import FAIL, PASS, DieGrid

#: Wafers in the test.
PROBES: Final = 6


def probe(which: int) -> DieGrid:
    """Round wafer 0..``PROBES`` - 1: an area that grows, fails and a grid, by arithmetic alone."""
    side = 26 + 7 * which
    y, x = np.mgrid[:side, :side] * 2 - (side - 1)
    radius = x * x + y * y
    dies = np.where(radius <= side * side, PASS, 0).astype(np.uint8)
    reach = (3 + 2 * which) * side // 16
    shift = side // 3 if which % 2 else 0
    area = (x - shift) ** 2 + (y + shift) ** 2 <= reach * reach
    scatter = (x * x * 7 + y * 13 + x * y * 3) % (11 + which) == 0
    dies[((area ^ (which > 3)) | scatter) & (dies == PASS)] = FAIL
    return dies
