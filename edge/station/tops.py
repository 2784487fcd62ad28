"""One watched folder: which of the files in it count, and where they go."""

from __future__ import annotations

import fnmatch
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.errors import UsageError
from edge.formats import SUFFIXES
from edge.name_pattern import NamePattern, Names
from edge.sources import files, tree
from edge.sources.beneath import Place, closed, is_too_long, look_into, place_in
from edge.sources.watch import Watch, state_of
from edge.station.putaway import HIDDEN, Done, restore
from edge.station.settle import Patience
from edge.text import printable

_log = logging.getLogger(__name__)

#: So many closed folders are named; a thousand of them are no thousand lines.
MENTIONED: Final = 8


@dataclass(frozen=True)
class FolderSettings:
    """What to watch and what to do with its files.

    Attributes:
        tops: The folders.
        recursive: Whether the folders in them count.
        globs: Patterns of which a file's name, or its path in the folder, must match one; none for
            all.
        name_pattern: Where lot, wafer and slot stand in names, see ``edge.name_pattern``; empty for
            nowhere.
        name_sample: A name that fits it, to see what comes out.
        polling: Seconds between two looks through the folders; None lets the operating system tell.
        done: What happens to a file whose records are kept.
        done_dir: Where ``move`` moves it; None for ``done`` in the folder itself.
        quarantine: Where a file goes that stays bad; None leaves it.
        patience: How long files are given.
        once: End when everything that is there has been taken.
    """

    tops: tuple[str, ...]
    recursive: bool = True
    globs: tuple[str, ...] = ()
    name_pattern: str = ""
    name_sample: str = ""
    polling: float | None = None
    done: Done = Done.KEEP
    done_dir: Path | None = None
    quarantine: Path | None = None
    patience: Patience = field(default_factory=Patience)
    once: bool = False

    @property
    def nothing_found(self) -> str:
        """Which files were looked for where there was none."""
        wanted = ", ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        fitting = f" that fits {' or '.join(map(repr, self.globs))}" if self.globs else ""
        where = " or below it" if self.recursive else "; folders in it are left alone"
        return f"no file of a known format ({wanted}){fitting} in it{where}"

    def names(self) -> Names | None:
        """What finds lot and wafer in the names of the files of these folders."""
        if not self.name_pattern:
            return None
        return Names(NamePattern(self.name_pattern), map(os.path.abspath, self.tops))


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
        raise UsageError(
            f"{name}: is a file, not a folder; name the folder to watch (wm-edge classify reads "
            "files)"
        )


class Top:
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
        self._settings = settings
        self._outputs = outputs
        _refuse_file(name)
        self._real = os.path.realpath(name)
        done = settings.done_dir or os.path.join(name, "done")  # noqa: PTH118
        self._done = self._root(done) if settings.done is Done.MOVE else None
        self._quarantine = self._root(settings.quarantine) if settings.quarantine else None
        # Links may lead to one folder by several names; events come with the one listened to.
        roots = (self._done, self._quarantine)
        self._own_folders = tuple(os.path.realpath(root.path) for root in roots if root)
        for folder in self._own_folders:
            if f"{self._real}{os.sep}".startswith(f"{folder}{os.sep}"):
                raise UsageError(
                    f"{folder}: files from {name} cannot be put there, since nothing in it is "
                    "taken; name a folder beside it or in it"
                )
        self._watch: Watch | None = None
        self._said: set[str] = set()
        #: Folders in it that could not be looked into the last time.
        self.closed: set[str] = set()

    @property
    def trouble(self) -> str | None:
        """Why nothing can come from the folder now, in a few words; from any thread."""
        return self._watch.trouble if self._watch else state_of(self.name)[1]

    def listen(
        self, on_change: Callable[[Top, set[str]], None], on_gap: Callable[[], None]
    ) -> None:
        """Begin to listen; see ``edge.sources.watch``."""
        self._watch = Watch(
            self.name,
            lambda paths: on_change(self, paths),
            on_gap,
            recursive=self._settings.recursive,
            polling=self._settings.polling,
            leave_out=[root.path for root in (self._done, self._quarantine) if root],
        )
        self._watch.start()

    def stop(self) -> None:
        """Listen no more."""
        if self._watch:
            self._watch.stop()

    def scan(self, folder: str = "") -> Iterator[str]:
        """Files that count, in natural order; what a crash left hidden gets its name back.

        Args:
            folder: Look into this folder of it alone, absolute.
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
        """Whether a file is a wafer to take, by its name alone."""
        inner = self.inner(path)
        name = os.path.basename(inner)  # noqa: PTH119
        if not files.eligible(name) or f"{os.sep}{files.HIDDEN}" in f"{os.sep}{inner}":
            return False
        if is_too_long(path):
            self._pass_over(path, tree.DEEP)
            return False
        if not self._settings.recursive and os.sep in inner:
            return False
        real = os.path.join(self._real, inner)  # noqa: PTH118
        if real in self._outputs or real.startswith(
            tuple(f"{folder}{os.sep}" for folder in self._own_folders)
        ):
            return False
        globs = self._settings.globs
        return not globs or any(
            fnmatch.fnmatch(name, glob) or fnmatch.fnmatch(inner, glob) for glob in globs
        )

    def at(self, path: str) -> Place:
        """A file in this folder, reached from here alone."""
        return place_in(self.name, path)

    def place(self, path: str, *, bad: bool) -> Place | None:
        """Where a file goes when its records are kept; None where it is deleted."""
        root = self._quarantine if bad and self._quarantine else self._done
        return root and Place(root.top, os.path.join(root.inner, self.inner(path)))  # noqa: PTH118

    def target(self, path: str) -> Place:
        """What was a ``place``, by its path."""
        for root in (self._quarantine, self._done):
            if root and path.startswith(os.path.join(root.path, "")):  # noqa: PTH118
                return place_in(root.top, path)
        if self.holds(path):
            return self.at(path)
        return Place(*os.path.split(path))

    def holds(self, path: str) -> bool:
        """Whether a path lies in the folder, by its name."""
        return path.startswith(os.path.join(self.name, ""))  # noqa: PTH118

    def inner(self, path: str) -> str:
        """A file's name as seen from the folder."""
        return self.at(path).inner

    def _root(self, folder: str | Path) -> Place:
        """Where files go; a folder in the watched one is reached from there, without links."""
        path = os.path.abspath(folder)  # noqa: PTH100
        inside = place_in(self._real, os.path.realpath(path))
        if not os.path.isabs(inside.inner):  # noqa: PTH117
            return Place(self.name, inside.inner)
        if not os.path.isabs(self.at(path).inner):  # noqa: PTH117
            raise UsageError(
                f"{folder}: leads out of the watched folder by a link, where none is followed; "
                "name the folder that it leads to"
            )
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
