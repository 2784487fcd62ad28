"""The arrays of an ``.npz`` file: as streams, or whole, within bounds."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.archive import MAX_UNPACKED, open_archive
from edge.formats.npy import Header, cut_short, read_header
from edge.system.regular_file import open_regular

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: How an array's member is named behind the array's own name.
MEMBER: Final = ".npy"

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_PIECE: Final = 2**20


class ArrayStream:
    """One array of an archive, read front to back, never more of it than is asked for.

    Args:
        archive: Of arrays.
        name: Of the array.
        source: The archive's name for messages.
        opened: Closes the array.

    Attributes:
        name: Of archive and array, for messages.
        header: What the array declares.

    Raises:
        KeyError: there is no such array.
        InputError: it cannot be read, or is no plain array.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str, source: str, opened: ExitStack) -> None:
        info = archive.getinfo(name + MEMBER)
        if info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
            what = "packed or encrypted in an unusual way; write it with numpy.savez_compressed"
            raise InputError(source, InputKind.UNSUPPORTED, what)
        self.name = f"{source}[{name}]"
        self._stream = opened.enter_context(archive.open(info))
        self.header = read_header(cast("Source", self._stream), self.name)

    def take(self, count: int) -> npt.NDArray[Any]:
        """The next ``count`` elements, flat.

        Raises:
            InputError: there are fewer.
        """
        size = count * self.header.dtype.itemsize
        data = bytearray()
        while len(data) < size and (piece := self._stream.read(min(_PIECE, size - len(data)))):
            data += piece
        if len(data) < size:
            raise cut_short(self.name)
        return (
            np.frombuffer(data, self.header.dtype) if size else np.zeros(count, self.header.dtype)
        )

    def finish(self) -> None:
        """Read to the end, where the archive's checksum is compared.

        Raises:
            InputError: there is more than the header declares.
        """
        if self._stream.read(1):
            raise InputError(
                self.name, InputKind.UNREADABLE, "more data than declared; write it again"
            )


class Arrays:
    """The arrays of an ``.npz`` file, read one by one within a ``with`` block.

    What goes wrong leaves as one of ``UNREADABLE``.

    Args:
        path: The file.
        most: Bytes that all arrays which are read may unpack to; ``MAX_UNPACKED`` when not given.

    Attributes:
        names: Of the arrays.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        self._most = MAX_UNPACKED if most is None else most
        self._left, self._source = self._most, str(path)
        with ExitStack() as opened:
            file = opened.enter_context(open_regular(path))
            self._archive = opened.enter_context(open_archive(file))
            self._opened = opened.pop_all()
        members = self._archive.namelist()
        self.names = frozenset(
            name.removesuffix(MEMBER) for name in members if name.endswith(MEMBER)
        )

    def __enter__(self) -> Arrays:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def header(self, name: str) -> Header:
        """What an array declares. Raises: as ``read``."""
        try:
            with ExitStack() as opened:
                return ArrayStream(self._archive, name, self._source, opened).header
        except InputError as error:
            raise ValueError(str(error)) from error

    def read(self, name: str) -> npt.NDArray[Any]:
        """An array in memory; never one of Python objects.

        Raises:
            KeyError: there is none of that name.
            ValueError: it is no plain array, or all that were read unpack to more than
                ``most`` bytes.
        """
        try:
            with ExitStack() as opened:
                stream = ArrayStream(self._archive, name, self._source, opened)
                header = stream.header
                self._left -= header.size
                if self._left < 0:
                    raise ValueError(f"its arrays unpack to more than {self._most:,} bytes")
                values = stream.take(header.count)
                stream.finish()
        except InputError as error:
            raise ValueError(str(error)) from error
        return header.shaped(values)
