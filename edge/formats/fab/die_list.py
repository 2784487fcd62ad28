"""Lists of dies: a header, ``[MAP]:``, then a line ``x y bin`` a die, y growing downwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from edge.errors import InputError, InputKind
from edge.formats.fab.cut_off import LastRow
from edge.formats.fab.fab_map import Code, FabMap, Meaning, naming
from edge.formats.fab.grid import MOST_CODES, measured_again, placed
from edge.formats.fab.header import Header
from edge.formats.fab.text import raw_lines

if TYPE_CHECKING:
    from edge.formats.registry import Source

_MARK: Final = re.compile(r"\[MAP\][ \t]*:?", re.IGNORECASE)
_DIE: Final = re.compile(
    r"([+-]?\d{1,9})[ \t,]+([+-]?\d{1,9})[ \t,]+(\d{1,9})(?:[ \t,]+[+-]?\d{1,9})*"
)
#: A line that begins another section, or the end.
_SECTION: Final = re.compile(r"\[.{0,64}\].{0,64}|##.{0,64}")

#: The largest number of a bin; greater ones are marks for the alignment of the wafer.
_LARGEST_BIN: Final = 255


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafers of a file, in its order.

    Raises:
        InputError: a line of the list that is no die, no die at all, nearly all dies twice.
    """
    wafer = _Wafer(source, 0)
    last, text = LastRow(source), ""
    with naming(lambda: wafer.header.names):
        for number, text in raw_lines(file, source):
            line = text.strip()
            if not line:
                continue
            if _MARK.fullmatch(line):
                if wafer.has_list:
                    yield wafer.finished()
                    wafer = _Wafer(source, wafer.index + 1)
                wafer.has_list = True
            elif wafer.has_list and wafer.header.begins_another(line):
                yield wafer.finished()
                wafer = _Wafer(source, wafer.index + 1)
                wafer.header.note(line, number)
            elif wafer.header.note(line, number) or _SECTION.fullmatch(line):
                wafer.is_ended = wafer.has_list
            elif wafer.has_list and not wafer.is_ended:
                last.see(text)
                wafer.die(line, number)
        last.check(text)
        yield wafer.finished()


class _Wafer:
    """What has been read of a wafer."""

    def __init__(self, source: str, index: int) -> None:
        self.source, self.index = source, index
        self.header = Header(source)
        self.has_list = self.is_ended = False
        self._x, self._y, self._codes = list[int](), list[int](), list[int]()
        self._numbers: dict[str, int] = {}

    def die(self, line: str, number: int) -> None:
        """A line of the list."""
        found = _DIE.fullmatch(line)
        if not found:
            what = f"line {number} of the list is not `x y bin`; export or copy it again"
            raise InputError(self.source, InputKind.UNREADABLE, what)
        self._x.append(int(found[1]))
        self._y.append(int(found[2]))
        self._codes.append(self._numbers.setdefault(found[3], len(self._numbers)))
        if len(self._numbers) > MOST_CODES:
            what = f"more than {MOST_CODES} different codes up to line {number}; not a map"
            raise InputError(self.source, InputKind.NOT_A_MAP, what)

    def finished(self) -> FabMap:
        """The wafer, when all its lines were read."""
        codes, retests, _ = placed(self._x, self._y, self._codes, self.source, upwards=False)
        legend = tuple(
            Code(text, Meaning.MARK if int(text) > _LARGEST_BIN else Meaning.UNKNOWN)
            for text in self._numbers
        )
        header = self.header
        is_die = np.array([not code.meaning.is_none for code in legend] + [False])
        is_named = bool(header.word("wafer") or header.word("slot"))
        warnings = measured_again(self._x, self._y, self.source, is_named=is_named)
        warnings += header.bins.against(int(np.count_nonzero(is_die[codes])))
        return header.fab_map(
            codes,
            legend,
            format="list of dies",
            index=self.index,
            warnings=warnings,
            retests=retests,
        )
