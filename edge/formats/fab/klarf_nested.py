"""KLARF 1.8: the wafers of records in records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.errors import InputError
from edge.formats.fab.fab_map import FabMap, naming
from edge.formats.fab.klarf_defects import DefectTable, Dies, RowError
from edge.formats.fab.klarf_records import Close, Field, Record, Scanner, Table
from edge.formats.fab.klarf_statements import HEADER
from edge.formats.fab.klarf_wafer import Inspected

#: Lengths are in nm.
_UNIT: Final = 0.001

#: What stands between quotes or braces, where a ``;`` ends no row, in that order; and what stands
#: in place of it.
_HELD: Final = ((re.compile(r'"[^"\r\n]*"'), ' "'), (re.compile(r"\{[^{}]*\}"), " }"))

#: Rows of a defect list that are looked at together.
_TOGETHER: Final = 16_384

_PLAN: Final = "SAMPLETESTPLAN"
_NOT_INSPECTED: Final = ("SAMPLEDIEMAP", "REMOVEDDIE")


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
    with naming(reader.names):
        reader.read()
    wafers = [(lot, wafer) for lot in reader.lots for wafer in lot.wafers]
    for index, (lot, wafer) in enumerate(wafers):
        # What is said of a lot may stand behind its wafers.
        wafer.said = {**lot.said, **wafer.said}
        wafer.plan, wafer.others = wafer.plan or lot.plan, wafer.others or lot.others
        try:
            yield wafer.fab_map(source, index)
        except InputError as error:
            yield error.of(*wafer.names)


class _Reader:
    def __init__(self, text: str, scanner: Scanner) -> None:
        self._text, self._scanner = text, scanner
        self._wafer: Inspected | None = None
        self.lots = [_Lot({})]

    def names(self) -> tuple[str, str]:
        """Lot and wafer, as far as they were said."""
        own = self._wafer.said if self._wafer else {}
        return Inspected({**self.lots[-1].said, **own}).names

    def read(self) -> None:
        for part in self._scanner.parts():
            holder = self._wafer or self.lots[-1]
            if isinstance(part, Record):
                self._begin(part)
            elif isinstance(part, Close) and part.name == "WAFERRECORD":
                self._wafer = None
            elif isinstance(part, Field) and part.name in HEADER:
                said = " ".join(filter(None, part.values))
                holder.said = {**holder.said, HEADER[part.name]: said}
            elif isinstance(part, Table):
                self._take(part, holder)

    def _begin(self, part: Record) -> None:
        if self._wafer is not None and part.name in {"LOTRECORD", "WAFERRECORD"}:
            raise self._scanner.wrong(f"a {part.name} in a wafer, a }} is missing", part.offset)
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
            if 0 <= promised < (has := len(rows)):
                what = f"a defect list promises {promised} rows and has {has}"
                holder.warnings.append(f"{what}; all count")
            holder.defects = holder.defects or DefectTable(())
            holder.defects.describe(part.columns)
            self._add(holder.defects, rows)
        elif part.name.startswith(_PLAN):
            holder.plan.append(self._dies(part))
        elif part.name.startswith(_NOT_INSPECTED):
            holder.others.append(self._dies(part))

    def _rows(self, part: Table) -> _Rows:
        if not part.start:
            raise self._scanner.wrong(f"{part.name} has no Data", part.end)
        rows = _Rows(self._text, part)
        if len(rows) < part.promised[0]:
            what = f"{part.name} has {len(rows)} rows and promises {part.promised[0]}"
            raise self._scanner.wrong(what, part.start)
        return rows

    def _dies(self, part: Table) -> Dies:
        rows, dies = self._rows(part), Dies(part.name)
        if len(rows) and not {"XINDEX", "YINDEX"} <= set(part.columns):
            raise self._scanner.wrong(f"{part.name} without XINDEX and YINDEX", part.start)
        places = [part.columns.index(name) for name in ("XINDEX", "YINDEX")] if len(rows) else []
        for number, row in enumerate(rows.values()):
            if len(row) != len(part.columns):
                what = f"a row of {len(row)} values, its list has {len(part.columns)} columns"
                raise self._scanner.wrong(what, rows.offset(number))
            try:
                dies.add([row[place] for place in places])
            except RowError as error:
                raise self._scanner.wrong(str(error), rows.offset(number), error.mend) from None
        return dies

    def _add(self, table: DefectTable, rows: _Rows) -> None:
        for first in range(0, len(rows), _TOGETHER):
            batch = list(rows.values(first, first + _TOGETHER))
            if table.add_plain(batch):
                continue
            try:
                _check(table, batch)
                table.add_each(batch, range(len(batch)))
            except RowError as error:
                place = rows.offset(first + error.at)
                raise self._scanner.wrong(str(error), place, error.mend) from None


def _check(table: DefectTable, rows: Sequence[list[str]]) -> None:
    """Refuse rows that are not whole.

    Raises:
        RowError: one of them; it says which.
    """
    for number, row in enumerate(rows):
        try:
            is_whole = table.is_whole(row)
        except RowError as error:
            error.at = number
            raise
        if not is_whole:
            raise RowError(table.short_of(len(row)), number)


class _Rows:
    """The rows of a list; what stands between quotes is one value, ``Images 2 {...}`` too.

    Args:
        text: The file.
        part: The list.
    """

    def __init__(self, text: str, part: Table) -> None:
        self._text, self._part = text[part.start : part.end], part
        block = self._text
        for held, mark in _HELD:
            block = held.sub(mark, block) if mark[-1] in block else block
        self._rows = [row for row in block.split(";") if row and not row.isspace()]

    def __len__(self) -> int:
        return len(self._rows)

    def values(self, first: int = 0, stop: int | None = None) -> Iterator[list[str]]:
        """The values of some rows."""
        for row in self._rows[first:stop]:
            yield _without_groups(row.split()) if "}" in row else row.split()

    def offset(self, number: int) -> int:
        """Where a row begins in the file."""
        block = self._text
        for held, _ in _HELD:
            block = held.sub(lambda found: f" {found[0][-1]}".ljust(len(found[0])), block)
        row = [row for row in re.finditer(r"[^;]+", block) if not row[0].isspace()][number]
        return self._part.start + row.end() - len(row[0].lstrip())


def _without_groups(values: list[str]) -> list[str]:
    """One value in place of each group with the word and the count before it."""
    groups = values.count("}")
    if groups < 2:
        if groups:
            end = values.index("}") + 1
            values[max(end - 3, 0) : end] = ["N"]
        return values
    kept: list[str] = []
    for value in values:
        kept[len(kept) - 2 * (value == "}") :] = ["N" if value == "}" else value]
    return kept
