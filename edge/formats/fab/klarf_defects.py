"""Lists of dies and rows of defect lists, as both grammars of KLARF have them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Final

#: Columns of a defect list that hold its images; how many there are.
IMAGE_COLUMNS: Final = frozenset({"IMAGELIST", "IMAGEINFO"})
_IMAGE_COUNT: Final = "IMAGECOUNT"

#: How a row says that it has no images, or holds them in one value.
_NO_IMAGES: Final = frozenset({"0", "N", "NA"})

#: Values that a column may not have.
_MISSING: Final = frozenset({"NA", "N", "N/A", "NAN", "-"})

#: Columns of whole numbers, and two that are written in the same way.
_NUMBERS: Final = ("DEFECTID", "XINDEX", "YINDEX", "CLASSNUMBER", "TEST", "IMAGECOUNT")
_LENGTHS: Final = ("XREL", "YREL")
_WHOLE: Final = re.compile(r"[+-]?\d+(\.0*)?|NA?")

#: An index that is none; images of a defect, no tool writes a tenth of that.
_FARTHEST: Final = 2**31
_MOST_IMAGES: Final = 999
_MOST_DIGITS: Final = len(str(_MOST_IMAGES))

#: Values of a line that is cut into rows with images in all ways.
_MOST_VALUES: Final = 2**20

#: How lists of images are written, by their number: with that number before them, without, or with
#: it where there are any.
_LISTS: Final[tuple[Callable[[int], bool], ...]] = (lambda _: True, lambda _: False, bool)


class RowError(ValueError):
    """A row that does not fit its list; says what is wrong with it.

    Attributes:
        at: Where it stands, in whatever the reader counts.
        mend: What to do; empty where that is as for any damaged file.
    """

    def __init__(self, what: str, at: int = 0, mend: str = "") -> None:
        super().__init__(what)
        self.at, self.mend = at, mend


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
    if not math.isnan(value) and not -_FARTHEST <= value < _FARTHEST:
        what = f"{text[:20]} is too large for a place or number of a die or class"
        raise RowError(what, mend="correct it, or export the file again")
    if math.isnan(value) or value != int(value):
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
        images = next((place[name] for name in columns if name in IMAGE_COLUMNS), None)
        if images is not None:  # columns behind it have their place from the end
            place = {name: n if n <= images else n - len(columns) for name, n in place.items()}
        self._images = images
        self._whole, self._real = (
            [place[name] for name in names if name in place] for names in (_NUMBERS, _LENGTHS)
        )
        count = place.get(_IMAGE_COUNT)  # behind the images it comes too late
        self._count = count if count is not None and count >= 0 else None
        self._x, self._y = place.get("XINDEX"), place.get("YINDEX")
        self._class, self._size = place.get("CLASSNUMBER"), place.get("DSIZE")

    def add_plain(self, rows: Sequence[Sequence[str]]) -> bool:
        """Add rows that have a value for each column and no images; False for any others."""
        if set(map(len, rows)) - {self._width}:
            return False
        if self._images is not None and {row[self._images] for row in rows} - _NO_IMAGES:
            return False
        try:
            self.add(rows)
        except RowError:
            return False  # whoever looks at them one by one finds its line
        return True

    def goes_on(self, tokens: Sequence[str]) -> bool:
        """Whether a line can only be more images of the row above it."""
        return self._images is not None and 0 < len(tokens) < self._images

    def add_pictured(self, lines: Sequence[list[str]]) -> bool:
        """Add rows that count their images, some in lines of their own; False for any others."""
        if (place := self._images) is None:
            return False
        rows: list[list[str]] = []
        for tokens in lines:
            if len(tokens) >= place or not rows:
                rows.append(tokens.copy())
            elif len(rows[-1]) > self._width + 2 * _MOST_IMAGES:
                return False
            else:
                rows[-1] += tokens
        try:
            if any(len(row) != self._width + 2 * int(row[place]) for row in rows):
                return False
            self.add(rows)
        except (ValueError, IndexError):
            return False  # as above
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
        if place is not None:
            if len(row) < place:  # only images go on in the next line
                raise RowError(self.short_of(len(row)))
            first = row[place] if len(row) > place else ""
            if first.isdecimal() and len(first) <= _MOST_DIGITS:
                wanted = alone = 1 + 2 * int(first)
            if more == wanted:
                return True
            if self._count is not None and row[self._count] not in _MISSING:
                alone = 2 * min(whole(row[self._count]), _MOST_IMAGES)
        if more > max(wanted, alone) or (not more and not alone and self._is_shifted(row)):
            raise RowError(self.short_of(len(row)))
        return more in (wanted, alone)

    def _is_shifted(self, row: Sequence[str]) -> bool:
        """Whether a row that seems to lack an empty list of images lacks another value."""
        if any(_WHOLE.fullmatch(row[place]) is None for place in self._whole):
            return True
        return len({row[place].lstrip("+-").isdecimal() for place in self._real}) > 1

    def add_each(self, rows: Sequence[Sequence[str]], places: Sequence[int]) -> None:
        """Add whole rows.

        Raises:
            RowError: a value is none; it says at which of the places.
        """
        try:
            self.add(rows)
        except RowError:
            for row, at in zip(rows, places, strict=True):
                try:
                    self.add([row])
                except RowError as error:
                    error.at = at
                    raise

    def divided(self, tokens: list[str]) -> list[list[str]]:
        """Tokens of a line as rows, where several stand in one and only one way fits."""
        width = self._width
        if self._images is not None:
            if not width < len(tokens) <= _MOST_VALUES:
                return [tokens]
            ways = [rows for has in _LISTS if (rows := self._cut(tokens, has))]
            return ways[0] if ways and all(each == ways[0] for each in ways) else [tokens]
        if len(tokens) <= width or len(tokens) % width:
            return [tokens]
        return [tokens[start : start + width] for start in range(0, len(tokens), width)]

    def _cut(self, tokens: list[str], has_count: Callable[[int], bool]) -> list[list[str]]:
        """The rows of a line; empty where their images are not counted in this way.

        Args:
            tokens: All of them.
            has_count: Number of a row's images -> whether its list of them begins with it.
        """
        rows: list[list[str]] = []
        start, place = 0, self._images or 0
        while start < len(tokens):
            at = start + (place if self._count is None else self._count)
            if at >= len(tokens) or not (number := tokens[at]).isdecimal():
                return []
            images = int(number[: _MOST_DIGITS + 1])
            counts = has_count(images)
            stop = start + self._width - 1 + counts + 2 * images
            if images > _MOST_IMAGES or stop > len(tokens) or (self._count is None and not counts):
                return []
            if counts and tokens[start + place] != number:
                return []
            rows.append(tokens[start:stop])
            start = stop
        return [] if any(map(self._is_shifted, rows)) else rows

    def short_of(self, values: int) -> str:
        """What is wrong with a row of so many values."""
        return f"a row of {values} values, its list has {self._width} columns"

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
