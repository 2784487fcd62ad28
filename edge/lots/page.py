"""Lots as one HTML page that opens offline: tables, charts, stacked wafers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge.errors import UsageError
from edge.lots.alarm_file import KeptAlarm
from edge.lots.lot import Lot
from edge.lots.overview import Overview
from edge.lots.stack import Stack, stacked, wafers_of
from edge.lots.store_view import StoreView
from edge.lots.summary import Summary
from edge.lots.svg import Point, chart
from edge.lots.watched import Watched
from edge.system.files import check_place, write_text
from edge.system.text import percent, printable

#: Stacks of lots and of patterns; wafers that are laid over each other for one.
_LOTS: Final = 8
_PATTERNS: Final = 12
_WAFERS: Final = 1000

#: Lots in the table and on charts, the newest; the file that ``--output`` writes has them all.
_ROWS: Final = 200
_POINTS: Final = 400


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


class Content(NamedTuple):
    """What the page shows.

    Attributes:
        found: The lots.
        charts: Under their rules; None where there are too few.
        note: Of which lots the limits are, or why there are none.
        kept: Alarms that were raised.
        classics: Charts have limits of p and p' charts, too.
    """

    found: Overview
    charts: Watched | None
    note: str
    kept: list[KeptAlarm]
    classics: bool = False


class Control(NamedTuple):
    """The control chart of a pattern: its name, the drawing, and its limits in words."""

    name: str
    svg: Any
    said: str


def check(path: Path, *, overwrite: bool) -> None:
    """Make sure, before the work, that the page can be written.

    Raises:
        UsageError: it exists and ``overwrite`` is False, or is not called ``.html``.
    """
    if path.suffix.lower() not in {".html", ".htm"}:
        raise UsageError(f"{path}: the page is HTML; let its name end in .html")
    check_place(path, overwrite=overwrite)


def write(path: Path, content: Content, view: StoreView, summary: Summary) -> None:
    """Write the page.

    Raises:
        OutputError: it cannot be written.
        ModuleNotFoundError: jinja2 is not installed.
    """
    by_lot = [*_of_lots(content.found, view, summary)]
    by_pattern = [*_of_patterns(content.found, view, summary)]
    write_text(path, render(content, by_lot, by_pattern))


def render(content: Content, by_lot: Sequence[Picture], by_pattern: Sequence[Picture]) -> str:
    """The page as text."""
    import jinja2

    found = content.found
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
        note=content.note,
        classics=content.classics,
        controls=[*_controls(content)],
        on_charts=min(len(found.lots), _POINTS),
        alarms=_alarms(content),
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
    lots = found.lots[-_POINTS:]
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


def _controls(content: Content) -> Iterator[Control]:
    """A control chart a pattern, the most frequent first."""
    if content.charts is None:
        return
    names = [one.pattern for one in content.found.pareto]
    lots = content.found.lots[-_POINTS:]
    charts = content.charts.charts(lots, names, classics=content.classics)
    for name, spots in charts.items():
        points = [
            Point(
                spot.lot,
                spot.count / spot.wafers,
                f"{spot.count} of {spot.wafers} wafers"
                + (f", limit {spot.limit}" if spot.limit else ", no limit"),
                spot.limit / spot.wafers if spot.limit else None,
                spot.is_alarm,
                tuple(each for each in (spot.p, spot.laney) if each is not None),
            )
            for spot in spots
        ]
        highest = max(max(one.value, one.limit or 0, *one.others, 0) for one in points)
        svg = chart(points, f"Wafers of {name}, lot by lot", min(1.0, max(0.08, 1.1 * highest)))
        model = content.charts.judge.rules(name).model
        size = content.charts.baseline.size
        said = (
            f"baseline: {percent(content.charts.baseline.share(name))} % of the wafers; lots of "
            f"{size} vary {model.dispersion(size):.1f} times as much as independent wafers"
        )
        if not any(spot.limit for spot in spots):
            said += "; whole lots of it are normal, so no number of wafers is out of the ordinary"
        yield Control(name, _markup(svg), said)


def _alarms(content: Content) -> list[tuple[str, str]]:
    """Alarms over the lots of the page, the newest first: what they say, what became of them."""
    if content.charts is None:
        return []
    shown = {lot.name for lot in content.found.lots}
    kept = {(one.alarm.rule, one.alarm.subject, one.alarm.lot): one for one in content.kept}
    found = []
    for alarm in reversed(content.charts.alarms):
        if alarm.lot not in shown:
            continue
        one = kept.get((alarm.rule, alarm.subject, alarm.lot))
        became = (
            f"alarm {one.id}, raised {one.raised_at[:16]}" if one else "not raised yet (--check)"
        )
        if one and one.acknowledged_at:
            became = f"acknowledged by {one.acknowledged_by}: {one.word}"
        often = f"{alarm.false_alarms_a_month:.2g} false alarms a month"
        found.append((alarm.said, f"{often}; {became}"))
    return found


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
