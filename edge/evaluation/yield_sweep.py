"""How a model does on every yield: named, accepted and sent to a person, by the station's code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

import numpy as np

from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError
from edge.evaluation.metrics import wilson
from edge.evaluation.yield_wafers import SHARES, Kind, kinds_of, wafers_of
from edge.synth.generators import drawable
from edge.verdict.rule import Verdict
from edge.wafer.patterns import Pattern, PatternSet
from edge.wafer.wafermap import DieGrid, WaferMap

#: Wafers of a pattern, and of none, over each share and of each kind.
WAFERS: Final = 40
WAFERS_OF_NONE: Final = 400

#: Random fails up to which a wafer counts as one of high yield, and what is wanted of these: the
#: share of the patterns below that is named right, the share of none that is accepted as such, and
#: the most of none that is accepted as a pattern.
HIGH_YIELD: Final = 0.02
NAMED: Final = 0.95
NONE_ACCEPTED: Final = 0.995
NONE_MISTAKEN: Final = 0.002
WANTED: Final = (
    Pattern.CENTER,
    Pattern.EDGE_LOC,
    Pattern.EDGE_RING,
    Pattern.LOC,
    Pattern.SCRATCH,
)


class Cell(NamedTuple):
    """What became of the wafers of a pattern, over one share of random fails or several.

    Attributes:
        wafers: That were judged.
        named: Of them, named right.
        right: Of them, accepted and right.
        wrong: Of them, accepted and wrong.
    """

    wafers: int
    named: int
    right: int
    wrong: int

    @property
    def review(self) -> int:
        """Of the wafers, sent to a person."""
        return self.wafers - self.right - self.wrong

    def as_dict(self) -> dict[str, int]:
        """JSON form."""
        return {**self._asdict(), "review": self.review}


@dataclass(frozen=True)
class Bar:
    """What is wanted at high yield, and what there is.

    Attributes:
        kind: Of the wafers.
        pattern: Of the wafers, as the model file calls it.
        what: Is counted.
        count: So many are that.
        wafers: Of so many.
        limit: Share that is wanted, 0..1.
        at_most: Whether no more than it is wanted, else no less.
    """

    kind: Kind
    pattern: str
    what: str
    count: int
    wafers: int
    limit: float
    at_most: bool

    @property
    def share(self) -> float:
        """That there is, 0..1."""
        return self.count / self.wafers

    @property
    def ci95(self) -> tuple[float, float]:
        """Wilson interval of the share."""
        return wilson(self.count, self.wafers)

    @property
    def is_met(self) -> bool:
        """Whether the share keeps to the limit."""
        return self.share <= self.limit if self.at_most else self.share >= self.limit

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            **asdict(self),
            "kind": self.kind.value,
            "share": self.share,
            "ci95": list(self.ci95),
            "met": self.is_met,
        }


@dataclass(frozen=True)
class YieldSweep:
    """How a model did on every yield.

    Attributes:
        cells: By kind and pattern, as the model file calls it, one a share of ``SHARES``.
        blank: Of each kind, wafers that were drawn and not judged, for they show no pattern.
        bars: What is wanted at high yield.
        model: Name and hash of the model file.
        data_sha256: Of the labelled set.
        seed: The same one, set and model give the same sweep.
    """

    cells: dict[Kind, dict[str, tuple[Cell, ...]]]
    blank: dict[Kind, int]
    bars: tuple[Bar, ...]
    model: str
    model_sha256: str
    data_sha256: str
    seed: int

    @property
    def wafers(self) -> int:
        """Number of wafers that were judged."""
        rows = (row for rows in self.cells.values() for row in rows.values())
        return sum(cell.wafers for row in rows for cell in row)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "shares": list(SHARES),
            "cells": {
                kind.value: {name: [cell.as_dict() for cell in row] for name, row in rows.items()}
                for kind, rows in self.cells.items()
            },
            "not_judged": {kind.value: count for kind, count in self.blank.items()},
            "high_yield": HIGH_YIELD,
            "bars": [bar.as_dict() for bar in self.bars],
            "wafers": self.wafers,
            "model": self.model,
            "model_sha256": self.model_sha256,
            "data_sha256": self.data_sha256,
            "seed": self.seed,
        }


def sweep(
    labelled: LabelledSet,
    classifier: Classifier,
    progress: Callable[[int, int], None] = lambda *_: None,
    seed: int = 0,
) -> YieldSweep:
    """Classify drawn and cleared wafers over every share of random fails.

    Wafers are made one at a time; of each kind, pattern and share there are ``WAFERS``, of none
    ``WAFERS_OF_NONE``, or as many as the set has that serve.

    Args:
        labelled: Wafers that trained nothing, at least one.
        classifier: The model at work.
        progress: Told how many wafers are done, and of how many at most.
        seed: Of all chance.

    Raises:
        DataError: the set holds no wafer, or a label that the model file does not know.
    """
    if not len(labelled):
        raise DataError("no wafer to take die grids from")
    patterns = classifier.model.patterns
    labelled, plan = labelled.under(patterns), list(kinds_of(patterns))
    most = {name: WAFERS_OF_NONE if name == patterns.none else WAFERS for name in patterns}
    total, before = len(SHARES) * sum(most[name] for _, name in plan), 0
    cells: dict[Kind, dict[str, tuple[Cell, ...]]] = {kind: {} for kind in Kind}
    blank = dict.fromkeys(Kind, 0)
    for place, (kind, name) in enumerate(plan):
        row = []
        for step, share in enumerate(SHARES):
            rng = np.random.default_rng((seed, place, step))
            made = islice(wafers_of(kind, labelled, name, share, rng), most[name])
            cell, empty = _judged(made, name, classifier)
            row.append(cell)
            blank[kind] += empty
            before += most[name]
            progress(before, total)
        cells[kind][name] = tuple(row)
    return YieldSweep(
        cells,
        blank,
        tuple(_bars(cells, patterns)),
        classifier.model.name,
        classifier.model.sha256,
        labelled.sha256(),
        seed,
    )


def _judged(made: Iterable[DieGrid | None], name: str, classifier: Classifier) -> tuple[Cell, int]:
    """What becomes of wafers of a pattern, and how many show nothing and are not judged."""
    wafers = named = right = wrong = empty = 0
    for dies in made:
        if dies is None:
            empty += 1
            continue
        found = classifier.classify(WaferMap(dies))
        is_right, accepted = found.pattern == name, found.verdict is Verdict.ACCEPT
        wafers += 1
        named += is_right
        right += is_right and accepted
        wrong += accepted and not is_right
    return Cell(wafers, named, right, wrong), empty


def at_high_yield(row: Sequence[Cell]) -> Cell:
    """What became of the wafers over all shares up to ``HIGH_YIELD``, of one cell a share."""
    cells = (cell for share, cell in zip(SHARES, row, strict=True) if share <= HIGH_YIELD)
    return Cell(*map(sum, zip(*cells, strict=True)))


def _bars(cells: dict[Kind, dict[str, tuple[Cell, ...]]], patterns: PatternSet) -> Iterator[Bar]:
    """What is wanted up to ``HIGH_YIELD``, of each kind that has wafers."""
    known = drawable(patterns)
    for kind, rows in cells.items():
        for name, row in rows.items():
            wafers, named, right, wrong = at_high_yield(row)
            if not wafers:
                continue
            if name == patterns.none:
                yield Bar(
                    kind, name, "accepted as such", right, wafers, NONE_ACCEPTED, at_most=False
                )
                yield Bar(
                    kind, name, "accepted as a pattern", wrong, wafers, NONE_MISTAKEN, at_most=True
                )
            elif known.get(name) in WANTED:
                yield Bar(kind, name, "named right", named, wafers, NAMED, at_most=False)
