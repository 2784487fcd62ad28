"""KLARF 1.0 to 1.2 (and what other makers number 1.7): statements that end in ``;``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import FabMap, naming
from edge.formats.fab.klarf_defects import DefectTable, Dies, RowError, whole
from edge.formats.fab.klarf_statements import (
    HEADER,
    Statement,
    begins_another,
    statements,
    swallowed,
    values,
)
from edge.formats.fab.klarf_wafer import Inspected

#: What the next wafer has of its own.
_OF_ONE_WAFER: Final = frozenset({"WAFERID", "SLOT"})

#: Lists of dies: those that were inspected, and positions without a verdict.
_PLAN: Final = "SAMPLETESTPLAN"
_DIES: Final = frozenset({_PLAN, "SAMPLEDIEMAP", "REMOVEDDIELIST"})

#: Lines among the rows of a defect list that name a picture.
_PICTURES: Final = frozenset({"FILENAME", "TIFFFILENAME"})

#: Lines of a defect list that are looked at together.
_LINES: Final = 16_384


def read_flat(text: str, source: str) -> Iterator[FabMap | InputError]:
    """The wafers of a file.

    Raises:
        InputError: a statement does not end, or a list is not what it should be.
    """
    reader = _Reader(text, source)
    with naming(reader.names):
        for statement in statements(text, source):
            if begins_another(statement.keyword, reader.seen):
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
        self.seen: set[str] = set()
        self._list = ""
        self._promised = 0
        self.is_ended = False
        self.wafer = Inspected(self._own)

    def names(self) -> tuple[str, str]:
        """Lot and wafer, as far as they were said."""
        return Inspected(self._said | self._own).names

    def finished(self) -> FabMap | InputError:
        """The wafer, when all its statements were read."""
        self._end_list()
        wafer, index = self.wafer, self._index
        if index and self._plan and _PLAN not in self.seen:
            wafer.warnings.append("no test plan of its own; that of the wafer before it counts")
        wafer.plan, wafer.others = self._plan, self._others
        wafer.said = self._said | self._own
        self._said = {key: said for key, said in wafer.said.items() if key not in _OF_ONE_WAFER}
        self._index += 1
        self._begin()
        try:
            return wafer.fab_map(self._source, index)
        except InputError as error:
            return error.of(*wafer.names)

    def take(self, statement: Statement) -> None:
        """The next statement."""
        keyword, start, end = statement
        body = self._text[start:end]
        if found := swallowed(keyword, body):
            what = keyword or "what stands there"
            raise self._wrong(f"{what} does not end before {found}", start)
        if keyword in _PICTURES:  # which may stand between rows
            return
        if keyword:
            self._end_list()
            self._list = keyword
        if keyword in HEADER:
            self._own.setdefault(HEADER[keyword], _value(keyword, body))
        elif keyword == "FILEVERSION":
            self._said, self._columns, self._plan, self._others = {}, None, [], []
        elif keyword == "DEFECTRECORDSPEC":
            self._describe(body.upper().split())
        elif self._list == "DEFECTLIST":
            self._defects(body, start)
        elif self._list in _DIES:
            try:
                self._dies(keyword, body.split())
            except RowError as error:
                raise self._wrong(str(error), start, mend=error.mend) from None
        self.is_ended = keyword == "ENDOFFILE"
        self.seen.add(keyword)

    def _describe(self, names: list[str]) -> None:
        """The columns of defect lists: how many, which may be missing, then their names."""
        self._columns = names[1:] if names and names[0].isdecimal() else names
        if self.wafer.defects is not None:
            self.wafer.defects.describe(self._columns)

    def _dies(self, keyword: str, tokens: Sequence[str]) -> None:
        """Dies of a list: how many, then their pairs."""
        if keyword:
            if keyword not in self.seen:  # it takes the place of what held before
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
        """Rows of a defect list."""
        if self.wafer.defects is None:
            self.wafer.defects = DefectTable(self._columns or ())
        if not self._columns and body.strip():
            raise self._wrong("a defect list without its columns (DefectRecordSpec)", start)
        try:
            _add_lines(self.wafer.defects, body.split("\n"))
        except RowError as error:
            raise self._wrong(str(error), start, error.at, error.mend) from None

    def _wrong(self, what: str, start: int, lines: int = 0, mend: str = "") -> InputError:
        line = self._text.count("\n", 0, start) + lines + 1
        mend = mend or "a ; or a value is missing, or the file is cut off; export or copy it again"
        return InputError(self._source, InputKind.UNREADABLE, f"line {line}: {what}; {mend}")


def _add_lines(table: DefectTable, lines: Sequence[str]) -> None:
    """Add rows, each of which ends where its line does, or goes on in the next.

    Raises:
        RowError: a row is none; it says in which line.
    """
    row, at, stop = list[str](), 0, 0
    while (first := stop) < len(lines):
        stop = first + _LINES
        while stop < min(len(lines), first + 2 * _LINES) and table.goes_on(lines[stop].split()):
            stop += 1
        split = [line.split() for line in lines[first:stop]]
        filled = [tokens for tokens in split if tokens]
        if not row and (table.add_plain(filled) or table.add_pictured(filled)):
            continue
        row, at = _one_by_one(table, split, first, row, at)
    if row:
        raise RowError(table.short_of(len(row)), at)


def _one_by_one(
    table: DefectTable, split: Sequence[list[str]], first: int, row: list[str], at: int
) -> tuple[list[str], int]:
    """Add rows of any kind; the one that goes on behind these lines, and where it began."""
    rows: list[list[str]] = []
    places: list[int] = []
    for number, tokens in enumerate(split, first):
        if not tokens or (tokens[0] >= "A" and tokens[0].upper() in _PICTURES):
            continue
        had = len(row)
        if row:
            row += tokens
            pieces = [row]
        else:
            at, pieces = number, table.divided(tokens)
        for piece in pieces:
            try:
                is_whole = table.is_whole(piece)
            except RowError as error:
                what = table.short_of(had) if had else str(error)
                raise RowError(what, at, "" if had else error.mend) from None
            row = [] if is_whole else piece
            if is_whole:
                rows.append(piece)
                places.append(at)
    table.add_each(rows, places)
    return row, at


def _value(keyword: str, body: str) -> str:
    """What a statement of the header says."""
    if keyword in {"INSPECTIONSTATIONID", "DIEPITCH"}:
        return " ".join(filter(None, values(body)))
    said = values(body.strip().partition("\n")[0])
    if body.lstrip().startswith('"'):
        said = said[:1]  # what stands behind a quoted name is another matter
    return " ".join(filter(None, said))
