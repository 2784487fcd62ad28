"""MixedWM38: wafers with up to four patterns at once, and where they stand in its file.

``Wafer_Map_Datasets.npz`` holds ``arr_0`` (38015, 52, 52) and ``arr_1`` (38015, 8), multi-hot in
the order of ``PATTERN_ORDER``, which is not alphabetical. Also read: the layout ``maps``,
``labels``, ``label_names``, which names its own order. About a hundred maps hold a stray 3.

Source: J. Wang, C. Xu, Z. Yang, J. Zhang, X. Li, "Deformable Convolutional Networks for Efficient
Mixed-type Wafer Defect Pattern Recognition", IEEE Trans. Semicond. Manuf. 33(4), 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import DataError, why
from edge.formats.archive import UNREADABLE
from edge.formats.npz import Arrays
from edge.wafer.wafermap import FAIL, DieGrid

#: The columns of ``arr_1``.
PATTERN_ORDER: Final = (
    "Center",
    "Donut",
    "Edge-Loc",
    "Edge-Ring",
    "Loc",
    "Near-full",
    "Scratch",
    "Random",
)
PUBLISHED: Final = frozenset({"arr_0", "arr_1"})
NAMED: Final = frozenset({"maps", "labels", "label_names"})

_STRAY: Final = 3


@dataclass(frozen=True)
class Mixed:
    """The arrays of the file.

    Attributes:
        maps: Whole numbers (W, rows, columns) as they stand in the file.
        patterns: bool (W, N): which patterns are on each wafer; none of them is ``none``.
        names: Name of each column, as the file has it.
    """

    maps: npt.NDArray[Any]
    patterns: npt.NDArray[np.bool_]
    names: tuple[str, ...]

    def grid(self, index: int) -> tuple[DieGrid, bool]:
        """Die grid of a wafer, and whether it held the stray 3, which is read as failing."""
        values = self.maps[index]
        stray = values == _STRAY
        return np.where(stray, FAIL, values).astype(values.dtype), bool(stray.any())


def read(source: Path) -> Mixed:
    """Read the file.

    Raises:
        DataError: unreadable, or the arrays are not of this layout.
    """
    try:
        with Arrays(source) as file:
            if not (file.names >= PUBLISHED or file.names >= NAMED):
                raise DataError(
                    f"{source}: has no maps with labels, its arrays are "
                    f"{', '.join(sorted(file.names)[:5]) or 'none'}; expected are arr_0 and arr_1, "
                    "or maps, labels and label_names (`wm-edge classify` reads maps alone)"
                )
            published = file.names >= PUBLISHED
            maps, hot = map(file.read, ("arr_0", "arr_1") if published else ("maps", "labels"))
            names = PATTERN_ORDER if published else tuple(map(str, file.read("label_names")))
    except UNREADABLE as error:
        raise DataError(
            f"{source}: cannot be read ({why(error)}); was the download complete?"
        ) from error
    if maps.ndim != 3 or hot.shape != (len(maps), len(names)):
        what = f"{source}: maps are {maps.shape} and labels {hot.shape}"
        raise DataError(f"{what}; expected are (wafers, rows, columns) and (wafers, {len(names)})")
    if maps.dtype.kind not in "uibf":
        raise DataError(f"{source}: maps are of type {maps.dtype}; expected are whole numbers")
    if not np.isin(hot, (0, 1)).all():
        raise DataError(f"{source}: labels must be 0 or 1, one column a pattern")
    return Mixed(maps, hot.astype(bool), names)
