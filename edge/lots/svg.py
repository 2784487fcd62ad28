"""Charts of lots as SVG: drawn here, so that a page needs no program to show them.

Colours are those of the page (``--ink``, ``--line``, ``--mark``, ``--alarm``), light or dark; what
a colour says a shape says, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from edge.system.text import cut, printable

#: Size of a chart, and its margins: left, top, right, bottom.
_WIDTH, _HEIGHT = 720, 190
_LEFT, _TOP, _RIGHT, _BOTTOM = 46, 10, 10, 24

#: Characters of a lot's name below a chart; more points than that are drawn without dots.
_NAME: Final = 24
_DOTS: Final = 160


class Point(NamedTuple):
    """A lot on a chart.

    Attributes:
        name: Of the lot.
        value: Where it stands.
        said: The value in words.
        limit: Above which it is out of the ordinary; None for none.
        is_marked: It is out of the ordinary.
        others: Limits of other kinds.
    """

    name: str
    value: float
    said: str
    limit: float | None = None
    is_marked: bool = False
    others: tuple[float, ...] = ()


def chart(
    points: Sequence[Point], title: str, top: float, bottom: float = 0.0, *, percent: bool = True
) -> str:
    """A line through lots in their order, with their limits; text from files is escaped.

    Args:
        points: At least one.
        title: For who cannot see it.
        top: Upper end of the scale, above ``bottom``.
        bottom: Lower end.
        percent: The scale is one of shares.
    """
    across = (_WIDTH - _LEFT - _RIGHT) / max(len(points) - 1, 1)
    high = _HEIGHT - _TOP - _BOTTOM

    def place(at: int, value: float) -> tuple[float, float]:
        share = min(max((value - bottom) / (top - bottom), 0.0), 1.0)
        return _LEFT + at * across, _TOP + high * (1 - share)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{_text(title)}">',
        *_scale(top, bottom, percent=percent),
    ]
    limits = [(at, one.limit) for at, one in enumerate(points) if one.limit is not None]
    if limits:
        steps = " ".join(_step(*place(at, limit), across) for at, limit in limits)
        parts.append(f'<path class="limit" d="{steps}"/>')
    others = [(at, limit) for at, one in enumerate(points) for limit in one.others]
    if others:
        steps = " ".join(_step(*place(at, limit), across) for at, limit in others)
        parts.append(f'<path class="other" d="{steps}"/>')
    line = " ".join(
        f"{'L' if at else 'M'}{x:.1f} {y:.1f}"
        for at, (x, y) in enumerate(place(at, one.value) for at, one in enumerate(points))
    )
    parts.append(f'<path class="line" d="{line}"/>')
    for at, one in enumerate(points):
        if one.is_marked or len(points) <= _DOTS:
            parts.append(_mark(*place(at, one.value), one))
    for anchor, x, one in (("start", _LEFT, points[0]), ("end", _WIDTH - _RIGHT, points[-1])):
        name = _text(cut(printable(one.name), _NAME))
        parts.append(f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{name}</text>')
        if len(points) == 1:
            break
    return "".join([*parts, "</svg>"])


def _scale(top: float, bottom: float, *, percent: bool) -> list[str]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share)
        value = bottom + share * (top - bottom)
        digits = 1 if (top - bottom) * (100 if percent else 1) < 10 else 0
        said = f"{100 * value:.{digits}f} %" if percent else f"{value:.{digits}f}"
        parts += [
            f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>',
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{said}</text>',
        ]
    return parts


def _step(x: float, y: float, across: float) -> str:
    return f"M{x - across / 2:.1f} {y:.1f}h{across:.1f}"


def _mark(x: float, y: float, one: Point) -> str:
    """A dot; a triangle where the lot is out of the ordinary."""
    said = f"<title>{_text(f'{one.name}: {one.said}')}</title>"
    if one.is_marked:
        corners = f"M{x:.1f} {y - 7:.1f}l6.5 11h-13z"
        return f'<path class="alarm" d="{corners}">{said}</path>'
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.6">{said}</circle>'


def _text(text: str) -> str:
    return escape(printable(text))
