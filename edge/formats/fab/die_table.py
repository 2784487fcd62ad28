"""Tables of dies: a line of names, then one a die with its x, y and bin; several wafers mixed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import numpy as np

from edge.errors import InputError, InputKind
from edge.formats.fab.bin_words import meaning_of
from edge.formats.fab.fab_map import Code, FabMap, Meaning
from edge.formats.fab.grid import MOST_CODES, placed
from edge.formats.fab.text import one_line, raw_lines

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: What columns are called, letters and digits alone; the first that is there counts.
_PLACES: Final = (
    ("i", "j"), ("diex", "diey"), ("xdie", "ydie"), ("dieindexx", "dieindexy"),
    ("xindex", "yindex"), ("indexx", "indexy"), ("xcoord", "ycoord"), ("coordx", "coordy"),
    ("xcoordinate", "ycoordinate"), ("xloc", "yloc"), ("xpos", "ypos"), ("posx", "posy"),
    ("diecol", "dierow"), ("column", "row"), ("col", "row"), ("xaddress", "yaddress"), ("x", "y"),
)  # fmt: skip
_BINS: Final = (
    "hbin hardbin hardwarebin hwbin hb hardbinnumber hbinnumber hbinnum bin bincode binnumber"
    " binnum binno dutbin testbin sbin softbin softwarebin swbin sb sbinnumber sbinnum"
)
_VERDICTS: Final = "result passfail passflag passfailflag pf verdict status pass"
_WORDS: Final = {
    "lot": "lot lotid lotno lotnumber lotname",
    "wafer": "wafer waferid waferno wafernumber wafername wafernum wid",
    "device": "device deviceid product productid devicename productname",
    "slot": "slot slotno slotid",
    "orientation": "orientation notch flat flatnotch",
}
#: What else than ``meaning_of`` a column of verdicts may say.
_TRUTH: Final = {"1": Meaning.PASS, "true": Meaning.PASS, "0": Meaning.FAIL, "false": Meaning.FAIL}
_OF_PASSING: Final = frozenset({"passflag", "pass"})

_SEPARATORS: Final = ",;\t"
_WHOLE: Final = re.compile(r"([+-]?\d{1,9})(?:\.0{1,9})?")
_BIN: Final = re.compile(r"[\w.+#*~!@?-]{1,16}")
_NO_POSITION: Final = -32768
#: Lines above the names that may be comments or names of things, and most columns.
_ABOVE: Final = 64
_MOST_COLUMNS: Final = 4096


class _Columns(NamedTuple):
    """Where things stand in a row; -1 where they do not.

    Attributes:
        separator: Between cells.
        width: Cells of a row.
        x: Column of a die's x, as are the next ones.
        y: Grows downwards.
        bin: Its hard bin, or else soft bin.
        verdict: A word for whether it passes.
        words: What is said of the wafer, by name.
        is_flag: The verdict may be a number, 1 for pass.
    """

    separator: str
    width: int
    x: int
    y: int
    bin: int
    verdict: int
    words: dict[str, int]
    is_flag: bool


def is_format(head: bytes) -> bool:
    """Whether a text begins with the names of a table of dies that has their bins."""
    for line in head.decode("latin-1").split("\n", _ABOVE)[:_ABOVE]:
        found = _columns(line)
        if found:
            return found.bin >= 0 or found.verdict >= 0
        if _starts_rows(line):
            return False
    return False


def _starts_rows(line: str) -> bool:
    """Whether a line is one of numbers, so that no names come any more."""
    return bool(line.strip()) and not any(character.isalpha() for character in line)


def _columns(line: str) -> _Columns | None:
    """The columns, if a line has their names."""
    if line.lstrip().startswith("#"):
        line = line.lstrip("# \t")
    for separator in _SEPARATORS:
        cells = _names(line, separator) if separator in line else []
        names = [re.sub(r"[^a-z0-9]+", "", cell.lower()) for cell in cells[:_MOST_COLUMNS]]
        place = next((pair for pair in _PLACES if set(pair) <= set(names)), None)
        if place:
            first = {name: names.index(name) for name in reversed(names) if name}
            verdict = next((name for name in _VERDICTS.split() if name in first), "")
            return _Columns(
                separator,
                len(cells),
                first[place[0]],
                first[place[1]],
                _first(first, _BINS),
                first.get(verdict, -1),
                {word: _first(first, known) for word, known in _WORDS.items()},
                verdict in _OF_PASSING,
            )
    return None


def _first(columns: dict[str, int], known: str) -> int:
    return next((columns[name] for name in known.split() if name in columns), -1)


def _names(line: str, separator: str) -> list[str]:
    try:
        return _cells(line, separator)
    except csv.Error:
        return []


def _cells(line: str, separator: str) -> list[str]:
    if '"' in line:
        return [
            cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True), [])
        ]
    return [cell.strip() for cell in line.split(separator)]


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafers of a table, in the order of their first dies.

    Raises:
        InputError: no column of bins, rows of another length, a position or bin that is none.
    """
    wafers: dict[tuple[str, str], _Wafer] = {}
    for number, cells, columns in _rows(file, source):
        words = {word: cells[at] if at >= 0 else "" for word, at in columns.words.items()}
        key = words["lot"], words["wafer"] or words["slot"]
        if key not in wafers:
            wafers[key] = _Wafer(source, len(wafers), words)
        wafers[key].die(cells, columns, number)
    if not wafers:
        raise InputError(source, InputKind.EMPTY, "a table without any die; write the export again")
    for wafer in wafers.values():
        yield wafer.finished()


def _rows(file: Source, source: str) -> Iterator[tuple[int, list[str], _Columns]]:
    columns: _Columns | None = None
    for number, line in raw_lines(file, source):
        if columns is None:
            columns = _columns(line)
            if columns and columns.bin < 0 and columns.verdict < 0:
                what = f"line {number} names no column of bins (bin, hbin) or verdicts (result)"
                mend = "a measured value says not what passes; export the bins"
                raise InputError(source, InputKind.BAD_VALUE, f"{what}; {mend}")
        elif line.strip() and not _is_comment(line, columns):
            yield number, _as_wide(line, columns, number, source), columns


def _is_comment(line: str, columns: _Columns) -> bool:
    """Whether a line that begins with # is no row of a lot or wafer whose name does."""
    if not line.lstrip().startswith("#"):
        return False
    cells = _names(line, columns.separator)
    is_wide = len(cells) >= columns.width
    return not (
        is_wide and _WHOLE.fullmatch(cells[columns.x]) and _WHOLE.fullmatch(cells[columns.y])
    )


def _as_wide(line: str, columns: _Columns, number: int, source: str) -> list[str]:
    """The cells of a row; separators behind them do not count."""
    try:
        cells = _cells(line, columns.separator)
    except csv.Error as error:
        what = f"line {number}: {error}; export it again"
        raise InputError(source, InputKind.UNREADABLE, what) from None
    if len(cells) < columns.width or any(cells[columns.width :]):
        what = f"line {number} has {len(cells)} cells, the names above are {columns.width}"
        raise InputError(source, InputKind.UNREADABLE, f"{what}; export or copy it again")
    return cells[: columns.width]


class _Wafer:
    """The dies of a wafer."""

    def __init__(self, source: str, index: int, words: dict[str, str]) -> None:
        self.source, self.index, self.words = source, index, words
        self._x, self._y, self._codes = list[int](), list[int](), list[int]()
        self._numbers: dict[Code, int] = {}
        self._unplaced = 0

    def die(self, cells: list[str], columns: _Columns, line: int) -> None:
        """A row of the table; one without a bin holds a position where no die is."""
        place = cells[columns.x], cells[columns.y]
        found = [_WHOLE.fullmatch(text) for text in place]
        if not (found[0] and found[1]):
            if not any(place):
                self._unplaced += 1
                return
            what = f"line {line}: {place[0][:12]!r}, {place[1][:12]!r} are no whole numbers"
            mend = "x and y (or i and j) must count dies; a position in mm does not"
            raise InputError(self.source, InputKind.BAD_VALUE, f"{what}; {mend}")
        x, y = int(found[0][1]), int(found[1][1])
        if _NO_POSITION in (x, y):
            self._unplaced += 1
            return
        code = self._code(cells, columns, line)
        self._x.append(x)
        self._y.append(y)
        self._codes.append(
            -1 if code is None else self._numbers.setdefault(code, len(self._numbers))
        )
        if len(self._numbers) > MOST_CODES:
            what = f"more than {MOST_CODES} different bins up to line {line}; not a map"
            raise InputError(self.source, InputKind.NOT_A_MAP, what)

    def _code(self, cells: list[str], columns: _Columns, line: int) -> Code | None:
        text = cells[columns.bin] if columns.bin >= 0 else ""
        word = cells[columns.verdict] if columns.verdict >= 0 else ""
        meaning = meaning_of(word)
        if columns.is_flag and meaning is Meaning.UNKNOWN:
            meaning = _TRUTH.get(word.lower(), meaning)
        if not text:
            return None if meaning.is_none or not word else Code(word, meaning)
        if found := _WHOLE.fullmatch(text):
            text = found[1]
        elif not _BIN.fullmatch(text) or _is_measured(text):
            what = f"line {line}: {text[:16]!r} is no bin; a measured value says not what passes"
            raise InputError(self.source, InputKind.BAD_VALUE, f"{what}; export the bins")
        return Code(text, meaning)

    def finished(self) -> FabMap:
        """The wafer, when all its dies were read."""
        codes, replaced, _ = placed(self._x, self._y, self._codes, self.source, upwards=False)
        empty = self._codes.count(-1)
        warnings = f"{self._unplaced} dies have no position; they are left out"
        return FabMap(
            codes,
            tuple(self._numbers),
            lot=self.words["lot"],
            wafer=self.words["wafer"],
            device=self.words["device"],
            slot=self.words["slot"],
            orientation=self.words["orientation"],
            retests=max(0, replaced - empty),
            format="table of dies",
            source=self.source,
            index=self.index,
            warnings=(warnings,) if self._unplaced else (),
        )


def _is_measured(text: str) -> bool:
    """Whether a text is a number that is not whole, so that it counts nothing."""
    try:
        return float(text) == float(text) and any(sign in text for sign in ".eE")
    except ValueError:
        return False


def write(maps: Iterable[FabMap], file: IO[bytes]) -> None:
    """Write wafers as one table: x, y and bin a die, and a word for what the bin means.

    Die size, counts and defects are not kept.
    """
    wafers = list(maps)
    words = [word for word in _WORDS if any(getattr(fab, word) for fab in wafers)]
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*words, "x", "y", "bin", "result"])
    for fab in wafers:
        own = [one_line(getattr(fab, word)) for word in words]
        for y, x, cell in _written(fab):
            code = fab.legend[cell] if cell >= 0 else Code("", Meaning.NULL)
            said = "" if code.meaning is Meaning.UNKNOWN else code.meaning.value
            rows.writerow([*own, x, y, one_line(code.text), said])
    file.write(text.getvalue().encode("utf-8", "replace"))


def _written(fab: FabMap) -> Iterator[tuple[int, int, int]]:
    """The positions with a code, and two corners that hold the size where they have none."""
    rows, columns = fab.codes.shape
    kept = fab.codes >= 0
    kept[0, 0] = kept[rows - 1, columns - 1] = True
    for y, x in np.argwhere(kept).tolist():
        yield y, x, int(fab.codes[y, x])
