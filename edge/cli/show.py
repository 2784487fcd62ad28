"""``wm-edge show``: wafer maps drawn in the terminal, with what their file says of them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge.system.text import cut, printable
from edge.terminal import options
from edge.terminal.streams import warn

if TYPE_CHECKING:
    from edge.dataset.map_files import Found
    from edge.formats.fab.fab_map import FabMap
    from edge.formats.name_pattern import NamePattern

#: Columns of what stands beside a drawing, of a drawing at least, and of a page.
_FACTS: Final = 44
_NARROW: Final = 24
_PAGE: Final = 140

#: Codes whose counts are shown, the most frequent first.
_CODES: Final = 8


@click.command(name="show")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--png",
    "png",
    type=options.UserPath(),
    metavar="OUT",
    help="Draw into a PNG instead; of several wafers into a folder (with / at its end).",
)
@options.name_pattern
@options.fab
@options.overwrite
def command(
    paths: tuple[str, ...],
    png: Path | None,
    pattern: NamePattern | None,
    pass_bins: tuple[str, ...],
    none_bins: tuple[str, ...],
    recipes: Path | None,
    overwrite: bool,
) -> int:
    """Draw wafer maps of any format, with lot, wafer, counts and who says what passes beside.

    PATH is what `wm-edge classify` takes. Notch or flat is down where it is known where that is. On
    a terminal dies that fail are red; else they are X.

    \b
    Examples:
      wm-edge show lot42.sinf
      wm-edge show incoming/ --recipes recipes/ | less
      wm-edge show lot42.klarf --png lot42.png
    """
    from edge.dataset.map_files import found_in, place_of
    from edge.errors import InputError
    from edge.formats.fab.rules import rules_of
    from edge.formats.name_pattern import Names
    from edge.formats.paths import expand

    names = Names(pattern, filter(os.path.isdir, paths)) if pattern else None
    several = png is not None and (png.is_dir() or not png.suffix)
    failed = shown = 0
    taken: list[str] = []
    for item in found_in(expand(paths), rules_of(pass_bins, none_bins, recipes), names):
        if isinstance(item, InputError):
            failed += 1
            warn([str(item)])
            continue
        facts = [printable(fact) for fact in _facts(item)]
        if png is None:
            _draw(item, facts, first=not shown)
        else:
            if shown and not several:
                raise click.UsageError(f"{png} is for one wafer, and there are more; name a folder")
            path = place_of(item, f"{png}/{{}}.png", taken) if several else png
            _plot(item, facts, path, overwrite=overwrite)
        shown += 1
    return 1 if failed else 0


def _draw(found: Found, facts: list[str], *, first: bool) -> None:
    from edge.wafer.encoding import crop
    from edge.wafer.half_blocks import beside, gathered, half_blocks, letters

    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    on_terminal = options.is_terminal(sys.stdout)
    colour = on_terminal and "NO_COLOR" not in os.environ and encoding.lower().startswith("utf")
    width = shutil.get_terminal_size((80, 24)).columns if on_terminal else _PAGE
    dies = gathered(crop(found.wafer.dies), max(_NARROW, width - _FACTS))
    room = max(width - dies.shape[1] - 2, _NARROW)
    drawn = half_blocks(dies) if colour else letters(dies)
    lines = beside(drawn, dies.shape[1], [cut(fact, room) for fact in facts])
    click.echo("\n".join(lines if first else ["", *lines]), color=colour)


def _plot(found: Found, facts: list[str], path: Path, *, overwrite: bool) -> None:
    from edge.system.files import check_place, write_bytes
    from edge.wafer.wafer_picture import plate

    if path.suffix.lower() != ".png":
        raise click.UsageError(f"--png {path}: must end in .png, or be a folder")
    path.parent.mkdir(exist_ok=True)
    check_place(path, overwrite=overwrite)
    write_bytes(path, plate(found.wafer.dies, facts))


def _facts(found: Found) -> Iterator[str]:
    """What is known of a wafer, a line each."""
    fab, wafer = found
    yield f"{wafer.source}[{wafer.index}]" if wafer.index else wafer.source
    rows, columns = wafer.dies.shape
    turned = "as drawn" if wafer.turned is None else f"turned by {wafer.turned} degrees"
    known = {
        "format": fab.format,
        "lot": wafer.lot,
        "wafer": wafer.wafer,
        "slot": wafer.slot,
        "device": wafer.device,
        "tool": fab.tool,
        "orientation": fab.orientation and f"{fab.orientation}, {turned}",
        "grid": f"{rows} x {columns}",
        "die pitch": fab.pitch and "{:g} x {:g} um".format(*fab.pitch),
        "dies": f"{wafer.die_count:,}",
        "fails": f"{wafer.fail_count:,} ({100 * wafer.fail_count / wafer.die_count:.1f} %)",
        "passes by": wafer.legend,
        "retests": wafer.retests or None,
    }
    yield from (f"{name:<12} {value}" for name, value in known.items() if value not in (None, ""))
    if wafer.legend is not None:
        yield from _codes(fab)
    if wafer.warning:
        yield from (f"warning: {warning}" for warning in wafer.warning.split("; "))


def _codes(fab: FabMap) -> Iterator[str]:
    """What the most frequent codes mean."""
    import numpy as np

    counts = np.bincount(fab.codes[fab.codes >= 0].ravel(), minlength=len(fab.legend))
    for number in np.argsort(-counts, kind="stable")[:_CODES].tolist():
        code = fab.legend[number]
        if counts[number]:
            yield f"  {code.text:<10} {code.meaning.value:<9} {counts[number]:,}"
