"""The labelled set: wafer maps with their patterns in one ``.npz`` file.

Layout (``numpy.load`` reads it, no pickles inside):

====================  ================  =====================================================
``dies``              (N,) uint8        all maps end to end; 0 no die, 1 pass, 2 fail
``offsets``           (W+1,) int64      wafer *i* is ``dies[offsets[i]:offsets[i+1]]``
``shapes``            (W, 2) int16      rows, columns
``labels``            (W,) str          the wafer's pattern, in any spelling; empty: not known;
                                        of ``several`` all that it shows, joined by ``+``, or none
``pattern_set``       (1,) str          optional; the patterns (``PatternSet``) as JSON; where it is
                                        not there, the nine, or else all labels there are
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
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from edge.dataset.labels import counts_of, hot_of, labelled_by, renamed
from edge.errors import DataError
from edge.formats.columns import OPTIONAL, UNKNOWN
from edge.system.choice import Choice
from edge.system.files import exists, replacing
from edge.system.text import counted
from edge.wafer.patterns import WM811K, PatternSet, SetKind
from edge.wafer.wafermap import FAIL, DieGrid, WaferMap

#: With fewer wafers of a class each one moves its figure by 5 points or more.
FEW_WAFERS: Final = 20


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
        labels: str (W,); empty where a wafer has none.
        columns: The optional arrays that are present, by name, each (W,).
        patterns: What the labels can be, in the order of class indices.
    """

    dies: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.int32]
    labels: npt.NDArray[np.str_]
    columns: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    patterns: PatternSet = WM811K

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

    def has_label(self) -> npt.NDArray[np.bool_]:
        """Which wafers (W,) have a label."""
        return np.asarray(self.labels != "", bool)

    def with_labels(self, tell: Callable[[str], None]) -> LabelledSet:
        """The wafers that have a label; ``tell`` gets a sentence on the others, where there are.

        Raises:
            DataError: there are wafers, and none has a label.
        """
        has = self.has_label()
        without = len(self) - int(has.sum())
        if not without:
            return self
        if without == len(self):
            raise DataError(
                f"none of the set's {counted(without, 'wafer')} has a label, which is needed here; "
                "`wm-edge classify` takes wafers without"
            )
        tell(f"left out: {counted(without, 'wafer')} without a label")
        return self.select(has)

    def class_indices(self) -> npt.NDArray[np.intp]:
        """Class index (W,) of each wafer, in the order of ``patterns``.

        Raises:
            DataError: a wafer has no label (``with_labels`` leaves it out), or may show several
                patterns, for which this has no answer.
        """
        self._check_labels()
        if self.patterns.is_several:
            raise DataError(f"wafers of the set show {SetKind.SEVERAL} patterns; this takes one")
        places = {name: place for place, name in enumerate(self.patterns)}
        return np.fromiter(map(places.__getitem__, self.labels.tolist()), np.intp, len(self))

    def strata(self) -> npt.NDArray[np.intp]:
        """What wafers are alike by (W,): the class, and of several the combination, from 0.

        Raises:
            DataError: a wafer has no label.
        """
        self._check_labels()
        if not self.patterns.is_several:
            return self.class_indices()
        return np.unique(self.labels, return_inverse=True)[1].reshape(len(self))

    def hot(self) -> npt.NDArray[np.bool_]:
        """Which of the patterns (W, patterns) each wafer shows.

        Raises:
            DataError: a wafer has no label.
        """
        self._check_labels()
        return hot_of(self.labels, self.patterns)

    def shows(self, name: str) -> npt.NDArray[np.bool_]:
        """Which wafers (W,) show a pattern, alone or among others; or nothing, by its label."""
        if not self.patterns.is_several or name == self.patterns.nothing:
            return np.asarray(self.labels == name, bool)
        return hot_of(self.labels, self.patterns)[:, self.patterns.index(name)]

    def class_counts(self, which: npt.NDArray[np.bool_] | None = None) -> dict[str, int]:
        """Wafers of each pattern, in order, of all or those under a mask; without a label: none.

        One of several patterns counts for each; behind them stands how many have none.
        """
        return counts_of(self.labels if which is None else self.labels[which], self.patterns)

    def _check_labels(self) -> None:
        if not self.has_label().all():
            raise DataError("wafers of the set have no label, which is needed here; leave them out")

    def under(self, patterns: PatternSet) -> LabelledSet:
        """The same wafers, their labels as these patterns are spelled: those of a model file.

        Raises:
            DataError: a label is none of them.
        """
        if self.patterns == patterns:
            return self
        labels = renamed(self.labels, self.patterns, patterns)
        return replace(self, labels=labels, patterns=patterns)

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
            self.patterns,
        )

    def part(self, part: str) -> LabelledSet:
        """The wafers of one ``Part``.

        Raises:
            DataError: the set has not been split.
        """
        if "part" not in self.columns:
            raise DataError(
                "this labelled set has no `part` column; run `wm-edge dataset split` on it first"
            )
        return self.select(self.columns["part"] == str(part))

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
        if self.patterns != WM811K:
            arrays["pattern_set"] = np.asarray([msgspec.json.encode(self.patterns).decode()])
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
    maps: Iterable[DieGrid],
    labels: Iterable[str],
    patterns: PatternSet | None = None,
    **columns: npt.NDArray[Any],
) -> LabelledSet:
    """Collect maps, uint8 (rows, columns), their labels and columns (W,) into a labelled set.

    Args:
        maps: Of each wafer.
        labels: Of each wafer, in any spelling; empty where it has none.
        patterns: What the labels can be; None: as ``named_set`` makes it of them.
        columns: Optional columns.

    Raises:
        DataError: a label is none of the patterns, or they are no pattern set.
    """
    grids = list(maps)
    names, patterns = labelled_by(np.asarray(list(labels), dtype=str), patterns)
    sizes = [grid.size for grid in grids]
    return LabelledSet(
        np.concatenate([grid.ravel() for grid in grids]) if grids else np.empty(0, np.uint8),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.asarray([grid.shape for grid in grids], np.int32).reshape(-1, 2),
        names,
        columns,
        patterns,
    )


def concatenate(sets: Iterable[LabelledSet]) -> LabelledSet:
    """One set of all wafers; only the optional columns that every set has are kept.

    Raises:
        DataError: a label is none of the first set's patterns.
    """
    first, *others = sets
    parts = [first, *(each.under(first.patterns) for each in others)]
    shared = set(OPTIONAL).intersection(*(part.columns for part in parts))
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    return LabelledSet(
        np.concatenate([part.dies for part in parts]),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate([part.shapes for part in parts]),
        np.concatenate([part.labels for part in parts]),
        {name: np.concatenate([part.columns[name] for part in parts]) for name in sorted(shared)},
        first.patterns,
    )


def _known(column: npt.NDArray[Any] | None, index: int) -> str | None:
    if column is None:
        return None
    value = str(column[index])
    return None if value in UNKNOWN else value
