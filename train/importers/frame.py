"""WM-811K as it is published: ``LSWMD.pkl`` (Kaggle) and the MIR pickle (mirlab.org).

Both hold a data frame of 811,457 rows, 172,950 of them labelled, with the columns ``waferMap``
(uint8, ragged), ``lotName`` ("lot1"), ``waferIndex``, ``failureType`` and the official split:
``trianTestLabel`` (so spelt) in ``LSWMD.pkl``, ``trainTestLabel`` in the MIR pickle. Labels are
nested arrays (``[['none']]``, empty where unlabelled) in the one, strings (``[0, 0]`` where
unlabelled) in the other. What notebooks make of them is read as well: lot, wafer and split may be
missing, texts may be categories, and the file may be compressed.

Source: M.-J. Wu, J.-S. R. Jang, J.-L. Chen, "Wafer Map Failure Pattern Recognition and Similarity
Ranking for Large-Scale Data Sets", IEEE Trans. Semicond. Manuf. 28(1), 2015.
"""

from __future__ import annotations

import math
import pickle  # for its exception only
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from edge.errors import DataError
from edge.wafer.patterns import flaw
from train.importers import table
from train.importers.pickle_types import Array
from train.importers.report import Collector, Imported, SourceKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from train.importers.restricted_unpickler import Progress
    from train.importers.table import Column

#: The column of the official split, by the publication that spells it so.
SPLIT_COLUMNS: Final = {
    "trianTestLabel": SourceKind.LSWMD,
    "trainTestLabel": SourceKind.MIR,
}
MAPS: Final = "waferMap"
LABELS: Final = "failureType"
LOTS: Final = "lotName"
WAFERS: Final = "waferIndex"

_OFFICIAL: Final = {"": "", "training": "Training", "test": "Test"}
_NUMBERED: Final = re.compile(r"lot(0|[1-9][0-9]*)")
_NESTING: Final = 4


def import_frame(
    source: Path,
    *,
    legend: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Import a pickled WM-811K data frame.

    The maps of unlabelled rows are released before the labelled ones are copied, so that the peak
    of memory is about one and a half times the file's size.

    Args:
        source: ``LSWMD.pkl``, the MIR pickle, or either saved again by a newer pandas.
        legend: Pattern of a label, by what stands in the frame: {"0": "none"}.
        progress: Called with the bytes read and in all.

    Returns:
        The labelled wafers, with columns ``label_conflict`` and, where the frame has them,
        ``lot``, ``wafer``, ``official``.

    Raises:
        DataError: refused, unreadable, maps or labels are missing, or these are no pattern set.
    """
    frame = table.read(source, progress=progress)
    split = _split_column(frame, source)
    collector = Collector(str(source), SPLIT_COLUMNS.get(split, SourceKind.FRAME))
    _note_missing(frame, split, collector)
    nothing: list[Any] = [None] * frame.rows
    maps, labels, lots, wafers, official = (
        frame.columns.pop(name, nothing) for name in (MAPS, LABELS, LOTS, WAFERS, split)
    )
    if isinstance(labels, np.ndarray):
        labels = labels.tolist()
    legend = legend or {}
    patterns = [_pattern(cell, source, row, legend) for row, cell in enumerate(labels)]
    unlabelled = patterns.count("")
    if unlabelled:
        collector.leave_out("without a label", count=unlabelled)
    if isinstance(maps, list):
        maps[:] = [item if patterns[row] else None for row, item in enumerate(maps)]
    names = _lot_names(lots, patterns, source)
    unusable_splits = 0
    for row, pattern in enumerate(patterns):
        if not pattern:
            continue
        part = _OFFICIAL.get(_text(official[row], source, row, split).strip().lower())
        unusable_splits += part is None
        collector.add(
            _values(maps[row], source, row),
            pattern,
            name=f"{source} row {row}",
            lot=names[row],
            wafer=_name(wafers[row], source, row, WAFERS),
            official=part or "",
        )
        maps[row] = None
    if unusable_splits:
        collector.note(f"entries of {split} that are neither Training nor Test: {unusable_splits}")
    return collector.finish()


def _split_column(frame: table.LabelledTable, source: Path) -> str:
    """Name of the column of the official split; empty where there is none."""
    missing = [name for name in (MAPS, LABELS) if name not in frame.columns]
    found = [name for name in SPLIT_COLUMNS if name in frame.columns]
    if missing:
        what = f"{source}: the data frame lacks {', '.join(missing)}"
        raise DataError(f"{what}; it has {', '.join(frame.columns) or 'no columns'}")
    if len(found) > 1:
        raise DataError(f"{source}: has both {' and '.join(found)}; drop the one that is wrong")
    return found[0] if found else ""


def _note_missing(frame: table.LabelledTable, split: str, collector: Collector) -> None:
    """Say what the set will lack, since the frame does."""
    if LOTS not in frame.columns:
        collector.note(f"no column {LOTS}: without lots the set cannot be divided by lot")
    if WAFERS not in frame.columns:
        collector.note(f"no column {WAFERS}: the wafers have no number in their lot")
    if not split:
        collector.note(f"no column {' or '.join(SPLIT_COLUMNS)}: the official split is not known")


def _pattern(cell: object, source: Path, row: int, legend: Mapping[str, str]) -> str:
    if isinstance(cell, (int, float, np.number)) and not math.isnan(cell):
        number = str(int(cell)) if float(cell).is_integer() else str(cell)
        if number not in legend:
            raise DataError(
                f"{source}: the column {LABELS} holds numbers ({type(cell).__name__}), and what "
                f"{number} means is not known here; say it with --label {number}=NAME"
            )
        cell = legend[number]
    text = _text(cell, source, row, LABELS).strip()
    text = legend.get(text, text)
    if text and (wrong := flaw(text)):
        raise DataError(f"{source}: row {row}: the label {text!r:.60} {wrong}")
    return text


def _lot_names(lots: Column, patterns: list[str], source: Path) -> list[str]:
    """Name of the lot of each labelled row; WM-811K's own ``lot47`` is 47, as all are numbered."""
    names = [
        _name(cell, source, row, LOTS) if patterns[row] else "" for row, cell in enumerate(lots)
    ]
    if all(_NUMBERED.fullmatch(name) for name in set(names) - {""}):
        return [name.removeprefix("lot") for name in names]
    return names


def _name(cell: Any, source: Path, row: int, column: str) -> str:
    """Name of a lot or wafer as it stands; a table may have kept whole numbers as floats."""
    if isinstance(cell, (int, float, np.number)):
        if math.isnan(cell) or cell == -1:
            return ""
        return str(int(cell)) if float(cell).is_integer() else str(cell)
    return _text(cell, source, row, column).strip()


def _text(cell: Any, source: Path, row: int, column: str) -> str:
    """The text of a cell, out of however many arrays; empty where there is none."""
    try:
        for _ in range(_NESTING):
            if isinstance(cell, Array):
                cell = cell.flat()
            if isinstance(cell, bytes):
                cell = cell.decode("latin-1")
            if isinstance(cell, str):
                return cell
            if cell is None or (isinstance(cell, float) and math.isnan(cell)):
                return ""
            if not isinstance(cell, list):
                break
            if all(isinstance(item, int) and item == 0 for item in cell):
                return ""
            if len(cell) != 1:
                break
            cell = cell[0]
    except pickle.UnpicklingError as error:
        raise DataError(f"{source}: row {row} is damaged ({error})") from error
    raise DataError(
        f"{source}: row {row} of {column} holds a {type(cell).__name__} where a text is expected"
    )


def _values(cell: object, source: Path, row: int) -> np.ndarray[Any, Any]:
    if not isinstance(cell, Array):
        raise DataError(
            f"{source}: row {row} holds a {type(cell).__name__} where a wafer map is expected"
        )
    try:
        return cell.values()
    except pickle.UnpicklingError as error:
        raise DataError(f"{source}: row {row} is damaged ({error})") from error
