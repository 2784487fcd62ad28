"""Where the wafer read last stood, and whether a part of it still stands there.

When the larger part of a frame is lost nothing round is left in it, as between two wafers. But what
is left of a wafer that was seen before has not changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.camera.frames import Image
from edge.screen.colours import Shown
from edge.screen.dies import states_of
from edge.screen.find import CloseUp
from edge.screen.lattice import Lattice
from edge.screen.refusal import Refused, RejectReason
from edge.wafer.wafermap import FAIL, NO_DIE, PASS

#: Least share of the dies of each state, and of the positions around the wafer, that must look as
#: before. A wafer that a prober begins anew shows fewer for long enough to be a pause.
_LEFT: Final = 0.1
_AROUND: Final = 0.3


@dataclass(frozen=True)
class Place:
    """A wafer's positions in the frame.

    Attributes:
        points: int (rows, columns, 2): x and y of their middles, in pixels of the frame or of the
            recipe's region; one row and column around the wafer belong to it.
        states: uint8 (rows, columns): what they showed.
        shown: The colours.
    """

    points: npt.NDArray[np.intp]
    states: npt.NDArray[np.uint8]
    shown: Shown

    def check_gone(self, frame: Image) -> None:
        """Make sure that what is looked at of a frame without a wafer shows no part of this one.

        Raises:
            Refused: ``cut-off``.
        """
        now = states_of(_colours(frame, self.points), self.shown)
        same = now == self.states
        for state in (PASS, FAIL):
            dies = self.states == state
            if dies.any() and same[dies].mean() < _LEFT:
                return
        if same[self.states == NO_DIE].mean() >= _AROUND:
            share = 100 * same[self.states != NO_DIE].mean()
            what = f"{share:.0f} % of the wafer seen before: the rest is lost"
            raise Refused(RejectReason.CUT_OFF, what)


def place_of(seen: CloseUp, lines: Lattice) -> Place:
    """The place of a wafer that was just read."""
    hull = cv2.perspectiveTransform(seen.hull[None].astype(np.float64), lines.matrix)[0]
    low, high = np.floor(hull.min(axis=0)).astype(int) - 1, np.ceil(hull.max(axis=0)).astype(int)
    columns, rows = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
    middles = np.stack([columns, rows], axis=-1) + 0.5
    inverse = np.linalg.inv(lines.matrix)
    inside = cv2.perspectiveTransform(middles.astype(np.float64), inverse)
    states = states_of(_colours(seen.image, np.rint(inside).astype(np.intp)), seen.shown)
    points = np.rint(inside * seen.scale + seen.corner).astype(np.intp)
    return Place(points, states, seen.shown)


def _colours(image: Image, points: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    x = points[..., 0].clip(0, image.shape[1] - 1)
    y = points[..., 1].clip(0, image.shape[0] - 1)
    return image[y, x].astype(np.float32)
