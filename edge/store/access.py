"""Who looks into a store within this process, so that all of them can let go of it for a moment.

SQLite's connections of one process share what they know of the write-ahead log. Where its files
were replaced under them, all have to be closed before any sees the new ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from edge.errors import OutputError

#: Seconds that looks into the store may take while their end is waited for.
_PATIENCE: Final = 5.0


class SharedAccess:
    """The readers of one store.

    Attributes:
        is_owned: A ``StoreFile`` of this process has the store open for writing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: dict[threading.Lock, Callable[[], None]] = {}
        self.is_owned = False

    def enter(self, lock: threading.Lock, close: Callable[[], None]) -> None:
        """A reader begins; it holds ``lock`` while it looks, and ``close`` closes its connection.

        It opens that anew where it is closed.
        """
        with self._lock:
            self._readers[lock] = close

    def leave(self, lock: threading.Lock) -> None:
        """A reader has ended."""
        with self._lock:
            self._readers.pop(lock, None)

    @contextmanager
    def exclusive(self, path: Path) -> Iterator[None]:
        """Close the connections of all readers; none is opened while the block runs.

        Raises:
            OutputError: one is in use for too long.
        """
        deadline = time.monotonic() + _PATIENCE
        with self._lock, ExitStack() as held:
            for lock in self._readers:
                if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                    raise OutputError(f"{path}: is being read; it is tried again")
                held.callback(lock.release)
            for close in self._readers.values():
                close()
            yield


_known: Final[WeakValueDictionary[Path, SharedAccess]] = WeakValueDictionary()
_making: Final = threading.Lock()


def access_of(path: Path) -> SharedAccess:
    """The one of a store, by whatever link it is named."""
    with _making:
        return _known.setdefault(path.resolve(), SharedAccess())
