"""The figures of a model that is trusted, kept to compare later ones with.

``wm-edge evaluate --write-baseline`` writes the JSON of ``--json`` and, beside it, the answer to
every wafer: one character each (a digit, or what follows the digits in ASCII), so that a later
model is compared wafer by wafer. The plain JSON of an earlier ``--json`` is read as well; the
comparison then rests on counts alone and finds less.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct, field

from edge.errors import DataError, why
from edge.evaluation.evaluate import Evaluation, evaluate
from edge.system.regular_file import read_text
from edge.system.typed import MismatchError, Share, about, decode
from edge.wafer.patterns import MOST, SetKind

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier
    from edge.dataset.labelled_set import LabelledSet

#: Version of the layout.
FORMAT: Final = 1

#: Larger files are no baseline: it would be one of 30 million wafers.
_MAX_BYTES: Final = 32 * 2**20

_ACCEPTED: Final = "."
_REVIEWED: Final = "r"
_FIRST: Final = ord("0")
_DIGITS: Final = "a digit of a pattern each"
_LETTERS: Final = f"{_ACCEPTED!r} or {_REVIEWED!r} each"


class Recall(Struct, frozen=True):
    """Share of a class that was recognised, None where it has no wafer, and its wafers.

    Share refuses NaN, against which nothing would ever fall, and percentages.
    """

    recall: Share | None
    n: Annotated[int, Meta(ge=0)]


class Reviewed(Struct, frozen=True):
    """Wafers sent to a person by reason; empty where the file does not say."""

    by_reason: dict[str, Annotated[int, Meta(ge=0)]] = {}


class Baseline(Struct, frozen=True, dict=True):
    """What the trusted model did: the JSON, as far as a comparison needs it.

    ``answers`` has a character for each wafer, its place in ``patterns``, ``verdicts`` a letter;
    both are empty in figures alone. ``symmetries`` are the views averaged.
    """

    per_class: dict[str, Recall]
    model: str = "unknown"
    data_sha256: str = ""
    symmetries: int = 0
    patterns: tuple[str, ...] = ()
    answers: Annotated[
        str, Meta(pattern=f"^[0-{chr(_FIRST + MOST - 1)}]*$"), about(must=_DIGITS)
    ] = field(name="predicted", default="")
    verdicts: Annotated[str, Meta(pattern=f"^[{_ACCEPTED}{_REVIEWED}]*$"), about(must=_LETTERS)] = (
        field(name="reviewed", default="")
    )
    review: Reviewed = Reviewed()
    calibration_error: Share | None = None
    confidence_error: Share | None = None

    def __post_init__(self) -> None:
        """Refuse what would be compared wrongly, or with nothing."""
        if not self.recalls:
            raise MismatchError(("per_class",), "holds no per-class recall")
        for name, (_, wafers) in self.recalls.items():
            if not wafers or (self.patterns and name not in self.patterns):
                raise MismatchError(("per_class", name), "is no pattern, or of no wafers")
        if self.answers and ord(max(self.answers)) >= _FIRST + len(self.patterns):
            raise MismatchError(("predicted",), f"must be {_DIGITS}")
        if self.answers and len(self.verdicts) != len(self.answers):
            raise MismatchError(("reviewed",), "does not fit the answers")

    @property
    def recalls(self) -> dict[str, tuple[float, int]]:
        """Recall and number of wafers of each class that was judged."""
        judged = self.per_class.items()
        return {name: (one.recall, one.n) for name, one in judged if one.recall is not None}

    @cached_property
    def predicted(self) -> npt.NDArray[np.intp] | None:
        """Class index (W,) given to each wafer, in the order of ``patterns``; None without."""
        return _letters(self.answers).astype(np.intp) - _FIRST if self.answers else None

    @cached_property
    def reviewed(self) -> npt.NDArray[np.bool_] | None:
        """Whether each wafer went to a person, (W,); None likewise."""
        return _letters(self.verdicts) == ord(_REVIEWED) if self.answers else None

    def require_same(self, now: Evaluation) -> None:
        """Make sure that a comparison means anything.

        Raises:
            DataError: measured on other wafers or in another way, or it lacks a class.
        """
        if self.data_sha256 != now.data_sha256:
            what = "the baseline was measured on other wafers or another part"
            raise DataError(f"{what}; measure it again on these")
        if self.answers and self.patterns != now.scores.labels:
            what = "the baseline's patterns are others than the model file's, or in another order"
            raise DataError(f"{what}; measure it again with this one's")
        if self.symmetries != now.symmetries:
            raise DataError(
                "the baseline was measured with another --average-symmetries; measure both alike"
            )
        present = {name for name, score in now.scores.per_class.items() if score.n}
        if present - self.recalls.keys():
            raise DataError(
                f"the baseline has no recall of {', '.join(sorted(present - self.recalls.keys()))},"
                " which this data holds; measure it again"
            )
        counts = {name: score.n for name, score in now.scores.per_class.items()}
        if any(n != counts.get(name) for name, (_, n) in self.recalls.items()):
            raise DataError(
                "the baseline holds other numbers of wafers than this data: it was changed after "
                "it was written; measure it again"
            )
        if self.predicted is not None and len(self.predicted) != now.wafers:
            raise DataError(
                f"the baseline holds {len(self.predicted)} answers to {now.wafers} wafers: it was "
                "changed after it was written; measure it again"
            )


def as_dict(result: Evaluation) -> dict[str, Any]:
    """JSON form of a measurement that later ones are to be compared with."""
    return {
        **result.as_dict(),
        "baseline": FORMAT,
        "patterns": list(result.scores.labels),
        "predicted": "".join(chr(_FIRST + place) for place in result.predicted.tolist()),
        "reviewed": "".join(_REVIEWED if reason else _ACCEPTED for reason in result.reasons),
    }


def read(path: Path) -> Baseline:
    """Read what ``--write-baseline`` or ``--json`` wrote.

    Raises:
        DataError: unreadable, no such JSON, or made by a newer version.
    """
    try:
        content = json.loads(read_text(path, _MAX_BYTES))
    # RecursionError: brackets nested without end.
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as a baseline ({why(error)})") from error
    if not isinstance(content, dict) or not isinstance(content.get("per_class"), dict):
        raise DataError(f"{path}: the baseline is no output of `wm-edge evaluate --write-baseline`")
    if content.get("kind") == SetKind.SEVERAL.value:
        what = "the baseline is of a model file that names several patterns a wafer, this names one"
        raise DataError(f"{path}: {what}; measure it again with one of one")
    if content.get("baseline", FORMAT) != FORMAT:
        text = f"{path}: a baseline of layout {content['baseline']!r}, this version reads {FORMAT}"
        raise DataError(f"{text}; measure it again")
    try:
        return decode(Baseline, content)
    except MismatchError as error:
        raise DataError(f"{path}: the baseline is incomplete or malformed ({error})") from error


def measured(
    before: Baseline | Classifier, labelled: LabelledSet, progress: Callable[[int], None] | None
) -> Baseline:
    """A baseline; of a model at work that is trusted, what it does on these wafers."""
    if isinstance(before, Baseline):
        return before
    return decode(Baseline, as_dict(evaluate(labelled, before, progress)))


def is_model(path: Path) -> bool:
    """Whether a model file stands where a baseline may."""
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == b"TFL3"
    except OSError:  # whoever reads it as a baseline says why
        return False


def _letters(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode("ascii"), np.uint8)
