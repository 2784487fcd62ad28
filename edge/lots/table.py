"""The table of lots for people, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from edge.lots.lot import Lot
from edge.lots.overview import Overview, Period, as_row
from edge.results.csv import Rows
from edge.system.text import cut, padded, percent, printable

#: Title and columns of what stands behind the lot's name; ``patterns`` takes the rest.
_COLUMNS: Final = (
    ("wafers", 6), ("pattern", 7), ("review", 7), ("yield", 6), ("first", 8),
    ("worst", 15), ("run", 13), ("patterns", 0),
)  # fmt: skip

#: Columns of a lot's name at most; patterns that are named of a lot.
_NAME: Final = 16
_NAMED: Final = 4


def lines(found: Overview, width: int) -> Iterator[str]:
    """Lots, patterns by weight and days, as lines that fit a terminal."""
    lots = found.lots
    yield from _lot_lines(lots, width)
    yield ""
    yield f"{'pattern':<{_NAME}}  wafers  share  lots  of all fails  together"
    for one in found.pareto:
        yield (
            f"{_cell(one.pattern, _NAME)}  {one.wafers:>6}  {_percent(one.share):>5}  "
            f"{one.lots:>4}  {_percent(one.fail_share):>12}  {_percent(one.running):>8}"
        )
    yield ""
    yield f"{'recorded':<{_NAME}}  lots  wafers  pattern  review   yield"
    for period in [*found.trend, found.together]:
        yield _period(period)


def _lot_lines(lots: Sequence[Lot], width: int) -> Iterator[str]:
    titles = "  ".join(f"{title:<{room}}" for title, room in _COLUMNS)
    yield f"{'lot':<{_NAME}}  {titles}".rstrip()[:width]
    for lot in lots:
        cells = {
            "wafers": f"{lot.wafers:>6}",
            "pattern": f"{lot.with_pattern:>7}",
            "review": f"{_percent(lot.review_share):>7}",
            "yield": f"{_percent(lot.yielded):>6}",
            "first": lot.first or "-",
            "worst": f"{lot.worst} {_percent(lot.worst_share)} fail",
            "run": f"{lot.run} {lot.run_of}" if lot.run > 1 else "-",
        }
        rooms = dict(_COLUMNS)
        taken = "  ".join(_cell(text, rooms[title]) for title, text in cells.items())
        rest = max(width - _NAME - len(taken) - 4, _NAME)
        yield f"{_cell(lot.name, _NAME)}  {taken}  {cut(printable(named(lot)), rest)}".rstrip()


def named(lot: Lot) -> str:
    """Its patterns with their wafers, the most frequent first."""
    most = [f"{name} {count.wafers}" for name, count in lot.patterns.items()]
    more = [f"and {len(most) - _NAMED} more"] if len(most) > _NAMED else []
    return ", ".join([*most[:_NAMED], *more])


def csv_lines(found: Overview) -> Iterator[str]:
    """The lots as CSV, a column a pattern behind the others (``wafers_<pattern>``)."""
    every = [one.pattern for one in found.pareto]
    plain = [key for key in _row(found.lots[0]) if not key.startswith(_OF)] if found.lots else []
    rows = Rows((*plain, *(f"{_OF}{name}" for name in every)))
    yield rows.header()
    none = {f"{_OF}{name}": 0 for name in every}
    for lot in found.lots:
        yield rows.row({**none, **_row(lot)})


#: Column of a pattern.
_OF: Final = "wafers_"


def _row(lot: Lot) -> dict[str, Any]:
    row = as_row(lot)
    patterns = row.pop("patterns")
    return {**row, **{f"{_OF}{name}": count for name, count in patterns.items()}}


def _period(one: Period) -> str:
    return (
        f"{one.name or 'together':<{_NAME}}  {one.lots:>4}  {one.wafers:>6}  "
        f"{_percent(one.pattern_share):>7}  {_percent(one.review_share):>6}  "
        f"{_percent(one.yielded):>6}"
    )


def _percent(share: float) -> str:
    return f"{percent(share)}%"


def _cell(text: str, room: int) -> str:
    return padded(cut(printable(text), room), room)
