"""What happens to a file when its records are kept: moved or deleted, but never a newer file.

Between taking a file and putting it away, another wafer may have been written under its name. So
the file is first renamed to a hidden name, where nobody can open it any more, and looked at again:
if it is not the one that was taken, it gets its name back and is taken in its turn.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Final

from edge.sinks.taken import Stamp
from edge.sources.writer import Writer, writer_of
from edge.station.take import stamp_of

#: Beginning of the hidden name.
HIDDEN: Final = ".wm-edge-taken."

#: What file systems say that know no hard links.
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EXDEV)


class Done(str, Enum):
    """What happens to a file whose records are kept."""

    KEEP = "keep"
    MOVE = "move"
    DELETE = "delete"

    def __str__(self) -> str:
        return self.value


def put_away(path: str, stamp: Stamp, target: Path | None) -> str | None:
    """Move a file that was taken, or delete it.

    Args:
        path: The file.
        stamp: The state in which it was taken.
        target: Where to move it; an existing file there is kept, and the new one gets a number.
            None deletes it.

    Returns:
        Where it is now, empty where it was deleted. None where the file is not the one that was
        taken, or is gone: nothing happened to it.

    Raises:
        OSError: it cannot be moved or deleted; it is where it was.
    """
    folder, name = os.path.split(path)
    hidden = os.path.join(folder, f"{HIDDEN}{name}")  # noqa: PTH118
    try:
        if os.path.lexists(hidden):  # it could not be given back before; it was not recorded
            give_back(hidden, path)
        os.rename(path, hidden)  # noqa: PTH104
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        hidden = path
    place: str | None = None
    try:
        if _is_the_one(hidden, stamp):
            if target is None:
                os.unlink(hidden)  # noqa: PTH108
                place = ""
            else:
                place = _move(hidden, target)
        elif hidden != path:
            give_back(hidden, path)
    except OSError:
        if hidden != path:
            give_back(hidden, path)
        raise
    return place


def give_back(hidden: str, path: str) -> str:
    """Rename a file to a name that is free: its own if possible.

    Returns:
        The name.
    """
    for candidate in names(Path(path)):
        if _renamed_without_replacing(hidden, candidate):
            return candidate
    return hidden  # pragma: no cover - names() never ends


def give_back_all(top: str, *, recursive: bool = True) -> Iterator[str]:
    """Give files back their names that a crash left under a hidden one.

    Yields:
        Their names.
    """
    for folder, folders, names in os.walk(top):
        for name in names:
            if name.startswith(HIDDEN):
                with contextlib.suppress(OSError):
                    original = os.path.join(folder, name.removeprefix(HIDDEN))  # noqa: PTH118
                    yield give_back(os.path.join(folder, name), original)  # noqa: PTH118
        if not recursive:
            folders.clear()


def _is_the_one(path: str, stamp: Stamp) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # To rename it changed the time of its last change.
        same = stamp_of(os.fstat(descriptor)).same_but_for_ctime(stamp)
        return same and writer_of(descriptor) is not Writer.OPEN
    finally:
        os.close(descriptor)


def _move(source: str, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    for candidate in names(target):
        try:
            if _renamed_without_replacing(source, candidate):
                break
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy_over(source, candidate)
            os.unlink(source)  # noqa: PTH108
            break
    return candidate


def _copy_over(source: str, target: str) -> None:
    """To another file system: whole or not at all."""
    folder, name = os.path.split(target)
    partial = os.path.join(folder, f".{name[:200]}.part")  # noqa: PTH118
    try:
        shutil.copy2(source, partial)
        with open(partial, "rb") as copy:  # noqa: PTH123
            os.fsync(copy.fileno())
        os.replace(partial, target)  # noqa: PTH105
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)  # noqa: PTH108


def _renamed_without_replacing(source: str, target: str) -> bool:
    try:
        os.link(source, target)
    except FileExistsError:
        if not _same(source, target):  # else: killed between the two steps
            return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            return False
        os.rename(source, target)  # noqa: PTH104
        return True
    os.unlink(source)  # noqa: PTH108
    return True


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except OSError:
        return False


def names(path: Path) -> Iterator[str]:
    """The name itself, then with numbers: ``w1.png``, ``w1-2.png`` ... ``w1-9.png``, then times."""
    yield str(path)
    for number in range(2, 10):
        yield str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    while True:
        yield str(path.with_name(f"{path.stem}-{time.time_ns()}{path.suffix}"))
