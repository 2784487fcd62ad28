"""A file whose format is known in, its wafer maps out, by what a user says of such files."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from edge.errors import InputError, InputKind
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.registry import Format, Source
from edge.formats.unpacking import HEAD_BYTES

if TYPE_CHECKING:
    from edge.wafer.wafermap import WaferMap

#: Columns that a message names.
_SHOWN: Final = 6


def wafers_of(
    chosen: Format, file: Source, source: str, rules: Rules
) -> Iterator[WaferMap | InputError]:
    """Read a file by its format.

    Args:
        chosen: The format; none that holds other files.
        file: The file, at its beginning.
        source: Its name.
        rules: What passes, and what colours mean, where files do not say so themselves.

    Raises:
        InputError: the file as a whole cannot be used.
    """
    module = import_module(chosen.module)  # now, if it was not before
    if chosen.is_fab:
        from edge.formats.fab.legend import judged

        yield from judged(module.read_maps(file, source), rules, source)
    elif chosen.is_picture:
        yield from _read_picture(module, file, source, rules)
    elif chosen.signature is None:
        yield from _read_grid(file, source, rules)
    else:
        yield from module.read(file, source)


def _read_picture(module: Any, file: Source, source: str, rules: Rules) -> Iterator[WaferMap]:
    own = rules.palette_of(source)
    for wafer in module.read(file, source, own):
        if own and rules.drawn:
            from edge.formats.fab.fab_map import of_wafer

            rules.drawn(of_wafer(wafer))
        yield wafer


def _read_grid(file: Source, source: str, rules: Rules) -> Iterator[WaferMap | InputError]:
    """A grid of die states; of bins, where it is none and somebody says which of them pass."""
    from edge.formats import text_grid

    try:
        yield from text_grid.read(file, source)
    except InputError as error:
        from edge.formats.fab import wafer_list

        file.seek(0)
        if names := wafer_list.names_of(file.read(HEAD_BYTES)):
            shown = ", ".join(repr(name[:20]) for name in names[:_SHOWN])
            what = f"a table with a line a wafer ({shown}), no map; take it out of the folder"
            raise InputError(source, InputKind.NOT_A_MAP, what) from None
        if error.kind is not InputKind.BAD_VALUE or rules is NO_RULES:
            raise
        from edge.formats.fab import bin_grid
        from edge.formats.fab.legend import judged

        if not bin_grid.is_said(rules):
            raise
        file.seek(0)
        yield from judged(bin_grid.read_maps(file, source), rules, source)
