"""Files below a folder that somebody named, reached without following a link on the way.

Whoever may write into a watched folder could lay a link there, at any moment, and have the station
read, move or delete what only its own user may. So every act starts at the folder itself, which may
be a link, and goes down by descriptors.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from edge.system.descriptors import are_used_up
from edge.system.files import identity

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | getattr(os, "O_PATH", 0)

#: To open what may be a pipe or a link, and neither wait nor follow.
READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

#: What the system says of a file that is gone, or to which a link leads.
NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)

#: The longest path, and the longest name, that the system takes; bytes.
PATH_MAX: Final = 4095
NAME_MAX: Final = 255


class Place(NamedTuple):
    """Where a file is, or will be.

    Attributes:
        top: A folder that somebody named, absolute.
        inner: The file's path in it.
    """

    top: str
    inner: str

    @property
    def path(self) -> str:
        """The whole path."""
        return os.path.join(self.top, self.inner)  # noqa: PTH118 (hot path)

    def named(self, name: str) -> Place:
        """Another file in the same folder."""
        return Place(self.top, os.path.join(os.path.dirname(self.inner), name))  # noqa: PTH118, PTH120

    @contextlib.contextmanager
    def folder(self, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Its folder, open (``make``: made, where it or the top is missing), and its name in it.

        Raises:
            OSError: there is no such folder; ``NotADirectoryError`` where a link stands for one.
        """
        inner, name = os.path.split(self.inner)
        try:
            descriptor = open_folder(self.top, inner)
        except FileNotFoundError:
            if not make:
                raise
            os.makedirs(self.top, exist_ok=True)  # noqa: PTH103
            descriptor = open_folder(self.top, inner, make=True)
        try:
            yield descriptor, name
        finally:
            os.close(descriptor)

    def open(self) -> int:
        """A descriptor to read it, whatever it is; a link is not followed.

        Raises:
            OSError: it cannot be opened; ``ELOOP`` where it is a link.
        """
        if os.sep not in self.inner:
            return os.open(self.path, READ)
        inner, name = os.path.split(self.inner)
        folder = open_folder(self.top, inner)
        try:
            return os.open(name, READ, dir_fd=folder)
        finally:
            os.close(folder)


def place_in(top: str, path: str) -> Place:
    """A path below a folder, as seen from there."""
    return Place(top, path.removeprefix(os.path.join(top, "")))  # noqa: PTH118


def open_folder(top: str, inner: str = "", *, make: bool = False) -> int:
    """A descriptor of a folder below another, to start paths at.

    Args:
        top: The folder where links end.
        inner: Path in it; empty for itself.
        make: Make the folders that are missing below ``top``.

    Raises:
        OSError: there is no such folder; ``NotADirectoryError`` where a link stands for one.
    """
    parts = inner.split(os.sep) if inner else []  # noqa: PTH206 (hot path)
    here = os.open(top, _FOLDER)
    try:
        for part in parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=here)
            there = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = there
    except BaseException:
        os.close(here)
        raise
    return here


def look_into(top: str) -> tuple[int, int] | None:
    """Make sure that a folder that somebody named can be looked into now.

    Returns:
        Device and inode, the same by whatever name and link; None where no descriptor is left to
        ask for them.

    Raises:
        OSError: it is away, or closed to this user.
    """
    try:
        descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            status = os.stat(os.curdir, dir_fd=descriptor)  # names in it can be asked for, too
        finally:
            os.close(descriptor)
    except OSError as error:
        if are_used_up(error):  # no word on the folder
            return identity(top)
        raise
    return status.st_dev, status.st_ino


def closed(folder: str, error: OSError) -> str:
    """What to say of a folder that is there and cannot be looked into."""
    why = f"{folder}: cannot be looked into ({error.strerror})"
    no_right = error.errno in (errno.EACCES, errno.EPERM)
    return f"{why}; give this user the right (chmod, chown)" if no_right else why


def opened(name: str, folder: int | None = None) -> int:
    """A descriptor to list a folder, whose name starts at an open one.

    Raises:
        OSError: it cannot be opened; ``NotADirectoryError`` where it is a link.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=folder)


def is_too_long(path: str) -> bool:
    """Whether the system takes no path of that length."""
    return 4 * len(path) > PATH_MAX and len(os.fsencode(path)) > PATH_MAX
