"""``wm-edge watch``: folders that a tool drops files into, every wafer recorded once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from edge.cli import station_options
from edge.terminal import options

if TYPE_CHECKING:
    from edge.formats.name_pattern import NamePattern

#: Options that are keys of a folder in a station's file.
_KEYS: Final = (
    "recursive", "globs", "polling", "poll_interval", "stable_polls", "bad_after",
    "complete_after", "done", "done_dir", "quarantine", "pass_bins", "none_bins", "recipes",
)  # fmt: skip


@click.command(name="watch")
@click.argument("folders", nargs=-1, required=True, metavar="DIR...")
@click.option(
    "--done",
    type=click.Choice(("keep", "move", "delete")),
    default="keep",
    help="What happens to a file when its result is recorded.",
)
@click.option(
    "--done-dir",
    type=options.UserPath(file_okay=False),
    help="Where `--done move` moves files; `done` in the folder itself when not given.",
)
@click.option(
    "--quarantine",
    type=options.UserPath(file_okay=False),
    help="Move files that stay unreadable there; else they are recorded as errors and left.",
)
@click.option(
    "--glob",
    "globs",
    multiple=True,
    metavar="PATTERN",
    help="Take only files whose name, or path in the folder, matches; may be repeated.",
)
@options.name_pattern
@options.fab_settings
@click.option(
    "--no-recursive",
    "recursive",
    is_flag=True,
    flag_value=False,
    default=True,
    show_default=False,
    help="Leave the folders in DIR alone.",
)
@click.option(
    "--polling",
    is_flag=True,
    help="Look again and again instead of being told: for network shares.",
)
@click.option(
    "--poll-interval",
    type=options.FiniteRange(0.05, 3600),
    show_default="1.0",
    help="Seconds between two looks with --polling.",
)
@click.option(
    "--stable-polls",
    type=click.IntRange(2, 100),
    default=3,
    help="Looks that must find a file unchanged where nobody can tell who writes it.",
)
@click.option(
    "--bad-after",
    type=options.FiniteRange(0, 3600),
    default=2.0,
    help="Seconds that an unreadable file must stay unchanged before it counts as bad.",
)
@click.option(
    "--complete-after",
    type=options.FiniteRange(0, 86_400),
    default=0.0,
    help="Seconds that a file must stay unchanged before it is taken: for tools that write a wafer "
    "anew after every die.",
)
@click.option("--once", is_flag=True, help="Take what is there and end.")
@station_options.common
def command(
    folders: tuple[str, ...],
    pattern: NamePattern | None,
    once: bool,
    **given: Any,
) -> int:
    """Watch folders and record the verdict of every wafer that is dropped into them.

    A file is taken when it is complete: when nobody has it open for writing any more or, on network
    shares, when it has not changed for a while. What lies there at the start is taken, too; each
    wafer is recorded once, whatever is restarted or killed. Ctrl-C or SIGTERM ends it.

    Results go to an SQLite file (--store; else beside the first --jsonl or --csv, else
    wm-edge.sqlite here) and from there to every other sink.

    \b
    Examples:
      wm-edge watch wafers/
      wm-edge watch wafers/ --store results.sqlite --csv results.csv
      wm-edge watch /mnt/prober --polling --done move --quarantine /mnt/bad
      wm-edge watch lots/ --name-pattern '{lot}/{wafer}.*'
      wm-edge watch wafers/ --mqtt mqtts://broker.fab/line3 --metrics 9105
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from msgspec.structs import asdict, replace

    from edge.errors import UsageError
    from edge.station.folder.watched_folder import is_there
    from edge.station.folder_settings import FolderOnce

    if given["done_dir"] and given["done"] != "move":
        raise UsageError("--done-dir says nothing without --done move")
    if given["poll_interval"] is not None and not given["polling"]:
        raise UsageError("--poll-interval says nothing without --polling")
    for folder in folders:
        if not is_there(folder):
            raise UsageError(f"{folder}: no such folder; make it, or check the name")
    told = {key: given[key] for key in _KEYS}
    told |= {"paths": list(map(Path, folders)), "name_pattern": pattern and pattern.text}
    settings = station_options.settings(given, folder=told)
    if once:
        endless = settings.folders
        settings = replace(settings, folders=tuple(FolderOnce(**asdict(one)) for one in endless))
    return station_options.work(settings, quiet=given["quiet"])
