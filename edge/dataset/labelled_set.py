"""The labelled set: wafer maps with their patterns in one ``.npz`` file.

Layout (``numpy.load`` reads it, no pickles inside):

====================  ================  =====================================================
``dies``              (N,) uint8        all maps end to end; 0 no die, 1 pass, 2 fail
``offsets``           (W+1,) int64      wafer *i* is ``dies[offsets[i]:offsets[i+1]]``
``shapes``            (W, 2) int16      rows, columns
``labels``            (W,) str          one of the nine patterns, in any spelling
``lot``               (W,) int32        optional; -1 where unknown; or str
``wafer``             (W,) int16        optional; number in its lot, -1 where unknown; or str
``lot_band``          (W,) int16        optional; group of neighbouring lots, -1 where unknown
``label_conflict``    (W,) bool         optional; an identical map exists under another label
``official``          (W,) str          optional; the data's own split: Training, Test or empty
``part``              (W,) str          optional; train, val or test (``wm-edge dataset split``)
====================  ================  =====================================================

``lot``, ``wafer`` and ``lot_band`` may be whole numbers of any size, or text of any length, empty
where unknown (``-1`` and ``nan``, which tables turned to text hold, mean unknown, too). ``wm-edge
dataset import`` writes text where a name is no number (``A1``) or more than its number (``07``),
or where the number does not fit the type above. Whole numbers that a table kept as floats (NaN
where unknown) and text kept as bytes are converted by ``load``; a column of any other type is
refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import DataError, why
from edge.formats.archive import MAX_UNPACKED, MAX_WAFERS, UNREADABLE
from edge.formats.columns import OPTIONAL, UNKNOWN, column_problems, plain
from edge.formats.npz import Arrays
from edge.system.choice import Choice
from edge.system.files import exists, replacing
from edge.wafer.patterns import PATTERNS, pattern_named
from edge.wafer.wafermap import FAIL, MAX_SIDE, DieGrid, WaferMap

#: With fewer wafers of a class each one moves its figure by 5 points or more.
FEW_WAFERS: Final = 20


REQUIRED = ("dies", "offsets", "shapes", "labels")


class Part(Choice):
    """What a wafer may be used for."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


@dataclass(frozen=True)
class LabelledSet:
    """Wafer maps with their patterns. See the module's table for shapes and types.

    Attributes:
        dies: uint8 (N,).
        offsets: int64 (W+1,).
        shapes: int (W, 2).
        labels: str (W,).
        columns: The optional arrays that are present, by name, each (W,).
    """

    dies: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.int32]
    labels: npt.NDArray[np.str_]
    columns: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def grid(self, index: int) -> DieGrid:
        """Die grid of wafer ``index``: uint8 (rows, columns)."""
        rows, columns = self.shapes[index]
        return self.dies[self.offsets[index] : self.offsets[index + 1]].reshape(rows, columns)

    def wafer_map(self, index: int, source: str = "") -> WaferMap:
        """Wafer ``index`` with its lot and wafer number."""
        return WaferMap(
            self.grid(index),
            source=source,
            index=index,
            lot=_known(self.columns.get("lot"), index),
            wafer=_known(self.columns.get("wafer"), index),
        )

    def fail_counts(self) -> npt.NDArray[np.int64]:
        """Failing dies (W,) of each wafer."""
        counts = [np.count_nonzero(self.grid(index) == FAIL) for index in range(len(self))]
        return np.asarray(counts, np.int64)

    def class_indices(self) -> npt.NDArray[np.intp]:
        """Class index (W,) of each wafer, in the order of ``PATTERNS``."""
        order = np.argsort(PATTERNS)
        found = np.searchsorted(np.asarray(PATTERNS)[order], self.labels)
        return order[found]

    def class_counts(self) -> dict[str, int]:
        """Wafers of each of the nine patterns, in canonical order."""
        counts = np.bincount(self.class_indices(), minlength=len(PATTERNS))
        return dict(zip(PATTERNS, counts.tolist(), strict=True))

    def select(self, which: npt.NDArray[Any]) -> LabelledSet:
        """The wafers at these indices (or under this mask), copied, in the order given."""
        indices = np.flatnonzero(which) if which.dtype == bool else which
        sizes = np.diff(self.offsets)[indices]
        pieces = [self.dies[self.offsets[i] : self.offsets[i + 1]] for i in indices]
        return LabelledSet(
            np.concatenate(pieces) if pieces else np.empty(0, np.uint8),
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            self.shapes[indices],
            self.labels[indices],
            {name: values[indices] for name, values in self.columns.items()},
        )

    def part(self, part: Part) -> LabelledSet:
        """The wafers of one part.

        Raises:
            DataError: the set has not been split.
        """
        if "part" not in self.columns:
            raise DataError(
                "this labelled set has no `part` column; run `wm-edge dataset split` on it first"
            )
        return self.select(self.columns["part"] == part.value)

    def with_columns(self, **columns: npt.NDArray[Any]) -> LabelledSet:
        """The same wafers with optional columns added or replaced."""
        return replace(self, columns={**self.columns, **columns})

    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """A 64-bit hash (W,) of each map's shape and dies: equal maps, equal numbers."""
        prints = np.empty(len(self), np.uint64)
        for index in range(len(self)):
            prints[index] = fingerprint(self.grid(index))
        return prints

    def sha256(self) -> str:
        """Hex digest of the maps and labels (not of the file, whose compression may differ)."""
        digest = hashlib.sha256()
        digest.update(np.ascontiguousarray(self.dies).data)
        digest.update(np.ascontiguousarray(self.shapes, dtype="<i4").data)
        digest.update("\n".join(self.labels.tolist()).encode())
        return digest.hexdigest()

    def parts_sha256(self) -> str:
        """Hex digest of the column ``part``: two runs with the same one were split alike.

        Raises:
            DataError: the set has not been split.
        """
        if "part" not in self.columns:
            raise DataError("this labelled set has no `part` column")
        return hashlib.sha256("\n".join(self.columns["part"].tolist()).encode()).hexdigest()

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the set; the file appears whole or not at all.

        Raises:
            DataError: the file exists and ``overwrite`` is False, or it cannot be written.
        """
        path = Path(path)
        if exists(path) and not overwrite:
            raise DataError(f"{path}: exists already; choose another name or pass --overwrite")
        arrays: dict[str, Any] = {
            "dies": self.dies,
            "offsets": self.offsets,
            "shapes": self.shapes.astype(np.int16),
            "labels": self.labels,
            **self.columns,
        }
        try:
            with replacing(path) as file:
                np.savez_compressed(file, **arrays)
        except OSError as error:
            raise DataError(f"{path}: cannot be written ({error.strerror})") from error


def fingerprint(dies: DieGrid) -> int:
    """64-bit BLAKE2b of a map's shape and dies."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(np.asarray(dies.shape, "<i4").tobytes())
    digest.update(np.ascontiguousarray(dies).tobytes())
    return int.from_bytes(digest.digest(), "little")


def build(
    maps: Iterable[DieGrid], labels: Iterable[str], **columns: npt.NDArray[Any]
) -> LabelledSet:
    """Collect maps into a labelled set.

    Args:
        maps: uint8 (rows, columns) each.
        labels: One of the nine patterns each.
        columns: Optional columns, (W,) each.

    Raises:
        DataError: a label is none of the nine.
    """
    grids, names = list(maps), list(labels)
    if problem := next(_unknown(set(names)), None):
        raise DataError(problem)
    sizes = [grid.size for grid in grids]
    return LabelledSet(
        np.concatenate([grid.ravel() for grid in grids]) if grids else np.empty(0, np.uint8),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.asarray([grid.shape for grid in grids], np.int32).reshape(-1, 2),
        np.asarray(names, dtype=str),
        columns,
    )


def check_bounds(wafers: int, dies: int, source: str) -> None:
    """Refuse a set that grows beyond what any reader of it takes.

    Args:
        wafers: How many it has so far.
        dies: Positions on all of them.
        source: What it is made of, for the message.

    Raises:
        DataError: it has more wafers than ``MAX_WAFERS`` or more dies than ``MAX_UNPACKED``.
    """
    if wafers > MAX_WAFERS or dies > MAX_UNPACKED:
        raise DataError(
            f"{source}: more than {MAX_WAFERS:,} wafers or {MAX_UNPACKED:,} dies; divide the set"
        )


def concatenate(sets: Iterable[LabelledSet]) -> LabelledSet:
    """One set of all wafers; only the optional columns that every set has are kept."""
    parts = list(sets)
    shared = set(OPTIONAL).intersection(*(part.columns for part in parts))
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    return LabelledSet(
        np.concatenate([part.dies for part in parts]),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate([part.shapes for part in parts]),
        np.concatenate([part.labels for part in parts]),
        {name: np.concatenate([part.columns[name] for part in parts]) for name in sorted(shared)},
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
            present = [name for name in (*REQUIRED, *OPTIONAL) if name in file.names]
            arrays = {name: file.read(name) for name in present}
        arrays = {name: plain(name, values) for name, values in arrays.items()}
        arrays["labels"] = _named(arrays["labels"])
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise DataError(
            f"{path}: a folder; `wm-edge dataset import {path} --out set.npz` makes a labelled set "
            "of class folders"
        ) from error
    except UNREADABLE as error:
        raise DataError(
            f"{path}: not a labelled set that can be read ({why(error)}); it must be an .npz with "
            f"{', '.join(REQUIRED)}"
        ) from error
    labelled = LabelledSet(
        arrays.pop("dies"),
        arrays.pop("offsets"),
        arrays.pop("shapes"),
        arrays.pop("labels"),
        arrays,
    )
    _check(labelled, path)
    return labelled


def _named(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels (W,) in the one spelling; what is no pattern stays, to be complained about."""
    if labels.dtype.kind != "U":
        return labels
    found, places = np.unique(labels, return_inverse=True)
    names = [pattern_named(label) or label for label in found.tolist()]
    return np.asarray(names, dtype=str)[places].reshape(labels.shape)


def _check(labelled: LabelledSet, path: Path) -> None:
    problem = next(_problems(labelled), None)
    if problem:
        raise DataError(f"{path}: not a usable labelled set: {problem}")


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
    yield from _unknown(set(np.unique(labelled.labels).tolist()))
    for name, values in labelled.columns.items():
        yield from column_problems(name, values, wafers)


def _unknown(labels: set[str]) -> Iterator[str]:
    unknown = sorted(labels - set(PATTERNS))
    if unknown:
        yield f"unknown label {', '.join(map(repr, unknown[:5]))}; known: {', '.join(PATTERNS)}"


def _known(column: npt.NDArray[Any] | None, index: int) -> str | None:
    if column is None:
        return None
    value = str(column[index])
    return None if value in UNKNOWN else value
