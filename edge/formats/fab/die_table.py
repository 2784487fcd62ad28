"""Tables of dies: a line of names, then one a die with its x, y and bin; several wafers mixed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from edge.errors import InputError, InputKind
from edge.formats.fab.bin_words import meaning_of
from edge.formats.fab.cut_off import LastRow
from edge.formats.fab.fab_map import Code, FabMap, Meaning, Stated, naming
from edge.formats.fab.grid import MOST_CODES, measured_again, pitch_of, placed
from edge.formats.fab.table_columns import NUMBERS, WORDS, Columns, cells_of, columns_of, names_in
from edge.formats.fab.text import one_line, raw_lines

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: What else than ``meaning_of`` a column of verdicts may say.
_VERDICTS: Final = {"go": Meaning.PASS, "ok": Meaning.PASS, "ng": Meaning.FAIL, "nok": Meaning.FAIL}
_TRUTH: Final = {"1": Meaning.PASS, "true": Meaning.PASS, "0": Meaning.FAIL, "false": Meaning.FAIL}
#: How meanings are written that are no words of a table.
_SAID: Final = {Meaning.UNKNOWN: "", Meaning.OTHER: Meaning.NULL}
#: As many tests as tell that there are several.
_SEVERAL: Final = 2

_WHOLE: Final = re.compile(r"([+-]?\d{1,9})(?:\.0{1,9})?")
_BIN: Final = re.compile(r"[\w.+#*~!@?-]{1,16}")
_COUNT: Final = re.compile(r"\d{1,9}")
_NO_POSITION: Final = -32768
#: Lines above the names that may be comments or names of things.
_ABOVE: Final = 256
#: Numbers of a line from which on it is a row.
_FEWEST: Final = 3


def is_format(head: bytes) -> bool:
    """Whether a text begins with the names of a table of dies that has their bins."""
    lines = [line for line in head.decode("latin-1").split("\n", _ABOVE)[:_ABOVE] if line.strip()]
    for line, behind in pairwise([*lines, ""]):
        found = columns_of(line)
        if found and found.separator == " " and len(behind.split()) != found.width:
            return False  # a sentence with these words in it
        if found:
            return found.bin >= 0 or found.verdict >= 0
        if _starts_rows(line):
            return False
    return False


def _is_row(line: str, columns: Columns) -> bool:
    cells = names_in(line, columns.separator)
    return len(cells) >= columns.width and all(
        _WHOLE.fullmatch(cells[at]) for at in (columns.x, columns.y)
    )


def _starts_rows(line: str) -> bool:
    """Whether a line is one of numbers from its first cell on, so that no names come any more."""
    is_full = line.strip(" ")[:1] not in {"", ",", ";", "\t"} and not any(map(str.isalpha, line))
    return is_full and len(re.findall(r"[^\s,;]+", line)) >= _FEWEST


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafers of a table, in the order of their first dies.

    Raises:
        InputError: no column of bins, rows of another length, a position or bin that is none.
    """
    wafers: dict[tuple[str, str], _Wafer] = {}
    key = "", ""
    with naming(lambda: key):
        for number, cells, columns in _rows(file, source):
            words = {word: cells[at] if at >= 0 else "" for word, at in columns.words.items()}
            key = words["lot"], words["wafer"] or words["slot"]
            if key not in wafers:
                wafers[key] = _Wafer(source, words)
            wafers[key].die(cells, columns, number)
    if not wafers:
        raise InputError(source, InputKind.EMPTY, "a table without any die; write the export again")
    # Rows of units, limits and totals are none; a lot alone is one where nothing names wafers.
    at = 1 if any(name for _, name in wafers) else 0
    named = [wafer for key, wafer in wafers.items() if any(key[at:]) or wafer.has_dies]
    for index, wafer in enumerate(named or wafers.values()):
        wafer.index = index
        try:
            yield wafer.finished()
        except InputError as error:
            error.of(wafer.words["lot"], wafer.words["wafer"] or wafer.words["slot"])
            if len(named or wafers) == 1:
                raise
            yield error


def _rows(file: Source, source: str) -> Iterator[tuple[int, list[str], Columns]]:
    columns: Columns | None = None
    last, line = LastRow(source), ""
    for number, line in raw_lines(file, source):
        if columns is None:
            columns = columns_of(line)
            if columns and columns.bin < 0 and columns.verdict < 0:
                what = f"line {number} names no column of bins (bin, hbin) or verdicts (result)"
                mend = "a measured value says not what passes; export the bins"
                raise InputError(source, InputKind.BAD_VALUE, f"{what}; {mend}")
        elif line.strip() and not _is_comment(line, columns):
            last.see(line)
            yield number, _as_wide(line, columns, number, source), columns
    last.check(line)


def _is_comment(line: str, columns: Columns) -> bool:
    """Whether a line that begins with # is no row of a lot or wafer whose name does."""
    if not line.lstrip().startswith("#"):
        return False
    return not _is_row(line, columns)


def _as_wide(line: str, columns: Columns, number: int, source: str) -> list[str]:
    """The cells of a row; separators behind them do not count."""
    try:
        cells = cells_of(line, columns.separator)
    except csv.Error as error:
        what = f"line {number}: {error}; export it again"
        raise InputError(source, InputKind.UNREADABLE, what) from None
    if len(cells) < columns.width or any(cells[columns.width :]):
        what = f"line {number} has {len(cells)} cells, the names above are {columns.width}"
        raise InputError(source, InputKind.UNREADABLE, f"{what}; export or copy it again")
    return cells[: columns.width]


class _Wafer:
    """The dies of a wafer."""

    def __init__(self, source: str, words: dict[str, str]) -> None:
        self.source, self.index, self.words = source, 0, words
        self._x, self._y, self._codes = list[int](), list[int](), list[int]()
        self._numbers: dict[Code, int] = {}
        self._tests = set[str]()
        self._said: dict[str, Code] = {}
        self._contrary = set[str]()
        self._strange: dict[str, tuple[int, str]] = {}
        self._unplaced = 0

    @property
    def has_dies(self) -> bool:
        """Whether any of its rows has a position."""
        return bool(self._x)

    def die(self, cells: list[str], columns: Columns, line: int) -> None:
        """A row of the table; one without a bin holds a position where no die is."""
        place = cells[columns.x], cells[columns.y]
        found = [_WHOLE.fullmatch(text) for text in place]
        if not (found[0] and found[1]):
            if not any(place):
                self._unplaced += 1
                return
            x_y = f"{place[0][:12]!r}, {place[1][:12]!r}"
            what = f"line {line}: {x_y} are no whole numbers of nine digits at most"
            mend = "x and y (or i and j) must count dies; a position in mm does not"
            raise InputError(self.source, InputKind.BAD_VALUE, f"{what}; {mend}")
        x, y = int(found[0][1]), int(found[1][1])
        if _NO_POSITION in (x, y):
            self._unplaced += 1
            return
        if columns.test >= 0 and len(self._tests) < _SEVERAL:
            self._tests.add(cells[columns.test])
        code = self._code(cells, columns, line)
        self._x.append(x)
        self._y.append(y)
        self._codes.append(
            -1 if code is None else self._numbers.setdefault(code, len(self._numbers))
        )
        if len(self._numbers) > MOST_CODES:
            what = f"more than {MOST_CODES} different bins up to line {line}; not a map"
            raise InputError(self.source, InputKind.NOT_A_MAP, what)

    def _code(self, cells: list[str], columns: Columns, line: int) -> Code | None:
        text = cells[columns.bin] if columns.bin >= 0 else ""
        word = cells[columns.verdict] if columns.verdict >= 0 else ""
        meaning = _VERDICTS.get(word.lower(), meaning_of(word))
        if columns.is_flag and meaning is Meaning.UNKNOWN:
            meaning = _TRUTH.get(word.lower(), meaning)
        if not text:
            return None if meaning.is_none or not word else Code(word, meaning)
        if found := _WHOLE.fullmatch(text):
            text = found[1]
        elif not _BIN.fullmatch(text) or _is_measured(text):
            what = f"line {line}: {text[:16]!r} is no bin; a measured value says not what passes"
            raise InputError(self.source, InputKind.BAD_VALUE, f"{what}; export the bins")
        if word and meaning is Meaning.UNKNOWN:
            self._strange.setdefault(text, (line, word))
        elif meaning in {Meaning.PASS, Meaning.FAIL} and (
            self._said.setdefault(text, Code(text, meaning)).meaning is not meaning
        ):
            self._contrary.add(text)
        return Code(text, meaning)

    def finished(self) -> FabMap:
        """The wafer, when all its dies were read.

        Raises:
            InputError: its rows are single tests, or may be of several wafers; a word says nothing
                of a bin of which others do.
        """
        if text := next((text for text in self._strange if text in self._said), ""):
            line, word = self._strange[text]
            what = f"line {line}: {word[:16]!r} says nothing of bin {text!r}, other lines do"
            raise InputError(self.source, InputKind.BAD_VALUE, f"{what}; copy or export it again")
        codes, replaced, _ = placed(self._x, self._y, self._codes, self.source, upwards=False)
        empty = self._codes.count(-1)
        if replaced and len(self._tests) >= _SEVERAL:
            what = "a row per test, and none says of the whole die what it is"
            mend = "export one row a die, with its bin"
            raise InputError(self.source, InputKind.AMBIGUOUS, f"{what}; {mend}")
        is_named = bool(self.words["wafer"] or self.words["slot"])
        warnings = measured_again(self._x, self._y, self.source, is_named=is_named)
        if self._contrary:
            what = f"bin {min(self._contrary)!r} passes in some rows and fails in others"
            warnings.append(f"{what}; what each row says counts")
        if self._unplaced:
            warnings.append(f"{self._unplaced} dies have no position; they are left out")
        across, down, *counts = (self.words[name] for name in NUMBERS)
        return FabMap(
            codes,
            tuple(self._numbers),
            lot=self.words["lot"],
            wafer=self.words["wafer"],
            device=self.words["device"],
            slot=self.words["slot"],
            orientation=self.words["orientation"],
            pitch=pitch_of(across, down, 1.0, self.source),
            stated=Stated(*(int(text) if _COUNT.fullmatch(text) else None for text in counts)),
            retests=max(0, replaced - empty),
            format="table of dies",
            source=self.source,
            index=self.index,
            warnings=tuple(warnings),
        )


def _is_measured(text: str) -> bool:
    """Whether a text is a number that is not whole, so that it counts nothing."""
    try:
        return float(text) == float(text) and any(sign in text for sign in ".eE")
    except ValueError:
        return False


def write(maps: Iterable[FabMap], file: IO[bytes]) -> None:
    """Write wafers as one table: x, y and bin a die, what the bin means, and what is known besides.

    Defects are not kept.
    """
    wafers = list(maps)
    words = [word for word in WORDS if any(getattr(fab, word) for fab in wafers)]
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    numbers = [name for name in NUMBERS if any(name in _numbers(fab) for fab in wafers)]
    rows.writerow([*words, *numbers, "x", "y", "bin", "result"])
    for fab in wafers:
        own = [one_line(getattr(fab, word)) for word in words]
        own += [_numbers(fab).get(name, "") for name in numbers]
        for y, x, cell in _written(fab):
            code = fab.legend[cell] if cell >= 0 else Code("", Meaning.NULL)
            rows.writerow([*own, x, y, one_line(code.text), _SAID.get(code.meaning, code.meaning)])
    file.write(text.getvalue().encode("utf-8", "replace"))


def _numbers(fab: FabMap) -> dict[str, str]:
    """Die size and counts, where they are known."""
    found = zip(NUMBERS, (*(fab.pitch or (None, None)), *fab.stated), strict=True)
    return {name: str(number) for name, number in found if number is not None}


def _written(fab: FabMap) -> Iterator[tuple[int, int, int]]:
    """The positions with a code, and two corners that hold the size where they have none."""
    rows, columns = fab.codes.shape
    kept = fab.codes >= 0
    kept[0, 0] = kept[rows - 1, columns - 1] = True
    for y, x in np.argwhere(kept).tolist():
        yield y, x, int(fab.codes[y, x])
