"""A grid of dies and a seed in, a synthetic wafer of one of the nine patterns out.

They stand in where real wafers are few (Near-full, Donut) and where there is no data at all (tests,
demonstrations, wafers that yield more than any real one). Lengths are fractions of the wafer radius
throughout, so a pattern looks the same on a wafer of 25 dies across and on one of 200.
"""

from __future__ import annotations

from edge.synth.frame import round_grid, typical_grids
from edge.synth.generators import synthesise

__all__ = ["round_grid", "synthesise", "typical_grids"]
