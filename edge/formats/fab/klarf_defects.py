"""What both grammars of KLARF say: the dies that were inspected and the rows of a defect list."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import Code, Defects, FabMap, Meaning
from edge.formats.fab.grid import placed

#: Columns of a defect list that hold its images; how many there are.
IMAGE_COLUMNS: Final = frozenset({"IMAGELIST", "IMAGEINFO"})
_IMAGE_COUNT: Final = "IMAGECOUNT"

#: Values that a column may not have.
_MISSING: Final = frozenset({"NA", "N", "N/A", "NAN", "-"})

#: An index that is none; digits of a count of images that is none.
_FARTHEST: Final = 2**31
_DIGITS: Final = 7


class RowError(ValueError):
    """A row that does not fit its list; says what is wrong with it."""


def whole(text: str) -> int:
    """A whole number, however it is written.

    Raises:
        RowError: it is none, or no index.
    """
    try:
        value: float = int(text)
    except ValueError:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
    if not -_FARTHEST <= value < _FARTHEST or value != int(value):
        raise RowError(f"{text[:20]!r} where a whole number should be")
    return int(value)


class Dies:
    """A list of dies, as pairs of x and y.

    Args:
        what: Its name in the file.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.x: list[int] = []
        self.y: list[int] = []

    def add(self, tokens: Sequence[str]) -> None:
        """More pairs.

        Raises:
            RowError: no whole numbers, or one without its other.
        """
        if len(tokens) % 2:
            raise RowError(f"{self.what} has {len(tokens)} numbers, must be pairs of x and y")
        values = [whole(token) for token in tokens]
        self.x += values[::2]
        self.y += values[1::2]


class DefectTable:
    """Die, class and size of each defect of a wafer.

    Args:
        columns: Names of the columns of its rows, in upper case.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.x: list[int | None] = []
        self.y: list[int | None] = []
        self.classes: list[int] = []
        self.sizes: list[float] = []
        self.describe(columns)

    def describe(self, columns: Sequence[str]) -> None:
        """The columns of the rows to come."""
        self._width = len(columns)
        place = {name: number for number, name in reversed(list(enumerate(columns)))}
        self._images = next((place[name] for name in columns if name in IMAGE_COLUMNS), None)
        self._count = place.get(_IMAGE_COUNT)
        self._x, self._y = place.get("XINDEX"), place.get("YINDEX")
        self._class, self._size = place.get("CLASSNUMBER"), place.get("DSIZE")

    def add_plain(self, rows: Sequence[Sequence[str]]) -> bool:
        """Add rows that have a value for each column and no images; False for any others."""
        if set(map(len, rows)) - {self._width}:
            return False
        if self._images is not None and any(row[self._images] != "0" for row in rows):
            return False
        try:
            self.add(rows)
        except RowError:
            return False  # whoever looks at them one by one finds its line
        return True

    def is_whole(self, row: Sequence[str]) -> bool:
        """Whether a row is all there; False where it goes on behind these tokens.

        A list of images is a count and that many pairs, or the pairs alone as IMAGECOUNT has it,
        or one token; it may be missing where there are none.

        Raises:
            RowError: it is longer than its list has columns.
        """
        place, more = self._images, len(row) - self._width + 1
        wanted = alone = 1
        if place is not None and more >= 0:
            first = row[place] if len(row) > place else ""
            if first.isdecimal() and len(first) < _DIGITS:
                wanted = alone = 1 + 2 * int(first)
            if more == wanted:
                return True
            if self._count is not None and row[self._count] not in _MISSING:
                alone = 2 * whole(row[self._count])
        if more > max(wanted, alone):
            raise RowError(self.short_of(row))
        return more in (wanted, alone)

    def divided(self, tokens: list[str]) -> list[list[str]]:
        """Tokens of a line as rows, where several stand in one."""
        width = self._width
        if self._images is not None or len(tokens) <= width or len(tokens) % width:
            return [tokens]
        return [tokens[start : start + width] for start in range(0, len(tokens), width)]

    def short_of(self, row: Sequence[str]) -> str:
        """What is wrong with a row of another length."""
        return f"a row of {len(row)} values, its list has {self._width} columns"

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Add whole rows.

        Raises:
            RowError: a value is none; nothing was added.
        """
        if not rows:
            return
        if self._x is None or self._y is None:
            raise RowError("a defect without XINDEX and YINDEX, so nobody knows on which die")
        x, y = _indexes(rows, self._x), _indexes(rows, self._y)
        classes, sizes = [-1] * len(rows), [math.nan] * len(rows)
        if self._class is not None:
            found = _indexes(rows, self._class)
            classes = [-1 if each is None else each for each in found]
        if self._size is not None:
            sizes = [_size(row[self._size]) for row in rows]
        self.x += x
        self.y += y
        self.classes += classes
        self.sizes += sizes


def _indexes(rows: Sequence[Sequence[str]], place: int) -> list[int | None]:
    try:
        values = [int(row[place]) for row in rows]
        if min(values) >= -_FARTHEST and max(values) < _FARTHEST:
            return list(values)
    except ValueError:
        pass
    texts = [row[place] for row in rows]
    return [None if text.upper() in _MISSING else whole(text) for text in texts]


def _size(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        if text.upper() in _MISSING:
            return math.nan
        raise RowError(f"{text[:20]!r} where a size should be") from None
    return value if value > 0 else math.nan  # 0 is what tools write that measure none


@dataclass
class Inspected:
    """What has been read of an inspected wafer.

    Attributes:
        said: What the file says of it, by keyword in upper case.
        plan: The dies that were inspected; empty where the file does not say.
        others: Positions that were not, which only widen the drawing.
        defects: Its defects; None where it has no list of them.
        unit: Of lengths in the file, in um.
        warnings: What somebody should know.
    """

    said: Mapping[str, str]
    plan: list[Dies] = field(default_factory=list)
    others: list[Dies] = field(default_factory=list)
    defects: DefectTable | None = None
    unit: float = 1.0
    warnings: list[str] = field(default_factory=list)

    def fab_map(self, source: str, index: int) -> FabMap:
        """The wafer: a die passes where it was inspected and no defect was found on it.

        Raises:
            InputError: the file does not say which dies were inspected, or has no defect list.
        """
        named = f"{source}[{index}]" if index else source
        if self.defects is None:
            what = "no defect list (DefectList), so it was not inspected, or the file is cut off"
            raise InputError(named, InputKind.UNREADABLE, f"{what}; export or copy it again")
        if not any(dies.x for dies in self.plan):
            what = "no inspected dies (SampleTestPlan), so nobody knows which passed"
            raise InputError(named, InputKind.NOT_A_MAP, f"{what}; export it with its test plan")
        lists = [*self.others, *self.plan]
        x = np.concatenate([np.array(dies.x, np.int64) for dies in lists])
        y = np.concatenate([np.array(dies.y, np.int64) for dies in lists])
        is_die = np.repeat([0] * len(self.others) + [1] * len(self.plan),
                           [len(dies.x) for dies in lists])  # fmt: skip
        grid, _, corner = placed(x, y, is_die, named, upwards=True)
        defects = _on_dies(self.defects, grid == 1, corner, self.unit, self.warnings)
        found = np.zeros(grid.shape, np.int64)
        np.add.at(found, (defects.rows, defects.columns), 1)
        counts, places = np.unique(np.where(grid == 1, found, -1), return_inverse=True)
        texts = sorted({0, *counts.tolist()} - {-1})
        order = [texts.index(count) if count >= 0 else -1 for count in counts.tolist()]
        said = self.said
        return FabMap(
            np.array(order, np.int16)[places].reshape(grid.shape),
            tuple(Code(str(n), Meaning.FAIL if n else Meaning.PASS) for n in texts),
            lot=said.get("LOTID", ""),
            wafer=said.get("WAFERID", ""),
            device=said.get("DEVICEID", ""),
            slot=said.get("SLOT", ""),
            orientation=said.get("ORIENTATIONMARKLOCATION", ""),
            pitch=self._pitch(named),
            tool=said.get("INSPECTIONSTATIONID", ""),
            defects=defects,
            format="KLARF",
            source=source,
            index=index,
            warnings=tuple(self.warnings),
        )

    def _pitch(self, named: str) -> tuple[float, float] | None:
        said = self.said.get("DIEPITCH", "")
        try:
            across, down = (float(each) * self.unit for each in said.split())
        except ValueError:
            return None
        if across < 0 or down < 0:
            what = f"DiePitch is {said[:40]}, must not be negative; export it again"
            raise InputError(named, InputKind.BAD_VALUE, what)
        if not (0 < across < math.inf and 0 < down < math.inf):
            return None
        return round(across, 6), round(down, 6)


def _on_dies(
    table: DefectTable,
    is_die: npt.NDArray[np.bool_],
    corner: tuple[int, int],
    unit: float,
    warnings: list[str],
) -> Defects:
    """The defects that lie on inspected dies; adds to the warnings what does not."""
    has = [n for n, pair in enumerate(zip(table.x, table.y, strict=True)) if None not in pair]
    x = np.array([table.x[n] for n in has], np.int64)
    y = np.array([table.y[n] for n in has], np.int64)
    rows, columns = corner[1] - y, x - corner[0]
    height, width = is_die.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    inside[inside] = is_die[rows[inside], columns[inside]]
    if outside := len(table.x) - int(np.count_nonzero(inside)):
        what = f"{outside} of {len(table.x)} defects lie on no die of the test plan"
        warnings.append(f"{what}; they make none fail")
    kept = np.array(has, np.int64)[inside]
    with np.errstate(over="ignore"):  # what is larger than float32 holds is larger than any limit
        sizes = (np.array(table.sizes, np.float64)[kept] * unit).astype(np.float32)
    classes = np.array(table.classes, np.int32)[kept]
    return Defects(rows[inside].astype(np.int32), columns[inside].astype(np.int32), classes, sizes)
