"""What a model file says of its training, also to tell whether wafers were among it.

For that it keeps a sample of the training fingerprints, the sketch. A fingerprint is 64 random bits
of a map (``LabelledSet.fingerprints``). The sketch keeps those whose ``k`` lowest bits are zero, so
whichever wafers of a set are in the sample are so in every set: of the wafers whose fingerprint
falls into the sample, the share that is found estimates the share of all. ``k`` is the smallest
that leaves about 1,200 fingerprints; a training set smaller than that is kept whole, and of 38,000
wafers one in 32.

Layout, in base64: one byte ``k``, then 3 bytes of each fingerprint (its bits 16 to 39), big-endian,
each larger than the one before. Two different maps agree in these by chance in at most 1,200 / 2^24
= 0.007 % of the wafers looked up, far below any overlap that matters. A turned, mirrored or
otherwise edited copy of a training wafer is another map and is not found.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

from edge.system.typed import MismatchError

#: Fingerprints kept, about.
KEPT = 1200


#: Largest ``k``: the bits kept begin above it.
_MOST = 16


@dataclass(frozen=True)
class Sketch:
    """Sample of the fingerprints of a training set.

    Attributes:
        skip: ``k``: one fingerprint in 2^k is in the sample.
        kept: uint32 (K,) ascending, 24 bits each.
    """

    skip: int
    kept: npt.NDArray[np.uint32]

    @classmethod
    def parse(cls, text: str) -> Sketch:
        """Read what ``build`` wrote.

        Raises:
            ValueError: not the text of a sketch.
        """
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise ValueError(f"the sketch of the training wafers is no base64 ({error})") from error
        if len(content) % 3 != 1 or content[0] > _MOST:
            raise ValueError("the sketch of the training wafers is damaged")
        triples = np.frombuffer(content, np.uint8, offset=1).reshape(-1, 3).astype(np.uint32)
        kept = triples @ np.array([1 << 16, 1 << 8, 1], np.uint32)
        if (kept[1:] <= kept[:-1]).any():
            raise ValueError("the sketch of the training wafers is damaged: it is out of order")
        return cls(content[0], kept)

    def sampled(self, fingerprints: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Of the fingerprints that fall into the sample: bool (S,), whether each one is kept."""
        sample = _sample(fingerprints, self.skip)
        # What is kept is in order; `np.isin` loads the masked arrays, and sorts both.
        before, after = (np.searchsorted(self.kept, sample, side) for side in ("left", "right"))
        return after > before


def build(fingerprints: npt.NDArray[np.uint64]) -> str:
    """The sketch of training wafers, by their fingerprints uint64 (W,): text of about 5 kB."""
    different = np.unique(np.asarray(fingerprints, np.uint64))
    skip = 0
    while len(different) >> skip > KEPT and skip < _MOST:
        skip += 1
    kept = np.unique(_sample(different, skip))
    triples = np.stack([kept >> 16, kept >> 8, kept], axis=1).astype(np.uint8)
    return base64.b64encode(bytes([skip]) + triples.tobytes()).decode("ascii")


def _sample(fingerprints: npt.NDArray[np.uint64], skip: int) -> npt.NDArray[np.uint32]:
    """Bits 16..39 of the fingerprints whose ``skip`` lowest bits are zero."""
    chosen = fingerprints[fingerprints & np.uint64((1 << skip) - 1) == 0]
    return ((chosen >> np.uint64(16)) & np.uint64(0xFFFFFF)).astype(np.uint32)


def _check_sketch(text: str, *place: str | int) -> None:
    """Refuse a sketch that cannot be read."""
    try:
        Sketch.parse(text)
    except ValueError as error:
        raise MismatchError(place, f"is refused: {error}") from None


class Origin(Struct, frozen=True, omit_defaults=True):
    """The network that a training started from.

    Attributes:
        name: What it is called.
        sha256: Hex digest of the model file, or of a run's ``model.keras``.
        notice: Licence notice and citations of what it was trained on.
        sketches: Samples of the wafers that had trained it.
    """

    name: str = ""
    sha256: str = ""
    notice: tuple[str, ...] = ()
    sketches: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sketches that cannot be read."""
        for index, text in enumerate(self.sketches):
            _check_sketch(text, "sketches", index)


class Training(Struct, frozen=True):
    """What it was trained on; ``sketch`` tells whether a wafer was among it."""

    data: str = ""
    wafers: int = 0
    split: str = ""
    data_sha256: str = ""
    parts_sha256: str = ""
    sketch: str | None = None
    origin: Origin | None = field(name="from", default=None)

    def __post_init__(self) -> None:
        """Refuse a sketch that cannot be read."""
        _check_sketch(self.sketch or "AA==", "sketch")

    @property
    def sketches(self) -> tuple[str, ...]:
        """Of all wafers that trained the network or what it started from; none of an old file."""
        before = self.origin.sketches if self.origin else ()
        return (self.sketch, *before) if self.sketch else before
