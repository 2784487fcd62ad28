"""``wm-edge archive import``: wafer maps of any kind into Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import tell

if TYPE_CHECKING:
    from edge.errors import InputError
    from edge.formats.fab.rules import Rules
    from edge.formats.name_pattern import NamePattern
    from edge.wafer.wafermap import WaferMap


@click.command("import", short_help="Read wafer maps of any kind into Parquet.")
@click.argument("sources", nargs=-1, required=True, metavar="SRC...")
@click.option(
    "--out",
    required=True,
    metavar="FOLDER",
    type=options.UserPath(file_okay=False),
    help="Folder of Parquet files; made, or added to.",
)
@options.name_pattern
@options.fab
@click.option("--quiet", is_flag=True, help="No progress and no summary on stderr.")
def command(
    sources: tuple[str, ...],
    out: Path,
    pattern: NamePattern | None,
    rules: Rules,
    quiet: bool,
) -> int:
    """Read wafer maps into a folder of Parquet files, labelled or not.

    SRC is LSWMD.pkl or another pickled table (all its rows), a labelled set or a stack, a file of a
    prober, tester or inspection tool, an archive of those (zip, tar), a folder or a pattern:
    whatever `wm-edge classify` reads; or a station's store, with the maps that it keeps. A file
    that cannot be read is a row with the reason.

    Stopped, the same command goes on where it was; other sources are added, and what has come to a
    store since. LSWMD.pkl takes some 3.3 GB of memory once.

    \b
    Examples:
      wm-edge archive import LSWMD.pkl --out maps/
      wm-edge archive import years/ --name-pattern '{lot}_{wafer}' --out maps/
      wm-edge archive import results.sqlite --out maps/
      wm-edge archive import probed/ --recipes recipes/ --out maps/
    """
    options.require("pyarrow")
    from edge.archive.importing import import_maps
    from edge.formats.paths import read_items
    from train.importers.table_maps import is_table, maps_of

    names = options.names(pattern, sources)

    def read(path: str) -> Iterator[WaferMap | InputError]:
        return maps_of(path) if is_table(path) else read_items([path], names, rules)

    with Progress("importing", wanted=not quiet):
        done = import_maps(sources, out, read)
    if not quiet:
        rows = f"{counted(done.wafers, 'wafer')}, {done.errors} could not be read"
        before = f", {done.before:,} rows were there" if done.before else ""
        tell(printable(f"{out}: {rows}{before}; {counted(done.parts, 'part')}"), 2, err=True)
    return 1 if done.errors else 0
