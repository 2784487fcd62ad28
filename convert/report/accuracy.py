"""Figures of one form of the network, and what changed between two: arithmetic on probabilities."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from convert.parity import Counts, Variant, counts, judge
from convert.report.evidence import (
    AnyDefect,
    Band,
    ChangedWafer,
    Changes,
    Curve,
    Outcome,
    PatternReview,
    ReasonCount,
    Reliability,
    ReviewEvidence,
)
from edge.dataset.labelled_set import LabelledSet
from edge.evaluation import metrics
from edge.evaluation.calibration import (
    auroc,
    calibration_error,
    caught,
    reliability_bins,
    risk_coverage,
)
from edge.evaluation.evaluate import Evaluation, as_station
from edge.model.measured import ClassFigures
from edge.model.model_file import ModelFile
from edge.wafer.patterns import PatternSet

#: The label may be among so many most probable patterns.
TOP: Final = (1, 3, 5)

#: Shares of the wafers that a person might look at.
LOOKED_AT: Final = (0.02, 0.05, 0.10)

Shares = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]


def compared(
    model: ModelFile,
    labelled: LabelledSet,
    evaluation: Evaluation,
    floats: dict[Variant, npt.NDArray[np.floating[Any]]],
    allowed_points: float,
    drawn: int,
) -> dict[str, Any]:
    """Every form of the network on the wafers, and int8 against the first of the float ones.

    ``floats`` holds their logits (W, patterns), in the order of the pattern set; what comes out are
    members of the evidence.

    Raises:
        UsageError: ``allowed_points`` is no number from 0 up.
    """
    shares: dict[Variant, npt.NDArray[np.float64]] = {}
    outcomes: dict[Variant, Outcome] = {}
    true, int8, patterns = evaluation.true, evaluation.probabilities, model.patterns
    for variant, given in floats.items():
        logits = as_station(given, labelled)
        shares[variant] = metrics.softmax(logits / model.temperature)
        outcomes[variant] = outcome(true, metrics.softmax(logits), shares[variant], patterns)
    outcomes[Variant.INT8] = outcome(
        true, without_temperature(int8, model.temperature), int8, patterns
    )
    recorded = None if Variant.KERAS in floats else _recorded(model, evaluation)
    reference = next(iter(shares), None)
    return {
        "verdict": judge(*_reference(outcomes, recorded), evaluation.scores, allowed_points),
        "outcomes": outcomes,
        "recorded": recorded,
        "changes": changes(labelled, reference, shares[reference], int8, drawn)
        if reference
        else None,
    }


def outcome(true: Classes, before: Shares, after: Shares, patterns: PatternSet) -> Outcome:
    """All figures of one form of the network.

    ``true`` are class indices (W,), ``before`` and ``after`` probabilities (W, patterns)
    without and with the temperature, all in the order of ``patterns``.
    """
    confusion = metrics.confusion_matrix(true, after.argmax(axis=1), len(patterns))
    own = after[np.arange(len(true)), true]
    # Ties count for the label: with the stable order of argmax they would depend on its place.
    rank = (after > own[:, np.newaxis]).sum(axis=1)
    return Outcome(
        metrics.score(confusion, patterns.names),
        {k: float((rank < k).mean()) for k in TOP},
        any_defect(true, after, patterns),
        _reliability(true, before),
        _reliability(true, after),
    )


def without_temperature(shares: Shares, temperature: float) -> Shares:
    """Probabilities (W, patterns) before the logits were divided by the temperature."""
    # A probability that underflowed to 0 stays 0.
    return metrics.softmax(np.log(np.maximum(shares, np.finfo(float).tiny)) * temperature)


def any_defect(true: Classes, shares: Shares, patterns: PatternSet) -> AnyDefect:
    """Any pattern against the one that means none; all are None where none does."""
    if patterns.none is None:
        return AnyDefect(None, None, None, None, None)
    none = patterns.index(patterns.none)
    defect, called = true != none, shares.argmax(axis=1) != none
    confusion = metrics.confusion_matrix(defect.astype(np.intp), called.astype(np.intp), 2)
    found = metrics.score(confusion, ("none", "any")).per_class["any"]
    shares_right = found.precision, found.recall, found.f1
    if defect.all() or not defect.any():
        return AnyDefect(*shares_right, None, None)
    doubt = 1 - shares[:, none]
    return AnyDefect(*shares_right, auroc(doubt[~defect], doubt[defect]), _roc(doubt, defect))


def _roc(score: Shares, positive: npt.NDArray[np.bool_]) -> Curve:
    """False alarms against hits for every threshold; equal scores are one step."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)  # the last one is a step
    hits = np.cumsum(positive[order])[last] / positive.sum()
    alarms = np.cumsum(~positive[order])[last] / (~positive).sum()
    return Curve.thinned(np.append(0.0, alarms), np.append(0.0, hits))


def _reliability(true: Classes, shares: Shares) -> Reliability:
    confidence, right = shares.max(axis=1), shares.argmax(axis=1) == true
    return Reliability(
        calibration_error(confidence, right), tuple(reliability_bins(confidence, right))
    )


def changes(
    labelled: LabelledSet,
    reference: Variant,
    before: Shares,
    after: Shares,
    limit: int,
) -> Changes:
    """Wafers that are called otherwise by probabilities (W, patterns) in float and in int8."""
    true, names = labelled.class_indices(), labelled.patterns.names
    one, two = before.argmax(axis=1), after.argmax(axis=1)
    drift = np.abs(after - before).max(axis=1)
    now_wrong, now_right = (one == true) & (two != true), (one != true) & (two == true)
    found = np.flatnonzero(one != two)
    ranked = found[np.lexsort((-drift[found], ~now_wrong[found]))]
    shown = []
    for index in ranked[:limit].tolist():
        both = [one[index], two[index]]
        wafer = labelled.wafer_map(index)
        shown.append(
            ChangedWafer(
                index,
                wafer.lot,
                wafer.wafer,
                names[true[index]],
                names[both[0]],
                names[both[1]],
                (float(before[index, both[0]]), float(before[index, both[1]])),
                (float(after[index, both[0]]), float(after[index, both[1]])),
                wafer.dies,
            )
        )
    return Changes(
        reference,
        len(found),
        int(now_wrong.sum()),
        int(now_right.sum()),
        1 - len(found) / len(labelled),
        float(drift.max()),
        tuple(shown),
    )


#: Ends of the intervals of confidence that are told apart.
BANDS: Final = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


def review(
    evaluation: Evaluation, objective: dict[str, float], hints: dict[str, str]
) -> ReviewEvidence:
    """What the model file's rule sends to a person, and what looking at more would catch.

    ``hints`` say what a pattern usually points to, by its name.
    """
    wrong = evaluation.predicted != evaluation.true
    doubt = 1 - evaluation.confidence
    went = evaluation.review()
    coverage, risk = risk_coverage(doubt, wrong)
    return ReviewEvidence(
        went["wafers"],
        went["share"],
        tuple(
            ReasonCount(reason, n, int(wrong[[one == reason for one in evaluation.reasons]].sum()))
            for reason, n in went["by_reason"].items()
        ),
        went["wrong"],
        went["wrong_caught"],
        {share: caught(doubt, wrong, share) for share in LOOKED_AT},
        Curve.thinned(coverage, risk),
        objective,
        {
            name: _pattern(evaluation, index, hints.get(name, ""))
            for index, name in enumerate(evaluation.scores.labels)
        },
        tuple(
            Band(low, high, int(inside.sum()), int((inside & ~wrong).sum()))
            for low, high in pairwise(BANDS)
            for inside in [_inside(evaluation.confidence, low, high)]
        ),
    )


def _pattern(evaluation: Evaluation, index: int, hint: str) -> PatternReview:
    mine = evaluation.true == index
    accepted = (evaluation.predicted == index) & ~evaluation.reviewed
    counted = (mine, mine & evaluation.reviewed, accepted, accepted & mine)
    wafers, reviewed, named, right = (int(one.sum()) for one in counted)
    return PatternReview(wafers, reviewed, named, right, hint)


def _inside(confidence: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = (confidence >= low) & ((confidence < high) | (high >= 1))
    return inside


def _reference(
    outcomes: dict[Variant, Outcome], recorded: dict[str, ClassFigures] | None
) -> tuple[Variant | None, Counts | None]:
    """What int8 is held against: Keras measured, Keras recorded, float TFLite, or nothing."""
    if Variant.KERAS in outcomes:
        return Variant.KERAS, counts(outcomes[Variant.KERAS].scores)
    if recorded is not None:
        # Recorded with four digits: exact up to 10,000 wafers of a class.
        return Variant.KERAS, {
            name: (round((entry.recall or 0.0) * entry.n), entry.n)
            for name, entry in recorded.items()
        }
    if Variant.FLOAT in outcomes:
        return Variant.FLOAT, counts(outcomes[Variant.FLOAT].scores)
    return None, None


def _recorded(model: ModelFile, evaluation: Evaluation) -> dict[str, ClassFigures] | None:
    """The Keras figures in the model file, where they are of these wafers."""
    accuracy = model.metadata.accuracy
    if accuracy is None or accuracy.data_sha256 != evaluation.data_sha256:
        return None
    per_class = accuracy.float_.per_class
    numbers = {name: score.n for name, score in evaluation.scores.per_class.items()}
    same = all(per_class[name].n == n for name, n in numbers.items())
    return {name: per_class[name] for name in evaluation.scores.labels} if same else None
