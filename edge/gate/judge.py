"""The regression gate: one check a thing that can go wrong, all of them reported.

What each name means to the reader stands in docs/regression-gate.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from edge.dataset.labelled_set import FEW_WAFERS
from edge.errors import DataError, GateError, WmEdgeError
from edge.evaluation.evaluate import Evaluation, evaluate
from edge.evaluation.learned import blind
from edge.gate import comparison, diagnosis
from edge.gate.baseline import measured
from edge.gate.checks import (
    MODEL_CHECKS,
    Check,
    class_check_name,
    complete,
    failed,
    passed,
    skipped,
)
from edge.gate.soundness import ModelFileAudit
from edge.system.text import counted
from edge.wafer.patterns import WM811K

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier
    from edge.dataset.labelled_set import LabelledSet
    from edge.gate.baseline import Baseline

#: Percentage points by which the share of wafers for a person may rise.
REVIEW_POINTS: Final = 5.0

#: A reason for review that stood for so many wafers must not stand for none.
VANISHED: Final = 10

#: Points by which the expected calibration error may rise.
CALIBRATION_POINTS: Final = 5.0

#: A class has collapsed when none is right any more of so many wafers or more.
COLLAPSE: Final = 3


@dataclass(frozen=True)
class GateOutcome:
    """What a run of the gate found.

    Attributes:
        checks: One a name of ``edge.gate.checks.NAMES``, in that order.
        result: The measurement, None where there could be none.
        warnings: What a reader of the figures must know.
        error: Why there is no measurement or no comparison.
    """

    checks: list[Check]
    result: Evaluation | None = None
    warnings: list[str] = field(default_factory=list)
    error: WmEdgeError | None = None

    @property
    def red(self) -> list[str]:
        """Names of the checks that failed."""
        return [check.name for check in self.checks if check.failed]

    def raise_if_red(self) -> None:
        """End with the right exit code.

        Raises:
            WmEdgeError: ``error``, where there is one.
            GateError: a check failed.
        """
        if self.error:
            raise self.error
        if self.red:
            raise GateError(f"the gate is red: {', '.join(self.red)}")


def run(
    sound: ModelFileAudit,
    read_data: Callable[[], LabelledSet],
    read_baseline: Callable[[], Baseline | Classifier] | None,
    max_drop: float,
    progress: Callable[[int], None] | None = None,
) -> GateOutcome:
    """Look at everything that can be looked at; what is wrong early hides nothing else.

    Without ``read_baseline`` nothing is compared; a trusted model at work that it gives is measured
    on the same wafers. ``max_drop`` is the largest fall of a class or of
    the mean, in percentage points; ``progress`` is told of the number of wafers done.
    """
    checks = list(sound.checks)
    errors: list[WmEdgeError] = [sound.error] if sound.error else []
    labelled = before = result = None
    with _noted("baseline", checks, errors):
        before = read_baseline() if read_baseline else None
    with _noted("data", checks, errors):
        labelled = read_data()
        if sound.classifier:
            result = evaluate(labelled, sound.classifier, progress)
    trusted = None
    with _noted("baseline", checks, errors):
        if before and result and labelled:
            (found := measured(before, labelled, progress)).require_same(result)
            trusted = found
    error = errors[0] if errors else None
    warnings: list[str] = []
    if labelled is not None and sound.classifier and result:
        checks += judge(labelled, sound.classifier, result, trusted, max_drop)
        # A warning of the result may be one of these.
        warnings = list(dict.fromkeys([*result.warnings, *_doubts(checks)]))
        checks.append(_data(result))
    elif labelled is not None:
        checks.append(passed("data", f"{counted(len(labelled), 'wafer')}, not judged"))
    why = "not examined: see what failed above" if error else "there is no baseline"
    known = labelled.patterns if labelled is not None else WM811K
    if sound.classifier:
        known = sound.classifier.model.patterns
    return GateOutcome(complete(checks, why, known.names), result, warnings, error)


@contextmanager
def _noted(name: str, checks: list[Check], errors: list[WmEdgeError]) -> Iterator[None]:
    """Data that cannot be used fails a check, and the work goes on."""
    try:
        yield
    except DataError as problem:
        checks.append(failed(name, str(problem)))
        errors.append(problem)


def judge(
    labelled: LabelledSet,
    classifier: Classifier,
    now: Evaluation,
    before: Baseline | None,
    max_drop: float,
) -> Iterator[Check]:
    """Checks of the figures, with what a fall looks like."""
    yield from (figures := [*_dead(classifier, now, before), *_compared(now, before, max_drop)])
    red = any(check.failed for check in figures)
    if before is None or not red:
        return
    expected = now.true if before.predicted is None else before.predicted
    exchanged = diagnosis.exchanged_labels(expected, now.predicted, now.scores.labels)
    goal = 1.0
    if before.predicted is None:
        goal = float(np.mean([recall for recall, _ in before.recalls.values()]))
    finding = exchanged or diagnosis.by_wafers(classifier, labelled, expected, now.predicted, goal)
    if finding:
        yield failed(finding.check, finding.message)


def _compared(now: Evaluation, before: Baseline | None, max_drop: float) -> Iterator[Check]:
    if before is None:
        for name, score in now.scores.per_class.items():
            if not score.n:
                yield skipped(class_check_name(name), f"no wafer of {name} in the data")
        return
    how = "by counts alone" if before.predicted is None else "wafer by wafer"
    yield passed("baseline", f"compared {how} with {before.model}")
    for index, name in enumerate(now.scores.labels):
        yield _class(index, name, now, before, max_drop)
    yield _mean(now, before, max_drop)
    yield _review_share(now, before)
    yield _accepted_wrong(now, before, max_drop)
    yield _calibration(now, before)


def _class(index: int, name: str, now: Evaluation, before: Baseline, max_drop: float) -> Check:
    check = class_check_name(name)
    score = now.scores.per_class[name]
    if score.recall is None:
        return skipped(check, f"no wafer of {name} in the data")
    mine = now.true == index
    if before.predicted is None:
        change = comparison.unpaired([before.recalls[name]], [(score.recall, score.n)])
    else:
        change = comparison.paired(before.predicted[mine] == index, now.predicted[mine] == index)
    told, fell = f"{change} of {counted(score.n, 'wafer')}", change.fell(max_drop)
    if fell and change.certain:
        return failed(check, f"{name} fell by more than {max_drop:g} points: {told}")
    if fell and not change.now and round(change.before * score.n) >= COLLAPSE:
        return failed(check, f"{name} has collapsed, none is right any more: {told}")
    if score.n < FEW_WAFERS:
        return skipped(check, f"too few to judge (fewer than {FEW_WAFERS}): {told}")
    return passed(check, f"{told}, within chance" if fell else told)


def _mean(now: Evaluation, before: Baseline, max_drop: float) -> Check:
    if before.predicted is not None:
        right = before.predicted == now.true
        change = comparison.paired_mean(now.true, right, now.predicted == now.true)
    else:
        scores = now.scores.per_class.items()
        found = {name: (s.recall, s.n) for name, s in scores if s.recall is not None}
        change = comparison.unpaired([before.recalls[name] for name in found], [*found.values()])
    fell = change.fell(max_drop)
    if fell and change.certain:
        return failed("mean", f"the mean over classes fell: {change}")
    return passed("mean", f"mean over classes {change}{', within chance' if fell else ''}")


def _review_share(now: Evaluation, before: Baseline) -> Check:
    if before.reviewed is None:
        return skipped("review-share", "the baseline holds no verdicts")
    accepted = comparison.paired(~before.reviewed, ~now.reviewed)
    share = comparison.paired(before.reviewed, now.reviewed)
    if accepted.fell(REVIEW_POINTS) and accepted.certain:
        return failed("review-share", f"many more wafers go to a person: {share}")
    if share.now < share.before / 2 and share.certain:
        return failed(
            "review-share",
            f"less than half as many wafers go to a person: {share}; are the thresholds lost?",
        )
    known, counts = before.review.by_reason, now.review()["by_reason"]
    silent = [name for name, n in known.items() if n >= VANISHED and not counts.get(name)]
    if silent:
        return failed(
            "review-share",
            f"no wafer goes to a person as {' or '.join(silent)} any more; are its limits lost?",
        )
    return passed("review-share", f"to a person {share}")


def _accepted_wrong(now: Evaluation, before: Baseline, max_rise: float) -> Check:
    """What the station is there to prevent: a wrong verdict that nobody looks at."""
    if before.reviewed is None or before.predicted is None:
        return skipped("accepted-wrong", "the baseline holds no verdicts")
    safe = comparison.paired(
        before.reviewed | (before.predicted == now.true),
        now.reviewed | (now.predicted == now.true),
    )
    told = f"{100 * (1 - safe.before):.1f} % -> {100 * (1 - safe.now):.1f} % of all wafers"
    if safe.fell(max_rise) and safe.certain:
        return failed("accepted-wrong", f"more wrong wafers are accepted: {told}")
    return passed("accepted-wrong", f"accepted and wrong: {told}")


def _calibration(now: Evaluation, before: Baseline) -> Check:
    if before.calibration_error is None:
        return skipped("calibration", "the baseline holds no calibration error")
    pairs = {"probabilities": (before.calibration_error, now.calibration_error)}
    if before.confidence_error is not None:
        pairs["confidences"] = (before.confidence_error, now.confidence_error)
    told = ", ".join(
        f"{what} {100 * was:.1f} -> {100 * is_:.1f} points" for what, (was, is_) in pairs.items()
    )
    worse = [what for what, (was, is_) in pairs.items() if 100 * (is_ - was) > CALIBRATION_POINTS]
    if worse:
        return failed(
            "calibration",
            f"{' and '.join(worse)} are less true than they were, error of {told}; was the "
            "temperature or the frequency table lost?",
        )
    return passed("calibration", f"expected calibration error of {told}")


def _dead(classifier: Classifier, now: Evaluation, before: Baseline | None) -> Iterator[Check]:
    """Patterns that the model cannot name any more."""
    constant = diagnosis.constant_outputs(classifier)
    if constant:
        yield failed(
            "dead-classes",
            f"the output of {', '.join(constant)} is the same for all kinds of wafers: its weights "
            "are zero, or its output is stuck",
        )
        return
    trusted = now.true if before is None or before.predicted is None else before.predicted
    silent = [
        f"{name} (of {counted(now.scores.per_class[name].n, 'wafer')})"
        for index, name in enumerate(now.scores.labels)
        if now.scores.per_class[name].n >= COLLAPSE
        and index in set(trusted.tolist()) - set(now.predicted.tolist())
    ]
    if doubt := blind(now.scores):
        yield failed("dead-classes", doubt)
    elif silent:
        yield failed("dead-classes", f"never predicted: {', '.join(silent)}")
    else:
        yield passed("dead-classes", "every pattern can be predicted")


def _data(now: Evaluation) -> Check:
    if now.overlap and now.overlap.too_large:
        return failed("data", now.overlap.warning())
    return passed("data", "; ".join([counted(now.wafers, "wafer"), *now.warnings]))


def _doubts(checks: list[Check]) -> list[str]:
    """What failed of the model file, for those who measure without a gate."""
    names = {*MODEL_CHECKS, "dead-classes"}
    return [check.message for check in checks if check.failed and check.name in names]
