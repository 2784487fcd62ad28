"""``wm-edge lots``: what the lots of a station's store are like."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.lots.lot import Lot
    from edge.lots.overview import Overview
    from edge.lots.store_view import StoreView
    from edge.lots.summary import Selection, Summary

#: Lots that are shown where nothing says which.
LAST: Final = 100

#: A length of time: hours, days or weeks until now.
_AGO: Final = re.compile(r"(\d{1,5})([hdw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}

#: Columns of a table that no terminal shows.
_WIDTH: Final = 140


def since_of(text: str) -> str:
    """``2026-12-01``, with a time behind ``T`` or not (UTC), or ``30d`` ago, as records have it."""
    now = datetime.now(timezone.utc)
    try:
        if ago := _AGO.fullmatch(text):
            when = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            when = datetime.fromisoformat(text.removesuffix("Z"))
            when = when.replace(tzinfo=when.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r}: write 2026-12-01, 2026-12-01T06:00, or 30d") from None
    return when.isoformat(timespec="milliseconds")


@click.command(name="lots")
@click.argument("store", type=options.UserPath(dir_okay=False))
@click.option("--lot", metavar="NAME", help="Only this lot; of wafers without one, this day.")
@click.option(
    "--since",
    type=since_of,
    metavar="TIME",
    help="Lots whose last wafer was recorded since then: a day, a time (UTC), or 12h, 30d, 4w.",
)
@click.option(
    "--last",
    type=click.IntRange(min=1),
    metavar="N",
    show_default=f"{LAST}, with --since all",
    help="The newest so many lots.",
)
@click.option("--pattern", metavar="NAME", help="--stack lays only wafers of this pattern.")
@click.option(
    "--stack",
    type=options.UserPath(dir_okay=False),
    metavar="OUT",
    help="Lay the wafers over each other: a picture (.png), or its numbers (.csv).",
)
@click.option(
    "--html",
    type=options.UserPath(dir_okay=False),
    metavar="OUT.html",
    help="Write one page with tables, charts and stacks, which opens offline.",
)
@click.option(
    "-f",
    "--format",
    "kind",
    type=click.Choice(("table", "json", "csv")),
    help="A table on a terminal, csv into a .csv file, else json.",
)
@click.option("-o", "--output", type=options.UserPath(dir_okay=False), help="Write to this file.")
@options.overwrite
def command(
    store: Path,
    lot: str | None,
    since: str | None,
    last: int | None,
    pattern: str | None,
    stack: Path | None,
    html: Path | None,
    kind: str | None,
    output: Path | None,
    overwrite: bool,
) -> int:
    """Show what the lots of a station's STORE are like: patterns, review, yield, worst wafers.

    STORE is the SQLite file that a station records in; it is only read, and may be in use. A wafer
    that came twice counts as its newest record says; wafers without a lot are put together by day.

    \b
    Examples:
      wm-edge lots results.sqlite
      wm-edge lots results.sqlite --since 30d --output lots.csv
      wm-edge lots results.sqlite --since 30d --html lots.html
      wm-edge lots results.sqlite --lot A4711 --stack A4711.png
      wm-edge lots results.sqlite --since 2026-11-01 --pattern Scratch --stack scratch.csv
    """
    from edge.lots import page
    from edge.lots.overview import overview
    from edge.lots.store_view import StoreView
    from edge.lots.summary import Selection, Summary

    _check(pattern, stack, html, output, overwrite=overwrite)
    if last is None and since is None and lot is None:
        last = LAST
    selection = Selection(lot, since, last)
    with closing(StoreView(store)) as view:
        with Progress("counting lots") as progress:
            counted_lots = Summary(view, progress.at)
        with closing(counted_lots) as summary:
            if summary.note:
                warn([summary.note])
            found = overview(_chosen(summary, selection, store), str(store), summary.total())
            if stack is not None:
                _stack(view, summary, found.lots, pattern, stack)
            if html is not None:
                page.write(html, found, view, summary)
                tell(f"wrote {printable(str(html))}", err=True)
    if output is not None or (stack is None and html is None):
        _write(found, kind, output)
    _say(found)
    return 0


def _check(
    pattern: str | None,
    stack: Path | None,
    html: Path | None,
    output: Path | None,
    *,
    overwrite: bool,
) -> None:
    """Make sure, before the work, that everything can be written."""
    from edge.lots import page
    from edge.system.files import check_place

    if pattern is not None and stack is None:
        raise click.UsageError("--pattern says which wafers --stack lays over each other")
    if stack is not None and stack.suffix.lower() not in {".png", ".csv"}:
        raise click.UsageError(f"--stack {stack}: must end in .png or .csv")
    for place in (stack, output):
        if place is not None:
            check_place(place, overwrite=overwrite)
    if html is not None:
        options.require("jinja2")
        page.check(html, overwrite=overwrite)


def _chosen(summary: Summary, selection: Selection, store: Path) -> list[Lot]:
    """The lots that were asked for.

    Raises:
        UsageError: there is none.
    """
    from edge.errors import UsageError

    lots = summary.lots(selection)
    if lots:
        return lots
    if not summary.total():
        raise UsageError(f"{store}: holds no result yet")
    if selection.lot is not None:
        newest = ", ".join(one.name for one in summary.lots(type(selection)(last=5)))
        what = f"{store}: has no lot {selection.lot!r} since then" if selection.since else ""
        raise UsageError(f"{what or f'{store}: has no lot {selection.lot!r}'}; newest: {newest}")
    last = summary.lots(type(selection)(last=1))[0].last_at
    raise UsageError(f"{store}: no lot was recorded since {selection.since}; the last one: {last}")


def _stack(
    view: StoreView, summary: Summary, lots: list[Lot], pattern: str | None, place: Path
) -> None:
    """Lay wafers over each other, into a picture or a table of numbers."""
    from edge.errors import UsageError
    from edge.lots.stack import MOST, stacked, wafers_of
    from edge.results.csv import Rows
    from edge.system.files import write_bytes, write_text
    from edge.wafer.wafer_picture import share_plate

    wafers = wafers_of(summary, lots, pattern)
    if not wafers:
        known = ", ".join(dict.fromkeys(name for one in lots for name in one.patterns)) or "none"
        raise UsageError(f"{view.path}: no wafer shows {pattern!r} there; there are: {known}")
    stack = stacked(view, wafers)
    if len(wafers) == MOST:
        warn([f"the newest {MOST:,} wafers are laid over each other; --last and --since say less"])
    if stack.without_map:
        warn([f"the store keeps no map of {counted(stack.without_map, 'wafer')} of {len(wafers)}"])
    if place.suffix.lower() == ".csv":
        rows = Rows(("row", "column", "dies", "fails", "share"))
        lines = [rows.header(), *map(rows.row, stack.numbers())]
        write_text(place, "".join(f"{line}\n" for line in lines))
    else:
        write_bytes(place, share_plate(stack.share, stack.top, [*stack.facts(lots, pattern)]))
    tell(
        f"{printable(str(place))}: {counted(stack.wafers, 'wafer')} laid over each other", err=True
    )


def _write(found: Overview, kind: str | None, output: Path | None) -> None:
    from edge.system.files import write_text

    if kind is None:
        is_csv = output is not None and output.suffix.lower() == ".csv"
        is_table = output is None and options.is_terminal(sys.stdout)
        kind = "csv" if is_csv else "table" if is_table else "json"
    text = "".join(f"{line}\n" for line in _lines(found, kind))
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)


def _lines(found: Overview, kind: str) -> Iterator[str]:
    from edge.lots import table

    if kind == "json":
        return iter([json.dumps(found.as_dict(), ensure_ascii=False, indent=1)])
    if kind == "csv":
        return table.csv_lines(found)
    on_terminal = options.is_terminal(sys.stdout)
    return table.lines(found, shutil.get_terminal_size().columns if on_terminal else _WIDTH)


def _say(found: Overview) -> None:
    """Of which lots all of this is."""
    of = f" of {found.lots_in_store}" if found.lots_in_store > len(found.lots) else ""
    first, last = found.lots[0].last_at[:10], found.lots[-1].last_at[:10]
    wafers = counted(found.together.wafers, "wafer")
    tell(f"{counted(len(found.lots), 'lot')}{of}, {wafers}, {first} to {last}", err=True)
