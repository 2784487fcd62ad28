"""What happens to a file when its records are kept: moved or deleted, but never a newer file.

Between taking a file and putting it away, another wafer may have been written under its name. So
the file is opened and looked at, renamed to a hidden name, where nobody can open it any more, and
looked at again: if it is not the one that was taken, it gets its name back and is taken in its
turn. All of this starts at the watched folder and follows no link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from edge.store.taken import Stamp, stamp_of
from edge.system.beneath import NAME_MAX, NOT_THERE, READ, Place, opened
from edge.system.files import unfinished
from edge.system.open_writers import Lease, Writer

#: Beginning of the hidden name; a file whose name is too long for that keeps it, in a folder of
#: this name.
HIDDEN: Final = ".wm-edge-taken"

#: What file systems say that know no hard links.
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EXDEV)

#: A suffix with more letters is none.
_SUFFIX: Final = 20

_PIECE: Final = 2**20


class _Name(NamedTuple):
    """A name in an open folder."""

    folder: int
    name: str

    def status(self) -> os.stat_result | None:
        """What stands there."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def unlink(self) -> None:
        os.unlink(self.name, dir_fd=self.folder)


def put_away(source: Place, stamp: Stamp, target: Place | None) -> str | None:
    """Move a file that was taken, or delete it.

    Args:
        source: The file.
        stamp: The state in which it was taken.
        target: Where to move it; an existing file there is kept, and the new one gets a number.
            None deletes it.

    Returns:
        Where it is now, empty where it is deleted. None where the file is not the one that was
        taken, or is gone: nothing happened to it.

    Raises:
        OSError: it cannot be moved or deleted; it is where it was.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder, name = stack.enter_context(source.folder())
            descriptor = os.open(name, READ, dir_fd=folder)
        except OSError as error:
            if error.errno in NOT_THERE:
                return None
            raise
        stack.callback(os.close, descriptor)
        lease = Lease(descriptor)  # until it is hidden, nobody can begin to write it
        same = lease.writer is not Writer.OPEN and stamp_of(os.fstat(descriptor)).is_as_noted(stamp)
        hidden = _hide(_Name(folder, name), stack) if same else None
        if hidden is None:
            return None
        try:
            if lease.is_wanted() or not _is_the_one(hidden, descriptor, stamp):
                _give_back(hidden, folder, name)
                return None
            lease.give_back()
            if target is not None:
                return _move(hidden, descriptor, target)
            hidden.unlink()
        except OSError:
            _give_back(hidden, folder, name)
            raise
        return ""


def restore(found: Place) -> Iterator[str]:
    """Give files back their names that a crash left under a hidden one, and tell these.

    Args:
        found: What stands under a name that begins with ``HIDDEN``.
    """
    with contextlib.suppress(OSError), found.folder() as (folder, hidden):
        if hidden != HIDDEN:
            name = hidden.removeprefix(f"{HIDDEN}.")
            if name in ("", hidden):  # somebody's own
                return
            yield found.named(_give_back(_Name(folder, hidden), folder, name)).path
            return
        with contextlib.ExitStack() as stack:
            inner = _shelf(folder, stack)
            for name in os.listdir(inner):  # noqa: PTH208 - an open folder
                yield found.named(_give_back(_Name(inner, name), folder, name)).path


def _hide(file: _Name, stack: contextlib.ExitStack) -> _Name | None:
    """Rename a file to a hidden name; None where it is gone."""
    try:
        return _hidden(file, _Name(file.folder, f"{HIDDEN}.{file.name}"))
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(HIDDEN, 0o700, dir_fd=file.folder)
    return _hidden(file, _Name(_shelf(file.folder, stack), file.name))


def _hidden(file: _Name, hidden: _Name) -> _Name | None:
    if hidden.status() is not None:  # it could not be given back before; it was not recorded
        _give_back(hidden, file.folder, file.name)
    try:
        os.rename(file.name, hidden.name, src_dir_fd=file.folder, dst_dir_fd=hidden.folder)
    except FileNotFoundError:
        return None
    return hidden


def _shelf(folder: int, stack: contextlib.ExitStack) -> int:
    """The folder in which files with long names are hidden; removed with the stack if empty."""

    def clear() -> None:
        os.close(shelf)
        with contextlib.suppress(OSError):
            os.rmdir(HIDDEN, dir_fd=folder)

    shelf = opened(HIDDEN, folder)
    stack.callback(clear)
    return shelf


def _give_back(hidden: _Name, folder: int, name: str) -> str:
    """Rename a file to a name that is free, its own if possible; returns it."""
    for candidate in names(name):
        if _renamed_without_replacing(hidden, _Name(folder, candidate)):
            return candidate
    return name  # pragma: no cover - names() never ends


def _is_the_one(hidden: _Name, descriptor: int, stamp: Stamp) -> bool:
    """Whether the file that was opened is the hidden one; to rename it changed its change time."""
    there, ours = hidden.status(), os.fstat(descriptor)
    same = there is not None and os.path.samestat(there, ours)
    return same and stamp_of(ours).same_but_for_ctime(stamp)


def _move(hidden: _Name, descriptor: int, target: Place) -> str:
    with target.folder(make=True) as (folder, name):
        for candidate in names(name):
            try:
                if _renamed_without_replacing(hidden, _Name(folder, candidate)):
                    return target.named(candidate).path
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                moved = _copied_before(descriptor, folder, name) or _copied(
                    descriptor, folder, name
                )
                hidden.unlink()
                return target.named(moved).path
    return ""  # pragma: no cover - names() never ends


def _copied_before(descriptor: int, folder: int, name: str) -> str | None:
    """The copy that a run made which was killed before it took the file itself away."""
    try:
        copy = os.open(name, READ, dir_fd=folder)
    except OSError:
        return None
    try:
        ours, theirs = os.fstat(descriptor), os.fstat(copy)
        alike = stamp_of(ours)[:2] == stamp_of(theirs)[:2] and stat.S_ISREG(theirs.st_mode)
        return name if alike and _same_bytes(descriptor, copy) else None
    finally:
        os.close(copy)


def _same_bytes(one: int, other: int) -> bool:
    offset = 0
    while True:
        piece = os.pread(one, _PIECE, offset)
        if piece != os.pread(other, _PIECE, offset):
            return False
        if not piece:
            return True
        offset += len(piece)


def _copied(descriptor: int, folder: int, name: str) -> str:
    """To another file system: whole or not at all. Returns the name that was free."""
    with unfinished(dir_fd=folder) as (copy, partial):
        _copy(descriptor, copy)
        return _give_back(_Name(folder, partial), folder, name)


def _copy(source: int, target: int) -> None:
    """Content, times and rights of a file, onto the disk."""
    offset = 0
    while piece := os.pread(source, _PIECE, offset):
        while piece:
            written = os.write(target, piece)
            piece, offset = piece[written:], offset + written
    status = os.fstat(source)
    with contextlib.suppress(OSError):  # some file systems know no rights
        os.fchmod(target, stat.S_IMODE(status.st_mode) & 0o777)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.fsync(target)


def _renamed_without_replacing(source: _Name, target: _Name) -> bool:
    folders = {"src_dir_fd": source.folder, "dst_dir_fd": target.folder}
    try:
        os.link(source.name, target.name, follow_symlinks=False, **folders)
    except FileExistsError:
        there, ours = target.status(), source.status()
        if there is None or ours is None or not os.path.samestat(there, ours):
            return False  # else: killed between the two steps
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.status() is not None:
            return False
        os.rename(source.name, target.name, **folders)  # noqa: PTH104
        return True
    source.unlink()
    return True


def names(name: str) -> Iterator[str]:
    """A name itself, then with numbers: ``w1.png``, ``w1-2.png`` ... ``w1-9.png``, then times."""
    yield name
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    if len(suffix) > _SUFFIX:
        stem, suffix = name, ""
    for number in range(2, 10):
        yield _fitting(stem, f"-{number}{suffix}")
    while True:
        yield _fitting(stem, f"-{time.time_ns()}{suffix}")


def _fitting(stem: str, end: str) -> str:
    """A name that is not too long, by less of the stem."""
    while len(os.fsencode(f"{stem}{end}")) > NAME_MAX:
        stem = stem[:-1]
    return f"{stem}{end}"
