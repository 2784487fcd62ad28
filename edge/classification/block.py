"""A block of wafers in, what ``Classifier.classify`` says of each as columns out.

The same numbers bit for bit, without an object a wafer: an encoding and an inference each, and all
that follows from the network's bytes in arrays.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.classification.network_output import NetworkOutput, NetworkOutputs
from edge.classification.prediction import Prediction
from edge.errors import UsageError
from edge.verdict.familiarity import Embedding
from edge.verdict.rule import MIN_FAILS, Reason, ReviewRule, Verdict
from edge.wafer import encoding
from edge.wafer.wafermap import FAIL, MAX_SIDE, STATES, DieGrid, WaferMap

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier
    from edge.own.patterns import Claim

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

#: What a code in ``Columns.reason`` stands for.
REASONS: Final = (None, *Reason)
_CODES: Final = {reason: code for code, reason in enumerate(REASONS)}


@dataclass(frozen=True)
class Columns:
    """Predictions of some wafers, a row each; see ``Prediction``.

    Attributes:
        labels: Of the model file.
        pattern: Place (wafers,) in ``labels`` of the most probable one.
        probabilities: float64 (wafers, labels).
        reason: Place (wafers,) in ``REASONS``.
        confidence: float64 (wafers,), as ``below``, ``unfamiliarity`` and ``mixture``.
        dies: On each wafer; ``fails``: those that fail.
        embedding: int8 (wafers, size); zeros where no network was asked.
        asked: Whether the network was, (wafers,).
        latency_us: Encoding, inference and decision of each, microseconds.
        suggested: Own pattern that claims each wafer, empty for none; None where there are none.
        model: Name and hash of the model file.
        symmetries: Views averaged.
    """

    labels: tuple[str, ...]
    pattern: npt.NDArray[np.intp]
    probabilities: Numbers
    reason: npt.NDArray[np.uint8]
    confidence: Numbers
    below: Numbers
    unfamiliarity: Numbers
    mixture: Numbers
    dies: Counts
    fails: Counts
    embedding: npt.NDArray[np.int8]
    asked: npt.NDArray[np.bool_]
    latency_us: Counts
    suggested: list[str] | None
    model: str
    symmetries: int

    def __len__(self) -> int:
        return len(self.pattern)


def classify_block(
    classifier: Classifier, dies: npt.NDArray[np.uint8], shapes: npt.NDArray[Any]
) -> Columns:
    """Classify wafers whose maps lie end to end, as in a labelled set.

    Args:
        classifier: At work with a model file.
        dies: uint8 (N,) of {0 no die, 1 pass, 2 fail}.
        shapes: Whole numbers (wafers, 2): rows and columns of each, 1 to ``MAX_SIDE``; N in all.

    Raises:
        UsageError: these do not fit together, a value is no die state, or a wafer has no die; or
            the model file names several patterns a wafer.
    """
    sizes = _checked(dies, shapes)
    ends = np.cumsum(sizes)
    slices = [*map(slice, (ends - sizes).tolist(), ends.tolist())]
    counts, fails = (
        np.asarray([*map(np.count_nonzero, map(which.__getitem__, slices))], np.int64)
        for which in (dies, dies == FAIL)
    )
    if not counts.all():
        place = int(counts.argmin())
        raise UsageError(f"wafer {place} of the block has no die; leave such wafers out")
    grids = [dies[each].reshape(sides) for each, sides in zip(slices, shapes.tolist(), strict=True)]
    return _classify(classifier, grids, counts, fails)


def classify_maps(classifier: Classifier, maps: Sequence[WaferMap]) -> list[Prediction]:
    """What ``classifier.classify`` says of each wafer map, as readers make them: checked."""
    if classifier.model.patterns.is_several:  # not in columns
        return list(map(classifier.classify, maps))
    return list(predictions(columns_of(classifier, maps), maps, classifier.model.patterns.hints))


def columns_of(classifier: Classifier, maps: Sequence[WaferMap]) -> Columns:
    """The same as columns."""
    counts = np.asarray([(each.die_count, each.fail_count) for each in maps], np.int64)
    counts = counts.reshape(len(maps), 2)
    return _classify(classifier, [each.dies for each in maps], counts[:, 0], counts[:, 1])


def predictions(
    columns: Columns, maps: Sequence[WaferMap], hints: dict[str, str]
) -> Iterator[Prediction]:
    """The rows as predictions of these wafer maps; ``hints``: what a pattern points to."""
    labels = columns.labels
    rows = zip(
        maps,
        columns.pattern.tolist(),
        columns.probabilities.tolist(),
        columns.reason.tolist(),
        *(
            values.tolist()
            for values in (
                columns.confidence,
                columns.below,
                columns.unfamiliarity,
                columns.mixture,
                columns.latency_us,
            )
        ),
        map(_embedding, columns.embedding, columns.asked.tolist()),
        columns.suggested or itertools.repeat(None, len(columns)),
        strict=True,
    )
    for wafer_map, best, shares, code, confidence, below, far, mixture, took, seen, own in rows:
        reason = REASONS[code]
        yield Prediction(
            wafer_map,
            labels[best],
            dict(zip(labels, shares, strict=True)),
            reason.verdict if reason else Verdict.ACCEPT,
            reason,
            confidence,
            below,
            far,
            mixture,
            columns.model,
            columns.symmetries,
            took,
            seen,
            own,
            hints.get(labels[best], ""),
        )


def _embedding(row: Embedding, asked: bool) -> Embedding | None:
    return row if asked else None


class _Seen(NamedTuple):
    """What the network was asked of some wafers of a block."""

    places: npt.NDArray[np.intp]
    outputs: NetworkOutputs
    embeddings: npt.NDArray[np.int8]
    claims: list[Claim | None]
    took_ns: Counts


def _classify(
    classifier: Classifier, grids: Sequence[DieGrid], dies: Counts, fails: Counts
) -> Columns:
    """Encode, infer, decide: the one place where a decision becomes columns."""
    classifier.model.require_exclusive("a block of columns")
    seen = _seen(classifier, grids, fails)
    began = time.perf_counter_ns()
    wafers, labels, clear = len(grids), classifier.model.labels, classifier.clear
    asked = np.zeros(wafers, bool)
    asked[seen.places] = True
    outputs = NetworkOutputs(
        *(
            np.repeat(np.asarray([constant], np.float64), wafers, axis=0)
            for constant in clear[: len(NetworkOutputs._fields)]
        )
    )
    for column, values in zip(outputs, seen.outputs, strict=True):
        column[seen.places] = values
    embedding = np.zeros((wafers, seen.embeddings.shape[1]), np.int8)
    embedding[seen.places] = seen.embeddings
    pattern = outputs.probabilities.argmax(axis=1)
    below = np.asarray([classifier.review.below[label] for label in labels])[pattern]
    reason = _reasons(classifier.review, below, outputs, dies, asked)
    suggested = None
    if classifier.own is not None:
        suggested = [""] * wafers
        for place, claim in zip(seen.places.tolist(), seen.claims, strict=True):
            if claim is not None:
                suggested[place] = claim.name
                if not reason[place] and not claim.is_trusted:
                    reason[place] = _CODES[Reason.OWN]
    took = np.zeros(wafers, np.int64)
    took[seen.places] = seen.took_ns
    took += (time.perf_counter_ns() - began) // max(1, wafers)
    return Columns(
        labels,
        pattern,
        outputs.probabilities,
        reason,
        outputs.confidence,
        below,
        outputs.unfamiliarity,
        outputs.mixture,
        dies,
        fails,
        embedding,
        asked,
        took // 1000,
        suggested,
        classifier.model.name,
        encoding.SYMMETRIES if classifier.average_symmetries else 1,
    )


def _seen(classifier: Classifier, grids: Sequence[DieGrid], fails: Counts) -> _Seen:
    """Ask the network of all wafers with enough failing dies."""
    places = np.flatnonzero(fails >= classifier.min_fails)
    found: list[Any] = []
    claims: list[Claim | None] = []
    ticks = [time.perf_counter_ns()]
    own = classifier.own
    ask: Callable[[encoding.Encoded], Any] = (
        classifier.infer if classifier.average_symmetries else classifier.outputs
    )
    for place in places.tolist():
        answer = ask(encoding.encode(grids[place], classifier.size))
        found.append(answer)
        if own is not None:
            claim = own.claim(answer[-1], grids[place]) if fails[place] >= MIN_FAILS else None
            claims.append(claim)
        ticks.append(time.perf_counter_ns())
    labels, size = len(classifier.model.labels), classifier.model.metadata.embedding.size
    embeddings = np.asarray([answer[-1] for answer in found], np.int8).reshape(-1, size)
    if classifier.average_symmetries:
        read = _columns_of(found, labels)
    else:
        logits = np.asarray([answer[0] for answer in found], np.int16).reshape(-1, labels)
        read = classifier.reader.read_all(logits, embeddings)
    times = np.asarray(ticks, np.int64)
    return _Seen(places, read, embeddings, claims, times[1:] - times[:-1])


def _columns_of(found: Sequence[NetworkOutput], labels: int) -> NetworkOutputs:
    shares = np.asarray([each.probabilities for each in found], np.float64).reshape(-1, labels)
    others = np.asarray([each[1:4] for each in found], np.float64).reshape(-1, 3)
    return NetworkOutputs(shares, *others.T)


def _reasons(
    rule: ReviewRule,
    below: Numbers,
    outputs: NetworkOutputs,
    dies: Counts,
    asked: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """What ``ReviewRule.reason`` says of each wafer, the first that holds; ``few-fails`` after."""
    holds = (
        (dies < rule.min_dies, Reason.FEW_DIES),
        (outputs.mixture > rule.mixed_above, Reason.MIXED),
        (outputs.unfamiliarity > rule.unfamiliar_above, Reason.UNFAMILIAR),
        ((outputs.confidence < below) | (below >= 1), Reason.LOW_CONFIDENCE),
        (~asked, Reason.FEW_FAILS),
    )
    codes = [np.uint8(_CODES[reason]) for _, reason in holds]
    return np.select([which for which, _ in holds], codes, np.uint8(0))


def _checked(dies: npt.NDArray[np.uint8], shapes: npt.NDArray[Any]) -> Counts:
    """Positions (wafers,) of each map, where the arrays are what they must be."""
    if dies.dtype != np.uint8 or dies.ndim != 1:
        raise UsageError(f"dies: uint8 (N,) is needed, not {dies.dtype} {dies.shape}")
    if shapes.dtype.kind not in "ui" or shapes.ndim != 2 or shapes.shape[1] != 2:
        raise UsageError(f"shapes: whole numbers (wafers, 2), not {shapes.dtype} {shapes.shape}")
    if shapes.size and not 1 <= shapes.min() <= shapes.max() <= MAX_SIDE:
        raise UsageError(f"shapes: rows and columns must be from 1 to {MAX_SIDE}")
    sizes = shapes.astype(np.int64).prod(axis=1)
    if sizes.sum() != len(dies):
        raise UsageError(f"shapes take {sizes.sum():,} positions, dies has {len(dies):,}")
    if dies.max(initial=0) > FAIL:
        raise UsageError(f"dies: value {dies.max()}; die states are {STATES}")
    return sizes
