"""Tables of a FlatBuffer, read with ``struct`` alone.

Operator options (stride, padding, activation) stand in no interface of the runtimes, and a station
has no common schema package: tflite-runtime ships none. The wire format is small and frozen
(https://flatbuffers.dev/internals): a table points back at a list of its fields' offsets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError

_OFFSET: Final = 4
_FIELD: Final = 2
#: Bytes before the first field's offset: the sizes of the list and of the table.
_HEADER: Final = 4


@dataclass(frozen=True)
class FlatTable:
    """One table.

    Attributes:
        content: All bytes of the file.
        place: Where the table begins.
    """

    content: bytes
    place: int

    def number(self, field: int, code: str, default: float = 0) -> Any:
        """A scalar field.

        Args:
            field: Its number in the schema, from 0.
            code: Its type as ``struct`` names it.
            default: The schema's, for a field that is not stored.
        """
        place = self._field(field)
        return default if place is None else _unpack(code, self.content, place)

    def text(self, field: int) -> str:
        """A string field; empty where it is not stored."""
        place = self._field(field)
        if place is None:
            return ""
        start, length = self._vector(place)
        return self.content[start : start + length].decode("utf-8", "replace")

    def table(self, field: int) -> FlatTable | None:
        """A table field, or None where it is not stored."""
        place = self._field(field)
        return None if place is None else FlatTable(self.content, _follow(self.content, place))

    def tables(self, field: int) -> Iterator[FlatTable]:
        """A vector of tables; none where it is not stored."""
        place = self._field(field)
        if place is None:
            return
        start, length = self._vector(place)
        for item in range(length):
            yield FlatTable(self.content, _follow(self.content, start + item * _OFFSET))

    def numbers(self, field: int, dtype: str) -> npt.NDArray[Any]:
        """A vector of scalars, empty where it is not stored.

        Args:
            field: Its number in the schema.
            dtype: NumPy's name of the element type; little-endian.
        """
        place = self._field(field)
        if place is None:
            return np.empty(0, dtype)
        start, length = self._vector(place)
        try:
            return np.frombuffer(self.content, np.dtype(dtype).newbyteorder("<"), length, start)
        except ValueError as error:
            raise ModelError(f"a damaged TFLite model: {error}") from error

    def _field(self, field: int) -> int | None:
        """Place of a field, or None where it is not stored."""
        fields = self.place - _unpack("i", self.content, self.place)
        entry = _HEADER + field * _FIELD
        if entry >= _unpack("H", self.content, fields):
            return None
        offset = _unpack("H", self.content, fields + entry)
        return self.place + offset if offset else None

    def _vector(self, place: int) -> tuple[int, int]:
        """Place of the first element and number of elements."""
        start = _follow(self.content, place)
        return start + _OFFSET, _unpack("I", self.content, start)


def root(content: bytes) -> FlatTable:
    """The outermost table of a file.

    Raises:
        ModelError: too short to hold one.
    """
    return FlatTable(content, _follow(content, 0))


def _follow(content: bytes, place: int) -> int:
    return place + int(_unpack("I", content, place))


def _unpack(code: str, content: bytes, place: int) -> Any:
    if place < 0:
        raise ModelError("a damaged TFLite model: an offset before its beginning")
    try:
        return struct.unpack_from(f"<{code}", content, place)[0]
    except struct.error as error:
        raise ModelError(f"a damaged TFLite model: {error}") from error
