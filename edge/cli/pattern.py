"""``wm-edge pattern``: patterns of one's own, each from a few wafers, without training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.pattern_examples import reading, wafers
from edge.cli.pattern_files import (
    TRIED,
    called,
    classifier,
    confirmed,
    folder_option,
    named,
    store_option,
    tell_of,
    usable,
)
from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.formats.fab.rules import Rules
    from edge.formats.name_pattern import NamePattern


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
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # so small a fit takes ten times with two


@command.command()
@click.argument("name")
@click.argument("examples", nargs=-1, required=True, metavar="EXAMPLES...")
@folder_option
@store_option
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
    rules: Rules,
    direction: bool,
    overwrite: bool,
) -> int:
    """Make a pattern file of some ten wafers.

    5 to 50 will do, better 10 or more of three lots. EXAMPLES are files, folders or, with --store,
    records whose maps are kept: the `id` of a result, or results.id of the store. A station that
    has the folder in use takes the file with the next wafer.

    \b
    Examples:
      wm-edge pattern add Grid grid/*.png
      wm-edge pattern add Grid grid/*.sinf --recipes recipes/
      wm-edge pattern add Grid 17 40 41 77 78 --store results.sqlite
    """
    from edge.classification.teach import teach
    from edge.errors import UsageError
    from edge.own.pattern_file import check_name, path_of

    check_name(name)
    others = usable(folder)
    path, known = next(called(others, name), (path_of(folder, name), None))
    if known and known.name != name:
        what = f"{path}: {known.name} is there already, spelled alike"
        raise UsageError(f"{what}; choose another name, or remove that one")
    if os.path.lexists(path) and not overwrite:
        raise UsageError(f"{path}: exists already; choose another name or pass --overwrite")
    with reading(store) as reader:
        stored = reader.kept(TRIED) if reader else []
        maps = list(wafers(examples, pattern, reader, rules))
    taught = teach(
        name,
        maps,
        classifier(model),
        direction=direction,
        stored=stored,
        others=[one for _, one in others],
    )
    taught.pattern.save(path)
    tell_of(taught, path)
    return 0


@command.command(name="list")
@folder_option
def list_(folder: Path) -> int:
    """List the pattern files of a folder."""
    found = usable(folder)
    for _, one in found:
        trusted = ", trusted" if one.is_trusted else ""
        tell(
            f"{one.name}: {counted(len(one.examples), 'example')}, "
            f"recall {100 * one.recall:.0f} %, {confirmed(one)}{trusted}"
        )
    if not found:
        tell(f"{printable(str(folder))}: no pattern file", err=True)
    return 0


@command.command()
@click.argument("name")
@folder_option
def show(name: str, folder: Path) -> int:
    """Show what a pattern was made from."""
    path, one = named(folder, name)
    up = "up matters" if one.direction else "any flip or quarter turn of it"
    tell(f"{one.name}  ({printable(str(path))}, made {one.made}; {up})")
    tell(f"recall {100 * one.recall:.0f} % of its examples by the others; {confirmed(one)}")
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
@folder_option
def remove(name: str, folder: Path) -> int:
    """Delete a pattern file; a station forgets it."""
    from edge.errors import OutputError, why
    from edge.own.pattern_file import path_of

    path = path_of(folder, name)
    if not os.path.lexists(path):  # whatever it is, it can go
        path, _ = named(folder, name)
    try:
        path.unlink()
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed ({why(error)})") from error
    tell(f"removed {printable(str(path))}", err=True)
    return 0


@command.command()
@click.argument("name")
@click.option("--right", type=click.IntRange(0, 10**6), default=0, help="Claims that were right.")
@click.option("--wrong", type=click.IntRange(0, 10**6), default=0, help="Claims that were wrong.")
@click.option("--trust/--no-trust", default=None, help="Whether such wafers may be accepted.")
@folder_option
@options.model
def confirm(
    name: str, right: int, wrong: int, trust: bool | None, folder: Path, model: Path | None
) -> int:
    """Note which claims a person found right.

    With --trust a wafer that it claims, and that the model file would accept, no longer goes to
    review: from 20 confirmations on of which 95 % were right, and as long as that holds. Numbers
    add up: give what was looked at since. --model names the model file whose results these were.

    \b
    Examples:
      wm-edge pattern confirm 'Chuck mark' --right 22 --wrong 1 --trust
      wm-edge pattern confirm Grid --wrong 3 --no-trust
    """
    from edge.errors import UsageError
    from edge.model.model_file import load
    from edge.own.pattern_file import CONFIRMED, PRECISION

    path, one = named(folder, name)
    at_work = load(model)
    if not one.fits(at_work.network_sha256):
        what = f"{path}: made for another model file or version than {at_work.path}"
        raise UsageError(
            f"{what}, so what was claimed there was another rule's; name that one "
            "(--model), or make this pattern anew first (`wm-edge pattern rebuild`)"
        )
    changed = one.confirmed(right, wrong, trust=trust)
    if trust and not changed.has_earned:
        raise UsageError(
            f"{one.name}: nothing was noted (it would be {confirmed(changed)}): --trust needs "
            f"{CONFIRMED} confirmations of which {100 * PRECISION:.0f} % are right"
        )
    changed.save(path)
    lost = "; trusted no longer: what it claims goes to review again" if one.is_trusted else ""
    state = ", trusted" if changed.is_trusted else lost
    tell(f"{one.name}: {confirmed(changed)}{state}")
    return 0


@command.command()
@folder_option
@store_option
@options.model
def rebuild(folder: Path, store: Path | None, model: Path | None) -> int:
    """Make pattern files anew for a model file.

    It is done from the examples in them. Those that were made for its network stay as they are. A
    station does the same in memory when it meets a pattern of another model file; what this writes
    can be confirmed and trusted again.

    \b
    Examples:
      wm-edge pattern rebuild --model new.tflite
      wm-edge pattern rebuild --model new.tflite --store results.sqlite
    """
    from edge.classification.teach import rebuilt
    from edge.errors import UsageError

    at_work, failed = classifier(model), 0
    with reading(store) as reader:
        stored = reader.kept(TRIED) if reader else []
    for path, one in usable(folder):
        if one.fits(at_work.model.network_sha256):
            tell(f"{one.name}: was made for this model file; it stays as it is", err=True)
            continue
        try:
            taught = rebuilt(one, at_work, stored)
            taught.pattern.save(path)
        except UsageError as error:
            warn([f"{path}: {error}"])
            failed = 1
            continue
        tell_of(taught, path)
    return failed


@command.command()
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=options.UserPath(),
    required=True,
    help="Folder of class folders, to get one more; with --data the labelled set to write.",
)
@click.option(
    "--data",
    type=options.UserPath(dir_okay=False),
    metavar="DATA.npz",
    help="Write this labelled set with the examples as one more class.",
)
@folder_option
@options.overwrite
def graduate(name: str, output: Path, data: Path | None, folder: Path, overwrite: bool) -> int:
    """Write the examples as a class to train on.

    Beside class folders it becomes one more; with --data it comes into a copy of a labelled set,
    which is then split and trained on.

    \b
    Examples:
      wm-edge pattern graduate 'Chuck mark' --output maps/
      wm-edge pattern graduate 'Chuck mark' --data all.npz --output more.npz
      wm-edge dataset split more.npz --out split.npz
    """
    from edge.classification.graduate import NAME_PATTERN, class_folder, with_examples
    from edge.dataset.reading import load

    _, one = named(folder, name)
    maps = counted(len(one.examples), "wafer map")
    if data is not None:
        with_examples(load(data), one).save(output, overwrite=overwrite)
        made = printable(f"{output}: {data} and {maps} of {one.name}")
        tell(f"{made}; `wm-edge dataset split` divides it", err=True)
        return 0
    place, lots_known = class_folder(one, output)
    how = f", named {NAME_PATTERN}" if lots_known else ", without their lots: not all are known"
    tell(f"{maps} in {printable(str(place))}{how}", err=True)
    return 0
