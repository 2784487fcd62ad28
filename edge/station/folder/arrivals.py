"""Which files of watched folders may have to be taken: what changed, and what lies there.

Whoever listens can miss something (too many changes at once, a share, a folder that was away), so
everything is looked through now and then, a few names at a time.
"""

from __future__ import annotations

import heapq
import os
import stat
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Final

from edge.station.folder.watched_folder import WatchedFolder

#: Names handed on at a time.
SOME: Final = 32

#: Seconds between two looks through everything; more where there are many files: so many seconds a
#: file.
RESCAN: Final = 10.0
RESCAN_A_FILE: Final = 0.002

#: Seconds after which a folder that appeared is looked through once more: what came into it before
#: anybody listened.
AGAIN: Final = 1.0

#: Changes that are kept until there is time; beyond, everything is looked through.
CHANGES: Final = 50_000


class Arrivals:
    """Names of files in some folders."""

    def __init__(self, folders: Sequence[WatchedFolder]) -> None:
        self._watched = folders
        self._scans: deque[Iterator[tuple[WatchedFolder, str]]] = deque()
        self._scanned = 0
        self._again: list[tuple[float, str, WatchedFolder]] = []
        self._rescan_at = 0.0
        # Shared with the threads that listen.
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._changes: dict[str, WatchedFolder] = {}
        self._gap = True

    def start(self) -> None:
        """Begin to listen."""
        for watched in self._watched:
            watched.listen(self._on_change, self._on_gap)

    def stop(self) -> None:
        """Listen no more."""
        for watched in self._watched:
            watched.stop()

    def wait(self, seconds: float) -> None:
        """Until something happens."""
        self._woken.wait(seconds)
        self._woken.clear()

    def wake(self) -> None:
        """End the wait; from any thread."""
        self._woken.set()

    def some(self, *, scanned: bool = True) -> list[tuple[WatchedFolder, str]]:
        """Files that changed, and a few of those that lie there, unless ``scanned`` is False.

        Returns:
            Folder and name; empty when there is nothing for now.
        """
        now = time.monotonic()
        found = self._changed(now)
        while self._again and self._again[0][0] <= now:
            _, path, watched = heapq.heappop(self._again)
            self._scans.append(_files(watched, path))
        if self._gap or (not self._scans and now >= self._rescan_at):
            self._gap, self._scanned = False, 0
            self._scans = deque(_files(each, each.name) for each in self._watched)
        while scanned and self._scans and len(found) < SOME:
            names = list(islice(self._scans[0], SOME - len(found)))
            self._scanned += len(names)
            if not names:
                self._scans.popleft()
                self._rescan_at = now + max(RESCAN, RESCAN_A_FILE * self._scanned)
            found += names
        return found

    @property
    def are_through(self) -> bool:
        """Whether everything that lay there has been handed on."""
        return not (self._gap or self._scans or self._changes)

    def _changed(self, now: float) -> list[tuple[WatchedFolder, str]]:
        with self._lock:
            changes, self._changes = self._changes, {}
        found = []
        folders: list[tuple[str, WatchedFolder]] = []
        for path, watched in changes.items():
            if _is_folder(path):
                folders.append((f"{path}{os.sep}", watched))
            elif watched.counts(path):
                found.append((watched, path))
        above = os.sep * 2  # no path begins so
        for path, watched in sorted(folders, key=itemgetter(0)):
            if path.startswith(above):
                continue  # a folder above it appeared as well, and is looked through with all in it
            above = path
            for due in (now, now + AGAIN):
                heapq.heappush(self._again, (due, path.removesuffix(os.sep), watched))
        return found

    # Called by the threads that listen.

    def _on_change(self, watched: WatchedFolder, paths: set[str]) -> None:
        with self._lock:
            self._changes.update(dict.fromkeys(paths, watched))
            if len(self._changes) > CHANGES:
                self._changes.clear()
                self._gap = True
        self._woken.set()

    def _on_gap(self) -> None:
        self._gap = True
        self._woken.set()


def _is_folder(path: str) -> bool:
    """Whether it is a folder; not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _files(watched: WatchedFolder, folder: str) -> Iterator[tuple[WatchedFolder, str]]:
    return ((watched, path) for path in watched.scan(folder))
