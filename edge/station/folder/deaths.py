"""Which files the station died of: what is being taken is noted beside the store.

Who takes files notes each one before it is read, in a slot of its own of a small file. A slot that
is not empty when the station starts, or when a worker is gone, names the file that was being taken
at that moment. It is not written with care (nothing waits for the disk): it has to outlive the
process, not the machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import threading
from pathlib import Path
from typing import Final

from edge.errors import OutputError
from edge.store.taken import Stamp
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: So often may the station die of a file before it is passed over.
MOST: Final = 2

#: Bytes of a slot: a path, a state and what stands around them.
_SLOT: Final = 8192
_SLOTS: Final = 64

#: Files that are remembered.
_REMEMBERED: Final = 64

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Slot:
    """Where one process notes what it takes."""

    def __init__(self, descriptor: int, number: int) -> None:
        self.descriptor = descriptor
        self.number = number
        self._place = number * _SLOT

    def note(self, path: str, stamp: Stamp) -> None:
        """A file is going to be read; a full disk or the like keeps nothing from being taken."""
        size, mtime, inode, ctime = stamp
        content = b"%d %d %d %d %s\0" % (size, mtime, inode, ctime, os.fsencode(path))
        with contextlib.suppress(OSError):
            os.pwrite(self.descriptor, content, self._place)

    def clear(self) -> None:
        """Nothing is being read."""
        with contextlib.suppress(OSError):
            os.pwrite(self.descriptor, b"\0", self._place)

    def hold(self) -> None:
        """Hold it as long as this process lives: workers outlive a station that is killed."""
        with contextlib.suppress(OSError):
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._place)

    def is_held(self) -> bool:
        """Whether another process that lives holds it."""
        try:
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._place)
        except OSError:
            return True
        fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 1, self._place)
        return False

    def read(self) -> tuple[str, Stamp] | None:
        """What is being read; None for nothing, or nothing that can be understood."""
        content = os.pread(self.descriptor, _SLOT, self._place).partition(b"\0")[0]
        size, mtime, inode, ctime, path = (*content.split(b" ", 4), b"", b"", b"", b"", b"")[:5]
        try:
            stamp = Stamp(int(size), int(mtime), int(inode), int(ctime))
        except ValueError:
            return None
        return os.fsdecode(path), stamp


class Deaths:
    """How often the station died of each file.

    Args:
        store: The station's store; the notes lie beside it.

    Raises:
        OutputError: the notes cannot be written.
    """

    def __init__(self, store: Path) -> None:
        real = store.resolve()
        path = real.with_name(f"{real.name}.taking")
        try:
            self._descriptor = os.open(path, _FLAGS, 0o644)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
        self._lock = threading.Lock()
        slots = [Slot(self._descriptor, number) for number in reversed(range(_SLOTS))]
        # A worker of a station that was killed may still be at work; it died of nothing.
        self._free = [slot for slot in slots if not slot.is_held()] or slots[:1]
        self._slots = tuple(self._free)
        #: By path: the state that the file was in, and how often.
        self._found = self._remembered()
        for slot in self._slots:
            self.count(slot)

    def slot(self) -> Slot:
        """A free slot; the last one is shared by whoever comes late."""
        with self._lock:
            return self._free.pop() if len(self._free) > 1 else self._free[0]

    def give_back(self, slot: Slot) -> None:
        """A process needs its slot no longer."""
        slot.clear()
        with self._lock:
            if slot not in self._free:
                self._free.append(slot)

    def count(self, slot: Slot) -> None:
        """Whoever used this slot is dead: note what it was taking."""
        noted = slot.read()
        if noted is None:
            return
        path, stamp = noted
        with self._lock:
            before, times = self._found.get(path, (stamp, 0))
            times = times + 1 if before == stamp else 1
            self._found[path] = stamp, times
            self._save()
        slot.clear()
        if times < MOST:
            _log.warning(
                "%s: wm-edge died while it took it; it is tried once more", printable(path)
            )

    def times(self, path: str, stamp: Stamp | None) -> int:
        """How often the station died of a file in this state; in another one it is another file."""
        found = self._found.get(path)
        return found[1] if found is not None and found[0] == stamp else 0

    def __contains__(self, path: str) -> bool:
        return path in self._found

    def survived(self, path: str) -> None:
        """A file was taken after all, or is another one by now."""
        with self._lock:
            if self._found.pop(path, None) is not None:
                self._save()

    def close(self) -> None:
        """The station ends as it should: what is being taken now is not what it died of."""
        for slot in self._slots:
            if slot.read() is not None:
                slot.clear()

    def _remembered(self) -> dict[str, tuple[Stamp, int]]:
        content = os.pread(self._descriptor, _REMEMBERED * 2 * _SLOT, _SLOTS * _SLOT)
        try:
            return {path: (Stamp(*stamp), int(times)) for path, stamp, times in json.loads(content)}
        except (ValueError, TypeError):  # nothing there, or half of it
            return {}

    def _save(self) -> None:
        while len(self._found) > _REMEMBERED:
            del self._found[next(iter(self._found))]
        content = json.dumps([(path, *found) for path, found in self._found.items()]).encode()
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, _SLOTS * _SLOT)
            os.pwrite(self._descriptor, content, _SLOTS * _SLOT)
