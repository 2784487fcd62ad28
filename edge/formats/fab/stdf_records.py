"""The records of an STDF V4 file, of which only those are handed out that a wafer map needs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Final

from edge.errors import InputError, InputKind

if TYPE_CHECKING:
    from edge.formats.registry import Source


class Kind(Enum):
    """A record by its type and subtype."""

    FAR = 0, 10
    MIR = 1, 10
    MRR = 1, 20
    HBR = 1, 40
    SBR = 1, 50
    WIR = 2, 10
    WRR = 2, 20
    WCR = 2, 30
    PRR = 5, 20


#: Version that is read, and CPU_TYPE of a VAX, whose numbers with a point are not IEEE's.
VERSION: Final = 4
_VAX: Final = 0
_BEGINNING: Final = 6

#: Bits of PART_FLG: the part takes the place of another, it failed, nobody says whether it did.
RETEST, FAILED, SILENT = 0b11, 0b1000, 0b10000

#: What stands for no coordinate, and for no count.
NOWHERE: Final = -32768
UNSAID: Final = 2**32 - 1

#: um of a WF_UNITS: inches, centimetres, millimetres, mils.
UNITS: Final = {1: 25400.0, 2: 10000.0, 3: 1000.0, 4: 25.4}

_PIECE: Final = 2**20


class Records:
    """A file, record by record.

    Args:
        file: Standing at its beginning; read once from there to its end, never sought in.
        source: Its name for messages.

    Attributes:
        order: Of the bytes of a number, for ``struct``.
        is_vax: Whether its numbers with a point cannot be read.

    Raises:
        InputError: another version.
    """

    def __init__(self, file: Source, source: str) -> None:
        self._file, self._source = file, source
        beginning = file.read(_BEGINNING)
        self.order = "<" if beginning.startswith(b"\x02\0") else ">"
        if beginning[5:] != bytes([VERSION]):
            what = f"STDF of version {beginning[5:].hex() or '?'}, only version {VERSION} is read"
            raise InputError(source, InputKind.UNSUPPORTED, f"{what}; convert it")
        self.is_vax = beginning[4] == _VAX

    def __iter__(self) -> Iterator[tuple[Kind, bytes, int]]:
        """Kind, content and place of each record that is wanted.

        Raises:
            InputError: the last record goes beyond the end of the file.
        """
        unpack = struct.Struct(self.order + "HH").unpack_from
        number_of = struct.Struct(self.order + "H").unpack
        wanted = [kind for kind in Kind if kind is not Kind.FAR]
        numbers = {number_of(bytes(kind.value))[0]: kind for kind in wanted}
        data, at, before = b"", 0, _BEGINNING
        while piece := self._file.read(_PIECE):
            data, before, at = data[at:] + piece, before + at, 0
            size = len(data)
            while at <= size - 4:
                length, number = unpack(data, at)
                after = at + 4 + length
                if after > size:
                    break
                if number in numbers:
                    yield numbers[number], data[at + 4 : after], before + at
                at = after
        rest = data[at:]
        if rest.strip(b"\0"):  # a tape's last block is filled up with them
            missing = 4 + unpack(rest)[0] - len(rest) if len(rest) >= 4 else 4 - len(rest)
            what = f"the record at byte {before + at} ends {missing} bytes behind the file"
            raise InputError(self._source, InputKind.UNREADABLE, f"{what}; copy it again")

    def texts(self, record: bytes, start: int, count: int, at: int) -> list[str]:
        """Texts in a record, one behind the other, trimmed; those behind its end are empty.

        Args:
            record: Its content.
            start: Where the first begins in it.
            count: How many.
            at: Where the record begins in the file.

        Raises:
            InputError: one goes beyond the end of the record.
        """
        found = []
        for _ in range(count):
            length = record[start] if start < len(record) else 0
            text = record[start + 1 : start + 1 + length]
            if len(text) < length:
                what = f"the record at byte {at} ends within a text; export it again"
                raise InputError(self._source, InputKind.UNREADABLE, what)
            found.append(_decoded(text))
            start += 1 + length
        return found


def _decoded(text: bytes) -> str:
    try:
        found = text.decode()
    except UnicodeDecodeError:
        found = text.decode("latin-1")
    return found.strip("\0 \t\r\n")
