"""A file as ``stat`` sees it: two states alike mean that nobody has written it meanwhile."""

from __future__ import annotations

import os
from typing import NamedTuple


class State(NamedTuple):
    """A state of a file.

    Attributes:
        device: Of its file system.
        inode: Its number there.
        size: Bytes.
        mtime_ns: When its content was changed, nanoseconds.
        ctime_ns: When anything of it was changed, nanoseconds.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def state_of(file: str) -> State | None:
    """The state of a file; None where there is none, or none that may be looked at."""
    try:
        found = os.stat(file)  # noqa: PTH116
    except OSError:
        return None
    return State(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
