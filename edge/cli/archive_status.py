"""``wm-edge archive status``: how far the results of an archive are."""

from __future__ import annotations

from pathlib import Path

import click

from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import warn


@click.command("status", short_help="Say how far the results are.")
@click.argument("maps", type=options.UserPath(file_okay=False))
@click.argument("results", type=options.UserPath(file_okay=False))
def command(maps: Path, results: Path) -> int:
    """Say how far the results of an archive are, and which parts were set aside.

    The exit code is 0 when every part has a result.

    \b
    Examples:
      wm-edge archive status maps/ results/
    """
    options.require("pyarrow")
    from edge.archive.look import status

    found = status(maps, results)
    rows = f"{found.rows_done:,} of {found.rows:,} rows"
    click.echo(printable(f"{found.model}: {found.done} of {counted(found.parts, 'part')}, {rows}"))
    for part, why in found.aside.items():
        warn([f"{part}: set aside: {why}"])
    if found.without_part:
        what = counted(len(found.without_part), "result")
        warn([f"{what} of parts that are not there, or not as they were: remove them, or the maps"])
    return 1 if found.missing else 0
