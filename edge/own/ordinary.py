"""Ordinary wafers, as numbers: what examples of a new pattern are held against."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.own.numbers import COUNT

#: Fewer say too little of what one in 200 looks like.
ENOUGH: Final = 1000

_ARRAYS: Final = ("embeddings", "numbers", "network")


class Ordinary(NamedTuple):
    """What is known of ordinary wafers.

    Attributes:
        embeddings: int8 (wafers, size), the network's second output.
        numbers: float (wafers, ``edge.own.numbers.COUNT``) of their maps.
    """

    embeddings: npt.NDArray[np.int8]
    numbers: npt.NDArray[np.float64]


def shipped(network: str) -> Ordinary | None:
    """Those that come with the model file that ships; None for other models.

    Args:
        network: SHA-256 of the network that made the embeddings, hex.
    """
    path = Path(__file__).parents[1] / "models" / "wm811k.ordinary.npz"
    try:
        with np.load(path) as file:
            embeddings, found, of = (file[name] for name in _ARRAYS)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return Ordinary(embeddings, found.astype(np.float64)) if str(of) == network else None


def collected(pairs: list[tuple[npt.NDArray[np.int8], npt.NDArray[np.float64]]]) -> Ordinary:
    """Ordinary wafers of their embeddings and numbers.

    Raises:
        UsageError: too few.
    """
    if len(pairs) < ENOUGH:
        raise UsageError(
            f"{len(pairs)} ordinary wafers to hold the examples against, at least {ENOUGH:,} are "
            "needed; name a store that keeps the maps of more (--store)"
        )
    embeddings, found = zip(*pairs, strict=True)
    return Ordinary(np.stack(embeddings), np.stack(found).reshape(-1, COUNT))
