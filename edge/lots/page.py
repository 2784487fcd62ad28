"""Lots as one HTML page that opens offline: tables, charts, stacked wafers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge.errors import UsageError
from edge.lots.lot import Lot
from edge.lots.overview import Overview
from edge.lots.stack import Stack, stacked, wafers_of
from edge.lots.store_view import StoreView
from edge.lots.summary import Summary
from edge.lots.svg import Point, chart
from edge.system.files import check_place, write_text
from edge.system.text import percent, printable

#: Stacks of lots and of patterns; wafers that are laid over each other for one.
_LOTS: Final = 8
_PATTERNS: Final = 12
_WAFERS: Final = 1000

#: Lots in the table, the newest; the file that ``--output`` writes has them all.
_ROWS: Final = 200


class Picture(NamedTuple):
    """Wafers laid over each other.

    Attributes:
        name: Of the lot or the pattern.
        said: What stands below.
        stack: The wafers.
        uri: The picture.
    """

    name: str
    said: str
    stack: Stack
    uri: str


def check(path: Path, *, overwrite: bool) -> None:
    """Make sure, before the work, that the page can be written.

    Raises:
        UsageError: it exists and ``overwrite`` is False, or is not called ``.html``.
    """
    if path.suffix.lower() not in {".html", ".htm"}:
        raise UsageError(f"{path}: the page is HTML; let its name end in .html")
    check_place(path, overwrite=overwrite)


def write(path: Path, found: Overview, view: StoreView, summary: Summary) -> None:
    """Write the page.

    Raises:
        OutputError: it cannot be written.
        ModuleNotFoundError: jinja2 is not installed.
    """
    by_lot = [*_of_lots(found, view, summary)]
    by_pattern = [*_of_patterns(found, view, summary)]
    write_text(path, render(found, by_lot, by_pattern))


def render(found: Overview, by_lot: Sequence[Picture], by_pattern: Sequence[Picture]) -> str:
    """The page as text."""
    import jinja2

    environment = jinja2.Environment(
        # Names of lots, wafers and patterns come from files and may hold anything, HTML too.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{percent(share)} %"
    template = (resources.files("edge.lots") / "template.html.j2").read_text("utf-8")
    return environment.from_string(template).render(
        found=found,
        now=datetime.now(timezone.utc).isoformat(" ", "minutes").removesuffix("+00:00"),
        rows=found.lots[: -_ROWS - 1 : -1],
        charts=[(title, _markup(svg)) for title, svg in _charts(found)],
        by_lot=by_lot,
        by_pattern=by_pattern,
        headline=[*_headline(found)],
    )


def _markup(svg: str) -> Any:
    from markupsafe import Markup

    return Markup(svg)  # noqa: S704 - whatever in it comes from a file is escaped there


def _headline(found: Overview) -> Iterator[tuple[str, str]]:
    together = found.together
    yield "lots", f"{len(found.lots):,}"
    yield "wafers", f"{together.wafers:,}"
    yield "yield of dies", f"{percent(together.yielded)} %"
    yield "wafers with a pattern", f"{percent(together.pattern_share)} %"
    yield "wafers sent to a person", f"{percent(together.review_share)} %"


def _charts(found: Overview) -> Iterator[tuple[str, str]]:
    """What stands over the lots, in their order: title and drawing."""
    lots = found.lots
    shown = {
        "Yield of dies": ([one.yielded for one in lots], True),
        "Wafers with a pattern": ([one.with_pattern / one.wafers for one in lots], False),
        "Wafers sent to a person": ([one.review_share for one in lots], False),
    }
    for title, (values, is_high) in shown.items():
        points = [
            Point(lot.name, value, f"{percent(value)} % of {lot.wafers} wafers")
            for lot, value in zip(lots, values, strict=True)
        ]
        bottom = max(0.0, min(values) - 0.05) if is_high else 0.0
        top = 1.0 if is_high else max(0.05, *values)
        yield title, chart(points, f"{title}, lot by lot", top, bottom)


def _of_lots(found: Overview, view: StoreView, summary: Summary) -> Iterator[Picture]:
    """The lots of the least yield, the worst first."""
    worst = sorted(found.lots, key=lambda one: one.yielded)[:_LOTS]
    for lot in worst:
        said = f"yield {percent(lot.yielded)} %"
        yield from _picture(lot.name, said, [lot], None, view, summary)


def _of_patterns(found: Overview, view: StoreView, summary: Summary) -> Iterator[Picture]:
    for weight in found.pareto[:_PATTERNS]:
        name = weight.pattern
        said = f"{weight.lots} {'lot' if weight.lots == 1 else 'lots'}"
        yield from _picture(name, said, found.lots, name, view, summary)


def _picture(
    name: str,
    said: str,
    lots: Sequence[Lot],
    pattern: str | None,
    view: StoreView,
    summary: Summary,
) -> Iterator[Picture]:
    from edge.wafer.wafer_picture import share_uri

    try:
        stack = stacked(view, wafers_of(summary, lots, pattern, _WAFERS))
    except UsageError:  # no map is kept
        return
    yield Picture(name, said, stack, share_uri(stack.share, stack.top))
