"""What the Linux kernel tells of a folder and those below it; no link is followed.

Libraries for this follow links: one to ``/``, laid by whoever may write into the folder, has them
listen to the whole machine.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Final

from edge.formats.registry import HIDDEN

_MODIFY: Final = 0x2
_ATTRIB: Final = 0x4
_CLOSE_WRITE: Final = 0x8
_MOVED_FROM: Final = 0x40
_MOVED_TO: Final = 0x80
_CREATE: Final = 0x100
_DELETE_SELF: Final = 0x400
_MOVE_SELF: Final = 0x800
_UNMOUNT: Final = 0x2000
_OVERFLOW: Final = 0x4000
_IGNORED: Final = 0x8000
_IS_FOLDER: Final = 0x40000000

_ONLY_FOLDERS: Final = 0x01000000
_DONT_FOLLOW: Final = 0x02000000

_FILES: Final = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE
_GONE: Final = _DELETE_SELF | _MOVE_SELF | _UNMOUNT | _IGNORED

#: There are no watches, descriptors or memory left.
EXHAUSTED: Final = (errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM)

#: Of the process; can be waited for.
_MOUNTS: Final = Path("/proc/self/mountinfo")

_EVENT: Final = struct.Struct("iIII")
_BUFFER: Final = 256 * 1024


class Listener:
    """Listens to a folder.

    Args:
        top: The folder, absolute; may be a link.
        recursive: Whether the folders in it are listened to as well.
        leave_out: Folders in it that are not listened to.

    Attributes:
        missed: Whether something may not have been told: the kernel had to drop something, or a
            file system was mounted or unmounted.
        is_over: Whether the folder is gone, or another one.

    Raises:
        OSError: the system has none of this, or no more of it.
    """

    def __init__(self, top: str, *, recursive: bool, leave_out: Collection[str] = ()) -> None:
        self.missed = False
        self.is_over = False
        self._top = top
        self._recursive = recursive
        self._leave_out = frozenset(leave_out)
        self._libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._libc, "inotify_init1"):
            raise OSError(errno.ENOSYS, "no inotify here")
        self._mounts = _MOUNTS.open("rb")
        self._descriptor = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)
        self._poll.register(self._mounts, select.POLLPRI)
        #: Folders that are listened to: names by number, numbers by name, and what is in each.
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._inner: dict[str, set[str]] = {}
        try:
            self._add(top)
        except BaseException:
            self.close()
            raise

    def wait(self, seconds: float) -> bool:
        """Whether something happened within that time."""
        happened = self._poll.poll(1000 * seconds)
        if any(descriptor == self._mounts.fileno() for descriptor, _ in happened):
            self._look_again()
        return bool(happened)

    def read(self) -> set[str]:
        """Paths of what appeared or changed, folders too."""
        found: set[str] = set()
        while True:
            try:
                content = os.read(self._descriptor, _BUFFER)
            except BlockingIOError:
                return found
            start = 0
            while start < len(content):
                number, mask, _, length = _EVENT.unpack_from(content, start)
                start += _EVENT.size
                name = content[start : start + length].rstrip(b"\0")
                start += length
                self._happened(number, mask, os.fsdecode(name), found)

    def close(self) -> None:
        """Listen no more."""
        os.close(self._descriptor)
        self._mounts.close()

    def _happened(self, number: int, mask: int, name: str, found: set[str]) -> None:
        if mask & _OVERFLOW:
            self._look_again()
            return
        folder = self._names.get(number)
        if folder is None:
            return
        if mask & _GONE:
            self._gone(number, folder, mask)
            return
        path = os.path.join(folder, name)  # noqa: PTH118 (hot path)
        if not mask & _IS_FOLDER:
            if not mask & _MOVED_FROM:
                found.add(path)
        elif not name.startswith(HIDDEN):
            if mask & (_MOVED_FROM | _MOVED_TO):
                self._forget(path)
            opened = mask & _ATTRIB and path not in self._numbers  # to this user, by its owner
            if (mask & (_MOVED_TO | _CREATE) or opened) and self._recursive:
                self._add(path)
                found.add(path)

    def _gone(self, number: int, folder: str, mask: int) -> None:
        """A folder is not listened to any more."""
        if folder == self._top:
            self.is_over = True
        elif mask & _IGNORED:
            del self._names[number]
            if self._numbers.get(folder) == number:  # else: another one has its name by now
                self._forget(folder)

    def _look_again(self) -> None:
        """Folders may have come that nobody told of."""
        self.missed = True
        self._add(self._top)

    def _add(self, start: str) -> None:
        """Listen to a folder and to all below it."""
        waiting = [start]
        while waiting:
            folder = waiting.pop()
            if folder in self._leave_out:
                continue
            flags = _FILES | _DELETE_SELF | _MOVE_SELF | _ONLY_FOLDERS
            flags |= _DONT_FOLLOW if folder != self._top else 0
            try:
                number = self._checked(
                    self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), flags)
                )
                self._names[number] = folder
                self._numbers[folder] = number
                self._inner.setdefault(os.path.dirname(folder), set()).add(folder)  # noqa: PTH120
                if self._recursive:
                    waiting += _folders(folder)
            except OSError as error:
                # One that is gone, is a link or may not be read is not listened to.
                if error.errno in EXHAUSTED or folder == self._top:
                    raise

    def _forget(self, start: str) -> None:
        """A folder went elsewhere, with all below it."""
        waiting = [start]
        while waiting:
            folder = waiting.pop()
            waiting += self._inner.pop(folder, ())
            number = self._numbers.pop(folder, None)
            if number is not None and self._names.pop(number, None) is not None:
                self._libc.inotify_rm_watch(self._descriptor, number)
            inner = self._inner.get(os.path.dirname(folder))  # noqa: PTH120
            if inner is not None:
                inner.discard(folder)

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


def _folders(folder: str) -> list[str]:
    """Names of the folders in one, but for hidden ones and links."""
    with os.scandir(folder) as entries:
        return [
            entry.path
            for entry in entries
            if not entry.name.startswith(HIDDEN) and entry.is_dir(follow_symlinks=False)
        ]
