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
    from edge.dataset.found import Found
    from edge.formats.fab.fab_map import FabMap
    from edge.formats.fab.passing import UnsaidError
    from edge.formats.fab.rules import Rules
    from edge.formats.name_pattern import NamePattern

#: Columns of what stands beside a drawing, of a drawing at least, and of a page.
_FACTS: Final = 44
_NARROW: Final = 24
_PAGE: Final = 140

#: Letters for codes of more than one.
_ALPHABET: Final = string.ascii_uppercase + string.ascii_lowercase

#: Codes whose counts are shown, the most frequent ones; what stands for a letter beside a colour.
_CODES: Final = 8
_SWATCH: Final = "  "


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
    rules: Rules,
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
    from edge.dataset.found import Found, found_in, place_of
    from edge.errors import InputError
    from edge.formats.fab.passing import UnsaidError
    from edge.formats.paths import expand

    names = options.names(pattern, paths)
    folder = png if png and (png.is_dir() or not png.suffix) else None
    if png and not folder and png.suffix.lower() != ".png":
        raise click.UsageError(f"--png {png}: must end in .png, or be a folder")
    only: Found | UnsaidError | None = None
    failed = 0
    taken: list[str] = []
    for item in found_in(expand(paths), rules, names):
        if isinstance(item, InputError):
            failed += 1
            warn([str(item)])
        if not isinstance(item, (Found, UnsaidError)) or item.fab is None:
            continue
        if folder:
            place = place_of(item.fab, f"{folder}/{{}}.png", taken)
            _plot(item, item.fab, place, overwrite=overwrite)
        elif png is None:
            _draw(item, item.fab, first=only is None)
        elif only:
            raise click.UsageError(f"{png} is for one wafer, and there are more; name a folder")
        only = item
    if png and only and only.fab and not folder:
        _plot(only, only.fab, png, overwrite=overwrite)
    return 1 if failed else 0


def _draw(item: Found | UnsaidError, fab: FabMap, *, first: bool) -> None:
    """A wafer; where nobody says what passes its codes, a letter each, for who must say it."""
    from edge.dataset.found import Found
    from edge.wafer.encoding import crop
    from edge.wafer.half_blocks import beside, gathered, half_blocks, letters, thinned

    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    on_terminal = options.is_terminal(sys.stdout)
    colour = on_terminal and "NO_COLOR" not in os.environ and encoding.lower().startswith("utf")
    side = max(_NARROW, _width() - _FACTS)
    if isinstance(item, Found):
        dies = gathered(crop(item.wafer.dies), side)
        columns, drawn = dies.shape[1], half_blocks(dies) if colour else letters(dies)
        facts = list(_facts(item))
    else:
        codes, step = thinned(fab.codes, side)
        own = _letters(fab)
        columns, drawn = codes.shape[1], ["".join(own[at] for at in row) for row in codes.tolist()]
        facts = [*_unsaid(fab, step), *_codes(fab, own)]
    room = max(_width() - columns - 2, _NARROW)
    lines = beside(drawn, columns, [cut(printable(fact), room) for fact in facts])
    click.echo("\n".join(lines if first else ["", *lines]), color=colour)


def _plot(item: Found | UnsaidError, fab: FabMap, path: Path, *, overwrite: bool) -> None:
    """The same as a picture."""
    import numpy as np

    from edge.dataset.found import Found
    from edge.system.files import check_place, write_bytes
    from edge.wafer.wafer_picture import code_plate, plate

    path.parent.mkdir(exist_ok=True)
    check_place(path, overwrite=overwrite)
    if isinstance(item, Found):
        content = plate(item.wafer.dies, [printable(fact) for fact in _facts(item)])
    else:
        is_none = np.array([code.meaning.is_none for code in fab.legend] + [True])
        codes = np.where(is_none[fab.codes], -1, fab.codes).astype(np.int16)
        order = [-1 if is_none[number] else number for number in _most(fab)]
        facts = list(_unsaid(fab))
        lines = [*facts, *_codes(fab, [_SWATCH] * len(fab.legend))]
        content = code_plate(codes, order, [printable(line) for line in lines], len(facts))
    write_bytes(path, content)


def _unsaid(fab: FabMap, step: int = 1) -> Iterator[str]:
    """What is known of a wafer of which nobody says what passes, a line each."""
    rows, columns = fab.codes.shape
    yield fab.name
    yield from _lines(
        {
            **_names(fab),
            "orientation": fab.orientation,
            "grid": f"{rows} x {columns}" + (f", every {step}th drawn" if step > 1 else ""),
            "passes by": "nobody says it",
        }
    )


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
    most = _most(fab)
    for number, count in most.items():
        code = fab.legend[number]
        drawn = f"{letters[number]} " if letters else ""
        yield f"  {drawn}{code.text:<10} {code.meaning.value:<9} {count:,}"
    if left := len(set(fab.codes[fab.codes >= 0].tolist())) - len(most):
        yield f"  and {left} codes more"


def _most(fab: FabMap) -> dict[int, int]:
    """The most frequent codes, with how many dies have them, in order of their numbers."""
    import numpy as np

    from edge.formats.fab.passing import order

    counts = np.bincount(fab.codes[fab.codes >= 0].ravel(), minlength=len(fab.legend)).tolist()
    most = sorted(filter(counts.__getitem__, range(len(counts))), key=lambda at: -counts[at])
    numbers = sorted(most[:_CODES], key=lambda at: order(fab.legend[at].text))
    return {number: counts[number] for number in numbers}
