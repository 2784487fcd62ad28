"""Files whose records are kept: where each goes, and what happens when it cannot go there.

Where a file will go is decided before it is recorded, since its record says so. The store notes it
as in hand until it is known to be put away, so that a crash in between makes no second wafer of it.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from edge.station.folder.dropped_file import DroppedFile, DroppedFiles, FileState
from edge.station.folder.put_away import names, put_away
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder_settings import Done, FolderSettings
from edge.station.source import Batch
from edge.store.taken import UNREADABLE, FileNote, Former, Placed, Stamp, stamp_at
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


class FileDisposal:
    """Puts files away whose records are kept."""

    def __init__(
        self, settings: FolderSettings, folders: Sequence[WatchedFolder], files: DroppedFiles
    ) -> None:
        self._settings = settings
        self._folders = folders
        self._files = files
        self._kept: deque[DroppedFile] = deque()
        # What the store is to note of files that are done with.
        self._notes: dict[str, FileNote | None] = {}
        self._placed: list[Placed] = []
        self._since = 0.0

    def plan(self, file: DroppedFile, *, bad: bool) -> str | None:
        """Where a file will go; the name is taken from then on.

        Returns:
            An absolute name, empty where the file will be deleted, None where it stays.
        """
        if (self._settings.quarantine is None) if bad else (self._settings.done is Done.KEEP):
            return None
        wanted = file.folder.place(file.path, bad=bad)
        if wanted is None:
            return ""
        if os.path.dirname(file.target) == os.path.dirname(wanted.path):  # noqa: PTH120
            return file.target  # of one of many wafers, with its first
        targets = self._files.targets
        targets.discard(file.target)
        for name in names(os.path.basename(wanted.inner)):  # noqa: PTH119
            file.target = wanted.named(name).path
            is_ours = file.target == file.half_moved or _is_free(file.target, file.path)
            if is_ours and file.target not in targets:
                break
        targets.add(file.target)
        return file.target

    def may(self, target: str) -> bool:
        """Whether a file that an earlier run had in hand may still go there."""
        if target:
            return self._settings.done is Done.MOVE or self._settings.quarantine is not None
        return self._settings.done is Done.DELETE

    def add(self, file: DroppedFile) -> None:
        """A file is in the store, by its note, and still to be put away."""
        self._files.enter(file, FileState.RECORDED)
        self._kept.append(file)

    def kept(self, files: Iterable[DroppedFile]) -> None:
        """The records of these files are in the store; from any thread."""
        self._kept.extend(files)

    def put_away(self, until: float = float("inf")) -> None:
        """Put away what is kept.

        Args:
            until: Leave the rest when this time has come (monotonic); it is recorded, and the next
                run puts it away.
        """
        while self._kept and time.monotonic() < until:
            file = self._kept.popleft()
            if file.note is not None and file.note.target is not None:
                self._put_away(file, file.note, file.note.target)
            else:
                self._files.finish(file)

    def leave(self, file: DroppedFile, stamp: Stamp, note: FileNote) -> None:
        """A file that an earlier run had in hand stays, or another one stands there by now."""
        if note.target and stamp.same_but_for_ctime(note.stamp) and _is_of(note, note.target):
            file.half_moved = note.target
        if file.path not in self._notes:
            self._note(file.path, note, None)  # its record says so

    def note_gone(self, in_hand: Mapping[str, FileNote]) -> None:
        """Files that an earlier run had in hand, and put away without coming to note it."""
        for path, note in in_hand.items():
            ours = any(folder.trouble is None and folder.holds(path) for folder in self._folders)
            file = self._files.get(path)
            waits = file is None or file.state in (FileState.WAITING, FileState.DUE)
            if ours and waits and not os.path.lexists(path):
                self._note(path, note, note.target and _found(note.target, note))

    def has_news(self, *, now: bool) -> bool:
        """Whether there is something for the store to note; ``now`` counts however little it is."""
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
        stamp = (
            stamp_at(place) if place and any(each.holds(place) for each in self._folders) else None
        )
        if place and stamp is not None and stamp != UNREADABLE:
            # It may count as a wafer's file again: with other settings, or moved back.
            former = Former(path, note.file)
            self._notes[place] = note._replace(stamp=stamp, target=None, former=former)
        if (place or None) != (note.target or None):
            self._placed.append(Placed(path, note.file, note.sha256, place or None))

    def _put_away(self, file: DroppedFile, note: FileNote, target: str) -> None:
        folder = file.folder
        try:
            place = put_away(
                folder.at(file.path), note.stamp, folder.target(target) if target else None
            )
        except OSError as error:
            if are_used_up(error):  # put away when the folder is looked through the next time
                self._files.finish(file)
                return
            if not file.is_stuck:
                _log.error(
                    "%s: is recorded, but cannot be put away (%s); this is tried again every %.0f "
                    "s; give this user the right to write in both folders",
                    printable(file.path),
                    error.strerror,
                    RETRY,
                )
            self._files.stick(file, RETRY)
            return
        self._note(file.path, note, place)
        if place is None:  # another file stands there by now, or none
            file.has_changed = True
        else:
            file.is_stuck = False
        self._files.finish(file)


def _is_of(note: FileNote, place: str) -> bool:
    """Whether what stands there may be the file of a note, or its copy on another file system."""
    stamp = stamp_at(place)
    return stamp is not None and stamp[:2] == note.stamp[:2]


def _found(target: str, note: FileNote) -> str | None:
    """Where a file is that was to go to a name: that, or one with a number."""
    folder, wanted = os.path.split(target)
    there = [os.path.join(folder, name) for name in islice(names(wanted), NUMBERED)]  # noqa: PTH118
    for place in there:
        stamp = stamp_at(place)
        if stamp is not None and stamp.same_but_for_ctime(note.stamp):
            return place
    return next((place for place in there if _is_of(note, place)), None)


def _is_free(target: str, path: str) -> bool:
    """Whether nothing stands there, or the file itself: killed in the midst of being moved."""
    try:
        return os.path.samestat(os.lstat(target), os.lstat(path))
    except OSError:
        return not os.path.lexists(target)
