"""The nine wafer-map patterns of WM-811K, in the one order used everywhere."""

from __future__ import annotations

from enum import Enum


class Pattern(str, Enum):
    """A failure pattern; the value is the spelling WM-811K gives it."""

    CENTER = "Center"
    DONUT = "Donut"
    EDGE_LOC = "Edge-Loc"
    EDGE_RING = "Edge-Ring"
    LOC = "Loc"
    NEAR_FULL = "Near-full"
    RANDOM = "Random"
    SCRATCH = "Scratch"
    NONE = "none"

    def __str__(self) -> str:
        return self.value


#: Pattern names in canonical (alphabetical, ``none`` last) order: the order of a model's outputs.
PATTERNS: tuple[str, ...] = tuple(pattern.value for pattern in Pattern)
