"""Labels in any spelling -> the patterns that they mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.errors import DataError
from edge.system.typed import MismatchError
from edge.wafer.patterns import PatternSet, named_set, spelled


def labelled_by(
    labels: npt.NDArray[np.str_], patterns: PatternSet | None, none: str | None = None
) -> tuple[npt.NDArray[np.str_], PatternSet]:
    """Labels (W,) in the one spelling, and the patterns that they can be.

    Args:
        labels: In any spelling; empty: the wafer has none.
        patterns: None: as ``named_set`` makes it of the labels and ``none``.
        none: Which label means no pattern; None: the one that is called so.

    Raises:
        DataError: a label is none of the patterns, or they are no pattern set.
    """
    found = sorted(set(labels.tolist()) - {""})
    alike = {spelled(label): label for label in reversed(found)}
    try:
        patterns = patterns or named_set(alike.values(), none)
    except MismatchError as error:
        raise DataError(f"the labels are no pattern set: {error}") from None
    names = {label: patterns.named(label) or "" for label in found}
    if unknown := [label for label, name in names.items() if not name]:
        listed = ", ".join(map(repr, unknown[:5]))
        raise DataError(f"unknown label {listed}; known: {patterns.listed}")
    names[""] = ""
    return np.asarray([names[label] for label in labels.tolist()], dtype=str), patterns


def renamed(
    labels: npt.NDArray[np.str_], own: PatternSet, patterns: PatternSet
) -> npt.NDArray[np.str_]:
    """Labels (W,) that are patterns of one set as another set spells them.

    One that it does not know means what its aliases do; that of wafers without a pattern, that of
    the other's.

    Raises:
        DataError: a label is none of the other's patterns.
    """
    meant = {name: own.among(name, patterns) for name in own}
    known = [meant.get(label) or label for label in labels.tolist()]
    try:
        return labelled_by(np.asarray(known, dtype=str), patterns)[0]
    except DataError as error:
        raise DataError(
            f"{error}: what the model file tells apart; rename it or leave its wafers out"
        ) from None
