"""From a frame to the wafer map that it shows."""

from __future__ import annotations

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
from edge.screen.refusal import Refusal, RejectReason
from edge.wafer.wafermap import DieGrid


class ScreenReader:
    """Reads the wafer maps of one tool's screen.

    The camera may be turned by up to 15 degrees and look at the screen from aside; quarter turns
    and mirrors are undone before.

    Most frames show what the last one showed, at the same place. So a frame is first read along
    the lines of the last one: if that gives the very same map, it is the answer, for a third of the
    work. Anything else is looked at as if it were the first frame.

    A frame in which nothing round is left, but a part of the wafer read last still stands in its
    place, is one of which the rest was lost: it is not without a wafer (gate ``cut-off``).

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
        found = find(frame, self._recipe)
        if isinstance(found, Refusal):
            if found.gate is RejectReason.NO_WAFER and self._place is not None:
                return self._place.remains(looked_at(frame, self._recipe)) or found
            return found
        if self._last is not None:
            lines, dies = self._last
            again = read_dies(found[0], lines, self._recipe)
            if not isinstance(again, Refusal) and np.array_equal(again, dies):
                return dies
            self._last = None
        first = self._look_closer(found[0])
        # A colour map that leaves open what is pass settles it: no other palette may say more.
        settled = found[0].shown.palette.scale is Scale.AUTOMATIC
        if isinstance(first, Refusal) and len(found) > 1 and not settled:
            second = self._look_closer(found[1])
            return first if isinstance(second, Refusal) else second
        return first

    def _look_closer(self, seen: CloseUp) -> DieGrid | Refusal:
        marked = edges(seen, self._recipe)
        if isinstance(marked, Refusal):
            return marked
        squared = rectify(marked, seen.hull)
        if isinstance(squared, Refusal):
            return squared
        lines = lattice(squared, seen.scale, self._recipe)
        if isinstance(lines, Refusal):
            return lines
        dies = read_dies(seen, lines, self._recipe)
        if not isinstance(dies, Refusal):
            self._last = lines, dies
            self._place = place_of(seen, lines)
        return dies
