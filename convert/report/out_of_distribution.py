"""What the model file makes of wafers it cannot know: new patterns, and several at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from convert.report.evidence import Appendix
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.mixedwm38 import Mixed
from edge.evaluation.calibration import auroc
from edge.evaluation.evaluate import Evaluation
from edge.verdict.rule import REVIEW_REASONS, Reason, Verdict
from edge.wafer.wafermap import FAIL, NO_DIE, DieGrid, WaferMap, check_grid

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
    plain = np.flatnonzero(labelled.labels == (labelled.patterns.none or ""))
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


Mask = npt.NDArray[np.bool_]


class UnknownPattern(Enum):
    """A pattern that is none of the nine, in words."""

    RETICLE = "every n-th die (2 to 5) down and across: one position of every reticle"
    STRIPES = "parallel stripes in any direction"
    CHECKERBOARD = "squares of 1 to 6 dies, every other one"
    HALF = "one side of a line near the centre"
    SPOKES = "3 to 8 wedges from the centre outwards"
    LETTER = "a capital letter"


#: Share of the pattern's dies that fail.
DENSITY: Final = (0.75, 1.0)

_LETTER_SIDE: Final = 200


def draw(kind: UnknownPattern, wafer: DieGrid, rng: np.random.Generator) -> DieGrid:
    """A copy of a wafer, uint8 (rows, columns), on which the dies of a pattern fail as well.

    Best of one labelled ``none``: its own scatter stays.
    """
    pattern = _MASKS[kind](*_places(wafer), rng)
    failing = pattern & (rng.random(wafer.shape) < rng.uniform(*DENSITY)) & (wafer != NO_DIE)
    return np.where(failing, np.uint8(FAIL), wafer)


def _places(wafer: DieGrid) -> tuple[Any, Any, Any, Any]:
    """Row and column of each position, and its place from -1 to 1 down and across the wafer."""
    rows, columns = np.mgrid[: wafer.shape[0], : wafer.shape[1]]
    dies = np.argwhere(wafer != NO_DIE)
    first, last = dies.min(axis=0), dies.max(axis=0)
    centre, radius = (first + last) / 2, (last - first + 1) / 2
    return rows, columns, (rows - centre[0]) / radius[0], (columns - centre[1]) / radius[1]


def _reticle(rows: Any, columns: Any, _y: Any, _x: Any, rng: np.random.Generator) -> Mask:
    down, across = rng.integers(2, 6, 2)
    found: Mask = (rows % down == rng.integers(down)) & (columns % across == rng.integers(across))
    return found


def _stripes(_rows: Any, _columns: Any, y: Any, x: Any, rng: np.random.Generator) -> Mask:
    period, angle = rng.uniform(0.15, 0.5), rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle) + rng.uniform(0, period)
    found: Mask = along % period < rng.uniform(0.3, 0.6) * period
    return found


def _checkerboard(rows: Any, columns: Any, _y: Any, _x: Any, rng: np.random.Generator) -> Mask:
    side = rng.integers(1, 7)
    found: Mask = (rows // side + columns // side) % 2 == 0
    return found


def _half(_rows: Any, _columns: Any, y: Any, x: Any, rng: np.random.Generator) -> Mask:
    angle = rng.uniform(0, 2 * np.pi)
    found: Mask = x * np.cos(angle) + y * np.sin(angle) > rng.uniform(-0.2, 0.2)
    return found


def _spokes(_rows: Any, _columns: Any, y: Any, x: Any, rng: np.random.Generator) -> Mask:
    number, width = rng.integers(3, 9), rng.uniform(0.15, 0.35)
    turned = (np.arctan2(y, x) / (2 * np.pi) + rng.random()) * number
    found: Mask = (turned % 1 < width) & (np.hypot(y, x) > rng.uniform(0, 0.2))
    return found


def _letter(_rows: Any, _columns: Any, y: Any, x: Any, rng: np.random.Generator) -> Mask:
    letter, scale, thickness = chr(rng.integers(ord("A"), ord("Z") + 1)), rng.uniform(3, 6), 14
    canvas = np.zeros((_LETTER_SIDE, _LETTER_SIDE), np.uint8)
    (width, height), _ = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    middle = _LETTER_SIDE // 2 + rng.integers(-20, 20, 2)
    corner = int(middle[0] - width // 2), int(middle[1] + height // 2)
    cv2.putText(canvas, letter, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, (255,), thickness)
    down, across = (
        np.clip(((place + 1) * _LETTER_SIDE / 2).astype(np.intp), 0, _LETTER_SIDE - 1)
        for place in (y, x)
    )
    found: Mask = canvas[down, across] > 0
    return found


_MASKS: Final[dict[UnknownPattern, Callable[..., Mask]]] = {
    UnknownPattern.RETICLE: _reticle,
    UnknownPattern.STRIPES: _stripes,
    UnknownPattern.CHECKERBOARD: _checkerboard,
    UnknownPattern.HALF: _half,
    UnknownPattern.SPOKES: _spokes,
    UnknownPattern.LETTER: _letter,
}
