"""A folder of pattern files: those of them that can be used, read anew as they come and go."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from edge.errors import UsageError
from edge.own.pattern_file import OwnPattern, check_folder, files, load
from edge.system.files import State, exists, state_of
from edge.system.text import counted, printable
from edge.wafer.patterns import MOST, PatternSet, spelled

_log = logging.getLogger(__name__)

#: Seconds after which a look reads no further file: wafers wait for it. The next one goes on.
PATIENCE: Final = 0.2


class _Read(NamedTuple):
    """A file as it was read, and the pattern in it, where it can be used."""

    state: State | None
    pattern: OwnPattern | None


def _changes(before: dict[str, OwnPattern], now: dict[str, OwnPattern]) -> Iterator[str]:
    """What came, changed and went, a sentence each."""
    for name, one in now.items():
        old = before.get(name)
        made_from = counted(len(one.examples), "example")
        if old is None or old.rule != one.rule:
            came = "comes into use" if old is None else "has changed"
            yield f"{name} {came} ({made_from}{', trusted' if one.is_trusted else ''})"
        elif old.is_trusted != one.is_trusted:
            yield f"{name} is {'trusted now' if one.is_trusted else 'trusted no longer'}"
    for name in before.keys() - now.keys():
        yield f"{name} is no longer in use"


class Refits(Protocol):
    """What makes patterns fit the network at work."""

    def __call__(self, pattern: OwnPattern) -> OwnPattern:
        """The pattern itself where it fits, else made anew; UsageError where it cannot be."""


class PatternFolder:
    """The patterns of a folder that can be used with a model file, by the names of their files.

    What cannot be used is told in a warning, once, and passed over: no file ends a station. What
    comes, changes or goes after the first look is told as well. A folder that is not there is
    waited for.

    A pattern of another network is made anew from the examples in its file, for this process alone:
    the file stays as it is, since a station with the other model file may read it, too.

    Args:
        folder: Of pattern files.
        classes: What the model file tells apart.
        refit: Makes patterns fit the network at work.

    Attributes:
        behind: Whether the last look was too short for all of the files.

    Raises:
        UsageError: it is something else than a folder.
    """

    def __init__(
        self,
        folder: Path,
        classes: PatternSet,
        refit: Refits,
    ) -> None:
        if exists(folder):
            check_folder(folder)
        self.behind = False
        self._folder = folder
        self._classes = classes
        self._refit = refit
        self._read: dict[Path, _Read] = {}
        self._is_first = True
        self._used: dict[str, OwnPattern] = {}
        self._told: set[str] = set()

    def look(self) -> list[OwnPattern] | None:
        """The patterns that can be used now; None where nothing has changed since the last look.

        The first look reads all files, however long it takes. Where the folder cannot be read, what
        was read before goes on.
        """
        said: list[str] = []
        is_first, self._is_first = self._is_first, False
        try:
            paths = self._paths(said)
        except FileNotFoundError:
            self._tell([f"{self._folder}: there is no folder of pattern files; it is waited for"])
            return None
        except OSError as error:
            self._tell([f"{self._folder}: cannot be read ({error.strerror})"])
            return None
        end = float("inf") if is_first else time.monotonic() + PATIENCE
        self.behind = False
        found: dict[Path, _Read] = {}
        some = False
        for path in paths:
            known, state = self._read.get(path), state_of(path)
            if known is None or known.state != state:
                self.behind = self.behind or (some and time.monotonic() >= end)
                if not self.behind:
                    known, some = _Read(state, self._usable(path)), True
            if known is not None:
                found[path] = known
        usable = list(self._told_apart(found, said))
        self._tell(said)
        has_changed, self._read = found != self._read, found
        if not has_changed:
            return None
        used = {one.name: one for one in usable}
        for sentence in [] if is_first else _changes(self._used, used):
            _log.info("%s: %s", printable(str(self._folder)), printable(sentence))
        self._used = used
        return usable

    def _paths(self, said: list[str]) -> list[Path]:
        """The files that are looked at, and what is to be said of the others."""
        found = files(self._folder)
        if len(found) > MOST:
            others = counted(len(found) - MOST, "other")
            said.append(
                f"{self._folder}: {len(found)} pattern files; the first {MOST} by name are used, "
                f"{found[MOST].name} and {others} are not; take away some"
            )
        return found[:MOST]

    def _usable(self, path: Path) -> OwnPattern | None:
        """What a file holds, for the network at work; None, with a word, where that is nothing."""
        try:
            pattern = load(path)
        except UsageError as error:
            _log.warning("%s", printable(str(error)))
            return None
        try:
            anew = self._refit(pattern)
        except UsageError as error:
            what = (
                f"{path}: made for another model file or version, cannot be made anew here: {error}"
            )
            _log.warning("%s", printable(what))
            return None
        if anew is not pattern:
            self._tell_of(path, anew)
        return anew

    @staticmethod
    def _tell_of(path: Path, anew: OwnPattern) -> None:
        _log.warning(
            "%s: %s was made for another model file or version and is rebuilt here from its %d "
            "examples, of which the others recognise %.0f %% (leave one out); what was confirmed "
            "does not count for it; `wm-edge pattern rebuild` writes it anew",
            printable(str(path)),
            printable(anew.name),
            len(anew.examples),
            100 * anew.recall,
        )

    def _told_apart(self, found: dict[Path, _Read], said: list[str]) -> Iterator[OwnPattern]:
        """The patterns whose names are theirs alone; what is said of the others."""
        names: dict[str, Path] = {}
        for path, (_, pattern) in found.items():
            if pattern is None:
                continue
            if label := self._classes.named(pattern.name):
                said.append(
                    f"{path}: passed over, the model file has {label} as a class; remove the "
                    "pattern, or give it another name"
                )
            elif (first := names.setdefault(spelled(pattern.name), path)) != path:
                said.append(
                    f"{path}: passed over, {pattern.name} stands in {first.name} already, spelled "
                    "alike; remove one of them"
                )
            else:
                yield pattern

    def _tell(self, said: list[str]) -> None:
        """What was not told at the last look."""
        for sentence in said:
            if sentence not in self._told:
                _log.warning("%s", printable(sentence))
        self._told = set(said)
