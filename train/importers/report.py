"""What an import gives back, and the collector that every source fills."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet
from edge.dataset.labels import labelled_by
from edge.dataset.reading import check_bounds
from edge.errors import DataError, InputError, InputKind
from edge.formats.columns import LONGEST, UNKNOWN
from edge.system.choice import Choice
from edge.system.text import counted
from edge.wafer.patterns import PatternSet, SetKind
from edge.wafer.wafermap import check_grid

#: Most problems that a report quotes word for word; the rest are in the counts.
MAX_PROBLEMS: Final = 20

#: A name that its number gives back letter for letter: not ``07``.
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,9}")
_REASONS: Final = {
    InputKind.NO_DIES: "map without a die",
    InputKind.BAD_VALUE: "die state other than 0, 1, 2",
    InputKind.NOT_A_MAP: "not a two-dimensional map",
    InputKind.TOO_LARGE: "map too large",
}


class SourceKind(Choice):
    """What was recognised as the source."""

    LSWMD = "WM-811K (LSWMD.pkl)"
    MIR = "WM-811K (MIR pickle)"
    FRAME = "a data frame"
    TABLE = "a pickled table"
    STACK = "a stack of maps"
    MIXED = "MixedWM38"
    FOLDERS = "class folders"
    MAPS = "wafer maps without labels"


@dataclass(frozen=True)
class ImportReport:
    """What an import read, kept and left out, by reason.

    ``notes`` are what was decided on the way, one sentence each; ``problems`` the first
    ``MAX_PROBLEMS`` unusable inputs, by name and reason.
    """

    source: str
    kind: SourceKind
    read: int
    kept: int
    left_out: dict[str, int]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Imported:
    """A labelled set and how it came about."""

    labelled: LabelledSet
    report: ImportReport


class Collector:
    """Grows a labelled set wafer by wafer, keeping every die once.

    Attributes:
        source: Names the input.
        problems: The first unusable inputs.
    """

    def __init__(
        self,
        source: str,
        kind: SourceKind,
        patterns: PatternSet | None = None,
        none: str | None = None,
        pattern_kind: SetKind = SetKind.EXCLUSIVE,
    ) -> None:
        """Start empty.

        Args:
            source: Names the input in messages and in the report.
            kind: What it is.
            patterns: What the labels can be; None: all that come.
            none: Which of those that come means no pattern, where its name does not say it.
            pattern_kind: Of the pattern set that those make that come.
        """
        self.source = source
        self._patterns, self._none, self._pattern_kind = patterns, none, pattern_kind
        self._kind = kind
        self._dies = bytearray()
        self._shapes: list[tuple[int, int]] = []
        self._labels: list[str] = []
        self._lots: list[str] = []
        self._wafers: list[str] = []
        self._official: list[str] = []
        self._parts: list[str] = []
        self._left_out: Counter[str] = Counter()
        self._notes: list[str] = []
        self.problems: list[str] = []

    def add(
        self,
        values: npt.NDArray[Any],
        label: str,
        *,
        name: str,
        lot: str = "",
        wafer: str = "",
        official: str = "",
        part: str = "",
    ) -> None:
        """Keep a wafer, or count why its map cannot be used.

        Args:
            values: The map as found, any integer type (rows, columns).
            label: Its pattern; empty: it has no label.
            name: What to call the wafer in a problem.
            lot: Lot name, empty where unknown.
            wafer: Number or name in the lot, empty where unknown.
            official: Training, Test or empty.
            part: A ``Part``, or empty.
        """
        try:
            grid = check_grid(values, name)
        except InputError as error:
            self.leave_out(_REASONS.get(error.kind, error.kind.value), str(error))
            return
        check_bounds(len(self._labels) + 1, len(self._dies) + grid.size, self.source)
        self._dies += grid.data
        self._shapes.append((grid.shape[0], grid.shape[1]))
        self._labels.append(label)
        self._lots.append(lot)
        self._wafers.append(wafer)
        self._official.append(official)
        self._parts.append(part)

    def leave_out(self, reason: str, problem: str = "", count: int = 1) -> None:
        """Count wafers that are not kept; quote the problem if there is room."""
        self._left_out[reason] += count
        if problem and len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def note(self, sentence: str) -> None:
        """Record a decision for the report."""
        self._notes.append(sentence)

    @property
    def labels(self) -> set[str]:
        """Of all wafers kept so far."""
        return set(self._labels)

    def finish(self) -> Imported:
        """The set and its report.

        Columns: ``label_conflict`` always; ``lot``, ``wafer``, ``official`` and ``part`` where any
        wafer has one.

        Raises:
            DataError: not one wafer could be kept, or the labels are no pattern set.
        """
        left_out = dict(self._left_out.most_common())
        if not self._labels:
            why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
            first = f"; first: {self.problems[0]}" if self.problems else ""
            raise DataError(f"{self.source}: no usable wafer in it ({why or 'it is empty'}){first}")
        shapes = np.asarray(self._shapes, np.int32)
        try:
            labels, patterns = labelled_by(
                np.asarray(self._labels), self._patterns, self._none, self._pattern_kind
            )
        except DataError as error:
            raise DataError(f"{self.source}: {error}") from None
        labelled = LabelledSet(
            np.frombuffer(self._dies, np.uint8),
            np.concatenate([[0], np.cumsum(shapes.prod(axis=1, dtype=np.int64))]),
            shapes,
            labels,
            self._columns(),
            patterns,
        )
        conflicts = label_conflicts(labelled)
        labelled = labelled.with_columns(label_conflict=conflicts)
        if conflicts.any():
            wafers = counted(int(conflicts.sum()), "wafer")
            self.note(f"label_conflict marks {wafers} whose map also stands under another label")
        report = ImportReport(
            source=self.source,
            kind=self._kind,
            read=len(labelled) + sum(left_out.values()),
            kept=len(labelled),
            left_out=left_out,
            notes=tuple(self._notes),
            problems=tuple(self.problems),
        )
        return Imported(labelled, report)

    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        columns: dict[str, npt.NDArray[Any]] = {}
        if any(self._lots):
            columns["lot"] = self._names("lot", self._lots, np.int32)
        if any(self._wafers):
            columns["wafer"] = self._names("wafer", self._wafers, np.int16)
        if any(self._official):
            columns["official"] = np.asarray(self._official)
        if any(self._parts):
            columns["part"] = np.asarray(self._parts)
        return columns

    def _names(
        self, title: str, names: list[str], numbers: type[np.signedinteger[Any]]
    ) -> npt.NDArray[Any]:
        """Names (W,) as they stand: numbers where every name is one of that type, else text."""
        distinct = set(names) - {""}
        if len(longest := max(distinct, key=len)) > LONGEST:
            what = f"{self.source}: the {title} {longest[:20]!r}... has {len(longest):,} characters"
            raise DataError(f"{what}; at most {LONGEST} are kept, shorten it")
        for name in sorted(distinct & UNKNOWN):
            self.note(f"the {title} {name!r} means unknown ({counted(names.count(name), 'wafer')})")
        if all(_NUMBER.fullmatch(name) for name in distinct) and (
            max(map(int, distinct)) <= np.iinfo(numbers).max
        ):
            return np.asarray([int(name) if name else -1 for name in names], numbers)
        return np.asarray(names)


def label_conflicts(labelled: LabelledSet) -> npt.NDArray[np.bool_]:
    """Which wafers (W,) have an identical twin under another label; none without a label has."""
    has = labelled.has_label()
    _, group = np.unique(labelled.fingerprints()[has], return_inverse=True)
    _, classes = np.unique(labelled.labels[has], return_inverse=True)
    low = np.full(len(classes), len(classes))
    high = np.full(len(classes), -1)
    np.minimum.at(low, group, classes)
    np.maximum.at(high, group, classes)
    conflicts = np.zeros(len(labelled), bool)
    conflicts[has] = (low != high)[group]
    return conflicts
