"""Where ``wm-edge lots`` writes what lots are like: tables, stacks of wafers."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge.system.text import counted, printable, utf8
from edge.terminal import options
from edge.terminal.streams import tell, warn

if TYPE_CHECKING:
    from edge.lots.lot import Lot
    from edge.lots.overview import Overview
    from edge.lots.store_view import StoreView
    from edge.lots.summary import Summary
    from edge.lots.watched import Watched

#: Columns of a table that no terminal shows.
_WIDTH: Final = 140


def write_stack(
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


def kind_of(kind: str | None, output: Path | None) -> str:
    """``table``, ``csv`` or ``json``; as the file's name promises where nothing says it."""
    if kind is not None:
        return kind
    is_csv = output is not None and output.suffix.lower() == ".csv"
    is_table = output is None and options.is_terminal(sys.stdout)
    return "csv" if is_csv else "table" if is_table else "json"


def write(
    found: Overview, charts: Watched | None, kind: str, output: Path | None, *, classics: bool
) -> None:
    """Write lots, in JSON with their charts, into a file or to stdout."""
    from edge.lots import table
    from edge.system.files import write_text

    if kind == "json":
        names = [one.pattern for one in found.pareto]
        more = charts.as_dict(found.lots, names, classics=classics) if charts else {}
        document = json.dumps({**found.as_dict(), **more}, ensure_ascii=False, indent=1)
        lines = iter([document])
    elif kind == "csv":
        lines = table.csv_lines(found)
    else:
        on_terminal = options.is_terminal(sys.stdout)
        lines = table.lines(found, shutil.get_terminal_size().columns if on_terminal else _WIDTH)
    text = "".join(f"{line}\n" for line in lines)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, utf8(text))


def say(found: Overview) -> None:
    """Of which lots all of this is."""
    of = f" of {found.lots_in_store}" if found.lots_in_store > len(found.lots) else ""
    first, last = found.lots[0].last_at[:10], found.lots[-1].last_at[:10]
    wafers = counted(found.together.wafers, "wafer")
    tell(f"{counted(len(found.lots), 'lot')}{of}, {wafers}, {first} to {last}", err=True)
