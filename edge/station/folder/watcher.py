"""What happens in a folder, told by the operating system or by looking again and again.

A thread listens for as long as the station runs: a folder that vanishes is waited for, and every
time that something may have been missed the listener is told to look through all of it.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from edge.station.folder import tree
from edge.station.folder.inotify import EXHAUSTED, Listener
from edge.system.beneath import closed, look_into
from edge.system.descriptors import are_used_up
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Seconds in which changes are gathered, and after which it is asked whether to stop.
STEP: Final = 0.02
PAUSE: Final = 0.25

#: Seconds of looking instead of listening until listening is tried again.
DEAF: Final = 60.0

#: Seconds between two looks at whether the folder is still the same, or back again.
ROUND: Final = 1.0


def state_of(top: str) -> tuple[tuple[int, int] | None, str | None]:
    """What tells a folder from another one of its name; None and why where it cannot be used."""
    try:
        return look_into(top), None
    except FileNotFoundError:
        return None, f"{top}: the folder is away"
    except OSError as error:
        return None, closed(top, error)


class Watch:
    """Listens to one folder, in a thread of its own.

    Args:
        top: The folder, absolute.
        on_change: Called with the paths that were added or changed, absolute; from the thread.
        on_gap: Called when something may have been missed; from the thread.
        recursive: Whether the folders in it are listened to as well.
        polling: Seconds between two looks through the folder; None lets the operating system tell.
        leave_out: Folders in it in which nothing counts.

    Attributes:
        trouble: Why nothing can come from it now, in a few words; from any thread.
    """

    def __init__(
        self,
        top: str,
        on_change: Callable[[set[str]], None],
        on_gap: Callable[[], None],
        *,
        recursive: bool = True,
        polling: float | None = None,
        leave_out: Collection[str] = (),
    ) -> None:
        self._top = top
        self._leave_out = leave_out
        self._on_change = on_change
        self._on_gap = on_gap
        self._recursive = recursive
        self._polling = polling
        self._deaf_until = 0.0
        self._stop = threading.Event()
        self.trouble = state_of(top)[1]
        self._said: str | None = None
        self._away_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch {top}", daemon=True)

    def start(self) -> None:
        """Begin to listen. Once that is so, ``on_gap`` is called for what happened before."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            found = self._found()
            if found is None:
                self._stop.wait(ROUND)
                continue
            if self._away_since is not None:
                away = time.monotonic() - self._away_since
                _log.warning("%s: is back after %.0f s", printable(self._top), away)
                self._away_since = self._said = None
            try:
                if self._polling is not None:
                    self._look(found, self._polling)
                elif time.monotonic() < self._deaf_until:
                    self._look(found, 1.0, self._deaf_until)
                else:
                    self._listen(found)
            except Exception as error:  # noqa: BLE001 - too many folders, one that vanished: go on
                if self._found() == found:
                    _log.debug("%s: listening anew (%s)", printable(self._top), error)
                    self._explain(error)
                self._stop.wait(ROUND)
            self._on_gap()

    def _found(self) -> tuple[int, int] | None:
        """What tells the folder from another one of its name; None where it cannot be used.

        A trouble is said whoever meets it, or one that is over at the next look never would be.
        """
        found, trouble = state_of(self._top)
        if trouble is not None:
            self._away_since = self._away_since or time.monotonic()
            if trouble != self._said:
                _log.warning("%s; waiting for it", printable(trouble))
            self._said = trouble
        self.trouble = trouble
        return found

    def _listen(self, found: tuple[int, int]) -> None:
        """Hand changes on until the folder is another one, gone, or closed to this user."""
        listener = Listener(self._top, recursive=self._recursive, leave_out=self._leave_out)
        try:
            self._on_gap()
            looked = time.monotonic()
            while not (self._stop.is_set() or listener.is_over):
                if listener.wait(PAUSE):
                    self._stop.wait(STEP)
                    if paths := listener.read():
                        self._on_change(paths)
                    if listener.missed:
                        listener.missed = False
                        self._on_gap()
                if time.monotonic() - looked >= ROUND:
                    looked = time.monotonic()
                    if self._found() != found:
                        return
        finally:
            listener.close()

    def _look(self, found: tuple[int, int], seconds: float, until: float = float("inf")) -> None:
        """The same by looking again and again; only names that may count are looked at."""
        self._on_gap()
        before = self._states()
        while not self._stop.wait(seconds) and self._found() == found:
            if time.monotonic() >= until:
                return
            now = self._states()
            if changed := {path for path, state in now.items() if before.get(path) != state}:
                self._on_change(changed)
            before = now

    def _states(self) -> dict[str, int]:
        """What tells the states of all files apart, packed: there may be very many."""
        states = {}
        for path in tree.walk(self._top, "", self._leave_out, recursive=self._recursive):
            try:
                status = os.lstat(path)
            except OSError:
                continue
            times = (status.st_mtime_ns, status.st_ctime_ns)
            states[path] = hash((status.st_size, status.st_ino, *times))
        return states

    def _explain(self, error: Exception) -> None:
        number = getattr(error, "errno", None)
        if number == errno.ENOSYS:
            self._polling = 1.0
        if number not in EXHAUSTED:
            return
        if not (self._deaf_until or are_used_up()):
            _log.warning(
                "%s: too many folders to listen to (%s); looking through it every second instead; "
                "mend: sysctl fs.inotify.max_user_watches=524288 "
                "fs.inotify.max_user_instances=1024",
                printable(self._top),
                os.strerror(number),
            )
        self._deaf_until = time.monotonic() + DEAF
