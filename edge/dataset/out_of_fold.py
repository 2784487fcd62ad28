"""What networks of a cross-validation said of the wafers whose lots they had not seen.

``out_of_fold.npz`` in a folder of folds (``numpy.load`` reads it, no pickles inside):

=================  ===============  ===============================================================
``fingerprint``    (W,) uint64      of each wafer's map, see ``LabelledSet.fingerprints``
``row``            (W,) int64       its place among the labelled set's wafers with a label, from 0
``fold``           (W,) int16       the fold it stands in, from 1
``classes``        (W,) int16       class index of its label, in the order of the patterns
``logits``         (W, C) float32   of the network that did not see the fold
``pattern_set``    (1,) str         the patterns (``PatternSet``) as JSON
=================  ===============  ===============================================================
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from edge.dataset.folds import Folds
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, cause
from edge.formats.archive import UNREADABLE
from edge.formats.npz import Arrays
from edge.system.files import exists, replacing
from edge.system.regular_file import read_bytes
from edge.wafer.patterns import PatternSet

NAME: Final = "out_of_fold.npz"

#: Of each array: its kind, and its dimensions.
_ARRAYS: Final = {
    "fingerprint": (np.dtype(np.uint64), 1),
    "row": (np.dtype(np.int64), 1),
    "fold": (np.dtype(np.int16), 1),
    "classes": (np.dtype(np.int16), 1),
    "logits": (np.dtype(np.float32), 2),
}
_SET: Final = "pattern_set"

#: Bytes of a file.
_LARGEST: Final = 2**30


@dataclass(frozen=True)
class OutOfFold:
    """The arrays of the file, see the module's table; ``sha256`` is the file's, where it is one."""

    fingerprint: npt.NDArray[np.uint64]
    row: npt.NDArray[np.int64]
    fold: Folds
    classes: npt.NDArray[np.int16]
    logits: npt.NDArray[np.float32]
    patterns: PatternSet
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.fingerprint)

    @property
    def networks(self) -> int:
        """How many networks there were."""
        return int(self.fold.max())

    def places(self, fingerprints: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
        """Where these maps (N,) stand in the arrays; -1 where they do not."""
        order = np.argsort(self.fingerprint, kind="stable")
        found = np.searchsorted(self.fingerprint, fingerprints, sorter=order)
        places = order[np.minimum(found, len(order) - 1)]
        return np.where(self.fingerprint[places] == fingerprints, places, -1)

    def check_covers(self, labelled: LabelledSet, folder: Path) -> None:
        """Refuse what is said of other wafers.

        Raises:
            DataError: a wafer of the set is not in it, or its patterns are others.
        """
        missing = int((self.places(labelled.fingerprints()) < 0).sum())
        if missing or labelled.patterns.names != self.patterns.names:
            what = f"{missing} wafers of this set" if missing else "this set's patterns"
            raise DataError(f"{folder}: it does not know {what}: it is of another set or split")

    def save(self, folder: Path) -> None:
        """Write the file; it appears whole or not at all."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        arrays[_SET] = np.asarray([msgspec.json.encode(self.patterns).decode()])
        with replacing(folder / NAME) as file:
            np.savez_compressed(file, **arrays)


def load(folder: Path) -> OutOfFold:
    """Read the file of a folder of folds and check it.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = folder / NAME
    if not exists(path):
        raise DataError(
            f"{folder}: no folder of finished folds (no {NAME}); "
            "`wm-edge train DATA --folds 5 --out FOLDER` makes one, --resume finishes it"
        )
    try:
        sha256 = hashlib.sha256(read_bytes(path, _LARGEST)).hexdigest()
        with Arrays(path, _LARGEST) as file:
            arrays = {name: file.read(name) for name in _ARRAYS}
            patterns = msgspec.json.decode(str(file.read(_SET)[0]), type=PatternSet)
        return OutOfFold(**_checked(arrays, patterns), patterns=patterns, sha256=sha256)
    except (*UNREADABLE, KeyError, IndexError, msgspec.MsgspecError) as error:
        raise DataError(f"{path}: damaged ({cause(error)}); train the folds again") from error


def _checked(arrays: dict[str, npt.NDArray[Any]], patterns: PatternSet) -> dict[str, Any]:
    """The arrays, or a ValueError that says what is wrong with them."""
    wafers = arrays["fingerprint"].size
    for name, (dtype, dimensions) in _ARRAYS.items():
        values = arrays[name]
        if values.dtype != dtype or values.ndim != dimensions or len(values) != wafers:
            raise ValueError(f"{name} is {values.dtype} {values.shape} beside {wafers} wafers")
    classes, count = arrays["classes"], len(patterns)
    if not wafers or arrays["logits"].shape[1] != count or not np.isfinite(arrays["logits"]).all():
        raise ValueError(f"logits are no numbers of {count} patterns")
    if classes.min() < 0 or classes.max() >= count:
        raise ValueError(f"classes reach beyond {count} patterns")
    numbers = np.unique(arrays["fold"])
    if not np.array_equal(numbers, np.arange(1, len(numbers) + 1)):
        raise ValueError("fold does not count from 1")
    return arrays
