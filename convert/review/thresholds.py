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
    weights: Floats | None = None,
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
        weights: As how many each prediction counts (W,); None: as one.

    Returns:
        Threshold a pattern, 0..1 rounded to 0.001; 1 where no threshold reaches the target.
    """
    weights = np.ones(len(right)) if weights is None else weights
    return {
        name: _lowest(confidence, right * weights, weights, guess == index, target)
        for index, name in enumerate(names)
    }


def _lowest(
    confidence: Floats,
    right: Floats,
    weights: Floats,
    own: npt.NDArray[np.bool_],
    target: float,
) -> float:
    """Lowest threshold that reaches the target; ``right`` are the weights of right predictions."""
    for thousandth in range(1000):
        accepted = confidence >= thousandth / 1000
        everyone = right[accepted].sum() / weights[accepted].sum() if accepted.any() else 1.0
        mine, count = right[accepted & own].sum(), weights[accepted & own].sum()
        alone = mine / count if count else 0.0
        if min(alone, (mine + PRIOR * everyone) / (count + PRIOR)) >= target:
            return thousandth / 1000
    return 1.0


def above(scores: Floats, share: float) -> float:
    """The value that this share, 0..1, of the scores (W,) exceeds."""
    return float(np.quantile(scores, 1 - share, method="higher"))
