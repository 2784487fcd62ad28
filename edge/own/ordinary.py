"""Ordinary wafers, as numbers: what examples of a new pattern are held against."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError

#: Fewer say too little of what one in 200 looks like; of still fewer nothing is learnt.
ENOUGH: Final = 1000
FEWEST: Final = 100


class Ordinary(NamedTuple):
    """What is known of ordinary wafers.

    Attributes:
        embeddings: int8 (wafers, size), the network's second output.
        numbers: float (wafers, ``edge.own.numbers.COUNT``) of their maps.
    """

    embeddings: npt.NDArray[np.int8]
    numbers: npt.NDArray[np.float64]

    def with_more(self, more: Ordinary) -> Ordinary:
        """These and, where they are not enough, others."""
        if len(self.numbers) >= ENOUGH:
            return self
        return Ordinary(
            np.concatenate([self.embeddings, more.embeddings]),
            np.concatenate([self.numbers, more.numbers]),
        )

    def enough(self) -> Ordinary:
        """The same.

        Raises:
            UsageError: they are too few to hold examples against.
        """
        if len(self.numbers) < FEWEST:
            raise UsageError(
                f"{len(self.numbers)} ordinary wafers to hold the examples against, at least "
                f"{FEWEST} are needed, better {ENOUGH:,}; name a store that keeps the maps of more "
                "(--store), or convert the model file anew from a larger set: they come with it"
            )
        return self
