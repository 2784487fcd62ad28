"""Labels in any spelling -> the patterns that they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge.errors import DataError
from edge.system.typed import MismatchError
from edge.wafer.patterns import JOINT, NOTHING, PatternSet, SetKind, named_set, several_set, spelled

#: Labels that are told.
_TOLD = 5


def set_of(
    labels: Sequence[str], none: str | None = None, kind: SetKind = SetKind.EXCLUSIVE
) -> PatternSet:
    """The pattern set that labels in any spelling are of; of several spellings the first counts.

    Raises:
        MismatchError: they are no pattern set, or ``none`` is none of them.
    """
    if kind is SetKind.SEVERAL:
        return several_set(labels)
    alike = {spelled(label): label for label in reversed(labels)}
    return named_set(alike.values(), none)


def labelled_by(
    labels: npt.NDArray[np.str_],
    patterns: PatternSet | None,
    none: str | None = None,
    kind: SetKind = SetKind.EXCLUSIVE,
) -> tuple[npt.NDArray[np.str_], PatternSet]:
    """Labels (W,) in the one spelling, and the patterns that they can be.

    Args:
        labels: In any spelling; empty: the wafer has none.
        patterns: None: as ``set_of`` makes it of the labels, ``none`` and ``kind``.
        none: Which label means no pattern; None: the one that is called so.
        kind: Of the set that is made.

    Raises:
        DataError: a label is none of the patterns, or they are no pattern set.
    """
    found = sorted(set(labels.tolist()) - {""})
    try:
        patterns = patterns or set_of(found, none, kind)
    except MismatchError as error:
        raise DataError(f"the labels are no pattern set: {error}") from None
    names, wrong = dict[str, str](), list[str]()
    for label in found:
        try:
            names[label] = patterns.label_of(label)
        except MismatchError as error:
            wrong.append(repr(label) if not patterns.is_several else f"{label!r} ({error})")
    if wrong:
        raise DataError(f"unknown label {', '.join(wrong[:_TOLD])}; known: {patterns.listed}")
    names[""] = ""
    return np.asarray([names[label] for label in labels.tolist()], dtype=str), patterns


def renamed(
    labels: npt.NDArray[np.str_], own: PatternSet, patterns: PatternSet
) -> npt.NDArray[np.str_]:
    """Labels (W,) that are patterns of one set as another set spells them.

    One that it does not know means what its aliases do; that of wafers without a pattern, that of
    the other's. One of several patterns is one only where the other knows several, too.

    Raises:
        DataError: a label is none of the other's patterns.
    """
    meant = {name: own.among(name, patterns) for name in own}
    if own.nothing and patterns.is_several:
        meant[own.nothing] = patterns.nothing
    known = {
        label: JOINT.join(meant.get(part) or part for part in own.shown(label) or (label,))
        for label in set(labels.tolist())
    }
    try:
        texts = [known[label] for label in labels.tolist()]
        return labelled_by(np.asarray(texts, dtype=str), patterns)[0]
    except DataError as error:
        raise DataError(
            f"{error}: what the model file tells apart; rename it or leave its wafers out"
        ) from None


def hot_of(labels: npt.NDArray[np.str_], patterns: PatternSet) -> npt.NDArray[np.bool_]:
    """Which of the patterns (W, patterns) wafers of labels (W,) in the one spelling show."""
    known, places = np.unique(labels, return_inverse=True)
    shown = [patterns.shown(label) for label in known.tolist()]
    table = np.asarray([[name in each for name in patterns] for each in shown], bool)
    return table.reshape(len(known), len(patterns))[places.reshape(len(labels))]


def counts_of(labels: npt.NDArray[np.str_], patterns: PatternSet) -> dict[str, int]:
    """Wafers of each pattern, by labels (W,) in the one spelling; see ``class_counts``."""
    counts = Counter(labels.tolist())
    if not patterns.is_several:
        return {name: counts[name] for name in patterns}
    found = dict.fromkeys((*patterns, NOTHING), 0)
    for label in filter(None, counts):
        for name in patterns.shown(label) or (NOTHING,):
            found[name] += counts[label]
    return found
