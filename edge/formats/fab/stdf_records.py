"""The records of an STDF V4 file, of which only those are handed out that a wafer map needs."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Final

from edge.errors import InputError, InputKind
from edge.system.text import counted

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


#: How a file begins that is the same in text.
ATDF: Final = b"FAR:A"
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

#: The beginning of a PRR, all that is kept of one.
RESULT: Final = (
    ("head", "u1"), ("site", "u1"), ("flags", "u1"), ("tests", "u2"),
    ("hard", "u2"), ("soft", "u2"), ("x", "i2"), ("y", "i2"),
)  # fmt: skip
RESULT_BYTES: Final = 13
#: Of these, before x and y.
_NO_PLACE: Final = 9

#: PRRs of at most so many bytes are taken in runs, so many at a time.
_SHORT: Final = 64
_RUN: Final = 4096
_PIR: Final = 5, 10
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
        if beginning.startswith(ATDF):
            what = "ATDF, the text form of STDF, which is not read; convert it to STDF V4"
            raise InputError(source, InputKind.UNSUPPORTED, what)
        self.order = "<" if beginning.startswith(b"\x02\0") else ">"
        if beginning[5:] != bytes([VERSION]):
            version = beginning[5] if len(beginning) > 5 else "?"
            what = f"STDF V{version}, only V{VERSION} is read"
            raise InputError(source, InputKind.UNSUPPORTED, f"{what}; convert it")
        self.is_vax = beginning[4] == _VAX

    def __iter__(self) -> Iterator[tuple[Kind, bytes, int]]:
        """Kind, content and place of each record that is wanted.

        Of results that no other wanted record stands between, the beginnings come at once, each
        ``RESULT_BYTES``: a file may be nothing but millions of them.

        Raises:
            InputError: the last record goes beyond the end of the file.
        """
        unpack = struct.Struct(self.order + "HH").unpack_from
        number_of = struct.Struct(self.order + "H").unpack
        numbers = {number_of(bytes(kind.value))[0]: kind for kind in Kind if kind is not Kind.FAR}
        result = number_of(bytes(Kind.PRR.value))[0]
        take = self._taker()
        results = bytearray()
        data, at, before = b"", 0, _BEGINNING
        while piece := self._file.read(_PIECE):
            data, before, at = data[at:] + piece, before + at, 0
            size = len(data)
            while at <= size - 4:
                length, number = unpack(data, at)
                after = at + 4 + length
                if after > size:
                    break
                if number == result:
                    after = take(data, at, after, results)
                elif number in numbers:
                    if results:
                        yield Kind.PRR, bytes(results), before + at
                        results.clear()
                    yield numbers[number], data[at + 4 : after], before + at
                at = after
            if results:
                yield Kind.PRR, bytes(results), before + at
                results.clear()
        rest = data[at:]
        if rest.strip(b"\0"):  # a tape's last block is filled up with them
            missing = 4 + unpack(rest)[0] - len(rest) if len(rest) >= 4 else 4 - len(rest)
            what = (
                f"the record at byte {before + at} ends {counted(missing, 'byte')} behind the file"
            )
            raise InputError(self._source, InputKind.UNREADABLE, f"{what}; copy it again")

    def _taker(self) -> Callable[[bytes, int, int, bytearray], int]:
        """What appends the beginning of the PRR at a place, which ends at another, to results.

        With it go the PRRs of its length that follow, each alone or behind PIRs: these come by the
        million where a tester keeps no tests, and a loop in Python over them is three times as
        slow. Of a short PRR, what it has not is the first head, and no position.

        Returns:
            The function; it gives the place behind what it has taken.
        """
        head = struct.Struct(self.order + "HBB").pack
        start = re.escape(head(2, *_PIR))
        absent = b"\1".ljust(_NO_PLACE, b"\0") + 2 * struct.pack(self.order + "h", NOWHERE)
        runs: dict[int, tuple[re.Pattern[bytes], re.Pattern[bytes]]] = {}

        def take(data: bytes, at: int, after: int, results: bytearray) -> int:
            length = after - at - 4
            if not RESULT_BYTES <= length <= _SHORT:
                kept = RESULT_BYTES if length >= RESULT_BYTES else min(length, _NO_PLACE)
                results.extend(data[at + 4 : at + 4 + kept] + absent[kept:])
                return after
            if length not in runs:
                rest = length - RESULT_BYTES
                begin = b"(?:%b..)*%b" % (start, re.escape(head(length, *Kind.PRR.value)))
                runs[length] = (
                    re.compile(b"(?:%b.{%d}){1,%d}" % (begin, length, _RUN), re.DOTALL),
                    re.compile(b"%b(.{%d}).{%d}" % (begin, RESULT_BYTES, rest), re.DOTALL),
                )
            run, one = runs[length]
            found = run.match(data, at)
            end = found.end() if found else after
            results.extend(b"".join(one.findall(data, at, end)))
            return end

        return take

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
