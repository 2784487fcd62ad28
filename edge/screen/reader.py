"""From a frame to the wafer map that it shows."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from edge.camera.frames import Image
from edge.formats.picture.palette import Scale
from edge.screen.dies import read_dies
from edge.screen.edges import edges
from edge.screen.find import CloseUp, find, looked_at
from edge.screen.lattice import Lattice, lattice
from edge.screen.place import Place, place_of
from edge.screen.recipe import Recipe
from edge.screen.rectify import rectify
from edge.screen.refusal import Refusal, Refused, RejectReason
from edge.wafer.wafermap import DieGrid


class ScreenReader:
    """Reads the wafer maps of one tool's screen.

    The camera may be turned by up to 15 degrees and look at the screen from aside; quarter turns
    and mirrors are undone before.

    Most frames show what the last one showed, at the same place. So a frame is first read along
    the lines of the last one: if that gives the very same map, it is the answer, for a third of the
    work. Anything else is looked at as if it were the first frame.

    A frame in which nothing round is left, but a part of the wafer read last still stands in its
    place, is one of which the rest was lost: it is not without a wafer (``cut-off``).

    Args:
        recipe: What the screen looks like.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._last: tuple[Lattice, DieGrid] | None = None
        self._place: Place | None = None

    def read(self, frame: Image) -> DieGrid | Refusal:
        """Read one frame.

        Args:
            frame: uint8 (height, width, 3) BGR.

        Returns:
            uint8 (rows, columns) of {0 no die, 1 pass, 2 fail}, cropped to the dies, row 0 at the
            top of the screen; or why the frame gives no map. A map is given only where drawing it
            again shows what the frame shows.
        """
        try:
            return self._read(frame)
        except Refused as error:
            return error.refusal

    def _read(self, frame: Image) -> DieGrid:
        try:
            found = find(frame, self._recipe)
        except Refused as error:
            if error.refusal.reason is RejectReason.NO_WAFER and self._place is not None:
                self._place.check_gone(looked_at(frame, self._recipe))
            raise
        if self._last is not None:
            lines, dies = self._last
            with suppress(Refused):
                if np.array_equal(read_dies(found[0], lines, self._recipe), dies):
                    return dies
            self._last = None
        try:
            return self._look_closer(found[0])
        except Refused:
            # A colour map that leaves open what is pass settles it: no other palette may say more.
            if len(found) > 1 and found[0].shown.palette.scale is not Scale.AUTOMATIC:
                with suppress(Refused):
                    return self._look_closer(found[1])
            raise

    def _look_closer(self, seen: CloseUp) -> DieGrid:
        upright = rectify(edges(seen, self._recipe), seen.hull)
        lines = lattice(upright, seen.scale, self._recipe)
        dies = read_dies(seen, lines, self._recipe)
        self._last = lines, dies
        self._place = place_of(seen, lines)
        return dies
