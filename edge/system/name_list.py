"""Names of a folder in the order in which people count, however many there are."""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Iterator
from typing import Final

#: Names that are sorted at a time.
_RUN: Final = 8192
_DIGITS: Final = re.compile(r"[0-9]+")
_PADDED: Final = 12


class NameList:
    """Names of a folder in natural order, packed to little more than their letters.

    As a list with its sort keys, a hundred thousand names take as much memory as everything else.
    """

    def __init__(self) -> None:
        self._open: list[str] = []
        self._runs: list[bytes] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, name: str) -> None:
        """Take up a name."""
        self._open.append(name)
        self._count += 1
        if len(self._open) == _RUN:
            self._pack()

    def __iter__(self) -> Iterator[str]:
        self._pack()
        return heapq.merge(*map(_unpacked, self._runs), key=natural)

    def _pack(self) -> None:
        if self._open:
            self._open.sort(key=natural)
            self._runs.append(os.fsencode("\0".join(self._open)))
            self._open = []


def _unpacked(run: bytes) -> Iterator[str]:
    start = 0
    while start <= len(run):
        end = run.find(b"\0", start)
        end = len(run) if end < 0 else end
        yield os.fsdecode(run[start:end])
        start = end + 1


def natural(name: str) -> tuple[str, str]:
    """Key of the order in which people count: ``w2`` before ``w10``."""
    return _DIGITS.sub(lambda digits: digits[0].zfill(_PADDED), name.casefold()), name
