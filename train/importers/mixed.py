"""MixedWM38, the set of mixed patterns: its single-pattern and pattern-free wafers.

``Wafer_Map_Datasets.npz`` holds ``arr_0`` (38015, 52, 52) and ``arr_1`` (38015, 8), multi-hot in
the order of ``PATTERN_ORDER``, which is not alphabetical. Also read: the layout ``maps``,
``labels``, ``label_names``, which names its own order. About a hundred maps hold a stray 3.

Source: J. Wang, C. Xu, Z. Yang, J. Zhang, X. Li, "Deformable Convolutional Networks for Efficient
Mixed-type Wafer Defect Pattern Recognition", IEEE Trans. Semicond. Manuf. 33(4), 2020.
"""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import DataError
from edge.patterns import PATTERNS, Pattern
from edge.wafermap import FAIL
from train.importers.report import Collector, Imported, SourceKind, pattern_named

if TYPE_CHECKING:
    from pathlib import Path

    from train.unpickle import Progress

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
_STEP: Final = 1024


def import_mixed(source: Path, *, progress: Progress | None = None) -> Imported:
    """Import the wafers of MixedWM38 that show one pattern or none.

    Args:
        source: The ``.npz`` file.
        progress: Called with the wafers read and in all.

    Returns:
        The wafers, without lots: the data set names none.

    Raises:
        DataError: unreadable, or the arrays are not of this layout.
    """
    maps, labels, names = _arrays(source)
    collector = Collector(str(source), SourceKind.MIXED)
    several = labels.sum(axis=1) > 1
    if several.any():
        collector.leave_out("two or more patterns at once", count=int(several.sum()))
    stray_maps = 0
    for index in np.flatnonzero(~several):
        values = maps[index]
        stray = values == _STRAY
        if stray.any():
            stray_maps += 1
            values = np.where(stray, FAIL, values)
        label = names[int(labels[index].argmax())] if labels[index].any() else Pattern.NONE.value
        collector.add(values, label, name=f"{source}[{index}]")
        if progress is not None and index % _STEP == 0:
            progress(int(index), len(maps))
    if progress is not None:
        progress(len(maps), len(maps))
    if stray_maps:
        collector.note(f"{stray_maps} maps hold the stray value 3, which was read as a failing die")
    return collector.finish()


def _arrays(
    source: Path,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], tuple[str, ...]]:
    try:
        with np.load(source, allow_pickle=False) as file:
            published = set(file.files) >= PUBLISHED
            maps, hot = (
                file[name] for name in (("arr_0", "arr_1") if published else ("maps", "labels"))
            )
            names = PATTERN_ORDER if published else tuple(map(str, file["label_names"]))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{source}: cannot be read ({error}); was the download complete?"
        ) from error
    if maps.ndim != 3 or maps.dtype.kind not in "uib" or hot.shape != (len(maps), len(names)):
        raise DataError(
            f"{source}: maps are {maps.shape} of {maps.dtype} and labels {hot.shape}; "
            f"expected are (wafers, rows, columns) and (wafers, {len(names)})"
        )
    if not np.isin(hot, (0, 1)).all():
        raise DataError(f"{source}: labels must be 0 or 1, one column a pattern")
    patterns = tuple(pattern_named(name) or "" for name in names)
    if "" in patterns:
        unknown = names[patterns.index("")]
        raise DataError(
            f"{source}: unknown pattern {unknown!r} in label_names; known: {', '.join(PATTERNS)}"
        )
    return maps, hot.astype(bool), patterns
