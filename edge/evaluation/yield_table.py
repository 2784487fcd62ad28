"""A yield sweep as text: what became of each pattern over each share, and what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from edge.dataset.labelled_set import FEW_WAFERS
from edge.evaluation.yield_sweep import HIGH_YIELD, Bar, Cell, YieldSweep
from edge.evaluation.yield_wafers import SHARES, Kind
from edge.system.text import columns, counted, listed, padded, percent, printable
from edge.verdict.rule import MIN_FAILS

#: What is counted of the wafers of a cell.
FIGURES: Final[dict[str, Callable[[Cell], int]]] = {
    "named right": lambda cell: cell.named,
    "accepted, right": lambda cell: cell.right,
    "accepted, wrong": lambda cell: cell.wrong,
    "to a person": lambda cell: cell.review,
}

_FIGURE: Final = max(map(len, FIGURES))


def table(found: YieldSweep) -> str:
    """A table a kind of wafers, in percent of the wafers, then the bars."""
    return "\n".join((*_kinds(found), *_bars(found.bars)))


def share_of(count: int, wafers: int) -> str:
    """In percent, or that there is nothing to divide by."""
    return percent(count / wafers) if wafers else "-"


def outcome_of(bar: Bar) -> str:
    """``pass``, or by how many points it falls short."""
    short = abs(100 * (bar.share - bar.limit))
    return "pass" if bar.is_met else f"falls short by {max(short, 0.01):.{1 if short >= 1 else 2}f}"


def limit_of(bar: Bar) -> str:
    """What is wanted, in percent."""
    return f"{'at most' if bar.at_most else 'at least'} {100 * bar.limit:.1f}"


def notes(found: YieldSweep, kind: Kind) -> Iterator[str]:
    """What a reader of a kind's table must know: what was not judged, and what rests on little."""
    if blank := found.blank[kind]:
        what = f"on which fewer than {MIN_FAILS} dies of their pattern fail"
        yield f"not judged: {counted(blank, 'drawn wafer')} {what}"
    if kind is Kind.CLEARED:
        yield "a wafer of the set may serve over several shares, which makes intervals too narrow"
    few = [
        f"{printable(name)} over {100 * share:g} % ({cell.wafers})"
        for name, row in found.cells[kind].items()
        for share, cell in zip(SHARES, row, strict=True)
        if cell.wafers < FEW_WAFERS
    ]
    if few:
        yield f"fewer than {FEW_WAFERS} wafers: {listed(few, 8)}"


def _kinds(found: YieldSweep) -> Iterator[str]:
    width = max(7, *(columns(name) for rows in found.cells.values() for name in rows))
    shares = "".join(f"{100 * share:>6g}" for share in SHARES)
    for kind, rows in found.cells.items():
        yield f"wafers {kind.words}: % of the wafers, by % of the dies that fail at random"
        yield f"{padded('pattern', width)} {'':<{_FIGURE}}{shares}"
        for name, row in rows.items():
            shown = padded(printable(name), width)
            for what, count in FIGURES.items():
                figures = "".join(f"{share_of(count(cell), cell.wafers):>6}" for cell in row)
                yield f"{shown} {what:<{_FIGURE}}{figures}"
                shown = padded("", width)
        yield from notes(found, kind)
        yield ""


def _bars(bars: tuple[Bar, ...]) -> Iterator[str]:
    if not bars:
        return
    width = max(columns(f"{bar.pattern} {bar.what}") for bar in bars)
    yield f"wanted at 0 to {100 * HIGH_YIELD:g} % random fails, % of the wafers"
    kind = None
    for bar in bars:
        if bar.kind is not kind:
            kind = bar.kind
            yield f"wafers {kind.words}"
        low, high = (100 * end for end in bar.ci95)
        what = padded(printable(f"{bar.pattern} {bar.what}"), width)
        yield (
            f"  {what} {limit_of(bar):>13} {100 * bar.share:>6.2f} ({low:.2f} - {high:.2f}), "
            f"{bar.count} of {bar.wafers}: {outcome_of(bar)}"
        )
