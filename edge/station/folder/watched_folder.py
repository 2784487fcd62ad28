"""One watched folder: which of the files in it count, and where they go."""

from __future__ import annotations

import fnmatch
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from edge.errors import UsageError
from edge.formats import registry as files
from edge.formats.unpacking import HEAD_BYTES
from edge.station.folder import tree
from edge.station.folder.put_away import HIDDEN, restore
from edge.station.folder.watcher import Watch, state_of
from edge.station.folder_settings import Done, FolderSettings
from edge.system.beneath import Place, closed, is_too_long, look_into, place_in
from edge.system.files import FAT_STEP
from edge.system.regular_file import check_regular
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: So many closed folders are named; a thousand of them are no thousand lines.
MENTIONED: Final = 8

#: States of files that are remembered, 20 MB; beyond, it begins anew.
MOST_KNOWN: Final = 200_000


def is_there(name: str) -> bool:
    """Whether a folder to watch is there.

    Raises:
        UsageError: it is a file, or cannot be looked into.
    """
    _refuse_file(name)
    try:
        look_into(name)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(closed(name, error)) from error
    return True


def _refuse_file(name: str) -> None:
    if os.path.exists(name) and not os.path.isdir(name):  # noqa: PTH110, PTH112
        what = f"{name}: is a file, not a folder"
        raise UsageError(f"{what}; name the folder to watch (wm-edge classify reads files)")


class WatchedFolder:
    """A watched folder.

    Args:
        name: As the user wrote it.
        settings: What to watch.
        outputs: Real names of files that the station itself writes; they are no wafers.

    Raises:
        UsageError: it is a file.
    """

    def __init__(self, name: str, settings: FolderSettings, outputs: frozenset[str]) -> None:
        self.name = os.path.abspath(name)  # noqa: PTH100 - a link stays a link
        self._begin = os.path.join(self.name, "")  # noqa: PTH118
        self._settings = settings
        self._outputs = outputs
        _refuse_file(name)
        self._real = os.path.realpath(name)
        done = settings.done_dir or os.path.join(name, "done")  # noqa: PTH118
        self._done = self._root(done) if settings.done is Done.MOVE else None
        self._quarantine = self._root(settings.quarantine) if settings.quarantine else None
        # Links may lead to one folder by several names; events come with the one listened to.
        self._roots = [root for root in (self._quarantine, self._done) if root]
        self._own_folders = [os.path.realpath(root.path) for root in self._roots]
        self._own = tuple(f"{folder}{os.sep}" for folder in self._own_folders)
        for folder in self._own_folders:
            if f"{self._real}{os.sep}".startswith(f"{folder}{os.sep}"):
                raise UsageError(
                    f"{folder}: files from {name} cannot be put there, since nothing in it is "
                    "taken; name a folder beside it or in it"
                )
        self._watch: Watch | None = None
        self._said: set[str] = set()
        #: Whether files that their names do not tell of begin as those of a fab, by their states.
        self._begins: dict[int, bool] = {}
        #: Folders in it that could not be looked into the last time.
        self.closed: set[str] = set()

    @property
    def trouble(self) -> str | None:
        """Why nothing can come from the folder now, in a few words; from any thread."""
        return self._watch.trouble if self._watch else state_of(self.name)[1]

    def listen(
        self, on_change: Callable[[WatchedFolder, set[str]], None], on_gap: Callable[[], None]
    ) -> None:
        """Begin to listen; see ``edge.station.folder.watcher``."""
        self._watch = Watch(
            self.name,
            lambda paths: on_change(self, paths),
            on_gap,
            recursive=self._settings.recursive,
            polling=self._settings.polling,
            leave_out=[root.path for root in self._roots],
        )
        self._watch.start()

    def stop(self) -> None:
        """Listen no more."""
        if self._watch:
            self._watch.stop()

    def scan(self, folder: str = "") -> Iterator[str]:
        """Files that count, in natural order; what a crash left hidden gets its name back.

        Given a folder in it, absolute, that one alone is looked into.
        """
        inner = self.inner(folder) if folder and folder != self.name else ""
        without: set[str] = set()

        def note(path: str, error: OSError) -> None:
            if path != self.name:  # of that, whoever listens says it
                without.add(path)
                self._say_closed(path, error, len(without))

        for path in tree.walk(
            self.name,
            inner,
            self._own_folders,
            recursive=self._settings.recursive,
            also=HIDDEN,
            pass_over=self._pass_over,
            failed=note,
        ):
            if HIDDEN in path and os.path.basename(path).startswith(HIDDEN):  # noqa: PTH119
                for found in restore(self.at(path)):
                    _log.warning("%s: was being put away; it is looked at anew", printable(found))
                    if self.counts(found):
                        yield found
            elif self.counts(path):
                yield path
        if not inner:
            self.closed = without

    def counts(self, path: str) -> bool:
        """Whether a file is a wafer to take, by its name or else by what it begins with."""
        inner = self.inner(path)
        name = os.path.basename(inner)  # noqa: PTH119
        if not files.is_visible(name) or f"{os.sep}{files.HIDDEN}" in f"{os.sep}{inner}":
            return False
        if is_too_long(path):
            self._pass_over(path, tree.DEEP)
            return False
        if not self._settings.recursive and os.sep in inner:
            return False
        real = os.path.join(self._real, inner)  # noqa: PTH118
        if real in self._outputs or real.startswith(self._own):
            return False
        globs = self._settings.globs
        if globs and not any(
            fnmatch.fnmatch(name, glob) or fnmatch.fnmatch(inner, glob) for glob in globs
        ):
            return False
        return not files.is_asked(name) or self._begins_well(path)

    def _begins_well(self, path: str) -> bool:
        """Asked at every look through the folder, so that a file is opened once in each state."""
        try:
            status = os.lstat(path)
        except (OSError, ValueError):
            return files.eligible(os.path.basename(path))  # noqa: PTH119
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        state = hash((path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        known = self._begins.get(state)
        if known is None:
            known = self._looked_into(path)
            # What was just written may be written again before a clock tells the states apart.
            if time.time_ns() - changed > FAT_STEP:
                if len(self._begins) >= MOST_KNOWN:
                    self._begins.clear()
                self._begins[state] = known
        return known

    def _looked_into(self, path: str) -> bool:
        name = os.path.basename(path)  # noqa: PTH119
        try:
            descriptor = self.at(path).open()
        except (OSError, ValueError):  # it is gone, or a link
            return files.eligible(name)
        try:
            check_regular(os.fstat(descriptor), path)
            return files.begins_well(name, os.read(descriptor, HEAD_BYTES))
        except OSError:
            return files.eligible(name)
        finally:
            os.close(descriptor)

    def at(self, path: str) -> Place:
        """A file in this folder, reached from here alone."""
        return place_in(self.name, path)

    def place(self, path: str, *, bad: bool) -> Place | None:
        """Where a file goes when its records are kept; None where it is deleted."""
        root = self._quarantine if bad and self._quarantine else self._done
        return root and Place(root.top, os.path.join(root.inner, self.inner(path)))  # noqa: PTH118

    def target(self, path: str) -> Place:
        """What was a ``place``, by its path."""
        for root in self._roots:
            if path.startswith(os.path.join(root.path, "")):  # noqa: PTH118
                return place_in(root.top, path)
        if self.holds(path):
            return self.at(path)
        return Place(*os.path.split(path))

    def holds(self, path: str) -> bool:
        """Whether a path lies in the folder, by its name."""
        return path.startswith(self._begin)

    def inner(self, path: str) -> str:
        """A file's name as seen from the folder."""
        return path.removeprefix(self._begin)

    def _root(self, folder: str | Path) -> Place:
        """Where files go; a folder in the watched one is reached from there, without links."""
        path = os.path.abspath(folder)  # noqa: PTH100
        inside = place_in(self._real, os.path.realpath(path))
        if not os.path.isabs(inside.inner):  # noqa: PTH117
            return Place(self.name, inside.inner)
        if not os.path.isabs(self.inner(path)):  # noqa: PTH117
            what = f"{folder}: leads out of the watched folder by a link, where none is followed"
            raise UsageError(f"{what}; name the folder that it leads to")
        return Place(path, "")

    def _say_closed(self, path: str, error: OSError, number: int) -> None:
        if path not in self.closed and number <= MENTIONED:
            more = "; there are more" if number == MENTIONED else ""
            _log.warning("%s; nothing in it is taken%s", printable(closed(path, error)), more)
        self.closed.add(path)

    def _pass_over(self, path: str, why: str) -> None:
        """Said once of each kind: a thousand links are no thousand lines, every ten seconds."""
        if why not in self._said:
            self._said.add(why)
            _log.warning("%s: is passed over: %s; so is all of that kind", printable(path), why)
