"""Where results are written: looked at before the work, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from edge.errors import OutputError, UsageError

Identity = tuple[int, int]

#: Nanoseconds between two times that FAT can tell apart.
FAT_STEP: Final = 2_000_000_000


def exists(path: Path) -> bool:
    """Whether something is there; what nobody may look at counts as absent.

    Reading or writing it then fails with the reason.
    """
    try:
        return path.exists()
    except OSError:
        return False


class State(NamedTuple):
    """A state of a file: two alike mean that nobody has written it meanwhile.

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


def state_of(path: str | Path) -> State | None:
    """The state of a file; None where there is nothing, or nothing that may be looked at."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return State(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def identity(path: str | Path | None) -> tuple[int, int] | None:
    """What a path leads to: device and inode, the same by whatever name and link; None: nothing."""
    state = None if path is None else state_of(path)
    return state and state[:2]


def check_place(path: Path, *, overwrite: bool) -> None:
    """Make sure, before hours of work, that a file can be written there.

    Raises:
        UsageError: the file exists and ``overwrite`` is False, its folder does not exist, or
            nothing can be made in it.
    """
    if exists(path) and not overwrite:
        raise UsageError(f"{path}: exists already; choose another name or pass --overwrite")
    if not exists(path.parent):
        raise UsageError(f"{path}: cannot be written, there is no folder {path.parent}; make it")
    device = exists(path) and not path.is_file()
    if not device and not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"{path}: cannot be written, the folder {path.parent} is read-only here")


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8; see ``write_bytes``.

    Raises:
        OutputError: it cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; a device such as /dev/stdout is written as it is.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        if exists(path) and not path.is_file():
            path.write_bytes(content)
            return
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name when the block ends well, and is gone when it does not.

    Raises:
        OSError: it cannot be written.
    """
    with unfinished(str(path.parent)) as (descriptor, name):
        # Closed before it gets its name: only then does a network share say that it is full.
        with os.fdopen(os.dup(descriptor), "wb") as file:
            yield file
        path.with_name(name).replace(path)


@contextlib.contextmanager
def unfinished(folder: str = "", *, dir_fd: int | None = None) -> Iterator[tuple[int, str]]:
    """A file under a name that nobody could foresee, and so nobody laid a link at.

    Gone when the block does not end well; whoever writes it gives it its name.

    Args:
        folder: Where; the folder of the file that it will become.
        dir_fd: Where ``folder`` starts.

    Yields:
        A descriptor to read and write it, and its name in the folder.

    Raises:
        OSError: it cannot be made.
    """
    name = f".wm-edge-{os.urandom(8).hex()}.part"
    path = os.path.join(folder, name)  # noqa: PTH118
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666, dir_fd=dir_fd)
    try:
        try:
            yield descriptor, name
        finally:
            os.close(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path, dir_fd=dir_fd)
        raise


def same_file(first: str | Path, second: str | Path) -> bool:
    """Whether both exist and are one file, by whatever names and links."""
    found = identity(first)
    return found is not None and found == identity(second)
