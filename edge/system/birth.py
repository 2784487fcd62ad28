"""When a file was made: what Python's ``os.stat`` does not tell of Linux file systems.

The layout of ``struct statx`` is that of statx(2).
"""

from __future__ import annotations

import ctypes
import struct
from functools import cache
from typing import Any, Final

_EMPTY_PATH: Final = 0x1000  # AT_EMPTY_PATH: the descriptor itself
_BIRTH: Final = 0x800  # STATX_BTIME

_Found = ctypes.c_char * 256  # struct statx

#: stx_mask, and behind it stx_btime: seconds and nanoseconds.
_MASK: Final = struct.Struct("=I")
_TIME: Final = struct.Struct("=qI")
_AT: Final = 80


def born_ns(descriptor: int) -> int:
    """Time at which an open file was made, nanoseconds; 0 where the system does not tell."""
    statx = _statx()
    if statx is None:
        return 0
    found = _Found()
    if statx(descriptor, b"", _EMPTY_PATH, _BIRTH, found):
        return 0
    if not _MASK.unpack_from(found)[0] & _BIRTH:
        return 0
    seconds, nanoseconds = _TIME.unpack_from(found, _AT)
    return (int(seconds) * 10**9 + int(nanoseconds)) & (2**63 - 1)


@cache
def _statx() -> Any:
    """The C library's function; None where it has none."""
    try:
        return ctypes.CDLL(None).statx
    except (AttributeError, OSError):
        return None
