"""A labelled set read back: every array is checked before anything relies on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet
from edge.dataset.labels import labelled_by
from edge.errors import DataError, why
from edge.formats.archive import MAX_UNPACKED, MAX_WAFERS, UNREADABLE
from edge.formats.columns import OPTIONAL, column_problems, normalised
from edge.formats.npz import Arrays
from edge.system.typed import decode
from edge.wafer.patterns import PatternSet
from edge.wafer.wafermap import FAIL, MAX_SIDE

#: Its pattern set, as JSON.
_SET: Final = "pattern_set"

REQUIRED: Final = ("dies", "offsets", "shapes", "labels")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Inside, what is wrong with a set that was read is told with the name of its file."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def check_bounds(wafers: int, dies: int, source: str) -> None:
    """Refuse a set of so many wafers and dies that no reader would take it.

    Raises:
        DataError: it has more wafers than ``MAX_WAFERS`` or more dies than ``MAX_UNPACKED``.
    """
    if wafers > MAX_WAFERS or dies > MAX_UNPACKED:
        raise DataError(
            f"{source}: more than {MAX_WAFERS:,} wafers or {MAX_UNPACKED:,} dies; divide the set"
        )


def load(path: str | Path) -> LabelledSet:
    """Read a labelled set and check it.

    Raises:
        DataError: missing, unreadable or inconsistent file, unknown label, impossible die state.
    """
    path = Path(path)
    try:
        with Arrays(path) as file:
            missing = [name for name in REQUIRED if name not in file.names]
            if missing:
                raise DataError(
                    f"{path}: not a labelled set, it lacks {', '.join(missing)}; "
                    "`wm-edge dataset import` makes one from LSWMD.pkl, MixedWM38 or class folders"
                )
            present = [name for name in (*REQUIRED, *OPTIONAL, _SET) if name in file.names]
            arrays = {name: file.read(name) for name in present}
        arrays = {name: normalised(name, values) for name, values in arrays.items()}
        known = _patterns(path, arrays.pop(_SET, None))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise DataError(
            f"{path}: a folder; `wm-edge dataset import {path} --out set.npz` makes a labelled set "
            "of class folders"
        ) from error
    except UNREADABLE as error:
        what = f"{path}: not a labelled set that can be read ({why(error)})"
        raise DataError(
            f"{what}; it must be an .npz with {', '.join(REQUIRED)}, as `wm-edge dataset import` "
            "makes one of tables, stacks and class folders"
        ) from error
    columns = {name: values for name, values in arrays.items() if name not in REQUIRED}
    dies, offsets, shapes, labels = (arrays[name] for name in REQUIRED)
    labelled = LabelledSet(dies, offsets, shapes, labels, columns)
    unusable = f"{path}: not a usable labelled set"
    if problem := next(_problems(labelled), None):
        raise DataError(f"{unusable}: {problem}")
    try:
        labels, patterns = labelled_by(labels, known)
    except DataError as error:
        raise DataError(f"{unusable}: {error}") from None
    return replace(labelled, labels=labels, patterns=patterns)


def _patterns(path: Path, stored: npt.NDArray[Any] | None) -> PatternSet | None:
    """The pattern set that stands in the file, where one does."""
    if stored is None:
        return None
    try:
        return decode(PatternSet, json.loads(str(stored.reshape(-1)[0])))
    except (ValueError, IndexError, RecursionError) as error:
        raise DataError(f"{path}: its `{_SET}` is no pattern set: {error}") from None


def _problems(labelled: LabelledSet) -> Iterator[str]:
    wafers = len(labelled.labels) if labelled.labels.ndim == 1 else -1
    if wafers > MAX_WAFERS:
        yield f"more than {MAX_WAFERS:,} wafers"
    if labelled.labels.dtype.kind != "U":
        yield f"labels are of type {labelled.labels.dtype}, not text"
    if labelled.dies.dtype != np.uint8 or labelled.dies.ndim != 1:
        yield "dies must be one row of uint8"
    if labelled.offsets.dtype.kind not in "iu" or labelled.shapes.dtype.kind not in "iu":
        yield "offsets and shapes must be whole numbers"
    if labelled.shapes.shape != (wafers, 2) or labelled.offsets.shape != (wafers + 1,):
        yield "labels, shapes and offsets do not agree on the number of wafers"
    shapes = labelled.shapes.astype(np.int64)
    if wafers and (shapes.min() < 1 or shapes.max() > MAX_SIDE):
        yield f"a map has a side outside 1..{MAX_SIDE}"
    ends = np.concatenate([[0], np.cumsum(shapes.prod(axis=1))])
    if not np.array_equal(ends, labelled.offsets) or ends[-1] != len(labelled.dies):
        yield "offsets, shapes and dies do not fit together (truncated?)"
    if labelled.dies.size and labelled.dies.max() > FAIL:
        place = int(np.argmax(labelled.dies > FAIL))
        wafer = int(np.searchsorted(labelled.offsets, place, side="right")) - 1
        yield f"die state {labelled.dies[place]} in wafer {wafer} (0 no die, 1 pass, 2 fail)"
    for name, values in labelled.columns.items():
        yield from column_problems(name, values, wafers)
