"""What ``wm-edge lots`` does with alarms: judge, list, acknowledge."""

from __future__ import annotations

import getpass
import json
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.system.text import counted, printable
from edge.terminal import options
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.lots.alarm_file import AlarmFile, KeptAlarm
    from edge.lots.lot import Lot
    from edge.lots.store_view import StoreView
    from edge.lots.summary import Summary
    from edge.sinks.settings import AlarmSettings


def who(by: str | None) -> str:
    """Who does this: as said, or the user of this process."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError):  # no such user, in a container
        return "unknown"


def freeze(file: AlarmFile, lots: Sequence[Lot], view: StoreView, by: str) -> None:
    """Make lots the baseline.

    Raises:
        UsageError: they are too few.
    """
    from edge.errors import UsageError
    from edge.lots.baseline import ENOUGH, baseline

    made = baseline(lots, view.patterns)
    if made is None:
        what = f"{view.path}: not enough lots for a baseline, {len(lots)} of {ENOUGH}"
        raise UsageError(f"{what}; --since and --last say which")
    file.freeze(made, by)
    first, last = made.lots[0], made.lots[-1]
    tell(
        printable(
            f"{file.path}: {counted(len(made.lots), 'lot')} are the baseline from now on, "
            f"{first.name} to {last.name}"
        ),
        err=True,
    )


def check(
    view: StoreView, summary: Summary, file: AlarmFile, by: str, *, nelson: bool
) -> list[KeptAlarm]:
    """Judge the lots behind the baseline; the new alarms are said and given back."""
    from msgspec import structs

    from edge.lots.watched import checked, few, watched

    found = watched(view, summary, file, nelson=nelson)
    if found is None:
        tell(few(summary), err=True)
        return []
    new = checked(view, summary, file, found, by)
    show(new)
    frozen = structs.replace(found, is_frozen=True)
    tell(printable(f"{frozen.said()}: {counted(len(new), 'new alarm')}"), err=True)
    return new


def send(file: AlarmFile, settings: AlarmSettings, station: str) -> bool:
    """Send what has not gone out and nobody has acknowledged; whether all of it arrived.

    What does not arrive is said, and sent again with the next check.
    """
    from edge.errors import OutputError
    from edge.sinks.alarm_targets import targets

    arrived = True
    for target in targets(settings, station):
        for one in file.unsent(target.name):
            if one.acknowledged_at is not None:
                continue
            try:
                target.send({**one.as_dict(), "station": station})
            except OutputError as error:
                warn([f"{error}; alarms are sent again with the next --check"])
                arrived = False
                break
            file.note_sent(one.id, target.name)
    return arrived


def settings_of(
    path: Path, mqtt: str | None, run: str | None, webhook: str | None, *, nelson: bool
) -> tuple[Path, AlarmSettings, str]:
    """The store, where alarms go, and the station's name: of a store, or a station's file.

    Options go before what the file says.
    """
    from msgspec import structs

    from edge.sinks.settings import AlarmSettings

    settings, store, station = AlarmSettings(), path, socket.gethostname()
    if path.suffix.lower() == ".toml":
        from edge.station.config import read

        found = read(path)
        settings, store, station = found.alarms, found.station.store, found.station.name
    try:
        command = tuple(shlex.split(run or ""))
    except ValueError as error:
        raise click.BadParameter(f"{run!r}: {error}", param_hint="--run") from None
    said = {"mqtt": mqtt, "command": command, "webhook": webhook, "nelson": nelson}
    given = {key: value for key, value in said.items() if value}
    return store, structs.replace(settings, **given), station


def show(alarms: Sequence[KeptAlarm]) -> None:
    """Alarms, a line each for people on a terminal, else JSON lines."""
    for one in alarms:
        if not options.is_terminal(sys.stdout):
            click.echo(json.dumps(one.as_dict(), ensure_ascii=False))
            continue
        often = f"{one.alarm.false_alarms_a_month:.2g} false alarms a month"
        seen = f"; acknowledged by {one.acknowledged_by}: {one.word}" if one.acknowledged_at else ""
        line = f"{one.id:>4}  {one.raised_at[:16]}  {one.alarm.said} ({often}){seen}"
        tell(printable(line), 6, fg=None if seen else "red")
