"""The report's section on every yield: tables and heat maps of the yield sweep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convert.report.evidence import Evidence
from convert.report.figures import Figure, figure, named_rows
from convert.report.tables import ABSENT, PageTable
from edge.evaluation.yield_sweep import HIGH_YIELD, Bar, Cell, YieldSweep, at_high_yield
from edge.evaluation.yield_table import limit_of, notes, outcome_of, share_of
from edge.evaluation.yield_wafers import SHARES, Kind


@dataclass(frozen=True)
class KindSection:
    """What the page shows of wafers of one kind; ``notes`` are sentences."""

    title: str
    table: PageTable
    figure: Figure
    notes: tuple[str, ...]


def bars(evidence: Evidence) -> PageTable:
    """What is wanted at high yield, and what there is, a column a kind."""
    found = evidence.yields
    kinds = list(dict.fromkeys(bar.kind for bar in found.bars))
    by_row: dict[tuple[str, str], dict[Kind, Bar]] = {}
    for bar in found.bars:
        by_row.setdefault((bar.pattern, bar.what), {})[bar.kind] = bar
    rows = []
    for (pattern, what), of_kind in by_row.items():
        wanted = limit_of(next(iter(of_kind.values())))
        cells = (_met(of_kind[kind]) if kind in of_kind else ABSENT for kind in kinds)
        rows.append((f"{pattern} {what}", wanted, *cells))
    return PageTable(
        f"At 0 to {100 * HIGH_YIELD:g} % random fails, % of the wafers; small: 95 % interval "
        "(Wilson)",
        ("", "wanted, %", *(kind.words for kind in kinds)),
        tuple(rows),
    )


def sections(found: YieldSweep) -> list[KindSection]:
    """One a kind of wafers that there are."""
    return [
        KindSection(kind.words, _table(rows), _heat_map(kind, rows), tuple(notes(found, kind)))
        for kind, rows in found.cells.items()
        if any(cell.wafers for row in rows.values() for cell in row)
    ]


def _met(bar: Bar) -> str:
    low, high = (100 * end for end in bar.ci95)
    return f"{100 * bar.share:.2f}\n{low:.2f}–{high:.2f}\n{outcome_of(bar)}"


def _table(rows: dict[str, tuple[Cell, ...]]) -> PageTable:
    return PageTable(
        "Named right, % of the wafers, by % of the dies that fail at random; small: accepted and "
        "right / accepted and wrong / to a person",
        ("pattern", *(f"{100 * share:g} %" for share in SHARES)),
        tuple((name, *map(_cell, row)) for name, row in rows.items()),
    )


def _cell(cell: Cell) -> str:
    if not cell.wafers:
        return ABSENT
    shares = (share_of(count, cell.wafers) for count in (cell.right, cell.wrong, cell.review))
    return f"{share_of(cell.named, cell.wafers)}\n{' / '.join(shares)}"


def _heat_map(kind: Kind, rows: dict[str, tuple[Cell, ...]]) -> Figure:
    """The darker, the fewer are named right."""
    named = np.asarray(
        [
            [100 * one.named / one.wafers if one.wafers else np.nan for one in row]
            for row in rows.values()
        ]
    )

    def draw_on(axes: Any) -> None:
        axes.imshow(100 - named, cmap="Oranges", vmin=0, vmax=100, aspect="auto")
        for (row, column), share in np.ndenumerate(named):
            if np.isfinite(share):
                ink = "white" if share < 45 else "black"
                axes.text(column, row, f"{share:.0f}", ha="center", va="center", color=ink)
        axes.set_xticks(range(len(SHARES)), [f"{100 * share:g}" for share in SHARES])
        named_rows(axes, list(rows))
        axes.grid(visible=False)
        axes.set(xlabel="dies that fail at random, %", title="named right, %")

    high = Cell(*map(sum, zip(*map(at_high_yield, rows.values()), strict=True)))
    alt = (
        f"Heat map of the share named right, {kind.words}; of all at 0 to {100 * HIGH_YIELD:g} % "
        f"random fails: {share_of(high.named, high.wafers)} %"
    )
    return figure(1.1 + 0.27 * len(rows), alt, draw_on)
