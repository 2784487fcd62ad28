"""Python 2's cPickle, protocol 2, by hand: the opcodes that a data frame of arrays needs.

Byte strings are (SHORT_)BINSTRING, and only what is referenced more than once gets a memo entry,
as cPickle decides by reference counts and no pickler of Python 3 does.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence


class Writer:
    """The opcodes of one file, arrays among them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._memo: dict[object, int] = {}
        self._count = 0

    # -- opcodes -----------------------------------------------------------------------------
    def op(self, code: bytes) -> None:
        self._file.write(code)

    def put(self, key: object = None) -> None:
        self._count += 1
        if key is not None:
            self._memo[key] = self._count
        self.op(
            b"q%c" % self._count if self._count < 256 else b"r" + struct.pack("<I", self._count)
        )

    def get(self, key: object) -> bool:
        number = self._memo.get(key)
        if number is None:
            return False
        self.op(b"h%c" % number if number < 256 else b"j" + struct.pack("<I", number))
        return True

    def integer(self, value: int) -> None:
        if 0 <= value < 1 << 8:
            self.op(b"K%c" % value)
        elif 0 <= value < 1 << 16:
            self.op(b"M" + struct.pack("<H", value))
        else:
            self.op(b"J" + struct.pack("<i", value))

    def string(self, value: bytes) -> None:
        short = len(value) < 256
        self.op((b"U%c" % len(value)) if short else b"T" + struct.pack("<I", len(value)))
        self.op(value)

    def name(self, value: str) -> None:
        """A byte string that the frame refers to more than once."""
        if not self.get(value):
            self.string(value.encode())
            self.put(value)

    def lot(self, value: str) -> None:
        """A lot name: written once an object, as cPickle goes by identity."""
        if not self.get(id(value)):
            self.string(value.encode())
            self.put(id(value))

    def reference(self, module: str, name: str) -> None:
        key = (module, name)
        if not self.get(key):
            self.op(b"c" + f"{module}\n{name}\n".encode())
            self.put(key)

    # -- numpy -------------------------------------------------------------------------------
    def dtype(self, code: str, *, key: object) -> None:
        if self.get(key):
            return
        self.reference("numpy", "dtype")
        self.string(code.encode())
        self.op(b"K\x00K\x01\x87R")
        self.put(key)
        self.op(b"(K\x03")
        self.string(b"<" if code[0] in "ifU" and code != "u1" else b"|")
        self.op(b"NNN")
        width = int(code[1:])
        if code[0] in "SU":
            self.integer(width * (4 if code[0] == "U" else 1))
            self.integer(4 if code[0] == "U" else 1)
            self.integer(8 if code[0] == "U" else 0)
        else:
            self.integer(-1)
            self.integer(-1)
            self.integer(63 if code[0] == "O" else 0)
        self.op(b"tb")

    def array_start(
        self, shape: Sequence[int], code: str, *, key: object, dtype_key: object
    ) -> None:
        self.reference("numpy.core.multiarray", "_reconstruct")
        self.reference("numpy", "ndarray")
        self.op(b"K\x00\x85U\x01b\x87R")
        self.put(key)
        self.op(b"(K\x01")
        for side in shape:
            self.integer(side)
        self.op(b"\x85" if len(shape) == 1 else b"\x86")
        self.dtype(code, key=dtype_key)

    def array(self, values: npt.NDArray[np.generic], *, dtype_key: object = None) -> None:
        code = values.dtype.str[1:]
        self.array_start(values.shape, code, key=None, dtype_key=dtype_key or code)
        fortran = values.flags.f_contiguous and not values.flags.c_contiguous
        self.op(b"\x88" if fortran else b"\x89")
        self.string(values.tobytes(order="A"))
        self.op(b"tb")

    def object_array_start(self, shape: Sequence[int], *, key: object = None) -> None:
        self.array_start(shape, "O8", key=key, dtype_key="O8")
        self.op(b"\x89]")
        self.put()

    def cell(self, text: str | None, kind: str) -> None:
        """A label: [[text]] in an array of its own, or an empty array. Each text has its dtype."""
        if text is None:
            self.array(np.empty((0, 0)))
        else:
            self.array(np.asarray([[text]], dtype=kind), dtype_key=object())
