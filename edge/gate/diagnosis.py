"""What a spoiled model looks like: a few well-known mistakes, tried out.

Two kinds of evidence. The self-test's wafers have known outputs: a mistake that explains what came
out instead is found by undoing it. Where the file was converted with the mistake in it, its
self-test agrees with it, and only wafers that another model judged can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.classification import selftest
from edge.classification.classifier import Classifier
from edge.dataset.encoded_set import spread_of_each
from edge.dataset.labelled_set import LabelledSet
from edge.verdict.rule import MIN_FAILS
from edge.wafer import encoding
from edge.wafer.encoding import Encoded

#: Most wafers that a mistake is tried on.
WAFERS: Final = 500

#: Steps of the input by which a zero point is tried.
SHIFTS: Final = (-32, -16, -8, -4, 4, 8, 16, 32)

#: Smallest cosine between what a shift of the input changes and what is wrong. A zero point off by
#: 4 to 16 gave 0.79 to 0.98 on the model that shipped first, randomly changed weights up to 0.68;
#: on a wider one 0.84 to 0.98, and weights up to 0.60 but for one change in twelve: 0.90.
_ALIKE: Final = 0.75

#: Share of the wafers that went wrong which a mistake must explain.
_EXPLAINED: Final = 0.5

#: Fewer wafers of a class say nothing of what it is called now.
_MIN_WAFERS: Final = 3

Classes = npt.NDArray[np.intp]
_Logits = npt.NDArray[np.int64]
_Transform = Callable[[Encoded], Encoded]


@dataclass(frozen=True)
class Finding:
    """What a spoiled model looks like, and the check (``edge.gate.checks.NAMES``) it belongs to."""

    check: str
    message: str


def by_probes(classifier: Classifier) -> Finding | None:
    """What explains outputs that differ from those that ``convert`` wrote, or None.

    For a model whose self-test fails.
    """
    known = np.asarray(classifier.model.metadata.selftest.logits, np.int64)
    found = _probe_logits(classifier, lambda encoded: encoded)
    if _same(_probe_logits(classifier, _exchange_planes), known):
        return Finding("planes", _PLANES)
    # For each known output the one that comes closest to it now.
    order = np.abs(found[:, np.newaxis] - known[:, :, np.newaxis]).max(axis=0).argmin(axis=1)
    places = np.arange(len(order))
    moved = order != places
    if moved.any() and np.array_equal(np.sort(order), places) and _same(found[:, order], known):
        names = np.asarray(classifier.model.labels)[moved]
        return Finding("labels", f"the outputs of {', '.join(names)} are exchanged in the network")
    return _shift_by_probes(classifier, found, known)


def constant_outputs(classifier: Classifier) -> list[str]:
    """Patterns whose output is the same for wafers of all kinds."""
    logits = _probe_logits(classifier, lambda encoded: encoded)
    same = (logits == logits[0]).all(axis=0)
    return [name for name, dead in zip(classifier.model.labels, same, strict=True) if dead]


def exchanged_labels(expected: Classes, found: Classes, names: Sequence[str]) -> Finding | None:
    """Whether some patterns go under each other's names.

    By the class index (W,) that each wafer should get, and the one it got, both in ``names``.
    """
    moved: dict[int, tuple[int, float]] = {}
    for index in range(len(names)):
        given = found[expected == index]
        if len(given) < _MIN_WAFERS:
            continue
        counts = np.bincount(given, minlength=len(names))
        most = int(counts.argmax())
        share = counts[most] / len(given)
        if most != index and share > _EXPLAINED:
            moved[index] = most, float(share)
    if not moved or {most for most, _ in moved.values()} != set(moved):
        return None
    both = " and ".join(names[index] for index in moved)
    told = ", ".join(
        f"{100 * share:.0f} % of {names[index]} are called {names[most]}"
        for index, (most, share) in moved.items()
    )
    return Finding(
        "labels",
        f"{both} look exchanged: {told}; compare the order of the labels at training with the "
        "model file's",
    )


def by_wafers(
    classifier: Classifier, labelled: LabelledSet, expected: Classes, found: Classes, goal: float
) -> Finding | None:
    """Which mistake in the network's input, when undone, makes the wafers fit again, or None.

    Args:
        classifier: The model under test.
        labelled: The wafers.
        expected: Class index (W,) that each should get: what the trusted model said, or its label.
        found: The one it got, (W,).
        goal: Share of ``expected`` that a sound model reaches, 0..1.
    """
    some = sample(labelled.class_indices())
    # Of the others the network is not asked, so that no mistake in its input explains them.
    some = some[labelled.select(some).fail_counts() >= MIN_FAILS]
    if not some.size:
        return None
    expected = expected[some]
    encoded = [encoding.encode(labelled.grid(index), classifier.size) for index in some]
    now = float((found[some] == expected).mean())
    tried = []
    for undo, finding in _mistakes():
        right = float((_judged(classifier, [undo(one) for one in encoded]) == expected).mean())
        tried.append((right, finding))
    best, finding = max(tried, key=lambda pair: pair[0])
    if best - now < max(0.01, _EXPLAINED * (goal - now)):
        return None
    measured = f" ({100 * now:.0f} % -> {100 * best:.0f} % of {len(some)} wafers as expected)"
    return Finding(finding.check, finding.message + measured)


def sample(classes: Classes) -> Classes:
    """Up to ``WAFERS`` wafers, as many of each class as there are, spread over the set."""
    return np.sort(spread_of_each(classes, max(1, WAFERS // len(np.unique(classes)))))


_PLANES: Final = (
    "the planes look swapped: with fail share and die share exchanged the outputs fit; compare the "
    "order of the input's channels at training with docs/model-file.md"
)


def _mistakes() -> Iterator[tuple[_Transform, Finding]]:
    """How each mistake is undone at the input, and what to say where that helps."""
    yield _exchange_planes, Finding("planes", _PLANES)
    for steps in SHIFTS:
        yield _moved(steps), Finding("quantization", _shift_message(steps))


def _shift_message(steps: int) -> str:
    return (
        f"the zero point looks wrong: the outputs fit better with the input moved by about {steps} "
        "steps; compare the input's scale and zero point with those of the encoding"
    )


def _shift_by_probes(classifier: Classifier, found: _Logits, known: _Logits) -> Finding | None:
    """A shift changes the outputs along the very line on which they are away from the known ones.

    The direction is compared and not the distance: bytes at either end of 0..255 cannot be moved
    further, so moving the input undoes a wrong zero point in part only, and mostly one way. Hence
    the line is drawn between the input moved up and the input moved down.
    """
    wrong = (known - found).ravel()
    alike = []
    for steps in (shift for shift in SHIFTS if shift > 0):
        up, down = (_probe_logits(classifier, _moved(way * steps)) for way in (1, -1))
        line = (up - down).ravel()
        lengths = float(np.linalg.norm(line) * np.linalg.norm(wrong))
        cosine = float(line @ wrong) / lengths if lengths else 0.0
        alike.append((abs(cosine), steps if cosine > 0 else -steps))
    best, steps = max(alike)
    return Finding("quantization", _shift_message(steps)) if best >= _ALIKE else None


def _probe_logits(classifier: Classifier, change: _Transform) -> _Logits:
    """Logits (probes, patterns) of the self-test's wafers with the input changed."""
    return np.asarray(selftest.answers(classifier, change).logits, np.int64)


def _judged(classifier: Classifier, encoded: list[Encoded]) -> Classes:
    """Class index of each encoded wafer, in the order of the pattern set."""
    patterns = classifier.model.patterns
    places = np.asarray([patterns.index(label) for label in classifier.model.labels])
    return places[[int(np.argmax(classifier.outputs(one)[0])) for one in encoded]]


def _same(found: _Logits, known: _Logits) -> bool:
    return int(np.abs(found - known).max()) <= selftest.TOLERANCE


def _exchange_planes(encoded: Encoded) -> Encoded:
    return np.ascontiguousarray(encoded[..., ::-1])


def _moved(steps: int) -> _Transform:
    return lambda encoded: np.clip(encoded.astype(np.int16) + steps, 0, 255).astype(np.uint8)
