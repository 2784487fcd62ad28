"""What happens in a folder, told by the operating system or by looking again and again.

A thread listens for as long as the station runs: a folder that vanishes is waited for, and every
time that something may have been missed the listener is told to look through all of it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from edge.output import identity
from edge.text import printable

_log = logging.getLogger(__name__)

_UTF8: Final = sys.getfilesystemencoding() == "utf-8"

#: Milliseconds in which changes are gathered, and after which they are handed on at the latest.
STEP: Final = 20
GATHER: Final = 100

#: What the system says that has no watches or descriptors left.
_EXHAUSTED: Final = ("limit", "too many", "no space")

#: Seconds between two looks at whether the folder is still the same, or back again.
ROUND: Final = 1.0


class Watch:
    """Listens to one folder, in a thread of its own.

    Args:
        top: The folder, absolute.
        on_change: Called with the paths that were added or changed, absolute; from the thread.
        on_gap: Called when something may have been missed; from the thread.
        recursive: Whether the folders in it are listened to as well.
        polling: Seconds between two looks through the folder; None lets the operating system tell.
    """

    def __init__(
        self,
        top: str,
        on_change: Callable[[set[str]], None],
        on_gap: Callable[[], None],
        *,
        recursive: bool = True,
        polling: float | None = None,
    ) -> None:
        self._top = top
        self._on_change = on_change
        self._on_gap = on_gap
        self._recursive = recursive
        self._polling = polling
        self._stop = threading.Event()
        self.is_there = os.path.isdir(top)  # noqa: PTH112
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
        away_since: float | None = None
        while not self._stop.is_set():
            found = identity(self._top)
            self.is_there = found is not None
            if found is None:
                if away_since is None:
                    away_since = time.monotonic()
                    _log.warning("%s: the folder is away; waiting for it", printable(self._top))
                self._stop.wait(ROUND)
                continue
            if away_since is not None:
                away = time.monotonic() - away_since
                _log.warning("%s: is back after %.0f s", printable(self._top), away)
                away_since = None
            try:
                self._listen(found)
            except Exception as error:  # noqa: BLE001 - whatever the library meets, go on looking
                # A name that is not UTF-8, too many folders for inotify, a folder that vanished.
                if identity(self._top) == found:
                    _log.debug("%s: listening anew (%s)", printable(self._top), error)
                    self._explain(str(error))
                self._stop.wait(ROUND)
            self._on_gap()

    def _listen(self, found: tuple[int, int]) -> None:
        """Hand changes on until the folder is another one, or gone."""
        import watchfiles

        changes = watchfiles.watch(
            self._top,
            watch_filter=None,
            debounce=GATHER,
            step=STEP,
            stop_event=self._stop,
            rust_timeout=int(1000 * ROUND),
            yield_on_timeout=True,
            raise_interrupt=False,
            force_polling=self._polling is not None,
            poll_delay_ms=int(1000 * (self._polling or 1)),
            recursive=self._recursive,
            ignore_permission_denied=True,
        )
        listening = False
        looked = time.monotonic()
        for batch in changes:
            if not listening:  # the library begins when the first batch is asked for
                listening = True
                self._on_gap()
            paths = {
                _native(path)
                for change, path in batch
                if change is watchfiles.Change.added
                # Polling reports a folder for every file in it; the file is reported itself.
                or (change is watchfiles.Change.modified and not os.path.isdir(path))  # noqa: PTH112
            }
            if paths:
                self._on_change(paths)
            if (watchfiles.Change.deleted, self._top) in batch:
                return  # one made anew may get the same number, but it is not listened to
            if time.monotonic() - looked >= ROUND:
                looked = time.monotonic()
                if identity(self._top) != found:
                    return

    def _explain(self, reason: str) -> None:
        if self._polling is None and any(word in reason.lower() for word in _EXHAUSTED):
            _log.warning(
                "%s: too many folders to listen to (%s); looking through it every second instead; "
                "mend: sysctl fs.inotify.max_user_watches=524288 "
                "fs.inotify.max_user_instances=1024",
                printable(self._top),
                reason,
            )
            self._polling = 1.0


def _native(path: str) -> str:
    """The library takes all names for UTF-8, Python for what the locale says."""
    return path if _UTF8 else os.fsdecode(path.encode("utf-8", "surrogatepass"))
