"""How many dies lie along one side of a picture, where a die need not be a whole number of pixels.

A map enlarged by 8.6 has rows of 8 and of 9 pixels: every change of colour lies where a line with
even steps (the pitch) is rounded to. Many lines may pass through few changes, so it is asked how
likely it is that changes at places of no meaning would fit as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.intp]

#: By so many nats the places of the changes must speak for a pitch, and for it rather than for the
#: next one.
CLEAR: Final = 4.0
CLEARER: Final = 3.0

#: A pitch so many times as large is another one.
_OTHER: Final = 1.2
#: Changes of a first look at many pitches.
_LOOK: Final = 64
_ROUNDS: Final = 24
_ROUNDED: Final = 1e-6
#: Phases of one pitch that are tried.
_PHASES: Final = 9


class Unclear(Exception):  # noqa: N818 - becomes an InputError where the file's name is known
    """Several ways to divide a side fit its changes."""


@dataclass(frozen=True)
class Pitch:
    """One way to divide a side into dies.

    Attributes:
        size: Pixels a die.
        cells: intp (changes + 1,): dies before the first change, between each and the next, and
            after the last.
        evidence: Nats by which the places of the changes speak for it, against one pixel a die.
    """

    size: float
    cells: Places
    evidence: float


def pitch_of(changes: Places, length: int) -> Pitch | None:
    """How a side is divided into dies of more than one pixel.

    Args:
        changes: Where a line of pixels differs from the one before, ascending, 1 to length - 1.
        length: Pixels of the side.

    Returns:
        None where no such division is likelier than one pixel a die.

    Raises:
        Unclear: there is one, but another is nearly as likely.
    """
    found = _pitches(changes, length)
    gaps = np.diff(changes)
    # Some programs give the outermost dies half the pixels of the others. With nothing around the
    # map that does not show; with a margin these two stretches would mislead.
    if len(gaps) > 4 and 1 < int(gaps[1:-1].min()) > min(int(gaps[0]), int(gaps[-1])):
        inside = _pitches(changes[1:-1], length)
        if inside and (not found or inside[0].size > _OTHER * found[0].size):
            raise Unclear
    if not found:
        return None
    rival = found[1].evidence if len(found) > 1 else 0.0
    if found[0].size < 2 <= int(gaps.min()):
        raise Unclear
    if found[0].evidence < CLEAR or found[0].evidence < rival + CLEARER:
        raise Unclear
    return found[0]


def _pitches(changes: Places, length: int) -> list[Pitch]:
    """Divisions that are likelier than one pixel a die, the likeliest first; none comes twice."""
    if len(changes) < 3:
        return []
    gaps = np.diff(changes)
    least = int(gaps.min())
    found: list[Pitch] = []
    if least >= 2:
        found += _coarse(changes, least, length)
    if least <= 2:  # 2: many dies may be one pixel wide, none of them alone between two changes
        found += _fine(changes, gaps, length)
    best: dict[bytes, Pitch] = {}
    for pitch in found:
        if pitch.evidence > 0:
            best.setdefault(pitch.cells[1:-1].tobytes(), pitch)
    return sorted(best.values(), key=lambda pitch: -pitch.evidence)


def _coarse(changes: Places, least: int, length: int) -> Iterator[Pitch]:
    """Two pixels a die and more, by the line that passes through all changes.

    A die is ``floor(pitch)`` or ``ceil(pitch)`` pixels wide, and the narrowest stretch is one die.
    """
    away = changes - changes[0]
    span = int(away[-1])
    first = max(len(away) - 1, math.ceil((span - 1) / (least + 1)))
    last = int((span + 1) / max(2, least - 1))
    totals = np.arange(first, last + 1)
    places = away * (totals[:, None] / span)
    # At the middle of what is possible the line is at most one pixel farther off than at best.
    off = np.ptp(away - np.rint(places) * (span / totals[:, None]), axis=1)
    for total in totals[off < 2].tolist():
        index = np.rint(away * (total / span)).astype(np.intp)
        cells = np.diff(index)
        size = _step(away, index, (span - 1) / total, (span + 1) / total)
        if size and int(cells.min()) >= 1:
            # Up to a pixel of rounding is no die of its own.
            before = max(1, math.ceil((int(changes[0]) - 1) / size - _ROUNDED))
            after = max(1, math.ceil((length - int(changes[-1]) - 1) / size - _ROUNDED))
            evidence = _evidence(span, len(changes), total, math.log(length))
            yield Pitch(size, np.concatenate([[before], cells, [after]]), evidence)


def _step(away: Places, index: Places, low: float, high: float) -> float | None:
    """A step for which ``index * step`` lies within one pixel of all places.

    How far the places lie off is convex in the step.
    """
    step = (low + high) / 2
    for _ in range(_ROUNDS):
        if np.ptp(away - index * step) < 1 - _ROUNDED:
            return step
        third = (high - low) / 3
        left, right = low + third, high - third
        if np.ptp(away - index * left) <= np.ptp(away - index * right):
            high = right
        else:
            low = left
        step = (low + high) / 2
    return None


def _fine(changes: Places, gaps: Places, length: int) -> Iterator[Pitch]:
    """Between one and two pixels a die: a picture, or all of it that is not margin, enlarged."""
    # Changes in so many neighbouring pixels: one die of two pixels in more than as many, at most.
    together = max(1, *map(len, (gaps == 1).tobytes().split(b"\0")))
    first, last = int(changes[0]), int(changes[-1])
    span, count = last - first, len(changes)
    tried = 2 * math.log(length)
    # With so many dies between the outermost changes, and no more, chance is the worse answer.
    cells = fewest = max(count - 1, math.floor(span * together / (together + 1)))
    while _evidence(span, count, cells, tried) > 0:
        cells += 1
    if cells == fewest:
        return
    # What was enlarged: all of the picture, or what lies between margins. Some programs divide it
    # without its last pixel among one die less.
    parts = [
        (begin, end, less)
        for begin, end in ((0, length), (first, last), (0, last), (first, length))
        for less in (0, 1)
    ]
    # Each pitch of each part is a row of these.
    steps = []
    for number, (begin, end, less) in enumerate(parts):
        side = end - begin - less
        low = max(2, side * together // (together + 1))
        steps += [(number, total) for total in range(low, min(side, cells * side // span + 2))]
    if not steps:
        return
    numbers, totals = np.asarray(steps, np.int64).T
    sides = np.asarray([end - begin - less for begin, end, less in parts])[numbers]
    fits = _fits(changes[:: max(1, count // _LOOK)], totals, sides)
    for number, total in zip(numbers[fits].tolist(), totals[fits].tolist(), strict=True):
        found = _cells(changes, total, length, *parts[number])
        if found is not None:
            evidence = _evidence(span, count, int(found[1:-1].sum()), tried)
            yield Pitch(int(sides[numbers == number][0]) / total, found, evidence)
    for total in totals[numbers == 0].tolist():
        # OpenCV's floating point comes out below a whole number where it should meet one.
        if math.gcd(total, length) > 1:
            index = np.floor(np.arange(length) * (1 / (length / total))).astype(np.intp)
            if (index[changes] > index[changes - 1]).all():
                found = np.diff(np.concatenate([[0], index[changes], [total]]))
                evidence = _evidence(span, count, int(found[1:-1].sum()), tried)
                yield Pitch(length / total, found, evidence)


def _fits(
    changes: Places, totals: npt.NDArray[np.int64], sides: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Whether all changes are where ``totals`` lines enlarged to ``sides`` have theirs.

    A line enlarged changes where ``(place * total + phase) % side < total``; the phase is that of
    the program's way of rounding.
    """
    rest = np.sort(changes * totals[:, None] % sides[:, None], axis=1)
    widest = np.maximum(np.diff(rest, axis=1).max(axis=1), rest[:, 0] + sides - rest[:, -1])
    fits: npt.NDArray[np.bool_] = sides - widest < totals
    return fits


def _cells(
    changes: Places, total: int, length: int, begin: int, end: int, less: int
) -> Places | None:
    """Dies between the changes, if ``total`` of them fill the pixels from ``begin`` to ``end``."""
    side = end - begin - less
    rest = np.sort(changes * total % side)
    before = np.diff(rest, prepend=rest[-1] - side)
    widest = int(before.argmax())
    spare = total - 1 - (side - int(before[widest]))
    if spare < 0:
        return None
    ends = np.concatenate([[0], changes, [length - 1]])
    part = slice(begin > 0, len(ends) - 1 - (end < length))
    # All phases from one to another fit the changes; they may differ at the ends.
    latest = int(rest[widest])
    for phase in np.linspace(latest - spare, latest, _PHASES).astype(np.int64).tolist():
        cells: Places = np.diff((ends * total - phase) // side)
        cells[-1] += 1  # to the end of its last pixel
        if int(cells[part].sum()) == total + less:
            return cells
    return None


def _evidence(span: int, changes: int, cells: int, tried: float) -> float:
    """How much likelier all changes inside a span lie at the borders of so many cells.

    Against changes at any pixels; less ``tried``, the logarithm of how many pitches might have
    fitted.
    """
    inside = changes - 2
    if cells - 1 < inside:
        return -math.inf
    return _choices(span - 1, inside) - _choices(cells - 1, inside) - tried


def _choices(many: int, few: int) -> float:
    return math.lgamma(many + 1) - math.lgamma(few + 1) - math.lgamma(many - few + 1)
