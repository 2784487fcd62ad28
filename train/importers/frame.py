"""WM-811K as it is published: ``LSWMD.pkl`` (Kaggle) and the MIR pickle (mirlab.org).

Both hold a data frame of 811,457 rows, 172,950 of them labelled, with the columns ``waferMap``
(uint8, ragged), ``lotName`` ("lot1"), ``waferIndex``, ``failureType`` and the official split:
``trianTestLabel`` (so spelt) in ``LSWMD.pkl``, ``trainTestLabel`` in the MIR pickle. Labels are
nested arrays (``[['none']]``, empty where unlabelled) in the one, strings (``[0, 0]`` where
unlabelled) in the other. What notebooks make of them is read as well: lot, wafer and split may be
missing or called otherwise (``columns``), texts may be categories, labels numbers or one-hot, and
the file may be compressed. So are other tables: a pickled dict of columns, a stack with labels.

Source: M.-J. Wu, J.-S. R. Jang, J.-L. Chen, "Wafer Map Failure Pattern Recognition and Similarity
Ranking for Large-Scale Data Sets", IEEE Trans. Semicond. Manuf. 28(1), 2015.
"""

from __future__ import annotations

import pickle  # for its exception only
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from edge.dataset.class_folders import PARTS
from edge.dataset.reading import check_bounds
from edge.errors import DataError
from edge.wafer.patterns import SetKind
from train.importers import columns
from train.importers.pickle_types import Array
from train.importers.report import Collector, Imported
from train.importers.row_labels import RowLabels, flags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edge.wafer.patterns import PatternSet
    from train.importers.table import Column, LabelledTable

MAPS, LABELS, LOTS, WAFERS, PART = columns.ROLES

_OFFICIAL: Final = {"": "", "training": "Training", "test": "Test"}
_PARTS: Final = {"": "", **PARTS}
_NUMBERED: Final = re.compile(r"lot(0|[1-9][0-9]*)")


def import_table(
    source: Path,
    found: LabelledTable,
    *,
    legend: Mapping[str, str] | None = None,
    patterns: PatternSet | None = None,
    none: str | None = None,
    kind: SetKind = SetKind.EXCLUSIVE,
    unlabelled: bool = False,
) -> Imported:
    """Import the rows of a table, a wafer each.

    Args:
        source: Where it comes from, for messages.
        found: The table; its columns are taken out of it.
        legend: Pattern of a label, by what stands in the table: {"0": "none"}.
        patterns: What the labels can be; None: all that come.
        none: Which label means no pattern; what rows of zeros are among columns of 0 and 1.
        kind: Of the pattern set; of several, a label may name more than one.
        unlabelled: Whether rows without a label are kept.

    Returns:
        The wafers, with ``label_conflict`` and what the table has of lot, wafer, official, part.

    Raises:
        DataError: maps or labels are missing or no such, or the labels are no pattern set.
    """
    check_bounds(found.rows, 0, str(source))
    split = _split_column(found, source)
    found, hot = flags(found, source)
    names = _names(found, source, unlabelled=unlabelled)
    told = columns.OFFICIAL.get(split, found.kind)
    collector = Collector(str(source), told, patterns, none, kind)
    _note_columns(names, split, hot, collector)
    nothing: list[Any] = [None] * found.rows
    maps, labels, lots, wafers, part, official = (
        found.columns.pop(name, nothing)
        for name in (*(names.get(role, "") for role in columns.ROLES), split)
    )
    column = names.get(LABELS, "")
    reader = RowLabels(source, column, found.legend, legend or {}, patterns, none, kind)
    said = reader.read(labels, collector, unlabelled=unlabelled)
    kept = _kept(said, collector, unlabelled=unlabelled)
    _release(maps, kept)
    lot = _lot_names(lots, kept, source, names.get(LOTS, ""))
    officials = _Words(split, _OFFICIAL, source)
    parts = _Words(names.get(PART, ""), _PARTS, source)
    for row in np.flatnonzero(kept).tolist():
        collector.add(
            values_of(maps[row], source, row),
            said[row] or "",
            name=f"{source} row {row}",
            lot=lot[row],
            wafer=columns.name_of(wafers[row], source, row, names.get(WAFERS, "")),
            official=officials(official[row], row),
            part=parts(part[row], row) if said[row] else "",
        )
        if isinstance(maps, list):
            maps[row] = None
    officials.note("Training nor Test", collector)
    parts.note("train, val nor test", collector)
    return collector.finish()


def _release(maps: Column, kept: Sequence[bool]) -> None:
    """Let go of the maps of rows that are left out before the others are copied.

    The peak of memory is then about one and a half times the size of WM-811K's file; twice where
    all are kept.
    """
    if isinstance(maps, list):
        maps[:] = [item if kept[row] else None for row, item in enumerate(maps)]


def _split_column(found: LabelledTable, source: Path) -> str:
    """Name of the column of the official split; empty where there is none."""
    here = [name for name in columns.OFFICIAL if name in found.columns]
    if len(here) > 1:
        raise DataError(f"{source}: has both {' and '.join(here)}; drop the one that is wrong")
    return here[0] if here else ""


def _names(found: LabelledTable, source: Path, *, unlabelled: bool) -> dict[str, str]:
    """The column in each role; maps must be there, and labels unless they are not asked for."""
    known = {**columns.chosen(found.columns, source), **found.roles}
    names = {role: known[role] for role in columns.ROLES if known.get(role)}
    for role in (MAPS,) if unlabelled else (MAPS, LABELS):
        if role not in names:
            others = ", ".join(columns.NAMES[role][1:])
            mend = "" if role == MAPS else "; --unlabelled takes wafers without a label"
            raise DataError(
                f"{source}: lacks {role} (or {others}); it has "
                f"{', '.join(found.columns) or 'no columns'}{mend}"
            )
    return names


def _note_columns(
    names: Mapping[str, str], split: str, hot: Sequence[str], collector: Collector
) -> None:
    """Say what was taken for what, and what the set will lack since the table does."""
    taken = [f"{name} as {role}" for role, name in names.items() if role != name]
    if taken:
        collector.note(f"columns taken: {', '.join(taken)}")
    if LOTS not in names:
        collector.note(f"no column {LOTS}: without lots the set cannot be divided by lot")
    if WAFERS not in names:
        collector.note(f"no column {WAFERS}: the wafers have no number in their lot")
    if not split and PART not in names:
        collector.note(
            f"no column {' or '.join(columns.OFFICIAL)}: the official split is not known"
        )
    if hot:
        collector.note(f"columns of 0 and 1 taken as a pattern each: {', '.join(hot)}")


class _Words:
    """Reads the words of a column in any case; counts those that it may not hold."""

    def __init__(self, column: str, known: Mapping[str, str], source: Path) -> None:
        self._column, self._known, self._source = column, known, source
        self._unusable = 0

    def __call__(self, cell: object, row: int) -> str:
        word = columns.text_of(cell, self._source, row, self._column).strip().lower()
        self._unusable += word not in self._known
        return self._known.get(word, "")

    def note(self, known: str, collector: Collector) -> None:
        """Say how many there were."""
        if self._unusable:
            collector.note(f"entries of {self._column} that are neither {known}: {self._unusable}")


def _kept(said: list[str | None], collector: Collector, *, unlabelled: bool) -> list[bool]:
    """Which rows are kept, by their labels; the others are counted."""
    if several := said.count(None):
        collector.leave_out("two or more patterns at once", count=several)
    if not unlabelled and (count := said.count("")):
        collector.leave_out("without a label", count=count)
    return [bool(each) or (unlabelled and each == "") for each in said]


def _lot_names(lots: Column, kept: list[bool], source: Path, column: str) -> list[str]:
    """Name of the lot of each row kept; WM-811K's own ``lot47`` is 47, as all are numbered."""
    names = [
        columns.name_of(cell, source, row, column) if kept[row] else ""
        for row, cell in enumerate(lots)
    ]
    if all(_NUMBERED.fullmatch(name) for name in set(names) - {""}):
        return [name.removeprefix("lot") for name in names]
    return names


def _is_row(row: object) -> bool:
    """Whether it is a list of numbers; NumPy would follow lists that hold themselves for ever."""
    return isinstance(row, list) and all(isinstance(item, (int, float)) for item in row)


def values_of(cell: object, source: Path, row: int) -> np.ndarray[Any, Any]:
    """The numbers in a cell of wafer maps.

    Raises:
        DataError: there is something else in it, or it is damaged.
    """
    if isinstance(cell, np.ndarray):
        return cell
    try:
        if isinstance(cell, Array):
            return cell.values()
        if isinstance(cell, list) and all(map(_is_row, cell)):
            return np.asarray(cell)
    except (pickle.UnpicklingError, ValueError) as error:
        raise DataError(f"{source}: row {row} is damaged ({error})") from error
    raise DataError(
        f"{source}: row {row} holds a {type(cell).__name__} where a wafer map is expected"
    )
