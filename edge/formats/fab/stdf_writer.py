"""Wafers of one lot as an STDF V4 file: what a wafer map needs, and nothing that was made up."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import IO, Final

import numpy as np

from edge.errors import UsageError
from edge.formats.fab.fab_map import Code, FabMap, Meaning
from edge.formats.fab.legend import side_of
from edge.formats.fab.stdf_records import FAILED, NOWHERE, SILENT, UNITS, UNSAID, VERSION, Kind

_IBM: Final = 2
_MM: Final = 3
_ONE: Final = 1  # head and site
_LONGEST_TEXT: Final = 255
_HIGHEST_BIN: Final = 32767
_FLAGS: Final = {Meaning.PASS: 0, Meaning.FAIL: FAILED, Meaning.UNKNOWN: SILENT}


def write(maps: Iterable[FabMap], file: IO[bytes]) -> None:
    """Write the wafers of one lot. What has no verdict is left out, so the grid ends at its dies.

    Raises:
        UsageError: a wafer without dies, wafers of different lots, devices, die sizes or
            orientations, or more bins than the format has.
    """
    bins = _Bins()
    first: FabMap | None = None
    for fab in maps:
        if first is None:
            first = fab
            file.write(_record(Kind.FAR, bytes([_IBM, VERSION])))
            names = _texts(fab.lot, fab.device, "", fab.tool)
            file.write(
                _record(Kind.MIR, struct.pack("<IIB3sH1s", 0, 0, 1, b"   ", 65535, b" "), names)
            )
            file.write(_record(Kind.WCR, _outline(fab)))
        elif _of_all(fab) != _of_all(first):
            what = "lot, device, die size and orientation are those of all wafers of an STDF file"
            raise UsageError(f"{fab.source}: {what}; write a file a wafer")
        for each in _wafer(fab, bins):
            file.write(each)
    for each in bins.records():
        file.write(each)
    if first is not None:
        file.write(_record(Kind.MRR, struct.pack("<I", 0)))


def _of_all(fab: FabMap) -> tuple[object, ...]:
    return fab.lot, fab.device, fab.tool, _outline(fab)


class _Bins:
    """Numbers of the codes; what is no number gets a free one, and its text becomes its name."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._meanings: dict[str, set[Meaning]] = {}
        self._counts: dict[str, int] = {}

    def add(self, code: Code, count: int) -> int:
        """The number of a code."""
        text = code.text
        if text not in self._numbers:
            self._numbers[text] = self._free(text)
        self._meanings.setdefault(text, set()).add(code.meaning)
        self._counts[text] = self._counts.get(text, 0) + count
        return self._numbers[text]

    def _free(self, text: str) -> int:
        taken = set(self._numbers.values())
        if text.isdecimal() and text.isascii() and len(text) <= 5 and str(int(text)) == text:
            number = int(text)
            if number <= _HIGHEST_BIN and number not in taken:
                return number
        free = next((each for each in range(_HIGHEST_BIN, -1, -1) if each not in taken), None)
        if free is None:
            raise UsageError("more bins than STDF has numbers; choose another format")
        return free

    def records(self) -> Iterator[bytes]:
        """An HBR a bin, which says what its parts say, where they agree."""
        letters = {Meaning.PASS: b"P", Meaning.FAIL: b"F"}
        for text, number in self._numbers.items():
            meanings = self._meanings[text]
            letter = letters.get(next(iter(meanings)), b" ") if len(meanings) == 1 else b" "
            content = struct.pack("<BBHI1s", 255, 255, number, self._counts[text], letter)
            yield _record(Kind.HBR, content, _texts("" if str(number) == text else text))


def _wafer(fab: FabMap, bins: _Bins) -> Iterator[bytes]:
    counts = np.bincount(fab.codes[fab.codes >= 0], minlength=len(fab.legend)).tolist()
    used = {
        place: (_FLAGS[code.meaning], bins.add(code, counts[place]))
        for place, code in enumerate(fab.legend)
        if counts[place] and not code.meaning.is_none
    }
    if not used:
        raise UsageError(
            f"{fab.source}: a wafer without dies, which STDF cannot hold; leave it out"
        )
    yield _record(Kind.WIR, struct.pack("<BBI", _ONE, 255, 0), _texts(fab.wafer))
    rows, columns = np.nonzero(np.isin(fab.codes, list(used)))
    codes = fab.codes[rows, columns].tolist()
    ys = (fab.codes.shape[0] - 1 - rows).tolist()
    for place, x, y in zip(codes, columns.tolist(), ys, strict=True):
        flags, number = used[place]
        content = struct.pack("<BBBHHHhhI", _ONE, _ONE, flags, 0, number, 65535, x, y, 0)
        yield _record(Kind.PRR, content, _texts("", "", ""))
    good = sum(counts[place] for place in used if fab.legend[place].meaning is Meaning.PASS)
    is_known = all(flags != SILENT for flags, _ in used.values())
    tail = fab.retests or UNSAID, UNSAID, good if is_known else UNSAID, UNSAID
    content = struct.pack("<BBI5I", _ONE, 255, 0, len(codes), *tail)
    yield _record(Kind.WRR, content, _texts(fab.wafer))


def _outline(fab: FabMap) -> bytes:
    across, down = (pitch / UNITS[_MM] for pitch in fab.pitch or (0, 0))
    flat = fab.orientation if len(fab.orientation) == 1 and fab.orientation.isascii() else ""
    # A bare letter is one of a file that does not say whither x and y grow.
    axes = b"  " if flat else b"RU"
    side = side_of(fab.orientation)
    letter = (flat or (side.value[0].upper() if side else " ")).encode()
    unit = _MM if fab.pitch else 0
    content = (0, down, across, unit, letter, NOWHERE, NOWHERE, axes[:1], axes[1:])
    return struct.pack("<fffB1shh1s1s", *content)


def _record(kind: Kind, *content: bytes) -> bytes:
    whole = b"".join(content)
    return struct.pack("<HBB", len(whole), *kind.value) + whole


def _texts(*texts: str) -> bytes:
    cut = (text.encode("utf-8", "replace")[:_LONGEST_TEXT] for text in texts)
    whole = [text.decode("utf-8", "ignore").encode() for text in cut]
    return b"".join(bytes([len(text)]) + text for text in whole)
