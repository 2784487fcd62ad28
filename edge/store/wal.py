"""SQLite's write-ahead log, looked at without SQLite: how much of it is sound.

SQLite reads a log's checksums once, when it opens a log that a crash left; it takes what follows a
broken place for nothing, and says so to nobody. Layout: https://sqlite.org/fileformat2.html#walformat
(the log) and https://sqlite.org/walformat.html (its index, ``-shm``).
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = 24

#: The first word, but for its last bit: 1 where checksums are taken over big-endian words.
_MAGIC: Final = 0x377F0682

_VERSION: Final = 3007000

#: Bytes that are looked at in one go, about.
_CHUNK: Final = 2**20

_INDEX: Final = struct.Struct("=3I2BH2I2I8s2I")


class Index(NamedTuple):
    """What the log's index says of the log, as SQLite's connections see it now.

    Attributes:
        frames: Frames of finished transactions.
        checksum: Of the last of them.
        salts: Those of the log, as bytes.
    """

    frames: int
    checksum: tuple[int, int]
    salts: bytes


class Findings(NamedTuple):
    """What is in a log that a crash, or somebody else, left.

    Attributes:
        sound: Transactions that can be read.
        beyond: Transactions that stand behind a broken place: on the disk once, lost now. A crash
            leaves none of these.
    """

    sound: int
    beyond: int


class _Frames(NamedTuple):
    """Frames that follow each other.

    Attributes:
        follows: Which of them carry the checksum that follows from the one of the frame before.
        ends: Which of them end a transaction.
        salts: Theirs, two words each.
        checksums: Those that they carry, two words each.
    """

    follows: Flags
    ends: Flags
    salts: Words
    checksums: Words


class LogFile:
    """A log open for reading; its descriptor stays open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        header = os.pread(descriptor, _HEADER.size, 0).ljust(_HEADER.size, b"\0")
        magic, version, page, _, _, _, *checksum = _HEADER.unpack(header)
        self._order = "big" if magic & 1 else "little"
        self.salts = header[16:24]
        self._checksum: tuple[int, int] = (checksum[0], checksum[1])
        is_page = 512 <= page <= 65536 and page & (page - 1) == 0
        self.is_sound = (
            magic | 1 == _MAGIC | 1
            and version == _VERSION
            and is_page
            and _header_sum(header[:24], self._order) == self._checksum
        )
        self._is_odd = not self.is_sound and any(header)
        self._page = page if is_page else 4096
        self._size = _FRAME + self._page

    def length(self, frames: int) -> int:
        """Bytes of a log of so many frames."""
        return _HEADER.size + frames * self._size if frames else 0

    def holds(self, index: Index, done: Index | None = None) -> bool:
        """Whether all frames of finished transactions are as they were written.

        Args:
            index: What must be there.
            done: What was found to be there before and has not been touched since.
        """
        if not index.frames:
            return True
        if not self.is_sound or index.salts != self.salts:
            return False
        known = done if done and done.salts == index.salts and done.frames <= index.frames else None
        start, last = (known.frames, known.checksum) if known else (0, self._checksum)
        for frames in self._walk(start, last, index.frames):
            if not (frames.follows & self._ours(frames)).all():
                return False
            start += len(frames.ends)
            last = (int(frames.checksums[-1, 0]), int(frames.checksums[-1, 1]))
        return start == index.frames and last == index.checksum

    def findings(self) -> Findings:
        """Look through a log that nobody has open."""
        sound = beyond = ends = 0
        whole = self.is_sound
        before = None
        for frames in self._walk(0, self._checksum, None):
            # With its header gone, any frames that belong together tell of a log.
            same = self._ours(frames) if self.is_sound else _alike(frames.salts, before)
            good = frames.follows & same
            before = frames.salts[-1]
            broken = 0 if not whole else len(good) if good.all() else int(good.argmin())
            whole = whole and broken == len(good)
            sound += int(frames.ends[:broken].sum())
            beyond += int((frames.ends & good)[broken:].sum())
            ends += int((frames.ends & same)[broken:].sum())
        # SQLite has a header on the disk before any frame, so a crash leaves none like this.
        is_harmed = self._is_odd and os.fstat(self._descriptor).st_size > self.length(1)
        # A transaction is on the disk before the next one begins: a crash tears the last alone.
        return Findings(sound, max(beyond, ends - 1, int(is_harmed)))

    def _ours(self, frames: _Frames) -> Flags:
        return (frames.salts == np.frombuffer(self.salts, ">u4")).all(axis=1)

    def _walk(self, start: int, last: tuple[int, int], stop: int | None) -> Iterator[_Frames]:
        """Frames from one on; as many as there are."""
        words, power = _factors(self._page)
        before = np.array([last], np.uint32)
        step = max(1, _CHUNK // self._size)
        while stop is None or start < stop:
            count = step if stop is None else min(step, stop - start)
            content = os.pread(
                self._descriptor, count * self._size, _HEADER.size + start * self._size
            )
            count = len(content) // self._size
            if not count:
                return
            raw = np.frombuffer(content, np.uint8, count * self._size).reshape(count, -1)
            heads = raw[:, :_FRAME].copy().view(">u4").astype(np.uint32)
            data = raw.view(">u4" if self._order == "big" else "<u4").astype(np.uint32, copy=False)
            carried = heads[:, 4:6]
            following = np.dot(data, words) + np.dot(np.vstack([before, carried[:-1]]), power)
            yield _Frames(
                (following == carried).all(axis=1) & (heads[:, 0] != 0),
                heads[:, 1] != 0,
                heads[:, 2:4],
                carried,
            )
            before = carried[-1:]
            start += count


def read_index(descriptor: int) -> Index | None:
    """What ``-shm`` says; None where it says nothing, or is being written."""
    first, second = (os.pread(descriptor, _INDEX.size, at) for at in (0, _INDEX.size))
    if len(second) < _INDEX.size or first != second:
        return None
    _, _, _, is_made, _, _, frames, _, one, two, salts, _, _ = _INDEX.unpack(first)
    return Index(frames, (one, two), salts) if is_made else None


def _alike(salts: Words, before: Words | None) -> Flags:
    """Which frames have the salts of the one before."""
    earlier = np.vstack([salts[:1] if before is None else before[None], salts[:-1]])
    return (salts == earlier).all(axis=1)


def _sum(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    return (one[0] + two[0]) % 2**32, (one[1] + two[1]) % 2**32


def _header_sum(content: bytes, order: str) -> tuple[int, int]:
    one = two = 0
    words = struct.unpack(f"{'>' if order == 'big' else '<'}{len(content) // 4}I", content)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + two) % 2**32
        two = (two + odd + one) % 2**32
    return one, two


@functools.cache
def _factors(page: int) -> tuple[Words, Words]:
    """What each word of a frame, and each checksum before it, adds to the frame's checksum.

    The checksum is a linear function of both, in whole numbers modulo 2**32.
    """
    # From the last pair of words to the first: what a change of the two sums at that place does.
    by_one, by_two = (1, 0), (0, 1)
    pairs = []
    for _ in range((8 + page) // 8):
        # one' = one + even + two; two' = two + odd + one'
        even = _sum(by_one, by_two)
        pairs += [by_two, even]
        by_one, by_two = even, _sum(even, by_two)
    factors = np.array(pairs[::-1], np.uint32)
    words = np.zeros(((_FRAME + page) // 4, 2), np.uint32)
    words[:2], words[6:] = factors[:2], factors[2:]
    return words, np.array([by_one, by_two], np.uint32)
