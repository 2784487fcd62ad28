"""What an embedding does not say of a wafer map: periods, places, shapes, lines of its fails."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.wafer.encoding import SIZE, crop, encode
from edge.wafer.wafermap import FAIL, NO_DIE, DieGrid

Numbers = npt.NDArray[np.float64]

#: Numbers, and those of them that are the same of a map that is turned or flipped; the others say
#: where the fails lie, down and across.
COUNT: Final = 44
SHAPE: Final = 42

#: The first of them cost the least.
EARLY: Final = 9

_PERIODS: Final = range(1, 7)
_TURNS: Final = (3, 4, 5, 6)
_AROUND: Final = np.ones((3, 3), np.float32)
_RIM, _INNER = 0.85, 0.35

#: Directions in which lines are looked for, none of them diagonal: what lies between two cells
#: there is in one of them on this side and in the other on that. Lengths, width and surroundings of
#: a line, cells of an encoded wafer; side of the square in which its disc is turned, a margin of
#: half the surroundings on each side.
_DIRECTIONS: Final = 6
_LENGTHS, _WIDTH, _BESIDE = (9, 19), 2, 8
_TURNED: Final = SIZE + _BESIDE


def numbers(dies: DieGrid) -> Numbers:
    """Numbers (``COUNT``,) of a wafer map, uint8 (rows, columns) with at least one failing die.

    The most striking lattice of every 1st to 6th die down and across; likeness to itself one and
    two dies further; centroid, radius and spread of the fails; size, place, fill and outline of
    where they lie close together, length and width of the largest such group; straight lines.
    """
    return np.concatenate([early(dies), late(dies)])


def early(dies: DieGrid) -> Numbers:
    """The first (``EARLY``,) of them: share of fails, lattice and likeness."""
    dies = crop(dies)
    fails, members = dies == FAIL, dies != NO_DIE
    count = int(fails.sum())
    share = count / int(members.sum())
    return np.asarray(
        [
            np.log(share + 0.005),
            *_lattice(fails, members, count, share),
            *_likeness(fails - share * members, max(count * (1 - share), 1e-9)),
        ]
    )


def late(dies: DieGrid) -> Numbers:
    """The others (``COUNT - EARLY``,)."""
    dies = crop(dies)
    fails = dies == FAIL
    places = _places(fails, int(fails.sum()), int(np.count_nonzero(dies)))
    return np.asarray([*_lines(dies), *places])


def _lattice(fails: Any, members: Any, count: int, share: float) -> list[float]:
    """How much a lattice stands out, the share of its dies that fail and of the fails on it.

    Of all that take every n-th row and every m-th column, the one whose fails chance explains the
    least: by the logarithm of the ratio of likelihoods.
    """
    rows, columns = (_phases(side) for side in fails.shape)
    on = rows @ fails.astype(np.float32) @ columns.T
    off = rows @ members.astype(np.float32) @ columns.T - on
    rate = on / np.maximum(on + off, 1)
    likelier = on * np.log(np.maximum(rate, 1e-9) / share)
    likelier += off * np.log(np.maximum(1 - rate, 1e-9) / max(1 - share, 1e-9))
    likelier[rate <= share] = 0
    best = int(likelier.argmax())
    far = float(np.sqrt(max(0.0, 2 * float(likelier.flat[best]))))
    return [float(np.log(far + 1)), float(rate.flat[best]), float(on.flat[best]) / count]


@lru_cache(maxsize=256)
def _phases(side: int) -> npt.NDArray[np.float32]:
    """Which of ``side`` rows every n-th one is, from each start."""
    place = np.arange(side)
    return np.asarray(
        [place % period == start for period in _PERIODS for start in range(period)], np.float32
    )


def _likeness(excess: Any, total: float) -> list[float]:
    def at(down: int, across: int) -> float:
        rows, columns = excess.shape
        here, there = excess[: rows - down, : columns - across], excess[down:, across:]
        return float(np.vdot(here, there)) / total if here.size and there.size else 0.0

    aslant = float(np.vdot(excess[:-1, 1:], excess[1:, :-1])) / total
    return [
        *sorted((at(1, 0), at(0, 1))),
        *sorted((at(2, 0), at(0, 2))),
        (at(1, 1) + aslant) / 2,
    ]


def _lines(dies: DieGrid) -> list[float]:
    """What fails along a line above what fails beside it, of short and long lines.

    The most of any direction, by how much it is above others, the mean of those and the least;
    the most and the mean of what all places have of it.
    """
    turned = np.append(encode(dies)[..., 0], np.uint8(0))[_turns()].astype(np.float32) / 255
    turned = turned.reshape(-1, _TURNED)
    found: list[float] = []
    for length in _LENGTHS:
        line, around = (
            cv2.boxFilter(turned, -1, (length, width), borderType=cv2.BORDER_CONSTANT)
            for width in (_WIDTH, _BESIDE)
        )
        above = np.maximum(line - around, 0).reshape(_DIRECTIONS, -1)
        most = np.sort(above.max(axis=1))
        others = float(most[:-2].mean())
        places = np.sqrt((above * above).mean(axis=1))
        found += [float(most[-1]), float(most[-1]) - others, others, float(most[0])]
        found += [float(places.max()), float(places.mean())]
    return found


@cache
def _turns() -> npt.NDArray[np.intp]:
    """Of an encoded wafer and a 0 behind it, the cells of its turned copies, one below another."""
    place = np.arange(_TURNED) - (_TURNED - 1) / 2
    v, u = np.meshgrid(place, place, indexing="ij")
    found = []
    for angle in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        y = np.floor(v * np.cos(angle) + u * np.sin(angle) + SIZE / 2).astype(np.intp)
        x = np.floor(u * np.cos(angle) - v * np.sin(angle) + SIZE / 2).astype(np.intp)
        found.append(np.where(np.hypot(v, u) < SIZE / 2, y * SIZE + x, SIZE * SIZE))
    return np.concatenate(found)


def _places(fails: npt.NDArray[np.bool_], count: int, size: int) -> list[float]:
    y, x = _from_centre(fails)
    radius, down, across = np.hypot(y, x), float(y.mean()), float(x.mean())
    plane = fails.view(np.uint8)
    beside = cv2.filter2D(plane, cv2.CV_16S, _AROUND, borderType=cv2.BORDER_CONSTANT) - plane
    dense = (fails & (beside >= 2)).view(np.uint8)
    area = int(dense.sum())
    steps = (np.count_nonzero(np.diff(dense, axis=axis)) for axis in (0, 1))
    angle = (x + 1j * y) / np.where(radius > 0, radius, 1)  # a die in the middle has none
    return [
        *_group(dense, count, size),
        float(np.hypot(down, across)),
        float(radius.mean()),
        float(radius.std()),
        area / count,
        float((radius > _RIM).mean()),
        float((radius < _INNER).mean()),
        *_spread(y - down, x - across),
        sum(steps) / max(1, area),
        float(beside[fails].mean()) / 8,
        max(abs(complex((angle**turn).mean())) for turn in _TURNS),
        down,
        across,
    ]


def _group(dense: npt.NDArray[np.uint8], count: int, size: int) -> list[float]:
    """Of the largest group of fails that lie close together.

    Fill and extent of its box; its share of all fails; length, width, their ratio, dies across it;
    its distance from the centre; share of the other dies that fail.
    """
    found, labels, boxes, _ = cv2.connectedComponentsWithStats(dense, connectivity=8)
    if found < 2:
        return [1.0, *[0.0] * 9]
    largest = 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
    width, height, dies = boxes[largest, 2:].tolist()
    rows, columns = dense.shape
    y, x = _from_centre(labels == largest)
    down, across = float(y.mean()), float(x.mean())
    short, long = _spread(y - down, x - across)
    side = float(np.sqrt(rows * columns))
    return [
        dies / (width * height),
        *sorted((height / rows, width / columns)),
        dies / count,
        long,
        short,
        float(np.log((short + 1 / side) / (long + 1 / side))),
        float(np.log(dies / (long * 3**0.5 * side + 1))),
        float(np.hypot(down, across)),
        (count - dies) / max(1, size - dies),
    ]


def _from_centre(chosen: npt.NDArray[np.bool_]) -> tuple[Any, Any]:
    """Places of dies, -1 to 1 down and across."""
    rows, columns = chosen.shape
    row, column = np.nonzero(chosen)
    return (row - (rows - 1) / 2) / (rows / 2), (column - (columns - 1) / 2) / (columns / 2)


def _spread(y: Any, x: Any) -> list[float]:
    """Standard deviations along the two main directions, the smaller one first."""
    yy, xx, yx = (float(one @ other) / len(y) for one, other in ((y, y), (x, x), (y, x)))
    middle, half = (yy + xx) / 2, float(np.hypot((yy - xx) / 2, yx))
    return [max(0.0, middle - half) ** 0.5, (middle + half) ** 0.5]
