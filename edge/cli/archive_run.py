"""``wm-edge archive run``: a folder of maps in, a folder of verdicts out."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge.cli.archive_settings import judged
from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.archive.results import Settings
    from edge.archive.run import Ran

#: Seconds between two lines of progress, on a terminal and elsewhere.
_EVERY: Final = 2.0, 30.0


@click.command("run", short_help="Judge all of them, on all cores, each once.")
@click.argument("maps", type=options.UserPath(file_okay=False))
@click.option(
    "--out",
    required=True,
    metavar="FOLDER",
    type=options.UserPath(file_okay=False),
    help="Folder of results; of one model file and one rule of review.",
)
@judged
@click.option("--workers", type=click.IntRange(1, 256), help="Processes; one a core by default.")
@click.option(
    "--shard",
    metavar="I/N",
    help="Only the I-th of N shares of about the same work: for arrays of jobs on a cluster.",
)
@click.option("--quiet", is_flag=True, help="No progress and no summary on stderr.")
def command(
    maps: Path,
    out: Path,
    settings: Callable[[], Settings],
    workers: int | None,
    shard: str | None,
    quiet: bool,
) -> int:
    """Judge all wafer maps of an archive.

    Each part of MAPS gets one file of results, named after the hashes of part, model file and
    settings, written aside and renamed: whatever is killed, run the same again and it goes on.
    Any number of these may run at the same time on one folder, on one machine or many. A part that
    fails three times is set aside and told; the others go on, and the exit code is 1.

    \b
    Examples:
      wm-edge archive run maps/ --out results/
      wm-edge archive run maps/ --model mine.tflite --out results-mine/
      wm-edge archive run maps/ --out results/ --shard 3/16      # of a job array
      wm-edge archive run maps/ --out strict/ --review-below 0.99
    """
    options.require("pyarrow")
    from edge.archive.run import Shard, run
    from edge.system.worker_pool import usable_cores

    ran = run(
        maps,
        out,
        settings(),
        workers=workers or usable_cores(),
        shard=Shard.parse(shard) if shard else None,
        on_part=None if quiet else _Told(),
    )
    for name, why in ran.aside.items():
        warn([f"{name}: set aside after three tries: {why}"])
    if not quiet:
        rows = counted(ran.rows_done, "row")
        tell(f"{ran.done} of {counted(ran.parts, 'part')}, {rows}: {_rate(ran)}", 2, err=True)
    return 1 if ran.aside else 0


class _Told:
    """Says now and then how far a run is."""

    def __init__(self) -> None:
        self._due = time.monotonic()
        self._every = _EVERY[0] if options.is_terminal(sys.stderr) else _EVERY[1]

    def __call__(self, ran: Ran) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + self._every
            rows = f"{ran.rows_done:,} of {ran.rows:,} rows"
            text = f"{ran.done} of {ran.parts} parts, {rows}, {_rate(ran)}, {ran.left:,.0f} s left"
            click.echo(printable(text), err=True)


def _rate(ran: Ran) -> str:
    return f"{ran.rate:,.0f} rows a second"
