"""``wm-edge show``: wafer maps drawn in the terminal, with what their file says of them."""

from __future__ import annotations

import os
import shutil
import string
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
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

#: Letters for codes of more than one.
_ALPHABET: Final = string.ascii_uppercase + string.ascii_lowercase

#: Codes whose counts are shown, the most frequent ones.
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
    a terminal dies that fail are red; else they are X. Where nobody says what passes, the codes are
    drawn, so that you can: a letter is a code.

    \b
    Examples:
      wm-edge show lot42.sinf
      wm-edge show incoming/ --recipes recipes/ | less
      wm-edge show lot42.klarf --png lot42.png
    """
    from edge.dataset.map_files import found_in, place_of
    from edge.errors import InputError
    from edge.formats.fab.passing import UnsaidError
    from edge.formats.fab.rules import rules_of
    from edge.formats.paths import expand

    names = options.names(pattern, paths)
    several = png is not None and (png.is_dir() or not png.suffix)
    failed = shown = 0
    taken: list[str] = []
    for item in found_in(expand(paths), rules_of(pass_bins, none_bins, recipes), names):
        if isinstance(item, InputError):
            failed += 1
            if isinstance(item, UnsaidError) and item.fab and png is None:
                _draw_codes(item.fab, first=not shown)
                shown += 1
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
    from edge.wafer.half_blocks import gathered, half_blocks, letters

    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    on_terminal = options.is_terminal(sys.stdout)
    colour = on_terminal and "NO_COLOR" not in os.environ and encoding.lower().startswith("utf")
    dies = gathered(crop(found.wafer.dies), max(_NARROW, _width() - _FACTS))
    drawn = half_blocks(dies) if colour else letters(dies)
    _echo(drawn, dies.shape[1], facts, first=first, colour=colour)


def _draw_codes(fab: FabMap, *, first: bool) -> None:
    """A map of which nobody says what passes: its codes, a letter each, for who must say it."""
    from edge.wafer.half_blocks import thinned

    codes, step = thinned(fab.codes, max(_NARROW, _width() - _FACTS))
    letters = _letters(fab)
    drawn = ["".join(letters[number] for number in row) for row in codes.tolist()]
    rows, columns = fab.codes.shape
    known = {
        **_names(fab),
        "orientation": fab.orientation,
        "grid": f"{rows} x {columns}" + (f", every {step}th drawn" if step > 1 else ""),
        "passes by": "nobody says it",
    }
    facts = [fab.name, *_lines(known), *_codes(fab, letters)]
    _echo(drawn, codes.shape[1], [printable(fact) for fact in facts], first=first)


def _letters(fab: FabMap) -> list[str]:
    """How each code is drawn: as it is, if it is one letter, else as one that is free."""
    from edge.formats.fab.passing import order

    texts = {code.text for code in fab.legend if len(code.text) == 1}
    own = {text for text in texts if text.isascii() and text.isprintable() and text != " "}
    free = iter([letter for letter in _ALPHABET if letter not in own])
    found = [" "] * (len(fab.legend) + 1)  # the last is for no position
    for number in sorted(range(len(fab.legend)), key=lambda each: order(fab.legend[each].text)):
        text, meaning = fab.legend[number]
        if not meaning.is_none:
            found[number] = text if text in own else next(free, "?")
    return found


def _width() -> int:
    on_terminal = options.is_terminal(sys.stdout)
    return shutil.get_terminal_size((80, 24)).columns if on_terminal else _PAGE


def _echo(
    drawn: list[str], columns: int, facts: list[str], *, first: bool, colour: bool = False
) -> None:
    from edge.wafer.half_blocks import beside

    room = max(_width() - columns - 2, _NARROW)
    lines = beside(drawn, columns, [cut(fact, room) for fact in facts])
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
        **_names(fab),
        "orientation": fab.orientation and f"{fab.orientation}, {turned}",
        "grid": f"{rows} x {columns}",
        "die pitch": fab.pitch and "{:g} x {:g} um".format(*fab.pitch),
        "dies": f"{wafer.die_count:,}",
        "fails": f"{wafer.fail_count:,} ({100 * wafer.fail_count / wafer.die_count:.1f} %)",
        "passes by": wafer.legend,
        "retests": wafer.retests or None,
    }
    yield from _lines(known)
    if wafer.legend is not None:
        yield from _codes(fab)
    if wafer.warning:
        yield from textwrap.wrap(f"warning: {wafer.warning}", _FACTS, subsequent_indent="  ")


def _names(fab: FabMap) -> dict[str, object]:
    return {
        "format": fab.format,
        "lot": fab.lot,
        "wafer": fab.wafer or fab.slot,
        "slot": fab.slot,
        "device": fab.device,
        "tool": fab.tool,
    }


def _lines(known: Mapping[str, object]) -> Iterator[str]:
    yield from (f"{name:<12} {value}" for name, value in known.items() if value not in (None, ""))


def _codes(fab: FabMap, letters: Sequence[str] = ()) -> Iterator[str]:
    """What the most frequent codes mean, in order of their numbers, and how they are drawn."""
    import numpy as np

    from edge.formats.fab.passing import order

    counts = np.bincount(fab.codes[fab.codes >= 0].ravel(), minlength=len(fab.legend))
    most = np.argsort(-counts, kind="stable")[:_CODES].tolist()
    for number in sorted(most, key=lambda each: order(fab.legend[each].text)):
        code = fab.legend[number]
        if counts[number]:
            drawn = f"{letters[number]} " if letters else ""
            yield f"  {drawn}{code.text:<10} {code.meaning.value:<9} {counts[number]:,}"
    if left := np.count_nonzero(counts) - np.count_nonzero(counts[most]):
        yield f"  and {left} codes more"
