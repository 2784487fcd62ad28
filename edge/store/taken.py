"""What the store remembers of files: the state in which each was taken, and what is in hand."""

from __future__ import annotations

import os
import stat
from typing import Final, NamedTuple

#: SQLite holds 63 bits; inodes of network shares have 64, a clock gone mad dates files beyond 2262.
_STORABLE: Final = 2**63 - 1


#: Change time of a file of which a part alone has been recorded: no file ever has it.
PART: Final = -1


class Stamp(NamedTuple):
    """What tells one state of a file from another without reading it.

    Times are compared for equality only, since clocks jump.

    Attributes:
        size: Bytes.
        mtime_ns: Time of the last change of the content, nanoseconds; whoever writes can set it.
        inode: Number of the file in its file system.
        ctime_ns: Time of the last change of anything, nanoseconds, which nobody can set; 0 where it
            was not noted.
    """

    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int = 0

    def same_but_for_ctime(self, other: Stamp) -> bool:
        """Whether nothing else tells them apart (a chmod, a rename, or a write that hides)."""
        return self[:3] == other[:3]

    def is_as_noted(self, noted: Stamp) -> bool:
        """Whether a file is in the state that was noted, as far as that was noted."""
        return self == noted or (not noted.ctime_ns and self.same_but_for_ctime(noted))


class Former(NamedTuple):
    """What a file was called when it was taken before.

    Attributes:
        path: Absolute; that file is not there any more.
        file: Below the watched folder.
    """

    path: str
    file: str


class FileNote(NamedTuple):
    """What is remembered of a file that was taken.

    Attributes:
        file: Its path below the watched folder.
        sha256: Of its bytes.
        target: Where it is to be put away, absolute; empty to delete it. None: it stays. As long as
            a target stands there the file is in hand: recorded, and not yet known to be put away.
        born_ns: When it was made, nanoseconds; 0 where the system does not tell. An inode that is
            used again has another.
        former: Its name before, if it was taken under another one; not kept.
    """

    stamp: Stamp
    file: str = ""
    sha256: str = ""
    target: str | None = None
    born_ns: int = 0
    former: Former | None = None

    def may_be(self, other: FileNote) -> bool:
        """Whether it may be the same file by another name; its bytes are still to be compared."""
        born = self.born_ns == other.born_ns or not (self.born_ns and other.born_ns)
        return born and self.stamp.same_but_for_ctime(other.stamp)


#: Stands in no path of a file.
_BESIDE: Final = "//"


def displaced(path: str, inode: int) -> str:
    """Under what a file is noted whose name is another file's by now: it may have another one."""
    return f"{path}{_BESIDE}{inode}"


def path_of(noted: str) -> str:
    """The path of a file by the name under which it is noted."""
    return noted.partition(_BESIDE)[0]


class Placed(NamedTuple):
    """Where a file went, when that is not where its records say.

    Attributes:
        path: The file, absolute, as it was taken.
        file: Its path below the watched folder.
        sha256: Of its bytes.
        place: Where it is now, absolute; None where it stayed.
    """

    path: str
    file: str
    sha256: str
    place: str | None


def stamp_of(status: os.stat_result) -> Stamp:
    """What tells this state of a file from others."""
    return Stamp(
        status.st_size,
        status.st_mtime_ns & _STORABLE,
        status.st_ino & _STORABLE,
        status.st_ctime_ns & _STORABLE,
    )


#: Of a file that may not be looked at; whoever opens it is told why.
UNREADABLE: Final = Stamp(-1, 0, 0)


def stamp_at(path: str) -> Stamp | None:
    """The state of what stands under a name; None where there is nothing, or a link."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return UNREADABLE
    return None if stat.S_ISLNK(status.st_mode) else stamp_of(status)
