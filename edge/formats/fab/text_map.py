"""Text maps: a drawing of the wafer with lines above or below that say what it is.

What probers and their converters write in many ways: TSK mapEx and its kin, ``[BOF]`` files, maps
in braces, ``MAP001`` rows, rows and columns numbered or not. ``header`` has the words, ``drawing``
the grid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from edge.errors import InputError, InputKind
from edge.formats.fab.cut_off import Ends
from edge.formats.fab.die_width import UnsureWidthError
from edge.formats.fab.drawing import drawn, is_drawn, is_even, is_separated
from edge.formats.fab.fab_map import FabMap, Meaning, naming, one_each
from edge.formats.fab.frame import Line
from edge.formats.fab.grid import check_rows, check_sides
from edge.formats.fab.header import Header
from edge.formats.fab.header_lines import entry_of, plain
from edge.formats.fab.text import raw_lines
from edge.formats.fab.text_legend import legend_of

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: Lines, letters and digits alone, after which rows stand, and those that end them.
_BEGINS: Final = frozenset({"map", "binlist", "mapmatrix", "softbinmap", "hardbinmap", "binmap",
                            "mapdata", "start"})  # fmt: skip
_ENDS: Final = frozenset({"end", "eof", "extension"})
_CLOSING: Final = ("</", "<\\")

_SECTION: Final = re.compile(
    r"[ \t]*(?:\[.{0,64}\][-+]{0,4096}|<.{0,64}>|\d{1,2}[ \t]?\.[A-Z ]{1,32}|[{}]+;?)[ \t]*"
)
_LONGEST_MARK: Final = 64
#: Rows and columns from which on a drawing without a header is taken for a map.
_FEWEST: Final = 5
#: Known keys of a header that make a rectangle of letters a map.
_ENOUGH_SAID: Final = 2
#: Bytes of a file's beginning from which on its last line may be cut off.
_CUT_FROM: Final = 4096


def is_format(head: bytes) -> bool:
    """Whether a text begins with a drawing and a header, or with a drawing of a wafer alone."""
    try:
        lines = head.decode().split("\n")
    except UnicodeDecodeError as error:
        is_cut = error.end == len(head)  # the last letter may be
        lines = (head[: error.start].decode() if is_cut else head.decode("latin-1")).split("\n")
    if len(head) >= _CUT_FROM:
        lines = lines[:-1]
    # Both halves of the end of a line are one here.
    return _is_map(lines) or ("" in lines[:-1] and _is_map([line for line in lines if line]))


def _is_map(lines: list[str]) -> bool:
    reading = _Reading("")
    try:
        for number, line in enumerate(lines, 1):
            if any(wafer.is_sure for wafer in reading.line(number, line)):
                return True
        return reading.ends_drawn()
    except InputError:
        return bool(reading.header)  # it is refused with a word when it is read


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafers of a file, in its order.

    Raises:
        InputError: there is no drawing, rows of different length, fewer rows than the header
            promises, two drawings of one wafer.

    Yields:
        A wafer each; an ``InputError`` in place of each of several with the same names.
    """
    return one_each(_in_order(file, source))


def _in_order(file: Source, source: str) -> Iterator[FabMap]:
    reading = _Reading(source)
    with naming(lambda: reading.header.names):
        for number, line in raw_lines(file, source):
            for wafer in reading.line(number, line):
                yield wafer.finished()
        for wafer in reading.last():
            yield wafer.finished()


class _Reading:
    """Where the reading of a file stands."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._wafer = _Wafer(source, 0)
        self._group = list[Line]()
        self._is_marked = False  # a line said that rows follow
        self._is_spaced = False  # an empty line stands between every two rows
        self._is_behind = False  # the line before is empty
        self._ends = Ends(source)

    def line(self, number: int, text: str) -> Iterator[_Wafer]:
        """Take the next line; the wafers that it ends."""
        mark = plain(text) if len(text) <= _LONGEST_MARK else None
        is_behind, self._is_behind = self._is_behind, not text.strip()
        if self._is_behind:
            if not self._is_marked and not (self._may_be_spaced and not is_behind):
                yield from self._end_group()
            return
        if self._group and not self._is_marked:
            yield from self._end_spaced(text, is_behind=is_behind)
        if self._is_marked and not self._ends_section(text, mark):
            self._group.append((number, text))
            return
        self._ends.see(text)
        entry = entry_of(text)
        if mark in _BEGINS | _ENDS or _SECTION.fullmatch(text):
            yield from self._end_group()
            self._is_marked = mark in _BEGINS and text.lstrip()[:2] not in _CLOSING
        elif entry is None and not self._wafer.header.bins.note(text):
            self._group.append((number, text))
        elif entry and not entry.key and self._group and len(text) == len(self._group[-1][1]):
            self._group.append((number, text))  # a row that looks like a line of a header
        else:
            yield from self._end_group()
            wafer = self._wafer
            below = wafer.is_header_below or not wafer.header
            if wafer.drawing and wafer.header.begins_another(text, below=below):
                yield self._next()
            self._wafer.note(text, number)

    @property
    def _may_be_spaced(self) -> bool:
        return self._is_spaced or len(self._group) == 1

    def _end_spaced(self, text: str, *, is_behind: bool) -> Iterator[_Wafer]:
        """End the rows so far if the next line is not as far behind them as they are."""
        is_row = len(text) == len(self._group[-1][1])
        if is_behind and self._may_be_spaced and is_row:
            self._is_spaced = True
        elif self._is_spaced and not is_behind and len(self._group) == 2:
            *title, row = self._group  # a title as long as the rows
            self._group = title
            yield from self._end_group()
            self._group = [row]
        elif is_behind or self._is_spaced:
            yield from self._end_group()

    def last(self) -> Iterator[_Wafer]:
        """The wafers that are left when all lines were taken."""
        yield from self._end_group()
        self._ends.check()
        if self._wafer.index and not self._wafer.header:
            raise _two_drawings(self._source, self._wafer.drawing[0][0])
        yield self._wafer

    @property
    def header(self) -> Header:
        """What the last wafer's header says."""
        return self._wafer.header

    def ends_drawn(self) -> bool:
        """Whether there is a drawing that belongs to a header, or looks like a wafer alone."""
        if any(wafer.is_sure for wafer in self._end_group()):
            return True
        return self._wafer.is_sure or (not self._wafer.drawing and self._wafer.is_likely)

    def _ends_section(self, text: str, mark: str | None) -> bool:
        if mark in _ENDS or _SECTION.fullmatch(text):
            return True
        has_key = any(sign in text[:_LONGEST_MARK] for sign in ":=") or "otch" in text
        return has_key and (entry := entry_of(text)) is not None and bool(entry.key)

    def _end_group(self) -> Iterator[_Wafer]:
        group, is_marked = self._group, self._is_marked
        self._group, self._is_marked, self._is_spaced = [], False, False
        if not group:
            return
        is_said = len(self._wafer.header) >= _ENOUGH_SAID and is_separated(group)
        if not is_marked and not is_said and not is_drawn(group):
            self._wafer.others.append(group)
            self._wafer.header.note_places([text for _, text in group])
            return
        if self._wafer.drawing:
            if not self._wafer.is_header_below:
                raise _two_drawings(self._source, group[0][0])
            yield self._next()
        self._wafer.drawing = group

    def _next(self) -> _Wafer:
        wafer, self._wafer = self._wafer, _Wafer(self._source, self._wafer.index + 1)
        if not wafer.is_header_below:  # what stands below a drawing is of that one alone
            self._wafer.header.go_on(wafer.header)
        return wafer


def _two_drawings(source: str, line: int) -> InputError:
    what = f"line {line} begins another map and nothing says of which wafer"
    return InputError(source, InputKind.AMBIGUOUS, f"{what}; put one map into a file")


class _Wafer:
    """What has been read of a wafer.

    Attributes:
        header: What its lines say.
        drawing: The lines that draw it.
        others: Groups of lines that do not look like a wafer.
        is_header_below: Nothing was said of it above its drawing.
    """

    def __init__(self, source: str, index: int) -> None:
        self.source, self.index = source, index
        self.header = Header(source)
        self.drawing = list[Line]()
        self.others = list[list[Line]]()
        self.is_header_below = False

    def note(self, text: str, line: int) -> None:
        """Take a line of the header."""
        self.is_header_below |= bool(self.drawing) and not self.header
        self.header.note(text, line)

    @property
    def is_sure(self) -> bool:
        """Whether it is a map beyond doubt, as far as it was read."""
        if not any(character.isalnum() for _, text in self.drawing for character in text):
            return False
        width = max((len(text.strip()) for _, text in self.drawing), default=0)
        return bool(self.header) or min(width, len(self.drawing)) >= _FEWEST

    @property
    def is_likely(self) -> bool:
        """Whether it has a header, and a rectangle of letters or as many rows as that says."""
        count = len(self.header)
        rows = self.header.word("rows")
        return count >= _ENOUGH_SAID and any(
            is_even(group) or (rows.isdecimal() and len(group) == int(rows))
            for group in self.others
        )

    def finished(self, width: int | None = None) -> FabMap:
        """The wafer, when all its lines were read.

        Args:
            width: Characters of a die, if somebody says it.

        Raises:
            InputError: as ``read_maps``.
        """
        header = self.header
        columns, rows = header.promised("columns"), header.promised("rows")
        lines = self.drawing or self._drawing_of(rows)
        skipped = {len(code) for code in header.codes("skipped", 0)}
        told = header.promised("token") or (skipped.pop() if len(skipped) == 1 else None)
        told = told if told and told > 1 else width
        try:
            grid = drawn(lines, self.source, columns, told, rows, header.said())
        except UnsureWidthError:
            return replace(self.finished(1), of_width=self.finished)
        check_sides(grid.rows, grid.width, self.source)
        promised = header.rows_beside(grid.width)
        if promised is not None:
            check_rows(grid.rows, promised, self.source)
        codes = grid.codes()
        counts = dict(zip(grid.texts, np.bincount(codes.ravel()).tolist(), strict=True))
        legend = legend_of(counts, header)
        warnings = []
        if all(code.meaning is not Meaning.UNKNOWN for code in legend):
            is_die = np.array([not code.meaning.is_none for code in legend])
            warnings = header.bins.against(int(np.count_nonzero(is_die[codes])))
        if columns not in (None, grid.width):
            what = f"its header promises {columns} columns, each row has {grid.width}"
            warnings.append(f"{what}; the rows count")
        return header.fab_map(codes, legend, format="text map", index=self.index, warnings=warnings)

    def _drawing_of(self, rows: int | None) -> list[Line]:
        """The group of lines that has as many as the header promises."""
        is_one = rows is None and len(self.header) >= _ENOUGH_SAID
        groups = [
            group for group in self.others if (is_even(group) if is_one else len(group) == rows)
        ]
        if len(groups) != 1:
            what = "two drawings of one wafer in it" if groups else "no drawing of a wafer in it"
            mend = "a list of dies needs a line of names (x,y,bin), a grid of bins --pass-bins"
            raise InputError(self.source, InputKind.NOT_A_MAP, f"{what}; {mend}")
        return groups[0]
