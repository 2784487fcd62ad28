"""Has a model file that names several patterns a wafer become worse than one that is trusted?

Wafer by wafer, with chance taken into account as for files of one pattern a wafer: where each
pattern is found, where it is falsely named, and where exactly what is there is named.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
from msgspec import Meta, Struct

from edge.dataset.labels import hot_of
from edge.errors import DataError, why
from edge.evaluation.learned import blind
from edge.evaluation.several import Hot
from edge.gate.baseline import FORMAT
from edge.gate.checks import Check, class_check_name, failed, passed, skipped
from edge.gate.comparison import Change, paired
from edge.gate.judge import REVIEW_POINTS
from edge.system.regular_file import read_text
from edge.system.text import counted
from edge.system.typed import MismatchError, decode
from edge.wafer.patterns import PatternSet, SetKind

if TYPE_CHECKING:
    from edge.evaluation.evaluate_several import SeveralEvaluation

#: Larger files are no baseline.
_MAX_BYTES: Final = 256 * 2**20

_ACCEPTED, _REVIEWED = ".", "r"


class SeveralBaseline(Struct, frozen=True):
    """What the trusted model file named.

    Attributes:
        patterns: Of the model file, in its order.
        named: Label of each wafer, all that was named (W,).
        reviewed: A letter a wafer: ``r``, it went to a person, or ``.``.
        data_sha256: Of the wafers.
        symmetries: Views averaged.
        model: Name and hash of the model file.
    """

    patterns: tuple[str, ...]
    named: tuple[str, ...]
    reviewed: Annotated[str, Meta(pattern=f"^[{_ACCEPTED}{_REVIEWED}]*$")]
    data_sha256: str
    symmetries: int
    model: str = "unknown"

    def __post_init__(self) -> None:
        """Refuse what would be compared wrongly."""
        if len(self.reviewed) != len(self.named):
            raise MismatchError(("reviewed",), "does not fit the answers")
        try:
            known = PatternSet(self.patterns, kind=SetKind.SEVERAL)
            _ = [known.label_of(label) for label in {*self.named}]
        except MismatchError as error:
            raise MismatchError(("named",), error.what) from None


def as_dict(result: SeveralEvaluation) -> dict[str, Any]:
    """JSON form of a measurement that later ones are to be compared with."""
    known = PatternSet(result.scores.labels, kind=SetKind.SEVERAL)
    return {
        **result.as_dict(),
        "baseline": FORMAT,
        "kind": SetKind.SEVERAL.value,
        "patterns": list(known),
        "named": [known.joined([*compress(known, row)]) for row in result.named.tolist()],
        "reviewed": "".join(_REVIEWED if reason else _ACCEPTED for reason in result.reasons),
    }


def baseline_of(result: SeveralEvaluation) -> SeveralBaseline:
    """What a model file at work that is trusted does on these wafers."""
    return decode(SeveralBaseline, as_dict(result))


def read(path: Path) -> SeveralBaseline:
    """Read what ``--write-baseline`` wrote of a model file that names several patterns a wafer.

    Raises:
        DataError: unreadable, of another kind of model file, or made by a newer version.
    """
    try:
        content = json.loads(read_text(path, _MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as a baseline ({why(error)})") from error
    if not isinstance(content, dict) or content.get("kind") != SetKind.SEVERAL.value:
        what = "the baseline is not of a model file that names several patterns a wafer"
        raise DataError(f"{path}: {what}; measure it with one, by --write-baseline")
    if content.get("baseline") != FORMAT:
        text = f"{path}: a baseline of layout {content.get('baseline')!r}, this version reads"
        raise DataError(f"{text} {FORMAT}; measure it again")
    try:
        return decode(SeveralBaseline, content)
    except MismatchError as error:
        raise DataError(f"{path}: the baseline is incomplete or malformed ({error})") from error


def require_same(before: SeveralBaseline, now: SeveralEvaluation) -> None:
    """Make sure that a comparison means anything.

    Raises:
        DataError: measured on other wafers, in another way, or of other patterns.
    """
    if before.data_sha256 != now.data_sha256 or len(before.named) != len(now.true):
        what = "the baseline was measured on other wafers or another part"
    elif before.patterns != now.scores.labels:
        what = "the baseline's patterns are others than the model file's, or in another order"
    elif before.symmetries != now.symmetries:
        what = "the baseline was measured with another --average-symmetries"
    else:
        return
    raise DataError(f"{what}; measure it again on these, and alike")


def judge(
    now: SeveralEvaluation, before: SeveralBaseline | None, max_drop: float
) -> Iterator[Check]:
    """Checks of the figures; ``max_drop`` is the largest fall, in percentage points."""
    if now.overlap and now.overlap.too_large:
        yield failed("data", now.overlap.warning())
    else:
        yield passed("data", "; ".join([counted(len(now.true), "wafer"), *now.warnings]))
    doubt = blind(now.scores)
    yield failed("dead-classes", doubt) if doubt else passed("dead-classes", "not all alike")
    if before is None:
        return
    yield passed("baseline", f"compared wafer by wafer with {before.model}")
    known = PatternSet(before.patterns, kind=SetKind.SEVERAL)
    was, is_ = hot_of(np.asarray(before.named), known), now.named
    for place, name in enumerate(known):
        yield _class(name, now.true[:, place], was[:, place], is_[:, place], max_drop)
    right = [(named == now.true).all(axis=1) for named in (was, is_)]
    yield _told("mean", "exactly named", paired(*right), max_drop)
    reviewed = np.frombuffer(before.reviewed.encode(), np.uint8) == ord(_REVIEWED)
    looked_at = np.asarray([reason is not None for reason in now.reasons])
    accepted = paired(~reviewed, ~looked_at)
    yield _told("review-share", "not sent to a person", accepted, REVIEW_POINTS)
    safe = paired(reviewed | right[0], looked_at | right[1])
    yield _told("accepted-wrong", "right, or looked at by a person", safe, max_drop)


def _class(name: str, true: Hot, was: Hot, is_: Hot, max_drop: float) -> Check:
    """One pattern: found where it is, and not named where it is not."""
    check, sides = class_check_name(name), []
    for of, words in ((true, "found where it is"), (~true, "not named where it is not")):
        if of.any():
            change = paired((was == true)[of], (is_ == true)[of])
            told = _told(check, f"{name} {words}", change, max_drop)
            if told.failed:
                return told
            sides.append(told.message)
    return passed(check, "; ".join(sides)) if true.any() else skipped(check, f"no wafer of {name}")


def _told(check: str, what: str, change: Change, most: float) -> Check:
    fell = change.fell(most)
    if fell and change.certain:
        return failed(check, f"{what}: fell by more than {most:g} points, {change}")
    return passed(check, f"{what}: {change}{', within chance' if fell else ''}")
