"""``wm-edge pattern``: patterns of one's own, each from a few wafers, without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from edge.cli.pattern_examples import reading, wafers
from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier
    from edge.classification.teach import Taught
    from edge.formats.name_pattern import NamePattern
    from edge.own.pattern_file import OwnPattern

#: Wafers of a store that a pattern is tried on; those of its claims that are listed.
TRIED: Final = 10_000
LISTED: Final = 10


def _folder(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--patterns",
        "folder",
        type=options.UserPath(file_okay=False),
        default="patterns",
        metavar="FOLDER",
        help="Where the pattern files are.",
    )(command)


_store = click.option(
    "--store",
    type=options.UserPath(dir_okay=False),
    metavar="FILE.sqlite",
    help=f"A station's store: what would have been claimed of its last {TRIED:,} wafers is told.",
)


@click.group(name="pattern")
def command() -> None:
    """Recognise a pattern of one's own from some ten wafers that show it, without training.

    A pattern file never changes pattern, probabilities or anything else that the model file says:
    a result gets `suggested`, and a wafer that would be accepted goes to review (`own`).

    \b
    Examples:
      wm-edge pattern add 'Chuck mark' examples/ --store results.sqlite
      wm-edge classify wafers/ --patterns patterns/
      wm-edge watch wafers/ --patterns patterns/
    """


@command.command()
@click.argument("name")
@click.argument("examples", nargs=-1, required=True, metavar="EXAMPLES...")
@_folder
@_store
@options.model
@options.name_pattern
@options.fab
@click.option(
    "--direction", is_flag=True, help="Up matters: the same elsewhere is another pattern."
)
@options.overwrite
def add(
    name: str,
    examples: tuple[str, ...],
    folder: Path,
    store: Path | None,
    model: Path | None,
    pattern: NamePattern | None,
    pass_bins: tuple[str, ...],
    none_bins: tuple[str, ...],
    recipes: Path | None,
    direction: bool,
    overwrite: bool,
) -> int:
    """Make a pattern file of 5 to 50 wafers, better of 10 of three lots.

    EXAMPLES are files, folders or, with --store, ids of records whose maps are kept. A station
    that has the folder in use sees the file within a second.

    \b
    Examples:
      wm-edge pattern add Grid grid/*.png
      wm-edge pattern add Grid grid/*.sinf --recipes recipes/
      wm-edge pattern add Grid 3f9a12cc-17 3f9a12cc-40 3f9a12cc-41 3f9a12cc-77 3f9a12cc-78 \\
          --store results.sqlite
    """
    from edge.classification.teach import teach
    from edge.errors import UsageError
    from edge.formats.fab.rules import rules_of
    from edge.own.pattern_file import check_name, path_of

    check_name(name)
    rules = rules_of(pass_bins, none_bins, recipes)
    path = path_of(folder, name)
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: exists already; choose another name or pass --overwrite")
    with reading(store) as reader:
        stored = reader.kept(TRIED) if reader else []
        maps = list(wafers(examples, pattern, reader, rules))
    taught = teach(
        name,
        maps,
        _classifier(model),
        direction=direction,
        stored=stored,
        others=[one for _, one in _usable(folder)],
    )
    taught.pattern.save(path)
    _tell(taught, path)
    return 0


@command.command(name="list")
@_folder
def list_(folder: Path) -> int:
    """List the pattern files of a folder."""
    found = _usable(folder)
    for _, one in found:
        trusted = ", trusted" if one.is_trusted else ""
        tell(
            f"{one.name}: {counted(len(one.examples), 'example')}, "
            f"recall {100 * one.recall:.0f} %, {_confirmed(one)}{trusted}"
        )
    if not found:
        tell(f"{printable(str(folder))}: no pattern file", err=True)
    return 0


@command.command()
@click.argument("name")
@_folder
def show(name: str, folder: Path) -> int:
    """Show what a pattern was made from."""
    path, one = _named(folder, name)
    up = "up matters" if one.direction else "any flip or quarter turn of it"
    tell(f"{one.name}  ({printable(str(path))}, made {one.made}; {up})")
    tell(f"recall {100 * one.recall:.0f} % of its examples by the others; {_confirmed(one)}")
    tell(f"network {one.network[:12]}")
    for each in one.examples:
        tell(
            printable(
                f"  {each.source}  lot {each.lot or '?'}  wafer {each.wafer or '?'}  "
                f"{each.rows} x {each.columns}"
            )
        )
    return 0


@command.command()
@click.argument("name")
@_folder
def remove(name: str, folder: Path) -> int:
    """Delete a pattern file; a station forgets the pattern within a second."""
    path, _ = _named(folder, name)
    path.unlink()
    tell(f"removed {printable(str(path))}", err=True)
    return 0


@command.command()
@click.argument("name")
@click.option("--right", type=click.IntRange(0, 10**6), default=0, help="Claims that were right.")
@click.option("--wrong", type=click.IntRange(0, 10**6), default=0, help="Claims that were wrong.")
@click.option("--trust/--no-trust", default=None, help="Whether such wafers may be accepted.")
@_folder
def confirm(name: str, right: int, wrong: int, trust: bool | None, folder: Path) -> int:
    """Note what a person found of wafers that a pattern claimed; let it accept.

    With --trust a wafer that it claims, and that the model file would accept, no longer goes to
    review: from 20 confirmations on of which 95 % were right, and as long as that holds.
    """
    from edge.errors import UsageError
    from edge.own.pattern_file import CONFIRMED, PRECISION

    path, one = _named(folder, name)
    changed = one.confirmed(right, wrong, trust=trust)
    if trust and not changed.has_earned:
        raise UsageError(
            f"{one.name}: {_confirmed(changed)}; {CONFIRMED} confirmations of which "
            f"{100 * PRECISION:.0f} % are right come before --trust"
        )
    changed.save(path)
    tell(f"{one.name}: {_confirmed(changed)}" + (", trusted" if changed.is_trusted else ""))
    return 0


@command.command()
@_folder
@_store
@options.model
def rebuild(folder: Path, store: Path | None, model: Path | None) -> int:
    """Make all pattern files of a folder anew from their examples, for another model file."""
    from edge.classification.teach import rebuilt

    classifier = _classifier(model)
    with reading(store) as reader:
        stored = reader.kept(TRIED) if reader else []
    for path, one in _usable(folder):
        taught = rebuilt(one, classifier, stored)
        taught.pattern.save(path)
        _tell(taught, path)
    return 0


@command.command()
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=options.UserPath(file_okay=False),
    required=True,
    help="Folder of classes; the examples go into one of the pattern's name in it.",
)
@_folder
def graduate(name: str, output: Path, folder: Path) -> int:
    """Write the examples as a class folder, for a network that is to learn the pattern."""
    import numpy as np

    from edge.errors import OutputError
    from edge.own.pattern_file import SUFFIX, path_of

    _, one = _named(folder, name)
    place = output / path_of(output, name).name.removesuffix(SUFFIX)
    try:
        place.mkdir(parents=True, exist_ok=False)
        for number, each in enumerate(one.examples):
            np.save(place / f"{number:02d}.npy", each.grid())
    except OSError as error:
        raise OutputError(f"{place}: cannot be written ({error.strerror})") from error
    tell(f"{counted(len(one.examples), 'wafer map')} in {printable(str(place))}", err=True)
    return 0


def _classifier(model: Path | None) -> Classifier:
    from edge.classification.classifier import Classifier
    from edge.model.model_file import load

    return Classifier(load(model))


def _usable(folder: Path) -> list[tuple[Path, OwnPattern]]:
    """The pattern files of a folder; what is wrong with one is said, and the others go on."""
    from edge.errors import UsageError
    from edge.own.pattern_file import files, load

    found = []
    for path in files(folder):
        try:
            found.append((path, load(path)))
        except UsageError as error:
            warn([str(error)])
    return found


def _named(folder: Path, name: str) -> tuple[Path, OwnPattern]:
    from edge.errors import UsageError
    from edge.own.pattern_file import load, path_of

    path = path_of(folder, name)
    if not path.is_file():
        known = ", ".join(one.name for _, one in _usable(folder)) or "none"
        raise UsageError(f"{folder}: no pattern {name!r} in it; there are: {known}")
    return path, load(path)


def _confirmed(one: OwnPattern) -> str:
    return f"{one.right} claims confirmed, {one.wrong} refused"


def _tell(taught: Taught, path: Path) -> None:
    """What a person must know before the pattern is used."""
    name = taught.pattern.name
    tell(f"{name}: {counted(len(taught.recognised), 'example')} in {printable(str(path))}")
    for sentence in taught.sentences():
        tell(printable(f"  {sentence}"), 2)
    for wafer in taught.claimed[:LISTED]:
        tell(printable(f"    {wafer.id}  {wafer.source}  lot {wafer.lot or '?'}"), 4)
    warn(f"{name}: {sentence}" for sentence in taught.warnings)
