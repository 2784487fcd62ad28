"""The pattern files that ``wm-edge pattern`` finds in a folder, and what it says of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier
    from edge.classification.teach import Taught
    from edge.own.pattern_file import OwnPattern

#: Claims of stored wafers that are listed.
LISTED: Final = 10


#: Wafers of a store that a pattern is tried on.
TRIED: Final = 10_000


folder_option: Final[options.Decorator] = click.option(
    "--patterns",
    "folder",
    type=options.UserPath(file_okay=False),
    default="patterns",
    metavar="FOLDER",
    help="Where the pattern files are.",
)


store_option: Final[options.Decorator] = click.option(
    "--store",
    type=options.UserPath(dir_okay=False),
    metavar="FILE.sqlite",
    help=f"A station's store: what would have been claimed of its last {TRIED:,} wafers is told.",
)


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


def classifier(model: Path | None) -> Classifier:
    """A model file at work; None is the one that ships."""
    from edge.classification.classifier import Classifier
    from edge.model.model_file import load

    file = load(model)
    file.require_exclusive("a pattern of your own")
    return Classifier(file)


def confirmed(one: OwnPattern) -> str:
    """What people found of its claims."""
    return f"{one.right} claims confirmed, {one.wrong} refused"


def tell_of(taught: Taught, path: Path) -> None:
    """What a person must know before the pattern is used."""
    name = taught.pattern.name
    tell(f"{name}: {counted(len(taught.recognised), 'example')} in {printable(str(path))}")
    for sentence in taught.sentences():
        tell(printable(f"  {sentence}"), 2)
    for wafer in taught.claimed[:LISTED]:
        tell(printable(f"    {wafer.id}  {wafer.source}  lot {wafer.lot or '?'}"), 4)
    if len(taught.claimed) > LISTED:
        tell(f"    and {len(taught.claimed) - LISTED} more", 4)
    warn(f"{name}: {sentence}" for sentence in taught.warnings)
