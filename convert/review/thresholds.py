"""Where to draw the line between accept and review: fitted on wafers that trained nothing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: A class counts as if it had this many more predictions, as precise as those of all classes, where
#: that is worse than its own figure: a few right ones must not open the gate for a rare class.
PRIOR = 20


def for_precision(
    guess: npt.NDArray[np.intp],
    confidence: Floats,
    right: npt.NDArray[np.bool_],
    target: float,
    names: Iterable[str],
) -> dict[str, float]:
    """Smallest confidence a pattern at which the accepted predictions reach a precision.

    They reach it by themselves and with ``PRIOR``, so on these wafers no accepted pattern stays
    under the target. A pattern that was never predicted has shown nothing: it goes to review.

    Args:
        guess: Predicted class (W,).
        confidence: Chance that it is right (W,), 0..1.
        right: Whether it is (W,).
        target: Share of the accepted predictions of a pattern that must be right, 0..1.
        names: Of the classes.

    Returns:
        Threshold a pattern, 0..1 rounded to 0.001; 1 where no threshold reaches the target.
    """
    return {
        name: _lowest(confidence, right, guess == index, target) for index, name in enumerate(names)
    }


def _lowest(
    confidence: Floats, right: npt.NDArray[np.bool_], own: npt.NDArray[np.bool_], target: float
) -> float:
    """Lowest threshold that reaches the target."""
    for thousandth in range(1000):
        accepted = confidence >= thousandth / 1000
        everyone = right[accepted].mean() if accepted.any() else 1.0
        mine = right[accepted & own]
        alone = mine.mean() if len(mine) else 0.0
        if min(alone, (mine.sum() + PRIOR * everyone) / (len(mine) + PRIOR)) >= target:
            return thousandth / 1000
    return 1.0


def above(scores: Floats, share: float) -> float:
    """The value that this share, 0..1, of the scores (W,) exceeds."""
    return float(np.quantile(scores, 1 - share, method="higher"))
