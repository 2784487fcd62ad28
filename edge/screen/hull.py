"""Convex outlines in a frame: whether one is a wafer's, and the pixels in it and around it."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

#: Area of the outline over that of the ellipse in its smallest rectangle: a disc of dies 1, a
#: rectangle 1.27, a triangle 0.64.
_ROUND: Final = (0.84, 1.16)

#: A blob reaching so near to the frame's border may go on beyond it, coarse pixels.
_BORDER: Final = 1


def at_border(hull: npt.NDArray[np.int32], shape: tuple[int, ...]) -> bool:
    """Whether an outline reaches the border of a frame of this shape."""
    low, high = hull.min(axis=0).min(), hull.reshape(-1, 2).max(axis=0)
    return bool(low < _BORDER or high[0] >= shape[1] - _BORDER or high[1] >= shape[0] - _BORDER)


def is_round(hull: npt.NDArray[np.int32]) -> bool:
    """Whether an outline is that of a disc, seen more or less from the front."""
    _, (width, height), _ = cv2.minAreaRect(hull)
    share = cv2.contourArea(hull) / max(1.0, np.pi / 4 * width * height)
    return bool(_ROUND[0] < share < _ROUND[1] and max(width, height) < 3 * min(width, height))


def is_arc(hull: npt.NDArray[np.int32], shape: tuple[int, ...]) -> bool:
    """Whether the part of an outline inside the frame is a good part of an ellipse."""
    corners = hull.reshape(-1, 2).astype(np.float32)
    parts = [
        np.linspace(one, other, max(2, int(np.hypot(*(other - one)))), endpoint=False)
        for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True)
    ]
    line = np.concatenate(parts).astype(np.float32)
    far = (line >= _BORDER + 2).all(axis=1) & (line[:, 0] < shape[1] - _BORDER - 2)
    arc = line[far & (line[:, 1] < shape[0] - _BORDER - 2)]
    if len(arc) < max(16, 0.3 * len(line)):
        return False
    (x, y), (width, height), angle = cv2.fitEllipse(arc)
    if not 0 < max(width, height) < 2.5 * min(width, height):
        return False
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    across, down = (arc - (x, y)).T
    radius = np.hypot(
        (across * cosine + down * sine) * 2 / width, (down * cosine - across * sine) * 2 / height
    )
    return float(np.abs(radius - 1).mean()) < 0.03


def inside(hull: npt.NDArray[np.int32], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The pixels inside an outline, 0 or 1."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, hull, (1,))
    return mask


def around(hull: npt.NDArray[np.int32], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """A ring close around an outline, but off the pixels where dies and ground mix."""
    ring = np.zeros(shape, np.uint8)
    width = 2 * max(2, int(np.ptp(hull[:, 0]) // 40))
    cv2.polylines(ring, [hull], isClosed=True, color=(1,), thickness=width + 2)
    cv2.polylines(ring, [hull], isClosed=True, color=(0,), thickness=3)
    cv2.fillConvexPoly(ring, hull, (0,))
    return ring > 0
