"""Codes that fail all around a wafer: they stand where no die is, and nobody has said so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.errors import InputKind
from edge.formats.fab.fab_map import Code, FabMap, Meaning, same_bin
from edge.wafer.wafermap import FAIL, NO_DIE, DieGrid

#: Formats in which a file lists what passes, and all others fail by that.
LISTING: Final = frozenset({"SINF", "text map"})
#: Square of the distance from the middle, in halves of a side, from which on no wafer has a die: of
#: maps of less than five rows or columns no position is that far out.
_OUT: Final = 1.2
#: Different codes that may be meant for no die.
_MOST: Final = 3


def are_among(codes: Sequence[Code], texts: Sequence[str]) -> bool:
    """Whether all codes are among those that somebody names."""
    return all(any(same_bin(code.text, each) for each in texts) for code in codes)


def check_outside(fab: FabMap, dies: DieGrid, failing: Sequence[str] = ()) -> None:
    """Refuse a map of which all positions outside the wafer's circle fail, or a code only there.

    Not where the file counts its dies (``legend`` has compared), nor where it says of each of
    these codes that it fails, or a recipe does.

    Args:
        fab: The map.
        dies: Its die states (rows, columns).
        failing: Codes that a recipe says to fail wherever they stand.

    Raises:
        InputError: it names the codes.
    """
    rows, columns = (np.linspace(1 / side - 1, 1 - 1 / side, side) for side in dies.shape)
    around = rows[:, None] ** 2 + columns**2 > _OUT
    fails, inside = dies[around] == FAIL, fab.codes[~around]
    found = np.unique(fab.codes[around][fails]).tolist()
    if not fails.all():  # what stands among positions without a die, and nowhere on the wafer
        is_lone = np.count_nonzero(dies[around] == NO_DIE) * 2 > fails.size
        found = [number for number in found if is_lone and number not in inside]
    stated = fab.stated
    is_counted = stated.tested is not None or None not in (stated.passed, stated.failed)
    if is_counted or not 0 < len(found) <= _MOST:
        return
    codes = [fab.legend[number] for number in found]
    unsaid = {Meaning.UNKNOWN, Meaning.OTHER}
    is_said = any(code.meaning not in unsaid for code in codes)
    if (is_said and fab.format not in LISTING) or are_among(codes, failing):
        return
    names = [code.text for code in codes]
    what = f"all around the wafer {' and '.join(map(repr, names))} would fail"
    mend = f"say what is no die: --none-bins={','.join(names)}, or none_bins in a recipe"
    mend += "; or that they fail: fail_bins there"
    raise fab.refused(InputKind.AMBIGUOUS, f"{what}; {mend}")
