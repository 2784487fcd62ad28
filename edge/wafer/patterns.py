"""The nine wafer-map patterns of WM-811K, in the one order used everywhere."""

from __future__ import annotations

import re
from typing import Final

from edge.system.choice import Choice


class Pattern(Choice):
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


#: Pattern names in canonical (alphabetical, ``none`` last) order: the order of a model's outputs.
PATTERNS: tuple[str, ...] = tuple(pattern.value for pattern in Pattern)

#: What does not count in a spelling: blanks, underscores and hyphens of every kind.
_BETWEEN: Final = re.compile(r"[\s_\u2010-\u2015-]+")

_SPELLINGS: Final = {_BETWEEN.sub("", name).lower(): name for name in PATTERNS} | {
    "edgelocal": Pattern.EDGE_LOC.value,
    "local": Pattern.LOC.value,
    "normal": Pattern.NONE.value,
}

#: The rule of spelling, for messages.
SPELLING: Final = (
    "any case, with or without blanks, '_' and '-'; 'Local' is Loc, 'Edge-Local' Edge-Loc, "
    "'Normal' none"
)


def pattern_named(text: str) -> str | None:
    """The pattern that people mean by a spelling; None where it is none of the nine.

    Case, blanks, underscores and hyphens do not count (``Edge_Loc``, ``edge loc``, ``EdgeLoc``),
    and published sets call three of them otherwise as well: ``Local``, ``Edge-Local``, ``Normal``.
    """
    return _SPELLINGS.get(_BETWEEN.sub("", text).lower())
