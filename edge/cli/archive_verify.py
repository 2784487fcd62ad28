"""``wm-edge archive verify``: whether results are what they say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.archive_settings import judged
from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.archive.results import Settings


@click.command("verify", short_help="Look whether results are what they say.")
@click.argument("maps", type=options.UserPath(file_okay=False))
@click.argument("results", type=options.UserPath(file_okay=False))
@judged
@click.option(
    "--again",
    type=click.IntRange(min=1),
    default=10_000,
    help="Judge one row in so many again, bit for bit; some of each part at least.",
)
def command(maps: Path, results: Path, settings: Callable[[], Settings], again: int) -> int:
    """Look whether results are whole, of the parts that are there, and judged as now.

    Counts and hashes of all parts, and a sample that is judged again. Give the options that the
    results were made with.

    \b
    Examples:
      wm-edge archive verify maps/ results/
      wm-edge archive verify maps/ results/ --again 1            # all of them
    """
    options.require("pyarrow")
    from edge.archive.look import verify

    seen, wrong = verify(maps, results, settings(), again)
    warn([printable(each) for each in wrong])
    tell(f"{counted(seen, 'row')} judged again: {len(wrong) or 'nothing'} wrong")
    return 1 if wrong else 0
