"""A folder of pattern files at work: which own pattern claims a wafer, if any."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.own.numbers import early, late
from edge.own.pattern_file import OwnPattern
from edge.own.pattern_folder import PatternFolder
from edge.own.rules import Coordinates, Rules
from edge.wafer.wafermap import DieGrid

#: Seconds between two looks at the folder.
EVERY: Final = 1.0


class Claim(NamedTuple):
    """An own pattern that claims a wafer, and whether such wafers may be accepted."""

    name: str
    is_trusted: bool


class OwnPatterns:
    """The patterns of a folder, as it is now.

    A file that comes or goes is noticed with the first wafer after a second.

    Args:
        folder: Of pattern files.
        coordinates: Of the network whose embeddings come.
    """

    def __init__(self, folder: PatternFolder, coordinates: Coordinates) -> None:
        self._folder = folder
        self._coordinates = coordinates
        self._due = 0.0
        self._claims: list[Claim] = []
        self._refresh()

    @property
    def names(self) -> list[str]:
        """Of the patterns that are in use."""
        return [claim.name for claim in self._claims]

    def claim(self, embedding: npt.NDArray[np.int8], dies: DieGrid) -> Claim | None:
        """The pattern that claims a wafer; None where none does.

        Args:
            embedding: int8 (size,), the network's second output.
            dies: uint8 (rows, columns), at least one of them failing.
        """
        if time.monotonic() >= self._due:
            self._refresh()
        if not self._claims or not self._rules.may_claim(embedding):
            return None
        first = early(dies)
        if not self._rules.may_still(embedding, first):
            return None
        found = np.concatenate([first, late(dies)])
        scores = self._rules.scores(embedding[np.newaxis], found[np.newaxis])[0]
        best = int(scores.argmax())
        return self._claims[best] if scores[best] > 0 else None

    def _refresh(self) -> None:
        """Take the patterns of the folder as they are now."""
        if (found := self._folder.look()) is not None:
            self._use(found)
        self._due = 0.0 if self._folder.behind else time.monotonic() + EVERY

    def _use(self, patterns: list[OwnPattern]) -> None:
        self._claims = [Claim(one.name, one.is_trusted) for one in patterns]
        if patterns:
            self._rules = Rules([one.rule for one in patterns], self._coordinates)
