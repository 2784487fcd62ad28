"""Split a labelled set into train, val and test without letting a lot stand on two sides.

83 % of WM-811K's defect wafers have a defective sibling in their lot, so a random split measures
memory, not recognition. Groups are the column ``lot_band`` where it is known (neighbouring
lots run the same product on the same tools), else ``lot``; a wafer without either is a group of
its own. Identical maps never stand on two sides, and a wafer whose map also exists under another
label serves nowhere: such wafers get an empty part, and so do those without a label.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import FEW_WAFERS, LabelledSet, Part
from edge.dataset.lots import lot_groups
from edge.errors import DataError, UsageError
from edge.system.choice import Choice
from edge.system.text import counted

#: Share of train, val, test.
DEFAULT_SHARES: tuple[float, float, float] = (0.70, 0.15, 0.15)

PARTS: tuple[str, ...] = tuple(part.value for part in Part)

#: What a part without a class, or with next to none of it, means.
_MEANING: Final = {
    Part.TRAIN.value: "too little to learn from",
    Part.VAL.value: "the thresholds of review, and the best epoch where a recipe looks for it, "
    "rest on next to nothing",
    Part.TEST.value: "what is measured on it says next to nothing of them",
}


#: Combinations that are named.
_NAMED: Final = 5


class SplitBy(Choice):
    """How wafers are divided."""

    LOT = "lot"
    OFFICIAL = "official"
    RANDOM = "random"


@dataclass(frozen=True)
class SplitReport:
    """What a split did.

    Attributes:
        by: How it was divided.
        groups: Number of groups (lots, bands) that were divided.
        counts: Wafers by part and pattern, as ``class_counts`` counts them.
        duplicates: Wafers left out because an identical map stands on another side.
        conflicts: Wafers left out because an identical map has another label.
        unlabelled: Wafers left out because they have no label.
        warning: What the reader must know before quoting a figure, or empty.
    """

    by: SplitBy
    groups: int
    counts: dict[str, dict[str, int]]
    duplicates: int
    conflicts: int
    unlabelled: int
    warning: str


def split(
    labelled: LabelledSet,
    by: SplitBy = SplitBy.LOT,
    shares: tuple[float, float, float] = DEFAULT_SHARES,
    seed: int = 0,
) -> tuple[LabelledSet, SplitReport]:
    """Add the column ``part`` (train, val, test, or empty for wafers that serve nowhere).

    Wafers without a label change nothing for the others.

    Args:
        labelled: Any labelled set.
        by: ``lot``: groups stay together and every class is divided as evenly as the groups
            allow; ``official``: Test is the data's own Test part, its Training part is divided by
            lot into train and val; ``random``: every wafer on its own (optimistic).
        shares: Share of train, val, test; ``official`` takes only the first two.
        seed: Same seed, same parts.

    Raises:
        UsageError: shares that are negative, no numbers or do not sum to 1.
        DataError: no wafer, none with a label, no lot column for ``lot``, no official column for
            ``official``.
    """
    divided, report = _split(labelled.with_labels(lambda _: None), by, shares, seed)
    if unlabelled := len(labelled) - len(divided):
        names = np.full(len(labelled), "", divided.columns["part"].dtype)
        names[labelled.has_label()] = divided.columns["part"]
        divided = labelled.with_columns(part=names)
    return divided, replace(report, unlabelled=unlabelled)


def _split(
    labelled: LabelledSet, by: SplitBy, shares: tuple[float, float, float], seed: int
) -> tuple[LabelledSet, SplitReport]:
    """The same of wafers that all have a label."""
    if not len(labelled):
        raise DataError("this labelled set holds no wafer, there is nothing to split")
    # NaN is in no range: what is not proved right is wrong.
    sensible = all(0 <= share <= 1 for share in shares) and abs(sum(shares) - 1) <= 1e-6
    if not (sensible and shares[0] > 0):
        raise UsageError(f"shares {shares}: three numbers that sum to 1, the first above 0")
    classes = labelled.strata()
    if by is SplitBy.OFFICIAL and "official" not in labelled.columns:
        why = "no `official` column: this labelled set does not know the official split"
        raise DataError(f"{why}; import LSWMD.pkl again or split by lot")
    groups = np.arange(len(labelled)) if by is SplitBy.RANDOM else lot_groups(labelled)
    if by is SplitBy.OFFICIAL:
        part = _official_parts(labelled, groups, classes, shares, seed)
    else:
        part = assigned(groups, classes, np.asarray(shares), seed)
    prints = labelled.fingerprints()
    conflict = _conflicts(labelled, prints, classes)
    part[conflict] = -1
    duplicate = _straddling(prints, part)
    part[duplicate] = -1
    names = np.asarray([*PARTS, ""])[part]
    counts = {name: labelled.class_counts(names == name) for name in PARTS}
    warning = ""
    if by is SplitBy.RANDOM:
        warning = (
            "random split: wafers of one lot stand on both sides, so figures measured on it are "
            "too good; state them only beside figures of a split by lot"
        )
    report = SplitReport(
        by,
        int(np.unique(groups).size),
        counts,
        duplicates=int(duplicate.sum()),
        conflicts=int(conflict.sum()),
        unlabelled=0,
        warning=warning,
    )
    return labelled.with_columns(part=names), report


def require_parts(report: SplitReport, shares: tuple[float, float, float]) -> None:
    """Refuse a split that gave nothing to a part that was to have something.

    Raises:
        DataError: too few lots, or no official Test wafer.
    """
    empty = [
        name
        for name, share in zip(PARTS, shares, strict=True)
        if share > 0 and not sum(report.counts[name].values())
    ]
    if empty:
        raise DataError(
            f"the part {' and '.join(empty)} came out empty: {report.groups} groups divided by "
            f"{report.by} do not suffice; add wafers of other lots, or give that part the share 0"
        )


def part_doubts(labelled: LabelledSet, few_of: Collection[str] = PARTS) -> Iterator[str]:
    """What makes the parts of a split set say little: a sentence each.

    A part that is empty is left to those who need it.

    Args:
        labelled: With the column ``part``.
        few_of: Parts of which classes with few wafers are told, not only those with none.
    """
    labelled = labelled.with_labels(lambda _: None)
    parts = labelled.columns["part"]
    absent = [name for name, n in labelled.class_counts().items() if not n]
    if absent:
        yield f"no wafer of {', '.join(absent)} in the set: a network cannot learn what it is"
    for part, why in _MEANING.items():
        counts = labelled.class_counts(parts == part)
        if not any(counts.values()):
            continue
        missing = [name for name, n in counts.items() if not n and name not in absent]
        few = [f"{name} ({n})" for name, n in counts.items() if 0 < n < FEW_WAFERS]
        if missing:
            yield f"the {part} part holds no wafer of {', '.join(missing)}: {why}"
        if few and part in few_of:
            yield f"the {part} part holds fewer than {FEW_WAFERS} wafers of {', '.join(few)}: {why}"
    if labelled.patterns.is_several:
        yield from _untrained(labelled.labels, parts)


def _untrained(labels: npt.NDArray[np.str_], parts: npt.NDArray[np.str_]) -> Iterator[str]:
    """Combinations that are judged and that nobody trains, a sentence."""
    trained = set(labels[parts == Part.TRAIN].tolist())
    judged = set(labels[np.isin(parts, [Part.VAL, Part.TEST])].tolist())
    if trained and (odd := sorted(judged - trained)):
        listed = ", ".join(odd[:_NAMED]) + (" and others" if odd[_NAMED:] else "")
        count = counted(len(odd), "combination")
        yield f"the train part holds no wafer of {count} that others hold: {listed}"


def ensure_parts(labelled: LabelledSet, tell: Callable[[str], None]) -> LabelledSet:
    """The wafers with a label and their ``part``; divided by lot, always alike, where it has none.

    Raises:
        DataError: no wafer has a label, it cannot be divided by lot, or a part comes out empty.
    """
    labelled = labelled.with_labels(tell)
    if "part" in labelled.columns:
        return labelled
    labelled, report = split(labelled)
    require_parts(report, DEFAULT_SHARES)
    parts = labelled.columns["part"]
    sizes = ", ".join(f"{name} {np.count_nonzero(parts == name):,}" for name in report.counts)
    tell(f"the set has no column `part`: divided by lot ({sizes}); see `wm-edge dataset split`")
    return labelled


def assigned(
    groups: npt.NDArray[np.intp],
    classes: npt.NDArray[np.intp],
    shares: npt.NDArray[np.float64],
    seed: int,
) -> npt.NDArray[np.intp]:
    """Part index (W,): greedy, largest groups first, each to the part where it fits best."""
    _, groups = np.unique(groups, return_inverse=True)
    content = np.zeros((groups.max() + 1, classes.max() + 1))
    np.add.at(content, (groups, classes), 1)
    content /= np.maximum(1, content.sum(axis=0))
    shuffled = np.random.default_rng(seed).permutation(len(content))
    order = shuffled[np.argsort(-content[shuffled].max(axis=1), kind="stable")]
    filled = np.zeros((len(shares), classes.max() + 1))
    target = shares[:, None]
    # A part's deviation counts relative to its size, or the small parts would take every big lot.
    weight = 1 / np.maximum(target, 1e-9)
    home = np.empty(len(content), np.intp)
    for group in order:
        added = filled + content[group]
        cost = (weight * ((added - target) ** 2 - (filled - target) ** 2)).sum(axis=1)
        cost[shares == 0] = np.inf
        home[group] = best = int(np.argmin(cost))
        filled[best] += content[group]
    return home[groups]


def _official_parts(
    labelled: LabelledSet,
    groups: npt.NDArray[np.intp],
    classes: npt.NDArray[np.intp],
    shares: tuple[float, float, float],
    seed: int,
) -> npt.NDArray[np.intp]:
    official = labelled.columns["official"]
    part = np.full(len(labelled), -1, np.intp)
    part[official == "Test"] = PARTS.index("test")
    training = np.flatnonzero(official == "Training")
    if not training.size:
        raise DataError("the `official` column names no Training wafer")
    rest = np.asarray([shares[0], shares[1], 0.0]) / (shares[0] + shares[1])
    part[training] = assigned(groups[training], classes[training], rest, seed)
    return part


def _conflicts(
    labelled: LabelledSet, prints: npt.NDArray[np.uint64], classes: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    conflict: npt.NDArray[Any] = labelled.columns.get(
        "label_conflict", np.zeros(len(labelled), bool)
    ).astype(bool)
    return conflict | _differs_among_equals(prints, classes)


def _straddling(
    prints: npt.NDArray[np.uint64], part: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """Copies of a map that stands on several sides, all but those that the evaluation keeps."""
    used = part >= 0
    straddles = np.zeros(len(part), bool)
    straddles[used] = _differs_among_equals(prints[used], part[used])
    # A copy that trains would have taught the answer: the evaluation keeps its copy.
    keeper: dict[int, int] = {}
    for index in np.flatnonzero(straddles):
        print_ = int(prints[index])
        keeper[print_] = max(keeper.get(print_, -1), int(part[index]))
    for index in np.flatnonzero(straddles):
        straddles[index] = part[index] != keeper[int(prints[index])]
    return straddles


def _differs_among_equals(
    prints: npt.NDArray[np.uint64], values: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """True (W,) where wafers with the same fingerprint carry more than one value."""
    if not len(prints):
        return np.zeros(0, bool)
    _, group = np.unique(prints, return_inverse=True)
    low = np.full(group.max() + 1, np.iinfo(np.intp).max)
    high = np.full(group.max() + 1, -1)
    np.minimum.at(low, group, values)
    np.maximum.at(high, group, values)
    return (low != high)[group]
