"""KLARF 1.8: records in records, each with fields and lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import FabMap
from edge.formats.fab.klarf_defects import DefectTable, Dies, Inspected, RowError

#: Records in one another; no tool writes a tenth of that.
MAX_DEPTH: Final = 64

#: Lengths are in nm.
_UNIT: Final = 0.001

_TOKEN: Final = re.compile(r'"([^"\r\n]*)"|([{}])|([^\s{}";,\0]+)')
_BRACES: Final = re.compile(r'"[^"\r\n]*"|[{}]')
_ROW_TOKEN: Final = re.compile(r'"[^"\n]*"|[{};]|[^\s{}";,]+')

#: Fields that are said in a wafer's header, by the name they have there.
_FIELDS: Final = {
    name.upper(): name.upper()
    for name in ("DeviceID", "Slot", "OrientationMarkLocation", "DiePitch", "InspectionStationID")
} | {"SLOTNUMBER": "SLOT"}

_PLAN: Final = "SAMPLETESTPLAN"
_NOT_INSPECTED: Final = ("SAMPLEDIEMAP", "REMOVEDDIE")


class Record(NamedTuple):
    """The beginning of a record: its name in upper case, and whose it is."""

    name: str
    of: str


class Close(NamedTuple):
    """The end of a record, and the offset of its brace."""

    name: str
    offset: int


class Field(NamedTuple):
    """A field: its name in upper case, and its values."""

    name: str
    values: tuple[str, ...]


class Table(NamedTuple):
    """A list.

    Attributes:
        name: In upper case.
        columns: Their names, in upper case.
        promised: Rows as it says itself, -1 if it does not, and where that number stands.
        start: Offset behind the brace before its rows.
        end: Offset of the brace behind them.
    """

    name: str
    columns: tuple[str, ...]
    promised: tuple[int, int, int]
    start: int
    end: int


class Scanner:
    """The parts of a file, one after the other.

    Args:
        text: The file.
        source: Name for messages.
    """

    def __init__(self, text: str, source: str) -> None:
        self._text, self._source = text, source
        self._at = 0
        self._open: list[str] = []

    def parts(self) -> Iterator[Record | Close | Field | Table]:
        """The parts, to the end of the file.

        Raises:
            InputError: it is cut off, a brace is missing, or records are too deep in one another.
        """
        while token := self._next():
            word = token[3].upper() if token[3] else token[2] or ""
            if word == "}":
                if not self._open:
                    raise self.wrong("a } too many", token.start())
                yield Close(self._open.pop(), token.start())
            elif word == "RECORD":
                name, of = self._word().upper(), ""
                while (mark := self._wanted())[2] != "{":
                    of = mark[1] if mark[1] is not None else mark[0]
                if len(self._open) >= MAX_DEPTH:
                    what = f"more than {MAX_DEPTH} records in one another; not a map"
                    raise InputError(self._source, InputKind.TOO_LARGE, what)
                self._open.append(name)
                yield Record(name, of.strip())
            elif word == "FIELD":
                name = self._word().upper()
                yield Field(name, self._group())
            elif word == "LIST":
                yield self._list(self._word().upper())
        if self._open:
            raise self.wrong(f"a record ({self._open[-1]}) has no end", len(self._text))

    def _list(self, name: str) -> Table:
        columns: tuple[str, ...] = ()
        promised, start, end = (-1, 0, 0), self._at, self._at
        self._wanted("{")
        while (token := self._wanted())[2] != "}":
            word = (token[3] or "").upper()
            if word == "COLUMNS":
                begin = self._brace()[1]
                stop = self._behind_group(begin)
                pieces = self._text[begin:stop].upper().split(",")
                columns = tuple(piece.split()[-1] for piece in pieces if piece.strip())
            elif word == "DATA":
                promised, start = self._brace()
                end = self._behind_group(start)
        return Table(name, columns, promised, start, end)

    def _brace(self) -> tuple[tuple[int, int, int], int]:
        """A count and the brace behind it: the number with its place, and what is behind both."""
        token, count = self._wanted(), (-1, self._at, self._at)
        if token[2] != "{":
            if not (token[3] or "").isdecimal() or len(token[3]) > 9:
                raise self.wrong(f"{token[0][:20]!r} where a count should be", token.start())
            count = int(token[3]), token.start(), token.end()
            self._wanted("{")
        return count, self._at

    def _behind_group(self, start: int) -> int:
        """Go behind the brace that closes the group which begins here; its offset."""
        depth = 1
        for found in _BRACES.finditer(self._text, start):
            depth += {"{": 1, "}": -1}.get(found[0], 0)
            if not depth:
                self._at = found.end()
                return found.start()
        raise self.wrong("a { has no }", start)

    def _group(self) -> tuple[str, ...]:
        """The values between the next braces."""
        start = self._brace()[1]
        end = self._behind_group(start)
        found = _TOKEN.finditer(self._text, start, end)
        return tuple((token[1] if token[1] is not None else token[0]).strip() for token in found)

    def _next(self) -> re.Match[str] | None:
        token = _TOKEN.search(self._text, self._at)
        self._at = token.end() if token else len(self._text)
        return token

    def _wanted(self, brace: str = "") -> re.Match[str]:
        at, token = self._at, self._next()
        if token is None or (brace and token[2] != brace):
            raise self.wrong(f"{brace or 'more'} is missing", at)
        return token

    def _word(self) -> str:
        token = self._wanted()
        if not token[3]:
            raise self.wrong(f"{token[0][:20]!r} where a name should be", token.start())
        return token[3]

    def wrong(self, what: str, offset: int) -> InputError:
        """A refusal with the line of a place."""
        line = self._text.count("\n", 0, offset) + 1
        mend = "the file is cut off or damaged; export or copy it again"
        return InputError(self._source, InputKind.UNREADABLE, f"line {line}: {what}; {mend}")


@dataclass
class _Lot:
    said: Mapping[str, str]
    plan: list[Dies] = field(default_factory=list)
    others: list[Dies] = field(default_factory=list)
    wafers: list[Inspected] = field(default_factory=list)


def read_nested(text: str, source: str) -> Iterator[FabMap | InputError]:
    """The wafers of a file.

    Raises:
        InputError: it is cut off, or a list is not what it should be.
    """
    reader = _Reader(text, Scanner(text, source))
    reader.read()
    wafers = [(lot, wafer) for lot in reader.lots for wafer in lot.wafers]
    for index, (lot, wafer) in enumerate(wafers):
        # What is said of a lot may stand behind its wafers.
        wafer.said = {**lot.said, **wafer.said}
        wafer.plan, wafer.others = wafer.plan or lot.plan, wafer.others or lot.others
        try:
            yield wafer.fab_map(source, index)
        except InputError as error:
            yield error


class _Reader:
    def __init__(self, text: str, scanner: Scanner) -> None:
        self._text, self._scanner = text, scanner
        self._wafer: Inspected | None = None
        self.lots = [_Lot({})]

    def read(self) -> None:
        for part in self._scanner.parts():
            holder = self._wafer or self.lots[-1]
            if isinstance(part, Record):
                self._begin(part)
            elif isinstance(part, Close) and part.name == "WAFERRECORD":
                self._wafer = None
            elif isinstance(part, Field) and part.name in _FIELDS:
                said = " ".join(filter(None, part.values))
                holder.said = {**holder.said, _FIELDS[part.name]: said}
            elif isinstance(part, Table):
                self._take(part, holder)

    def _begin(self, part: Record) -> None:
        if part.name == "LOTRECORD":
            self.lots.append(_Lot({"LOTID": part.of}))
        elif part.name == "WAFERRECORD":
            self._wafer = Inspected({"WAFERID": part.of}, unit=_UNIT)
            self.lots[-1].wafers.append(self._wafer)

    def _take(self, part: Table, holder: Inspected | _Lot) -> None:
        """A list of dies or defects; any other is none of a map's business."""
        promised = part.promised[0]
        if part.name == "DEFECTLIST" and isinstance(holder, Inspected):
            rows = self._rows(part)
            if 0 <= promised < len(rows):
                what = f"a defect list promises {promised} rows and has {len(rows)}"
                holder.warnings.append(f"{what}; all count")
            holder.defects = holder.defects or DefectTable(())
            holder.defects.describe(part.columns)
            self._add(holder.defects, rows)
        elif part.name.startswith(_PLAN):
            holder.plan.append(self._dies(part))
        elif part.name.startswith(_NOT_INSPECTED):
            holder.others.append(self._dies(part))

    def _rows(self, part: Table) -> list[_Row]:
        block = self._text[part.start : part.end]
        read = _rows if '"' in block or "{" in block else _plain_rows
        rows = list(read(self._text, part.start, part.end))
        if len(rows) < part.promised[0]:
            what = f"{part.name} has {len(rows)} rows and promises {part.promised[0]}"
            raise self._scanner.wrong(what, part.start)
        return rows

    def _dies(self, part: Table) -> Dies:
        rows, dies = self._rows(part), Dies(part.name)
        if rows and not {"XINDEX", "YINDEX"} <= set(part.columns):
            raise self._scanner.wrong(f"{part.name} without XINDEX and YINDEX", part.start)
        places = [part.columns.index(name) for name in ("XINDEX", "YINDEX")] if rows else []
        for row, offset in rows:
            if len(row) != len(part.columns):
                what = f"a row of {len(row)} values, its list has {len(part.columns)} columns"
                raise self._scanner.wrong(what, offset)
            try:
                dies.add([row[place] for place in places])
            except RowError as error:
                raise self._scanner.wrong(str(error), offset) from None
        return dies

    def _add(self, table: DefectTable, rows: Sequence[_Row]) -> None:
        if table.add_plain([row for row, _ in rows]):
            return
        for row, offset in rows:
            try:
                if is_whole := table.is_whole(row):
                    table.add([row])
            except RowError as error:
                raise self._scanner.wrong(str(error), offset) from None
            if not is_whole:
                raise self._scanner.wrong(table.short_of(row), offset)


#: Values of a row, and where it begins.
_Row = tuple[list[str], int]


def _plain_rows(text: str, start: int, end: int) -> Iterator[_Row]:
    """Rows between offsets where nothing stands between quotes or braces."""
    for row in text[start:end].split(";"):
        if values := row.split():
            yield values, start + len(row) - len(row.lstrip())
        start += len(row) + 1


def _rows(text: str, start: int, end: int) -> Iterator[_Row]:
    """Any rows; a group between braces is one value with the word and count before it."""
    values, depth, at = list[str](), 0, start
    for token in _ROW_TOKEN.finditer(text, start, end):
        word = token[0]
        if not values and not depth:
            at = token.start()
        if word in "{}":
            depth += 1 if word == "{" else -1
            if not depth:
                del values[-1:]
        elif not depth and word == ";":
            yield values, at
            values = []
        elif not depth:
            values.append(word)
    if values:
        yield values, at
