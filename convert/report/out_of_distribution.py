"""What the model file makes of wafers it cannot know: new patterns, and several at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from convert.report.evidence import Appendix
from convert.report.unknown_patterns import UnknownPattern, draw
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.mixedwm38 import Mixed
from edge.evaluation.calibration import auroc
from edge.evaluation.evaluate import Evaluation
from edge.verdict.rule import REVIEW_REASONS, Reason, Verdict
from edge.wafer.patterns import Pattern
from edge.wafer.wafermap import DieGrid, WaferMap, check_grid

#: Heading and text of the two tables.
_NEW: Final = (
    "Patterns that no class covers",
    (
        "Drawn on wafers of this set, those labelled none where there are any. AUROC: the chance "
        "that such a wafer is more unfamiliar than an ordinary one (0.5 is guessing). To review: "
        "the share that reaches a person, and beside it why (few dies apart)."
    ),
)
_SEVERAL: Final = (
    "Several patterns at once",
    (
        "Wafers of MixedWM38 by the number of patterns on them. These maps are unlike those that "
        "trained, so wafers with one pattern go to review as well."
    ),
)

#: Wafers drawn of each new pattern.
DRAWN: Final = 500

#: Wafers of MixedWM38 that are judged, of each number of patterns.
JUDGED: Final = 2000

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Group:
    """How wafers of one kind fared: how well `unfamiliarity` tells them from ordinary ones (AUROC).

    Also the share that went to a person, the wafers by reason, and what most of them were called.
    """

    name: str
    wafers: int
    auroc: float
    review: float
    reasons: dict[Reason, int]
    given: str


def new_patterns(
    labelled: LabelledSet,
    evaluation: Evaluation,
    classifier: Classifier,
    progress: Progress = lambda *_: None,
    seed: int = 0,
) -> list[Group]:
    """Draw patterns that no class covers on wafers labelled ``none`` (on any, where none is).

    ``evaluation`` is of the same ordinary wafers: what the new ones are told from.
    """
    rng = np.random.default_rng(seed)
    plain = np.flatnonzero(labelled.labels == Pattern.NONE.value)
    places = plain if len(plain) else np.arange(len(labelled))

    def drawn(kind: UnknownPattern) -> Iterator[DieGrid]:
        for index in rng.choice(places, DRAWN):
            yield draw(kind, labelled.grid(int(index)), rng)

    kinds = [(kind.value, drawn(kind)) for kind in UnknownPattern]
    return _groups("new patterns", kinds, evaluation, classifier, progress)


def several_patterns(
    mixed: Mixed,
    evaluation: Evaluation,
    classifier: Classifier,
    progress: Progress = lambda *_: None,
    seed: int = 0,
) -> list[Group]:
    """Judge wafers of MixedWM38 by the number of patterns on them, ``JUDGED`` at most of each.

    Raises:
        InputError: a map is no wafer map.
    """
    rng = np.random.default_rng(seed)
    numbers = mixed.patterns.sum(axis=1)

    def some(number: int) -> Iterator[DieGrid]:
        for index in rng.permutation(np.flatnonzero(numbers == number))[:JUDGED]:
            yield check_grid(mixed.grid(index)[0], f"MixedWM38[{index}]")

    names = {0: "no pattern", 1: "one pattern"}
    kinds = [
        (names.get(number, f"{number} patterns at once"), some(number))
        for number in np.unique(numbers).tolist()
    ]
    return _groups("several patterns", kinds, evaluation, classifier, progress)


def appendices(
    labelled: LabelledSet,
    evaluation: Evaluation,
    classifier: Classifier,
    mixed: Mixed | None = None,
    progress: Progress = lambda *_: None,
) -> tuple[Appendix, ...]:
    """Both as tables of the report; without ``mixed`` the first alone."""
    found = [_table(*_NEW, new_patterns(labelled, evaluation, classifier, progress))]
    if mixed is not None:
        found.append(_table(*_SEVERAL, several_patterns(mixed, evaluation, classifier, progress)))
    return tuple(found)


def _table(title: str, text: str, groups: list[Group]) -> Appendix:
    rows = [
        (
            group.name,
            f"{group.wafers:,}",
            f"{group.auroc:.3f}",
            f"{100 * group.review:.1f} %",
            *(f"{100 * group.reasons[reason] / group.wafers:.1f} %" for reason in _SHOWN),
            group.given,
        )
        for group in groups
    ]
    head = (
        "wafers with",
        "number",
        "AUROC",
        "to review",
        *(r.value for r in _SHOWN),
        "mostly named",
    )
    return Appendix(title, text, head, tuple(rows))


_SHOWN: Final = (Reason.MIXED, Reason.UNFAMILIAR, Reason.LOW_CONFIDENCE)


def _groups(
    stage: str,
    kinds: Sequence[tuple[str, Iterable[DieGrid]]],
    evaluation: Evaluation,
    classifier: Classifier,
    progress: Progress,
) -> list[Group]:
    """One group a kind, in order; ``progress`` is told of each as a part of the stage."""
    groups = []
    for done, (name, maps) in enumerate(kinds):
        progress(stage, done, len(kinds))
        groups.append(_group(name, maps, evaluation, classifier))
    progress(stage, len(kinds), len(kinds))
    return groups


def _group(
    name: str, maps: Iterable[DieGrid], evaluation: Evaluation, classifier: Classifier
) -> Group:
    found = [classifier.classify(WaferMap(dies)) for dies in maps]
    reasons = Counter(one.reason for one in found if one.verdict is Verdict.REVIEW)
    scores = np.asarray([one.unfamiliarity for one in found])
    return Group(
        name,
        len(found),
        auroc(evaluation.unfamiliarity, scores),
        reasons.total() / len(found),
        {reason: reasons[reason] for reason in REVIEW_REASONS},
        Counter(one.pattern for one in found).most_common(1)[0][0],
    )
