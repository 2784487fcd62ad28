"""The pattern files that ``wm-edge pattern`` finds in a folder, by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge.terminal.streams import warn

if TYPE_CHECKING:
    from edge.own.pattern_file import OwnPattern


def usable(folder: Path) -> list[tuple[Path, OwnPattern]]:
    """The pattern files of a folder; what is wrong with one is said, and the others go on.

    Raises:
        UsageError: the folder cannot be read.
    """
    from edge.errors import UsageError, why
    from edge.own.pattern_file import files, load

    found = []
    try:
        paths = files(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({why(error)})") from error
    for path in paths:
        try:
            found.append((path, load(path)))
        except UsageError as error:
            warn([str(error)])
    return found


def called(found: list[tuple[Path, OwnPattern]], name: str) -> Iterator[tuple[Path, OwnPattern]]:
    """Those of a name in any spelling, whatever their files are called."""
    from edge.wafer.patterns import spelled

    return (pair for pair in found if spelled(pair[1].name) == spelled(name))


def named(folder: Path, name: str) -> tuple[Path, OwnPattern]:
    """The pattern of a name, and its file.

    Raises:
        UsageError: there is none, or its file cannot be used.
    """
    from edge.errors import UsageError
    from edge.own.pattern_file import load, path_of

    if os.path.lexists(path := path_of(folder, name)):
        return path, load(path)
    others = usable(folder)
    if found := next(called(others, name), None):
        return found
    known = ", ".join(one.name for _, one in others) or "none"
    raise UsageError(f"{folder}: no pattern {name!r} in it; there are: {known}")
