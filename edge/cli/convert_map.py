"""``wm-edge convert-map``: wafer maps of any format into files of any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.errors import InputError
    from edge.formats.fab.rules import Rules
    from edge.formats.name_pattern import NamePattern


@click.command(name="convert-map")
@click.argument("paths", nargs=-1, required=True, metavar="IN...")
@click.argument("out")
@click.option(
    "--to",
    default="",
    metavar="FORMAT",
    help="sinf, klarf, g85, e142, stdf, table (x,y,bin), grid, npy, png or set; by the suffix of "
    "OUT when not given, where .csv is a table.",
)
@options.name_pattern
@options.fab
@options.overwrite
def command(
    paths: tuple[str, ...],
    out: str,
    to: str,
    pattern: NamePattern | None,
    rules: Rules,
    overwrite: bool,
) -> int:
    """Convert wafer maps of any format to any other.

    IN is what `wm-edge classify` takes. Formats of probers and testers keep drawing, codes and
    names; grids, pictures and labelled sets get die states 0, 1, 2, with notch or flat down where
    it is known where that is, and empty labels. OUT is a file, a folder (with / at its end) or a
    name with {lot}, {wafer}, {slot}, {device}, {name} or {index} for a file a wafer; missing
    folders are made.

    \b
    Examples:
      wm-edge convert-map lot42.sinf lot42.g85
      wm-edge convert-map lots/ lots.npz
      wm-edge convert-map lot42.klarf 'out/{lot}_{wafer}.npy'
      wm-edge convert-map w7.npy w7.sinf
      wm-edge convert-map map.txt map.csv --to grid --pass-bins 1,2
    """
    from edge.dataset.map_files import convert
    from edge.wafer.warned import Warned

    failed, warned = 0, Warned()

    def note(error: InputError) -> None:
        nonlocal failed
        failed += 1
        warn([str(error)])

    wafers = convert(
        paths,
        out,
        to=to,
        rules=rules,
        names=options.names(pattern, paths),
        overwrite=overwrite,
        on_error=note,
        warned=warned,
    )
    warn(warned.sentences())
    tell(printable(f"wrote {counted(wafers, 'wafer')} to {out}"), err=True)
    return 1 if failed else 0
