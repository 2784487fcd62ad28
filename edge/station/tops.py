"""One watched folder: which of the files in it count, and where they go."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import UsageError
from edge.name_pattern import NamePattern, Names
from edge.sources import files
from edge.sources.watch import Watch
from edge.station.putaway import Done
from edge.station.settle import Patience


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

    def names(self) -> Names | None:
        """What finds lot and wafer in the names of the files of these folders."""
        if not self.name_pattern:
            return None
        return Names(NamePattern(self.name_pattern), map(os.path.abspath, self.tops))


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
        if os.path.exists(name) and not os.path.isdir(name):  # noqa: PTH110, PTH112
            raise UsageError(f"{name}: is a file; name the folder to watch")
        self._done = os.path.abspath(settings.done_dir or os.path.join(name, "done"))  # noqa: PTH100, PTH118
        own = [self._done] if settings.done is Done.MOVE else []
        if settings.quarantine:
            own.append(os.path.abspath(settings.quarantine))  # noqa: PTH100
        # Links may lead to one folder by several names; events come with the one listened to.
        self._own_folders = tuple(map(os.path.realpath, own))
        self._real = os.path.realpath(name)
        for folder in self._own_folders:
            if f"{self._real}{os.sep}".startswith(f"{folder}{os.sep}"):
                raise UsageError(
                    f"{folder}: files from {name} cannot be put there, since nothing in it is "
                    "taken; name a folder beside it or in it"
                )
        self._watch: Watch | None = None

    @property
    def is_there(self) -> bool:
        """Whether the folder can be looked into now."""
        return self._watch.is_there if self._watch else os.path.isdir(self.name)  # noqa: PTH112

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
        )
        self._watch.start()

    def stop(self) -> None:
        """Listen no more."""
        if self._watch:
            self._watch.stop()

    def scan(self, folder: str | None = None) -> Iterator[str]:
        """Files that count, in natural order.

        Args:
            folder: Look into this folder of it alone, absolute.
        """
        for path in files.walk(
            folder or self.name, self._own_folders, recursive=self._settings.recursive
        ):
            if self.counts(path):
                yield path

    def counts(self, path: str) -> bool:
        """Whether a file is a wafer to take, by its name alone."""
        inner = self.inner(path)
        name = os.path.basename(inner)  # noqa: PTH119
        if not files.eligible(name) or f"{os.sep}{files.HIDDEN}" in f"{os.sep}{inner}":
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

    def place(self, path: str, *, bad: bool) -> Path | None:
        """Where a file goes when its records are kept; None where it is deleted."""
        inner = self.inner(path)
        if bad and self._settings.quarantine:
            return self._settings.quarantine / inner
        return Path(self._done, inner) if self._settings.done is Done.MOVE else None

    def holds(self, path: str) -> bool:
        """Whether a path lies in the folder, by its name."""
        return path.startswith(os.path.join(self.name, ""))  # noqa: PTH118

    def inner(self, path: str) -> str:
        """A file's name as seen from the folder."""
        return path.removeprefix(os.path.join(self.name, ""))  # noqa: PTH118
