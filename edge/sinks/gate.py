"""Who has a store open within this process, so that all of them can let go of it for a moment.

SQLite's connections of one process share what they know of the write-ahead log. Where its files
were replaced under them, all have to be closed before any sees the new ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from edge.errors import OutputError

#: Seconds that a look into the store may take while all others wait for its end.
_PATIENCE: Final = 5.0


class Gate:
    """The connections to one store."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._looking = 0
        self._shut = False
        self._closers: dict[object, Callable[[], None]] = {}
        self.is_owned = False

    @property
    def has_readers(self) -> bool:
        """Whether connections beside the owner's are open."""
        return bool(self._closers)

    def enter(self, reader: object, close: Callable[[], None]) -> None:
        """A connection is open; ``close`` closes it when it is not used."""
        with self._condition:
            self._closers[reader] = close

    def leave(self, reader: object) -> None:
        """The connection was closed."""
        with self._condition:
            self._closers.pop(reader, None)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """While the block runs, the connection stays open."""
        with self._condition:
            self._condition.wait_for(lambda: not self._shut)
            self._looking += 1
        try:
            yield
        finally:
            with self._condition:
                self._looking -= 1
                self._condition.notify_all()

    @contextmanager
    def exclusive(self, path: Path) -> Iterator[None]:
        """Close all connections but the owner's; none is opened while the block runs.

        Raises:
            OutputError: one is in use for too long.
        """
        with self._condition:
            self._shut = True
            if not self._condition.wait_for(lambda: not self._looking, _PATIENCE):
                self._open()
                raise OutputError(f"{path}: is being read; it is tried again")
            closers, self._closers = self._closers, {}
            for close in closers.values():
                close()
        try:
            yield
        finally:
            with self._condition:
                self._open()

    def _open(self) -> None:
        self._shut = False
        self._condition.notify_all()


_gates: WeakValueDictionary[Path, Gate] = WeakValueDictionary()
_making: Final = threading.Lock()


def gate_of(path: Path) -> Gate:
    """The one of a store, by whatever link it is named."""
    with _making:
        real = path.resolve()
        gate = _gates.get(real)
        if gate is None:
            gate = _gates[real] = Gate()
        return gate
