"""The files of a folder that may come, go and change while they are used."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any, Final

_log = logging.getLogger(__name__)

#: Seconds between two looks at a folder.
EVERY: Final = 1.0


class LookedAt:
    """A folder that is looked at now and then; one that cannot be read is told once.

    Args:
        folder: The folder.
        suffix: How the names of its files end.
    """

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder, self._suffix = folder, suffix
        self._seen: Any = None
        self._due = 0.0

    def changed(self) -> list[Path] | None:
        """Its files by name, where one has come, gone or changed since the last look; else None.

        None, too, where it was looked at less than a second ago or cannot be read.
        """
        if time.monotonic() < self._due:
            return None
        self._due = time.monotonic() + EVERY
        try:
            with os.scandir(self._folder) as entries:
                found = sorted(
                    (entry.path, entry.stat().st_mtime_ns, entry.stat().st_size)
                    for entry in entries
                    if entry.name.endswith(self._suffix)
                )
        except OSError as error:
            if self._seen != error.errno:
                _log.warning("%s: cannot be read (%s)", self._folder, error.strerror)
            self._seen = error.errno
            return None
        if found == self._seen:
            return None
        self._seen = found
        return [Path(path) for path, *_ in found]
