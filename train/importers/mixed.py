"""MixedWM38, the set of mixed patterns: all its wafers, or those with one pattern or none.

The layout stands in ``edge.dataset.mixedwm38``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from edge.dataset import mixedwm38
from edge.errors import DataError
from edge.system.text import counted
from edge.wafer.patterns import JOINT, WM811K, WM811K_SEVERAL, Pattern, SetKind
from train.importers.report import Collector, Imported, SourceKind

if TYPE_CHECKING:
    from pathlib import Path

    from edge.wafer.patterns import PatternSet
    from train.importers.pickle_file import Progress

_STEP: Final = 1024


def import_mixed(
    source: Path,
    *,
    patterns: PatternSet | None = None,
    kind: SetKind = SetKind.EXCLUSIVE,
    progress: Progress | None = None,
) -> Imported:
    """Import the wafers of MixedWM38; of an exclusive set those that show one pattern or none.

    Args:
        source: The file.
        patterns: What its names mean; None: those of WM-811K.
        kind: Of the pattern set where none is given.
        progress: Called with the wafers read and in all.

    Returns:
        The wafers, without lots: the data set names none.

    Raises:
        DataError: unreadable, or the arrays are not of this layout.
    """
    found = mixedwm38.read(source)
    names = _known(source, found.names)
    preset = WM811K_SEVERAL if kind is SetKind.SEVERAL else WM811K
    collector = Collector(str(source), SourceKind.MIXED, patterns or preset)
    several = found.patterns.sum(axis=1) > (len(names) if kind is SetKind.SEVERAL else 1)
    if several.any():
        collector.leave_out("two or more patterns at once", count=int(several.sum()))
    stray_maps = 0
    total = len(found.maps)
    for index in np.flatnonzero(~several).tolist():
        values, stray = found.grid(index)
        stray_maps += stray
        shown = JOINT.join(names[place] for place in np.flatnonzero(found.patterns[index]))
        collector.add(values, shown or Pattern.NONE.value, name=f"{source}[{index}]")
        if progress is not None and index % _STEP == 0:
            progress(index, total)
    if progress is not None:
        progress(total, total)
    if stray_maps:
        collector.note(
            f"the stray value 3 was read as a failing die, in {counted(stray_maps, 'map')}"
        )
    return collector.finish()


def _known(source: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    patterns = tuple(WM811K.named(name) or "" for name in names)
    if "" in patterns:
        unknown = names[patterns.index("")]
        raise DataError(
            f"{source}: unknown pattern {unknown!r} in label_names; known: {WM811K.listed}"
        )
    return patterns
