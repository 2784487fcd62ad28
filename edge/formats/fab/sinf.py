"""SINF: a header of ``KEY:value`` lines, then one ``RowData:`` line a row of two-letter bins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from edge.errors import InputError, InputKind, UsageError
from edge.formats.fab.fab_map import Code, FabMap, Meaning, naming
from edge.formats.fab.grid import TokenGrid, check_rows, check_sides, legend_of, may_pass, pitch_of
from edge.formats.fab.header import Header
from edge.formats.fab.text import MAX_HEADER_LINES, one_line, read_lines
from edge.formats.fab.tokens import fixed_tokens, free_token

if TYPE_CHECKING:
    from edge.formats.registry import Source

_ROW: Final = "ROWDATA"
_KEY: Final = re.compile(r"([A-Za-z][\w -]{0,31}?)[ \t]*:(.*)", re.DOTALL)
_COUNT: Final = re.compile(r"\d{1,9}")
_SEPARATED: Final = re.compile(r"[\s,;]+")

#: Characters of a token; the longest that is one.
_LONGEST: Final = 4

#: Positions without a die are ``__``, those that are skipped ``@@``, as wide as the others.
_NONE: Final = {"_": Meaning.NULL, "@": Meaning.EDGE}

#: Units of die sizes, in um.
_UNITS: Final = {"mm": 1000.0, "mil": 25.4, "um": 1.0}


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafers of a file, one after the other.

    Raises:
        InputError: fewer or more rows than the header promises, rows of different length, a line
            among the rows that is none.
    """
    wafer = _Wafer(source, 0)
    with naming(lambda: wafer.names):
        for number, line in read_lines(file, source):
            found = _KEY.fullmatch(line)
            key = found[1].upper().replace(" ", "") if found else ""
            if found and key == _ROW:
                wafer.row(found[2].split(), number)
            elif found and wafer.grid.rows and wafer.is_new(key):
                yield wafer.finished()
                wafer = _Wafer(source, wafer.index + 1)
                wafer.note(key, found[2], number)
            elif found:
                wafer.note(key, found[2], number)
            elif wafer.grid.rows:
                what = f"line {number} is neither a row (RowData:) nor a header (KEY:value)"
                raise InputError(source, InputKind.UNREADABLE, f"{what}; export it again")
        yield wafer.finished()


class _Wafer:
    """What has been read of a wafer."""

    def __init__(self, source: str, index: int) -> None:
        self.source, self.index = source, index
        self.grid = TokenGrid(source)
        self._header: dict[str, str] = {}
        self._counts = Header(source)

    def is_new(self, key: str) -> bool:
        """Whether a line below the rows begins another wafer: it says again what was said."""
        return key in self._header

    def note(self, key: str, value: str, line: int) -> None:
        """A line of the header, which may stand below the rows, too."""
        if len(self._header) >= MAX_HEADER_LINES:
            what = f"more than {MAX_HEADER_LINES} header lines up to line {line}; not a map"
            raise InputError(self.source, InputKind.TOO_LARGE, what)
        self._header.setdefault(key, value.strip())
        self._counts.note(f"{key}:{value}", line)

    def row(self, tokens: list[str], line: int) -> None:
        """A row of the map."""
        if not self.grid.rows:
            self._check_promised()
        if len(tokens) == 1 and (columns := self._count("COLCT")) and columns > 1:
            width = len(tokens[0]) // columns  # bins without blanks between
            if 0 < width <= _LONGEST and width * columns == len(tokens[0]):
                row = tokens[0]
                tokens = [row[at : at + width] for at in range(0, len(row), width)]
        if long := next((token for token in tokens if len(token) > _LONGEST), None):
            what = f"line {line}: {long[:12]!r} is no bin of at most {_LONGEST} characters"
            mend = "write blanks between the bins"
            raise InputError(self.source, InputKind.UNREADABLE, f"{what}; {mend}")
        self.grid.add(tokens, line)

    def finished(self) -> FabMap:
        """The wafer, when all its lines were read."""
        rows = self._count("ROWCT")
        if rows is not None:
            check_rows(self.grid.rows, rows, self.source)
        codes, unit = self.grid.codes(), _UNITS.get(self._word("DUTMS").lower())
        self.grid.check_last(codes)
        columns, warnings = self._count("COLCT"), []
        if columns not in (None, self.grid.width):
            what = f"its header promises {columns} columns, each row has {self.grid.width}"
            warnings = [f"{what}; the rows count"]
        texts = self.grid.texts
        none = {
            text: meaning
            for text in texts
            for letter, meaning in _NONE.items()
            if set(text) == {letter}
        }
        passing = self._passing()
        if odd := next((each for each in passing if not may_pass(each, texts)), None):
            warnings.append(f"{odd!r}, which should pass (BCEQU), is no bin of its map")
            passing = []
        return FabMap(
            codes,
            _unsure(legend_of(texts, none, passing or None)),
            lot=self.names[0],
            wafer=self.names[1],
            device=self._word("DEVICE", "DEVICEID"),
            slot=self._word("SLOT", "SLOTNO"),
            orientation=self._word("FNLOC", "NOTCHDIR", "FLATDIR"),
            pitch=pitch_of(self._word("XDIES"), self._word("YDIES"), unit, self.source),
            stated=self._counts.stated(),
            format="SINF",
            source=self.source,
            index=self.index,
            warnings=tuple(warnings),
        )

    @property
    def names(self) -> tuple[str, str]:
        """Lot and wafer, as far as they were said."""
        lot = self._word("LOT", "LOTNO", "LOTID")
        return lot, self._word("WAFER", "WAFERID", "WAFERNO")

    def _word(self, *keys: str) -> str:
        return next((word for key in keys if (word := self._header.get(key))), "")

    def _passing(self) -> list[str]:
        """The bins that pass, as the header has them; none where it does not say."""
        words = _SEPARATED.split(self._word("BCEQU"))
        return [each for word in words if (each := word.strip("\"'"))]

    def _check_promised(self) -> None:
        """Refuse a size that is none before anything is kept of it."""
        rows, columns = self._count("ROWCT"), self._count("COLCT")
        check_sides(1 if rows is None else rows, 1 if columns is None else columns, self.source)

    def _count(self, key: str) -> int | None:
        text = self._header.get(key, "")
        if not text:
            return None
        if not _COUNT.fullmatch(text):
            what = f"{key} is {text[:20]!r}, must be a whole number; export it again"
            raise InputError(self.source, InputKind.UNREADABLE, what)
        return int(text)


def _unsure(legend: tuple[Code, ...]) -> tuple[Code, ...]:
    """The legend, in which no token fails that does not look like a bin."""
    return tuple(
        Code(text, Meaning.UNKNOWN) if meaning is Meaning.FAIL and not text.isalnum() else
        Code(text, meaning)
        for text, meaning in legend
    )  # fmt: skip


def write(maps: Iterable[FabMap], file: IO[bytes]) -> None:
    """Write wafers, one after the other.

    Raises:
        UsageError: a wafer has codes of unknown meaning beside known ones, or too many codes.
    """
    for fab in maps:
        file.write("".join(f"{line}\n" for line in _lines(fab)).encode("utf-8", "replace"))


def _lines(fab: FabMap) -> Iterator[str]:
    width = _width(fab)
    none = {each: "@" * width for each in Meaning if each.is_none} | {Meaning.NULL: "_" * width}
    tokens = fixed_tokens(fab, width, none)
    verdicts = {code.meaning for code in tokens if not code.meaning.is_none}
    if Meaning.UNKNOWN in verdicts and len(verdicts) > 1:
        what = "codes of unknown meaning beside known ones, which SINF cannot tell apart"
        raise UsageError(f"{fab.source}: {what}; say what passes (--pass-bins)")
    rows, columns = fab.codes.shape
    yield from (f"DEVICE:{one_line(fab.device)}", f"LOT:{one_line(fab.lot)}")
    yield from (f"WAFER:{one_line(fab.wafer)}", f"SLOT:{one_line(fab.slot)}")
    yield from (f"FNLOC:{one_line(fab.orientation)}", f"ROWCT:{rows}", f"COLCT:{columns}")
    if Meaning.UNKNOWN not in verdicts:
        passing = [token for code, token in tokens.items() if code.meaning is Meaning.PASS]
        # Without any, it would be as if the file did not say.
        yield f"BCEQU:{' '.join(passing or [free_token(width, tokens.values())])}"
    if fab.pitch:
        across, down = (pitch / _UNITS["mm"] for pitch in fab.pitch)
        yield from ("DUTMS:mm", f"XDIES:{across!r}", f"YDIES:{down!r}")
    drawn = np.array([*(tokens[code] for code in fab.legend), none[Meaning.NULL]])[fab.codes]
    yield from (f"RowData:{' '.join(row)}" for row in drawn.tolist())


def _width(fab: FabMap) -> int:
    """Characters of a token: as the map has them, where they are alike; usual are two or three."""
    bins = [code for code in fab.legend if not code.meaning.is_none]
    widths = {len(code.text) for code in bins or fab.legend}
    if len(widths) == 1 and max(widths) in range(1 if fab.format == "SINF" else 2, _LONGEST):
        return max(widths)
    return 3 if max(widths, default=2) > 2 else 2
