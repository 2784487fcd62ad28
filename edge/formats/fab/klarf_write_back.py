"""What was found of a wafer into the KLARF it was read from: a class, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import Finding
from edge.formats.fab.klarf_records import Close, Record, Scanner, Table
from edge.formats.fab.klarf_statements import Statement, begins_another, statements

#: Names of what is said of a wafer, in the list of what anybody may say of one.
_PATTERN: Final = "WMEDGE_PATTERN"
_CLASS: Final = "WMEDGE_CLASSNUMBER"
_VERDICT: Final = "WMEDGE_VERDICT"
_SAID: Final = re.compile(rf'"?\b({_PATTERN}|{_CLASS}|{_VERDICT})\b"?\s+"([^"\r\n]*)"')

_CLASS_ROW: Final = re.compile(r'(?<![^\s;])(-?\d{1,9})(?:\s+"([^"\r\n]*)"|[ \t]+([^\s";]+))')
#: Rows of a list as it states them, and not the number of its first class.
_COUNT: Final = re.compile(r"\s*(\d{1,9})(?=[\s;]|$)")
_NO_COUNT: Final = re.compile(r'\s*-?\d{1,9}\s+"')

#: From here to there stands this from now on.
_Edit = tuple[int, int, str]

#: Two values of a row.
_Pair = tuple[str, str]


@dataclass
class _List:
    """A list in a file that may get longer.

    Attributes:
        count: Where its number of rows stands, and that number; None where it does not say.
        start: Where its rows begin.
        end: Where further rows go.
        row: Values -> a row as it stands in this list.
        lead: What ends the row above, where it has no end of its own.
    """

    count: tuple[int, int, int] | None
    start: int
    end: int
    row: Callable[[_Pair], str]
    lead: str = ""

    def longer(self, rows: Sequence[_Pair]) -> list[_Edit]:
        """The edits that add rows."""
        if not rows:
            return []
        edits = [(self.end, self.end, self.lead + "".join(map(self.row, rows)))]
        if self.count is not None:
            start, end, number = self.count
            edits.append((start, end, str(number + len(rows))))
        return edits


@dataclass
class _Wafer:
    """Where the pattern of a wafer goes.

    Attributes:
        lot: Wafers of the same number share their classes.
        classes: The list of classes that holds for it; None where there is none.
        said: The list of what anybody may say of it; None where there is none.
        end: Where another list of it goes.
        lot_end: The same for a list of its lot.
    """

    lot: int
    classes: _List | None = None
    said: _List | None = None
    end: int = 0
    lot_end: int = 0


class _Layout:
    """How a file is written: where things stand in it, and how a list looks.

    Args:
        text: The file.
    """

    #: Names of the two lists.
    names = ("ClassLookup", "CustomWaferList")

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = "\r\n" if "\r\n" in text else "\r" if "\n" not in text else "\n"

    def wafers(self) -> list[_Wafer]:
        """The wafers in the order of the file."""
        wafers = [_Wafer(0)]
        seen: set[str] = set()
        grown: _List | None = None
        for statement in statements(self.text, _NAME):
            keyword, wafer = statement.keyword, wafers[-1]
            if begins_another(keyword, seen):
                is_new = keyword == "FILEVERSION"
                wafer = _Wafer(wafer.lot + is_new, None if is_new else wafer.classes)
                wafers.append(wafer)
                seen = set()
            seen.add(keyword)
            if keyword in _LISTS:
                grown = self._list(statement)
                if keyword == "CLASSLOOKUP":
                    wafer.classes = grown
                else:
                    wafer.said = grown
            elif keyword:
                grown = None
            elif grown is not None:  # each of its rows is a statement
                grown.end, grown.row = statement.end + 1, self._statement_row
            # Readers there are that take each line behind a defect list for a defect.
            if "DEFECTLIST" not in seen and keyword not in _BEHIND:
                wafer.end = wafer.lot_end = statement.end + 1
        return wafers

    def _list(self, statement: Statement) -> _List:
        body = self.text[statement.start : statement.end]
        is_classes = statement.keyword == "CLASSLOOKUP"
        found = None if is_classes and _NO_COUNT.match(body) else _COUNT.match(body)
        if is_classes and not found and not _CLASS_ROW.match(body.lstrip()):
            raise _unlisted("ClassLookup does not begin with a number")
        if body.count('"') % 2:
            raise _unlisted(f"{statement.keyword} has a quote without its other")
        start = statement.start + (found.end() if found else 0)
        count = (start - len(found[1]), start, int(found[1])) if found else None
        return _List(count, start, statement.start + len(body.rstrip()), self._row)

    def _row(self, pair: _Pair) -> str:
        return f'{self.end} {pair[0]} "{pair[1]}"'

    def _statement_row(self, pair: _Pair) -> str:
        return f"{self._row(pair)};"

    def new_list(self, name: str, rows: Iterable[_Pair], _: int) -> str:
        """A list that the file does not have, for this place in it."""
        pairs = list(rows)
        return f"{self.end}{name} {len(pairs)}{''.join(map(self._row, pairs))};"


class _NestedLayout(_Layout):
    """The same of records in records."""

    names = ("ClassLookupList", "CustomWaferList")

    def wafers(self) -> list[_Wafer]:
        wafers: list[_Wafer] = []
        lot, classes = 0, dict[int, _List]()
        is_open = False
        for part in Scanner(self.text, _NAME).parts():
            if isinstance(part, Record):
                lot += part.name == "LOTRECORD"
                if part.name == "WAFERRECORD":
                    wafers.append(_Wafer(lot))
                    is_open = True
            elif isinstance(part, Close) and part.name == "WAFERRECORD":
                wafers[-1].end = wafers[-1].lot_end = self._before(part.offset)
                is_open = False
            elif isinstance(part, Close) and part.name == "LOTRECORD":
                place = self._before(part.offset)
                for wafer in wafers:
                    wafer.lot_end = place if wafer.lot == lot else wafer.lot_end
            elif isinstance(part, Table) and part.name == "CLASSLOOKUPLIST":
                classes.setdefault(lot, self._table(part, ("CLASSNUMBER", "CLASSNAME")))
            elif isinstance(part, Table) and part.columns == ("NAME", "VALUE") and is_open:
                wafers[-1].said = self._table(part, ("NAME", "VALUE"))
        for wafer in wafers:
            wafer.classes = classes.get(wafer.lot)
        return wafers

    def _table(self, part: Table, names: _Pair) -> _List:
        if not part.start or part.columns[:2] != names:
            raise _unlisted(f"{part.name} has no Data of {' and '.join(names)}")

        def row(pair: _Pair) -> str:
            values = dict(zip(names, (pair[0] if pair[0].isdecimal() else f'"{pair[0]}"',
                                      f'"{pair[1]}"'), strict=True))  # fmt: skip
            cells = " ".join(values.get(name, '""') for name in part.columns)
            return f"{self.end}{indent}{cells};"

        number, begin, end = part.promised
        count = (begin, end, number) if number >= 0 else None
        place = self._before(part.end)
        indent = self._indent(place)
        return _List(count, part.start, place, row, "" if self.text[place - 1] in ";{" else ";")

    def _before(self, offset: int) -> int:
        """The same place, before the blanks that stand there."""
        while self.text[offset - 1].isspace():
            offset -= 1
        return offset

    def _indent(self, place: int) -> str:
        """The blanks at the beginning of the line of what stands before a place."""
        start = max(self.text.rfind(end, 0, place) for end in "\r\n") + 1
        line = self.text[start:place]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def new_list(self, name: str, rows: Iterable[_Pair], place: int) -> str:
        is_classes = name == self.names[0]
        columns = (
            "int32 CLASSNUMBER, string CLASSNAME" if is_classes else "string NAME, string VALUE"
        )
        pairs = [(a if is_classes else f'"{a}"', b) for a, b in rows]
        lines = [f"List {name}", "{", f"  Columns 2 {{ {columns} }}", f"  Data {len(pairs)}", "  {",
                 *(f'    {a} "{b}";' for a, b in pairs), "  }", "}"]  # fmt: skip
        lead = self.end + self._indent(place)
        return lead + lead.join(lines)


_LISTS: Final = frozenset({"CLASSLOOKUP", "CUSTOMWAFERLIST"})
_BEHIND: Final = frozenset({"DEFECTRECORDSPEC", "DEFECTLIST", "ENDOFFILE"})
_NAME: Final = "the file to write into"


def written_back(text: str, findings: Mapping[int, Finding], is_nested: bool) -> str:
    """A file with what was found of its wafers.

    Args:
        text: The file, line ends and all.
        findings: Without quotes, by the wafer's index in the file.
        is_nested: Whether it consists of records in records.

    Raises:
        InputError: it has no such wafer.
    """
    layout = _NestedLayout(text) if is_nested else _Layout(text)
    wafers = layout.wafers()
    if beyond := sorted(set(findings) - set(range(len(wafers)))):
        what = f"no wafer {beyond[0]} in it, it has {len(wafers)}; take the file that was read"
        raise InputError(_NAME, InputKind.BAD_VALUE, what)
    groups: dict[tuple[int, int], list[int]] = {}
    for index in sorted(findings):
        wafer = wafers[index]
        place = wafer.classes.start if wafer.classes else -1
        groups.setdefault((wafer.lot, place), []).append(index)
    edits: list[_Edit] = []
    for indexes in groups.values():
        first = wafers[indexes[0]]
        known = _classes(text, first.classes)
        new: dict[str, str] = {}
        for index in indexes:
            if (name := findings[index].pattern) not in known:
                known[name] = max([0, *known.values()]) + 1
                new[str(known[name])] = name
        if first.classes is not None:
            edits += first.classes.longer(list(new.items()))
        elif new:
            made = layout.new_list(layout.names[0], new.items(), first.lot_end)
            edits.append((first.lot_end, first.lot_end, made))
        for index in indexes:
            finding = findings[index]
            edits += _said(layout, wafers[index], finding, known[finding.pattern])
    return _edited(text, edits)


def _unlisted(what: str) -> InputError:
    mend = "so no pattern can be added to it; write results beside it (--output)"
    return InputError(_NAME, InputKind.UNREADABLE, f"{what}, {mend}")


def _classes(text: str, classes: _List | None) -> dict[str, int]:
    """Numbers of the classes of a list, by their names."""
    if classes is None:
        return {}
    rows = _CLASS_ROW.findall(text, classes.start, classes.end)
    return {quoted or plain: int(number) for number, quoted, plain in rows}


def _said(layout: _Layout, wafer: _Wafer, finding: Finding, number: int) -> list[_Edit]:
    """The edits that say what was found of a wafer, in place of what was said of it before."""
    rows = {_PATTERN: finding.pattern, _CLASS: str(number), _VERDICT: finding.verdict}
    if wafer.said is None:
        made = layout.new_list(layout.names[1], rows.items(), wafer.end)
        return [(wafer.end, wafer.end, made)]
    edits = [
        (*found.span(2), rows.pop(found[1], found[2]))
        for found in _SAID.finditer(layout.text, wafer.said.start, wafer.said.end)
    ]
    return edits + wafer.said.longer(list(rows.items()))


def _edited(text: str, edits: Iterable[_Edit]) -> str:
    pieces, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]])
