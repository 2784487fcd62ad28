"""A folder of pattern files at work: which own pattern claims a wafer, if any."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.own.fit import FAR, UPRIGHT, Coordinates
from edge.own.numbers import SHAPE, numbers
from edge.own.pattern_file import SUFFIX, OwnPattern, check_folder, load
from edge.system.looked_at import LookedAt
from edge.system.text import printable
from edge.wafer.wafermap import DieGrid

_log = logging.getLogger(__name__)


class Claim(NamedTuple):
    """An own pattern that claims a wafer, and whether such wafers may be accepted."""

    name: str
    is_trusted: bool


class OwnPatterns:
    """The patterns of a folder, as it is now: a file that comes or goes is noticed within a second.

    What cannot be used is told in a warning and passed over: no file ends a station.

    Args:
        folder: Of pattern files.
        network: SHA-256 of the network whose embeddings come, hex.
        coordinates: Of the same.

    Raises:
        UsageError: there is no such folder.
    """

    def __init__(self, folder: Path, network: str, coordinates: Coordinates) -> None:
        check_folder(folder)
        self._files = LookedAt(folder, SUFFIX)
        self._network = network
        self._coordinates = coordinates
        self._claims: list[Claim] = []

    def claim(self, embedding: npt.NDArray[np.int8], dies: DieGrid) -> Claim | None:
        """The pattern that claims a wafer; None where none does.

        Args:
            embedding: int8 (size,), the network's second output.
            dies: uint8 (rows, columns), at least one of them failing.
        """
        self._refresh()
        if not self._claims:
            return None
        real = self._coordinates.real(embedding)
        square = ((real - self._mean) ** 2 * self._inverse).sum(axis=1)
        margins = 0.5 * (self._coordinates.nearest(real) - square) - self._volume
        looked_at = margins >= self._loose
        if not looked_at.any():
            return None
        found = numbers(dies)
        seen = (np.concatenate([real, found[:SHAPE]]) - self._centre) / self._scale
        np.clip(seen, -FAR, FAR, out=seen)
        scores = (seen * self._weights).sum(axis=1) + self._gain * margins + self._bias
        cosines = self._towards @ found[SHAPE:] / max(float(np.linalg.norm(found[SHAPE:])), 1e-9)
        np.minimum(scores, UPRIGHT * (cosines - self._cosine), out=scores)
        scores[~looked_at] = -1
        best = int(scores.argmax())
        return self._claims[best] if scores[best] > 0 else None

    def _refresh(self) -> None:
        """Read the files where any has changed; where none can be read, those that were go on."""
        if (paths := self._files.changed()) is None:
            return
        usable = []
        for path in paths:
            try:
                pattern = load(path)
                self._check(path, pattern)
                usable.append(pattern)
            except UsageError as error:
                _log.warning("%s", printable(str(error)))
        self._use(usable)

    def _check(self, path: Path, pattern: OwnPattern) -> None:
        """Refuse a pattern that was made for another network's embedding."""
        size = self._coordinates.means.shape[1]
        if pattern.network != self._network or len(pattern.rule.mean) != size:
            raise UsageError(
                f"{path}: made for another model file; `wm-edge pattern rebuild` makes it anew "
                "from the examples in it"
            )

    def _use(self, patterns: list[OwnPattern]) -> None:
        self._claims = [Claim(one.name, one.is_trusted) for one in patterns]
        rules = [one.rule for one in patterns]
        if not rules:
            return
        variance = np.asarray([rule.variance for rule in rules])
        self._mean, self._inverse = np.asarray([rule.mean for rule in rules]), 1 / variance
        self._volume = 0.5 * np.log(variance).sum(axis=1)
        self._towards = np.asarray([rule.towards for rule in rules])
        self._loose, self._gain, self._bias, self._cosine = np.asarray(
            [(rule.loose, rule.gain, rule.bias, rule.cosine) for rule in rules]
        ).T
        self._centre, self._scale, self._weights = (
            np.asarray([getattr(rule, key) for rule in rules])
            for key in ("centre", "scale", "weights")
        )
