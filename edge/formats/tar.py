"""The files in a tar archive, read once from its beginning to its end."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from typing import Final

from edge.errors import InputError, InputKind
from edge.formats.unpacking import PIECE, Stream, taken

_BLOCK: Final = 512
_LONGEST_NAME: Final = 2**16
_PAX: Final = re.compile(rb"\d+ (path|size)=([^\n]*)\n")


def check_tar(stream: Stream, source: str) -> None:
    """Go through to the end, where a compressed one has its checksum.

    Raises:
        InputError: it is cut off or damaged.
    """
    for _ in in_tar(stream, source):
        pass
    while stream.read(PIECE):
        pass


def in_tar(stream: Stream, source: str) -> Iterator[tuple[str, Stream]]:
    """The regular files of a tar archive, in its order, without ever going back.

    ``tarfile`` takes headers of any size, and goes back and forth in what is compressed.

    Yields:
        Name and content of each, which is to be read before the next is asked for.

    Raises:
        InputError: it is cut off or damaged.
    """
    long = b""
    said: dict[bytes, bytes] = {}
    while any(block := taken(stream, _BLOCK)) or len(block) < _BLOCK:
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
        except (tarfile.HeaderError, ValueError) as error:
            what = f"cut off or damaged as a tar archive ({error}); copy it again"
            raise InputError(source, InputKind.UNREADABLE, what) from None
        is_extra = info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE)
        size = info.size if is_extra else int(said.get(b"size", info.size))
        if size < 0 or (is_extra and size > _LONGEST_NAME):
            what = f"a tar archive with a header of {size} bytes; pack it again"
            raise InputError(source, InputKind.UNREADABLE, what)
        part = _Part(stream, size, source)
        if info.type == tarfile.GNUTYPE_LONGNAME:
            long = taken(part, size).rstrip(b"\0")
        elif info.type == tarfile.XHDTYPE:
            said = dict(_PAX.findall(taken(part, size)))
        else:
            name = said.get(b"path", long).decode("utf-8", "replace") or info.name
            if info.isreg():
                yield name, part
            long, said = b"", {}
        part.finish()


class _Part:
    """A file in a tar archive."""

    def __init__(self, stream: Stream, size: int, source: str) -> None:
        self._stream, self._source = stream, source
        self._left, self._filling = size, -size % _BLOCK

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        if self._left and size and not data:
            what = "a tar archive that is cut off; copy it again"
            raise InputError(self._source, InputKind.UNREADABLE, what)
        self._left -= len(data)
        return data

    def finish(self) -> None:
        """Go to where the next one begins."""
        self._left += self._filling
        self._filling = 0
        while self.read(PIECE):
            pass
