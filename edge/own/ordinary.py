"""Ordinary wafers, as numbers: what examples of a new pattern are held against."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError

#: Fewer say too little of what one in 200 looks like; of still fewer nothing is learnt.
ENOUGH: Final = 1000
FEWEST: Final = 100

#: Fewer that did not train the network are worse than some that did beside them.
FEW: Final = 200


class Ordinary(NamedTuple):
    """What is known of ordinary wafers.

    Attributes:
        embeddings: int8 (wafers, size), the network's second output.
        numbers: float (wafers, ``edge.own.numbers.COUNT``) of their maps.
        trained: So many of them trained the network.
    """

    embeddings: npt.NDArray[np.int8]
    numbers: npt.NDArray[np.float64]
    trained: int = 0

    def with_more(self, more: Ordinary) -> Ordinary:
        """These and, where they are not enough, others."""
        if len(self.numbers) >= ENOUGH:
            return self
        return Ordinary(
            np.concatenate([self.embeddings, more.embeddings]),
            np.concatenate([self.numbers, more.numbers]),
            self.trained,
        )

    def enough(self, mend: str = "make the model file of a larger set") -> Ordinary:
        """The same.

        Args:
            mend: What is to be done where they are not.

        Raises:
            UsageError: they are too few to hold examples against.
        """
        if len(self.numbers) < FEWEST:
            raise UsageError(
                f"{len(self.numbers)} ordinary wafers to hold the examples against, at least "
                f"{FEWEST} are needed, better {ENOUGH:,}; {mend}"
            )
        return self
