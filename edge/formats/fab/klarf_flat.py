"""KLARF 1.0 to 1.2 (and what other makers number 1.7): statements that end in ``;``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import FabMap
from edge.formats.fab.klarf_defects import DefectTable, Dies, Inspected, RowError, whole

#: What ends a statement, and what does not because it stands between quotes.
_ENDS: Final = re.compile(r'"[^"\r\n]*"|;')
_KEYWORD: Final = re.compile(r"[\s\0]*([A-Za-z_]\w{0,63})?")
_VALUES: Final = re.compile(r'"([^"\r\n]*)"|([^\s"]+)')

#: Keywords of which a wafer's header is made; those that the next wafer has of its own.
_HEADER: Final = frozenset({
    "LOTID", "WAFERID", "DEVICEID", "SLOT", "ORIENTATIONMARKLOCATION", "DIEPITCH",
    "INSPECTIONSTATIONID",
})  # fmt: skip
_OF_ONE_WAFER: Final = frozenset({"WAFERID", "SLOT"})

#: Said again, they begin another wafer.
_BEGINS: Final = frozenset({"LOTID", "WAFERID"})

#: Lists of dies: those that were inspected, and positions without a verdict.
_PLAN: Final = "SAMPLETESTPLAN"
_DIES: Final = frozenset({_PLAN, "SAMPLEDIEMAP", "REMOVEDDIELIST"})

#: Lines among the rows of a defect list that name a picture.
_PICTURES: Final = frozenset({"FILENAME", "TIFFFILENAME"})

#: Lines of a defect list that are looked at together.
_LINES: Final = 16_384


class Statement(NamedTuple):
    """A statement of a file.

    Attributes:
        keyword: In upper case; empty where it begins with a number and so goes on with the list
            before it.
        start: Offset behind the keyword.
        end: Offset of its ``;``.
    """

    keyword: str
    start: int
    end: int


def statements(text: str, source: str) -> Iterator[Statement]:
    """The statements of a file, one after the other.

    Raises:
        InputError: the last one does not end.
    """
    begin, keyword = 0, ""
    for found in _ENDS.finditer(text):
        if found[0] == ";":
            keyword, start = _keyword(text, begin)
            yield Statement(keyword, start, found.start())
            begin = found.end()
    if keyword == "ENDOFFILE" or not text[begin:].strip("\0 \t\r\n\x1a"):
        return
    keyword, start = _keyword(text, begin)
    if keyword == "ENDOFFILE":
        yield Statement(keyword, start, len(text))
        return
    what = f"line {line_of(text, begin)}: {keyword or 'what stands there'} does not end in ;"
    mend = "so the file is cut off; copy it again"
    raise InputError(source, InputKind.UNREADABLE, f"{what}, {mend}")


def _keyword(text: str, begin: int) -> tuple[str, int]:
    found = _KEYWORD.match(text, begin)
    return ((found[1] or "").upper(), found.end()) if found else ("", begin)


def line_of(text: str, offset: int) -> int:
    """The line of a place, from 1, where what stands there is not blank."""
    while offset < len(text) and text[offset].isspace():
        offset += 1
    return text.count("\n", 0, offset) + 1


def read_flat(text: str, source: str) -> Iterator[FabMap | InputError]:
    """The wafers of a file.

    Raises:
        InputError: a statement does not end, or a list is not what it should be.
    """
    reader = _Reader(text, source)
    for statement in statements(text, source):
        if reader.begins_another(statement.keyword):
            yield reader.finished()
        reader.take(statement)
    if not reader.is_ended:
        reader.wafer.warnings.append("it ends without EndOfFile, so something may be cut off")
    yield reader.finished()


class _Reader:
    """What holds where the file has been read to."""

    def __init__(self, text: str, source: str) -> None:
        self._text, self._source = text, source
        self._index = 0
        self._said: dict[str, str] = {}
        self._columns: list[str] | None = None
        self._plan: list[Dies] = []
        self._others: list[Dies] = []
        self._begin()

    def _begin(self) -> None:
        """Another wafer: what was said of the lot, the dies and the columns holds for it, too."""
        self._own: dict[str, str] = {}
        self._seen: set[str] = set()
        self._list = ""
        self._promised = 0
        self.is_ended = False
        self.wafer = Inspected(self._own)

    def begins_another(self, keyword: str) -> bool:
        """Whether the wafer before is finished with this keyword."""
        if keyword == "FILEVERSION":  # a file behind a file
            return bool(self._own) or self.wafer.defects is not None
        return keyword in _BEGINS and keyword in self._own

    def finished(self) -> FabMap | InputError:
        """The wafer, when all its statements were read."""
        self._end_list()
        wafer, index = self.wafer, self._index
        if index and self._plan and _PLAN not in self._seen:
            wafer.warnings.append("no test plan of its own; that of the wafer before it counts")
        wafer.plan, wafer.others = self._plan, self._others
        wafer.said = self._said | self._own
        self._said = {key: said for key, said in wafer.said.items() if key not in _OF_ONE_WAFER}
        self._index += 1
        self._begin()
        try:
            return wafer.fab_map(self._source, index)
        except InputError as error:
            return error

    def take(self, statement: Statement) -> None:
        """The next statement."""
        keyword, start, end = statement
        body = self._text[start:end]
        if keyword:
            self._end_list()
            self._list = keyword
        if keyword in _HEADER:
            self._own.setdefault(keyword, _value(keyword, body))
        elif keyword == "FILEVERSION":
            self._said, self._columns, self._plan, self._others = {}, None, [], []
        elif keyword == "DEFECTRECORDSPEC":
            names = body.upper().split()
            self._columns = names[1:] if names and names[0].isdecimal() else names
            if self.wafer.defects is not None:
                self.wafer.defects.describe(self._columns)
        elif self._list == "DEFECTLIST":
            self._defects(body, start)
        elif self._list in _DIES:
            try:
                self._dies(keyword, body.split())
            except RowError as error:
                raise self._wrong(str(error), start) from None
        self.is_ended = keyword == "ENDOFFILE"

    def _dies(self, keyword: str, tokens: Sequence[str]) -> None:
        """Dies of a list: how many, then their pairs."""
        if keyword:
            if keyword not in self._seen:  # it takes the place of what held before
                self._seen.add(keyword)
                if keyword == _PLAN:
                    self._plan = []
                else:
                    self._others = [dies for dies in self._others if dies.what != keyword]
            self._promised = whole(tokens[0]) if tokens else 0
            (self._plan if keyword == _PLAN else self._others).append(Dies(keyword))
            tokens = tokens[1:]
        (self._plan if self._list == _PLAN else self._others)[-1].add(tokens)

    def _end_list(self) -> None:
        """Refuse a list of dies that is cut off."""
        if self._list not in _DIES:
            return
        dies = (self._plan if self._list == _PLAN else self._others)[-1]
        if len(dies.x) < self._promised:
            what = f"{len(dies.x)} dies in a list ({dies.what}) that promises {self._promised}"
            raise InputError(self._source, InputKind.UNREADABLE, f"{what}; copy it again")
        if len(dies.x) > self._promised and self._list == _PLAN:
            what = f"its test plan promises {self._promised} dies and has {len(dies.x)}"
            self.wafer.warnings.append(f"{what}; all count")
        self._list = ""

    def _defects(self, body: str, start: int) -> None:
        """Rows of a defect list; one ends where its line does, or goes on in the next."""
        if self.wafer.defects is None:
            self.wafer.defects = DefectTable(self._columns or ())
        table = self.wafer.defects
        lines, row = body.split("\n"), list[str]()
        found: list[tuple[Sequence[str], int]] = []
        at = 0
        for first in range(0, len(lines), _LINES):
            rows = [line.split() for line in lines[first : first + _LINES]]
            if not row and table.add_plain([tokens for tokens in rows if tokens]):
                continue
            for number, tokens in enumerate(rows, first):
                if not tokens or tokens[0].upper() in _PICTURES:
                    continue
                at = at if row else number
                for piece in [tokens] if row else table.divided(tokens):
                    joined = row + piece if row else piece
                    try:
                        is_whole = table.is_whole(joined)
                    except RowError as error:
                        what = table.short_of(row) if row else str(error)
                        raise self._wrong(what, start, at) from None
                    if is_whole:
                        found.append((joined, at))
                    row = [] if is_whole else joined
            self._add(table, found, start)
            found.clear()
        if row:
            raise self._wrong(table.short_of(row), start, at)

    def _add(
        self, table: DefectTable, found: Sequence[tuple[Sequence[str], int]], start: int
    ) -> None:
        try:
            table.add([row for row, _ in found])
        except RowError:
            for row, at in found:
                try:
                    table.add([row])
                except RowError as error:
                    raise self._wrong(str(error), start, at) from None

    def _wrong(self, what: str, start: int, lines: int = 0) -> InputError:
        line = self._text.count("\n", 0, start) + lines + 1
        mend = "a ; or a value is missing, or the file is cut off; export or copy it again"
        return InputError(self._source, InputKind.UNREADABLE, f"line {line}: {what}; {mend}")


def _value(keyword: str, body: str) -> str:
    """What a statement of the header says."""
    values = [(quoted or plain).strip() for quoted, plain in _VALUES.findall(body)]
    if keyword not in {"INSPECTIONSTATIONID", "DIEPITCH"} and body.lstrip().startswith('"'):
        values = values[:1]  # what stands behind a quoted name is another matter
    return " ".join(filter(None, values))
