"""A grid of dies and a seed in, synthetic wafers of each of the nine patterns out.

They stand in where real wafers are few (Near-full, Donut) and where there is no data at all (tests,
demonstrations). Lengths are fractions of the wafer radius throughout, so a pattern looks the same
on a wafer of 25 dies across and on one of 200.
"""

from __future__ import annotations

from train.synth.frame import round_grid, typical_grids
from train.synth.sets import synthesise, synthetic_set

__all__ = ["round_grid", "synthesise", "synthetic_set", "typical_grids"]
