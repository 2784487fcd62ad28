"""Files whose records are kept: where each goes, and what happens when it cannot go there.

Where a file will go is decided before it is recorded, since its record says so. The store notes it
as in hand until it is known to be put away, so that a crash in between makes no second wafer of it.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

from edge.station.folder.put_away import names, put_away
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder_settings import Done, FolderSettings
from edge.station.source import Batch
from edge.store.taken import FileNote, Former, Placed, stamp_of
from edge.system.descriptors import are_used_up
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Seconds after which it is tried again to put away a file that could not be.
RETRY: Final = 60.0

#: What became of so many files is noted at once, or after so many seconds where no more come.
NEWS: Final = 256
NEWS_AFTER: Final = 1.0


#: Names with a number that are looked at for a file that a crash interrupted.
NUMBERED: Final = 9


class Disposed(NamedTuple):
    """A file that is done with.

    Attributes:
        path: The file.
        changed: Whether another file stands under its name by now.
    """

    path: str
    changed: bool


class _Plan(NamedTuple):
    target: str
    bad: bool


class FileDisposal:
    """Puts files away whose records are kept.

    Args:
        settings: Where they go.
        tops: Where they come from.
    """

    def __init__(self, settings: FolderSettings, tops: Sequence[WatchedFolder]) -> None:
        self._tops = tops
        self._settings = settings
        self._kept: deque[tuple[str, FileNote]] = deque()
        #: Where files will go that are not there yet.
        self._planned: dict[str, _Plan] = {}
        self._targets: set[str] = set()
        #: Where an earlier run was about to move files that look another way since.
        self._expected: dict[str, str] = {}
        #: Files that could not be put away, and when to try again.
        self._stuck: dict[str, tuple[FileNote, float]] = {}
        self._notes: dict[str, FileNote | None] = {}
        self._placed: list[Placed] = []
        self._since = 0.0

    def plan(self, top: WatchedFolder, path: str, *, bad: bool) -> str | None:
        """Where a file will go; the name is taken from then on.

        Returns:
            An absolute name, empty where the file will be deleted, None where it stays.
        """
        if (self._settings.quarantine is None) if bad else (self._settings.done is Done.KEEP):
            return None
        wanted = top.place(path, bad=bad)
        if wanted is None:
            return ""
        planned = self._planned.get(path)
        if planned is not None and planned.bad == bad:  # of a file of many wafers, with its first
            return planned.target
        self._unplan(path)
        expected = self._expected.pop(path, None)
        for name in names(os.path.basename(wanted.inner)):  # noqa: PTH119
            target = wanted.named(name).path
            if target not in self._targets and (target == expected or _is_free(target, path)):
                break
        self._planned[path] = _Plan(target, bad)
        self._targets.add(target)
        return target

    def _unplan(self, path: str) -> None:
        planned = self._planned.pop(path, None)
        if planned is not None:
            self._targets.discard(planned.target)

    def may(self, target: str) -> bool:
        """Whether a file that an earlier run had in hand may still go there."""
        if target:
            return self._settings.done is Done.MOVE or self._settings.quarantine is not None
        return self._settings.done is Done.DELETE

    def add(self, files: Sequence[tuple[str, FileNote]]) -> None:
        """The records of these files are kept; from any thread."""
        self._kept.extend(files)

    def is_stuck(self, path: str, note: FileNote) -> bool:
        """Whether a file only waits to be put away: the attempt itself looks like a change."""
        left = self._stuck.get(path)
        return left is not None and left[0].stamp == note.stamp and time.monotonic() < left[1]

    @property
    def stuck(self) -> list[str]:
        """Files that are recorded and could not be put away; from any thread."""
        return list(self._stuck)

    def put_away(self, until: float = float("inf")) -> Iterator[Disposed]:
        """Put away what is kept.

        Args:
            until: Leave the rest when this time has come (monotonic); it is recorded, and the next
                run puts it away.
        """
        while self._kept and time.monotonic() < until:
            path, note = self._kept.popleft()
            changed = note.target is not None and self._put_away(path, note, note.target)
            self._unplan(path)
            yield Disposed(path, changed)

    def tidy(self) -> None:
        """Forget files that somebody else took away."""
        self._stuck = {path: left for path, left in self._stuck.items() if os.path.lexists(path)}

    def expect(self, path: str, note: FileNote) -> None:
        """A file that an earlier run had in hand is taken again: it may be half moved."""
        if note.target and _is_file_of(note.target, note):
            self._expected[path] = note.target

    def leave(self, path: str, note: FileNote) -> None:
        """A file that an earlier run had in hand stays, or another one stands there by now."""
        if path not in self._notes:
            self._note(path, note, None)

    def resume(self, path: str, note: FileNote) -> None:
        """A file that an earlier run had in hand is gone: put away by it, or by somebody else."""
        place = note.target and _found(note.target, note)
        self._note(path, note, place)

    def has_news(self, *, now: bool) -> bool:
        """Whether there is something for the store to note.

        Args:
            now: However little it is.
        """
        enough = len(self._notes) >= NEWS or time.monotonic() - self._since >= NEWS_AFTER
        return bool(self._notes) and (now or enough)

    def news(self) -> Batch:
        """What the store is to note of files that were put away."""
        batch = Batch([], self._notes, placed=self._placed)
        self._notes, self._placed = {}, []
        return batch

    def _note(self, path: str, note: FileNote, place: str | None) -> None:
        """Where a file is now: a name, empty where it is deleted, None where it stays."""
        if not self._notes:
            self._since = time.monotonic()
        # What was renamed by somebody is recognised by its note when it comes again.
        self._notes[path] = None if place is not None else note._replace(target=None)
        if place and any(top.holds(place) for top in self._tops):
            # It may count as a wafer's file again: with other settings, or moved back.
            with suppress(OSError):
                stamp = stamp_of(os.lstat(place))
                former = Former(path, note.file)
                self._notes[place] = note._replace(stamp=stamp, target=None, former=former)
        if (place or None) != (note.target or None):
            self._placed.append(Placed(path, note.file, note.sha256, place or None))

    def _put_away(self, path: str, note: FileNote, target: str) -> bool:
        """Returns whether another file stands there by now, or none."""
        try:
            holding = (top for top in self._tops if top.holds(path))
            top = max(holding, key=lambda top: len(top.name))  # one may lie in another
            place = put_away(top.at(path), note.stamp, top.target(target) if target else None)
        except OSError as error:
            if are_used_up(error):  # put away when the folder is looked through the next time
                return False
            if path not in self._stuck:
                _log.error(
                    "%s: is recorded, but cannot be put away (%s); this is tried again every %.0f "
                    "s; give this user the right to write in both folders",
                    printable(path),
                    error.strerror,
                    RETRY,
                )
            self._stuck[path] = note, time.monotonic() + RETRY
            return False
        self._stuck.pop(path, None)
        self._note(path, note, place)
        return place is None


def _is_file_of(place: str, note: FileNote) -> bool:
    """Whether what stands there may be the file of a note, or its copy on another file system."""
    with suppress(OSError):
        return stamp_of(os.lstat(place))[:2] == note.stamp[:2]
    return False


def _found(target: str, note: FileNote) -> str | None:
    """Where a file is that was to go to a name: that, or one with a number."""
    folder, wanted = os.path.split(target)
    there = [os.path.join(folder, name) for name in islice(names(wanted), NUMBERED)]  # noqa: PTH118
    for place in there:
        with suppress(OSError):
            if stamp_of(os.lstat(place)).same_but_for_ctime(note.stamp):
                return place
    return next((place for place in there if _is_file_of(place, note)), None)


def _is_free(target: str, path: str) -> bool:
    """Whether nothing stands there, or the file itself: killed in the midst of being moved."""
    try:
        return os.path.samestat(os.lstat(target), os.lstat(path))
    except OSError:
        return not os.path.lexists(target)
