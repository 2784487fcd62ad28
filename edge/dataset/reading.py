"""A labelled set read back: every array is checked before anything relies on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet, unknown_labels
from edge.errors import DataError, why
from edge.formats.archive import MAX_WAFERS, UNREADABLE
from edge.formats.columns import OPTIONAL, column_problems, normalised
from edge.formats.npz import Arrays
from edge.wafer.patterns import pattern_named
from edge.wafer.wafermap import FAIL, MAX_SIDE

REQUIRED: Final = ("dies", "offsets", "shapes", "labels")


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
            present = [name for name in (*REQUIRED, *OPTIONAL) if name in file.names]
            arrays = {name: file.read(name) for name in present}
        arrays = {name: normalised(name, values) for name, values in arrays.items()}
        arrays["labels"] = _named(arrays["labels"])
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise DataError(
            f"{path}: a folder; `wm-edge dataset import {path} --out set.npz` makes a labelled set "
            "of class folders"
        ) from error
    except UNREADABLE as error:
        what = f"{path}: not a labelled set that can be read ({why(error)})"
        raise DataError(f"{what}; it must be an .npz with {', '.join(REQUIRED)}") from error
    columns = {name: values for name, values in arrays.items() if name not in REQUIRED}
    labelled = LabelledSet(**{name: arrays[name] for name in REQUIRED}, columns=columns)
    if problem := next(_problems(labelled), None):
        raise DataError(f"{path}: not a usable labelled set: {problem}")
    return labelled


def _named(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels (W,) in the one spelling; what is no pattern stays, to be complained about."""
    if labels.dtype.kind != "U":
        return labels
    found, places = np.unique(labels, return_inverse=True)
    names = [pattern_named(label) or label for label in found.tolist()]
    return np.asarray(names, dtype=str)[places].reshape(labels.shape)


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
    yield from unknown_labels(set(labelled.labels.ravel().tolist()))
    for name, values in labelled.columns.items():
        yield from column_problems(name, values, wafers)
