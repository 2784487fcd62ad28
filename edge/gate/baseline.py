"""The figures of a model that is trusted, kept to compare later ones with.

``wm-edge evaluate --write-baseline`` writes the JSON of ``--json`` and, beside it, the answer to
every wafer: one character each, so that a later model is compared wafer by wafer. The plain JSON of
an earlier ``--json`` is read as well; the comparison then rests on counts alone and finds less.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import DataError, why
from edge.system.regular_file import read_text
from edge.wafer.patterns import PATTERNS

if TYPE_CHECKING:
    from edge.evaluation.evaluate import Evaluation

#: Version of the layout.
FORMAT: Final = 1

#: Larger files are no baseline: it would be one of 30 million wafers.
_MAX_BYTES: Final = 32 * 2**20

_ACCEPTED: Final = "."
_REVIEWED: Final = "r"


@dataclass(frozen=True)
class Baseline:
    """What the trusted model did.

    Attributes:
        model: Name and hash of its file.
        data_sha256: Hash of the wafers it was measured on.
        symmetries: Views averaged.
        recalls: Recall and number of wafers of each class that was judged.
        predicted: Class index (W,) given to each wafer, in the order of ``PATTERNS``; None where
            the file holds figures alone.
        reviewed: Whether each wafer went to a person, (W,); None likewise.
        reasons: Wafers sent to a person by reason; empty where the file does not say.
        calibration_error: Expected calibration error, None where the file does not say.
        confidence_error: The same of the confidence.
    """

    model: str
    data_sha256: str
    symmetries: int
    recalls: dict[str, tuple[float, int]]
    predicted: npt.NDArray[np.intp] | None = None
    reviewed: npt.NDArray[np.bool_] | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    calibration_error: float | None = None
    confidence_error: float | None = None

    def require_same(self, now: Evaluation) -> None:
        """Make sure that a comparison means anything.

        Raises:
            DataError: measured on other wafers or in another way, or it lacks a class.
        """
        if self.data_sha256 != now.data_sha256:
            raise DataError(
                "the baseline was measured on other wafers or another part; measure it again on "
                "these"
            )
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
        "patterns": list(PATTERNS),
        "predicted": "".join(map(str, result.predicted.tolist())),
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
    if content.get("baseline", FORMAT) != FORMAT:
        raise DataError(
            f"{path}: a baseline of layout {content['baseline']!r}, this version reads {FORMAT}; "
            "measure it again"
        )
    try:
        return _parsed(content)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"{path}: the baseline is incomplete or malformed ({error})") from error


def _parsed(content: dict[str, Any]) -> Baseline:
    recalls = {}
    for name, entry in content["per_class"].items():
        recall = entry["recall"]
        if recall is None:
            continue
        # Also refuses NaN, against which nothing would ever fall, and percentages.
        if name not in PATTERNS or type(recall) not in (int, float) or not 0 <= recall <= 1:
            raise ValueError(f"its recall of {name} is {recall!r}")
        wafers = entry["n"]
        if type(wafers) is not int or wafers < 1:
            raise ValueError(f"its number of {name} wafers is {wafers!r}")
        recalls[name] = (float(recall), wafers)
    if not recalls:
        raise ValueError("it holds no per-class recall")
    reasons = content.get("review", {}).get("by_reason", {})
    if not all(type(n) is int and n >= 0 for n in reasons.values()):
        raise ValueError(f"its reasons for review are {reasons!r}")
    errors = [content.get(key) for key in ("calibration_error", "confidence_error")]
    for error in errors:
        if error is not None and (type(error) not in (int, float) or not 0 <= error <= 1):
            raise ValueError(f"its calibration error is {error!r}")
    return Baseline(
        str(content.get("model", "unknown")),
        str(content.get("data_sha256")),
        int(content.get("symmetries", 0)),
        recalls,
        *_answers(content),
        reasons,
        *errors,
    )


def _answers(
    content: dict[str, Any],
) -> tuple[npt.NDArray[np.intp] | None, npt.NDArray[np.bool_] | None]:
    """Class given to each wafer and whether it went to a person, where the file holds them."""
    if "predicted" not in content:
        return None, None
    if content["patterns"] != list(PATTERNS):
        raise ValueError("its patterns are others, or in another order")
    letters = np.frombuffer(content["predicted"].encode("ascii"), np.uint8).astype(np.intp)
    predicted = letters - ord("0")
    if predicted.size and not (predicted.min() >= 0 and predicted.max() < len(PATTERNS)):
        raise ValueError("its answers hold what is no pattern")
    reviewed = content["reviewed"]
    if set(reviewed) - {_ACCEPTED, _REVIEWED} or len(reviewed) != len(predicted):
        raise ValueError("its verdicts do not fit its answers")
    return predicted, np.asarray([letter == _REVIEWED for letter in reviewed], bool)
