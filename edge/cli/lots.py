"""``wm-edge lots``: what the lots of a station's store are like."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge.errors import GateError, OutputError
from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.progress import Progress
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.lots.alarm_file import AlarmFile
    from edge.lots.lot import Lot
    from edge.lots.store_view import StoreView
    from edge.lots.summary import Selection, Summary

#: Lots that are shown where nothing says which.
LAST: Final = 100

#: A length of time: hours, days or weeks until now.
_AGO: Final = re.compile(r"(\d{1,5})([hdw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


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
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
@click.option("--freeze", is_flag=True, help="Make these lots the baseline of limits and alarms.")
@click.option(
    "--check", is_flag=True, help="Judge the lots behind the baseline; exit code 4 on a new alarm."
)
@click.option("--mqtt", metavar="URL", help="With --check: alarms go to this broker, too.")
@click.option(
    "--run", metavar="COMMAND", help="With --check: a program that gets each alarm on its stdin."
)
@click.option("--webhook", metavar="URL", help="With --check: gets each alarm by POST.")
@click.option("--alarms", is_flag=True, help="List all alarms that were raised.")
@click.option(
    "--acknowledge", type=int, metavar="NUMBER", help="Note that you have seen this alarm."
)
@click.option("--word", metavar="TEXT", help="With --acknowledge: what it was.")
@click.option("--by", metavar="NAME", help="Who does this; you, as the system knows you.")
@click.option(
    "--nelson", is_flag=True, help="Nelson's rules 1, 2, 3, 5 on the lots' fail rate, as well."
)
@click.option(
    "--classic", is_flag=True, help="Limits of p and p' charts in JSON and on the page, as well."
)
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
    freeze: bool,
    check: bool,
    mqtt: str | None,
    run: str | None,
    webhook: str | None,
    alarms: bool,
    acknowledge: int | None,
    word: str | None,
    by: str | None,
    nelson: bool,
    classic: bool,
) -> int:
    """Show what the lots of a station's STORE are like: patterns, review, yield, worst wafers.

    STORE is the SQLite file that a station records in, or the station's configuration, which also
    says where alarms go; the store is only read, and may be in use. A wafer
    that came twice counts as its newest record says; wafers without a lot are put together by day.
    Baselines and alarms are kept beside it, in STORE.labels.sqlite.

    \b
    Examples:
      wm-edge lots results.sqlite
      wm-edge lots results.sqlite --since 30d --output lots.csv
      wm-edge lots results.sqlite --since 30d --html lots.html
      wm-edge lots results.sqlite --lot A4711 --stack A4711.png
      wm-edge lots results.sqlite --pattern Scratch --stack scratch.csv
      wm-edge lots results.sqlite --since 2026-10-01 --freeze
      wm-edge lots results.sqlite --check --webhook https://chat.fab/hook
      wm-edge lots line3.toml --check
      wm-edge lots results.sqlite --acknowledge 3 --word "pump replaced"
    """
    from edge.cli import lot_alarms
    from edge.lots.alarm_file import AlarmFile
    from edge.lots.store_view import StoreView
    from edge.lots.summary import Selection, Summary

    _check(pattern, stack, html, output, overwrite=overwrite)
    if (acknowledge is None) != (word is None):
        raise click.UsageError("--acknowledge NUMBER and --word TEXT go together")
    if any((mqtt, run, webhook)) and not check:
        raise click.UsageError("--mqtt, --run and --webhook say where --check sends alarms")
    if last is None and since is None and lot is None:
        last = LAST
    store, settings, station = lot_alarms.settings_of(store, mqtt, run, webhook, nelson=nelson)
    who = lot_alarms.who(by)
    with closing(StoreView(store)) as view, closing(AlarmFile(store)) as file:
        if acknowledge is not None and word is not None:
            file.acknowledge(acknowledge, word, who)
            return 0
        if alarms:
            lot_alarms.show(file.alarms())
            return 0
        with Progress("counting lots") as progress:
            counted_lots = Summary(view, progress.at)
        with closing(counted_lots) as summary:
            if summary.note:
                warn([summary.note])
            if check:
                new = lot_alarms.check(view, summary, file, who, nelson=settings.nelson)
                arrived = lot_alarms.send(file, settings, station)
                return GateError.exit_code if new else 0 if arrived else OutputError.exit_code
            lots = _chosen(summary, Selection(lot, since, last), store)
            if freeze:
                lot_alarms.freeze(file, lots, view, who)
                return 0
            look = Look(view, summary, file, lots, nelson=settings.nelson, classics=classic)
            _show(look, pattern, stack, html, kind, output)
    return 0


@dataclass(frozen=True)
class Look:
    """A look at some lots."""

    view: StoreView
    summary: Summary
    file: AlarmFile
    lots: list[Lot]
    nelson: bool
    classics: bool


def _show(
    look: Look,
    pattern: str | None,
    stack: Path | None,
    html: Path | None,
    kind: str | None,
    output: Path | None,
) -> None:
    """Write what was asked for, where it was asked for."""
    from edge.cli import lot_output
    from edge.lots import page
    from edge.lots.overview import overview
    from edge.lots.watched import few, watched

    view, summary = look.view, look.summary
    found = overview(look.lots, str(view.path), summary.total())
    if stack is not None:
        lot_output.write_stack(view, summary, found.lots, pattern, stack)
    charts = None
    if html is not None or lot_output.kind_of(kind, output) == "json":
        charts = watched(view, summary, look.file, nelson=look.nelson)
    if html is not None:
        note = charts.said() if charts else few(summary)
        page.write(
            html,
            page.Content(found, charts, note, look.file.alarms(), look.classics),
            view,
            summary,
        )
        tell(f"wrote {printable(str(html))}", err=True)
    if output is not None or (stack is None and html is None):
        lot_output.write(
            found, charts, lot_output.kind_of(kind, output), output, classics=look.classics
        )
    lot_output.say(found)
    if waiting := sum(one.acknowledged_at is None for one in look.file.alarms()):
        tell(f"{counted(waiting, 'alarm')} not acknowledged; --alarms lists them", err=True)


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
