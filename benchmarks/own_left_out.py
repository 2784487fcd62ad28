"""A class left out of training and added from ten of its wafers, against a network that learnt it.

    wm-edge dataset split wm811k.npz --shares 0.75 0.10 0.15 --out full.npz
    python -m benchmarks.own_left_out full.npz --leave-out Donut without-Donut.npz
    wm-edge train without-Donut.npz --seed 1 --epochs 14 --out run-Donut
    wm-edge convert run-Donut --data without-Donut.npz --out Donut.tflite --allow-drop 5
    python -m benchmarks.own_left_out full.npz Donut=Donut.tflite Scratch=Scratch.tflite

The second writes the set without a class, the last measures and prints JSON. Ordinary wafers are
those of the part ``val`` without the class, as ``convert`` writes them; examples are wafers of the
class of ``train`` and ``val``, judged are all of ``test``. The full model is the one that ships,
with the probability of the class held against a threshold that gives the precision of the pattern.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.classification.classifier import Classifier, coordinates_of
from edge.classification.ordinary_file import of_model
from edge.classification.views import view, views
from edge.dataset.labelled_set import LabelledSet, Part
from edge.dataset.reading import load as load_set
from edge.model.model_file import load
from edge.own.fit import CLAIMED, Fit, Views, scores
from edge.wafer import encoding
from edge.wafer.patterns import PatternSet

EXAMPLES, LOTS, DRAWS, SEED = 10, 3, 20, 17

_Floats = npt.NDArray[np.float64]
_Mask = npt.NDArray[np.bool_]


class Judged(NamedTuple):
    """What a rule of one draw claims: recall, precision and share of other wafers, 0..1."""

    recall: float
    precision: float
    others: float


def judged(claimed: _Mask, of_class: _Mask) -> Judged:
    """Of wafers (wafers,)."""
    right = int((claimed & of_class).sum())
    return Judged(
        right / int(of_class.sum()),
        right / max(1, int(claimed.sum())),
        float(claimed[~of_class].mean()),
    )


def recall_at(precision: float, score: _Floats, of_class: _Mask) -> float:
    """Most recall that a threshold of the score gives at this precision or a better one."""
    order = (-score).argsort(kind="stable")
    right = of_class[order].cumsum()
    ends = np.append(np.diff(score[order]) != 0, True)  # wafers of one score go together
    enough = ends & (right / np.arange(1, len(order) + 1) >= precision)
    return float(right[enough].max(initial=0) / of_class.sum())


def drawn(lots: npt.NDArray[Any], rng: np.random.Generator, of: int | None) -> npt.NDArray[np.intp]:
    """Ten wafers: of so many lots that hold as many, at least one of each; None for any lots."""
    if of is None:
        return rng.choice(len(lots), EXAMPLES, replace=False)
    names, counts = np.unique(lots, return_counts=True)
    while True:
        chosen = rng.choice(len(names), of, replace=False)
        if counts[chosen].sum() >= EXAMPLES:
            break
    each = [rng.permutation(np.flatnonzero(lots == names[lot])) for lot in chosen]
    rest = np.concatenate([wafers[1:] for wafers in each])
    more = rng.choice(rest, EXAMPLES - of, replace=False)
    return np.concatenate([[wafers[0] for wafers in each], more]).astype(np.intp)


def nearest_mean(fit: Fit, ordinary: _Floats, shown: Views, tried: _Floats) -> _Mask:
    """Which wafers lie nearer to the examples' mean, all of length 1, than ordinary ones do."""

    def unit(real: _Floats) -> _Floats:
        found: _Floats = real / np.linalg.norm(real, axis=-1, keepdims=True)
        return found

    mean = unit(fit.coordinates.real(shown.embeddings)).mean(axis=(0, 1))
    claimed: _Mask = unit(tried) @ mean > np.quantile(unit(ordinary) @ mean, 1 - CLAIMED)
    return claimed


def full_scores(test: LabelledSet, label: str) -> _Floats:
    """Probability (wafers,) that the model that ships gives a class."""
    classifier = Classifier(load())
    place = classifier.model.labels.index(label)
    return np.asarray(
        [
            0.0 if classifier.is_clear(wafer) else probability(classifier, wafer.dies, place)
            for wafer in map(test.wafer_map, range(len(test)))
        ]
    )


def probability(classifier: Classifier, dies: npt.NDArray[np.uint8], place: int) -> float:
    """That of one label for one wafer."""
    return classifier.infer(encoding.encode(dies, classifier.size)).probabilities[place]


def measure(labelled: LabelledSet, label: str, path: Path) -> dict[str, Any]:
    """Figures of one class, in percent, mean over draws."""
    classifier = Classifier(load(path))
    coordinates = coordinates_of(classifier.model)
    known = of_model(classifier.model).enough()
    fit = Fit(known, coordinates, direction=False)
    test = labelled.part(Part.TEST)
    seen = [view(classifier, test.grid(index)) for index in range(len(test))]
    judgeable = np.asarray([one is not None for one in seen])
    embeddings, numbers = map(np.stack, zip(*filter(None, seen), strict=True))
    of_class, full = (test.labels == label)[judgeable], full_scores(test, label)[judgeable]
    real, ordinary = coordinates.real(embeddings), coordinates.real(known.embeddings)
    own = np.flatnonzero((labelled.labels == label) & (labelled.columns["part"] != "test"))
    shown = views(classifier, [labelled.grid(index) for index in own.tolist()])
    result: dict[str, Any] = {"wafers": int(of_class.sum())}
    for name, lots in (("three_lots", LOTS), ("any_lots", None)):
        rng = np.random.default_rng(SEED)
        pairs, baseline = [], []
        for _ in range(DRAWS):
            chosen = drawn(labelled.columns["lot"][own], rng, lots)
            some = Views(shown.embeddings[chosen], shown.numbers[chosen])
            claimed = scores(fit.rule(some), coordinates, embeddings, numbers) > 0
            pairs.append(judged(claimed, of_class))
            baseline.append(judged(nearest_mean(fit, ordinary, some, real), of_class))
        result[name] = {
            "own": figures(pairs, full, of_class),
            "nearest_mean": figures(baseline, full, of_class),
        }
    return result


def figures(found: list[Judged], full: _Floats, of_class: _Mask) -> dict[str, float]:
    """Means over draws in percent, the full model at each draw's precision, and the ratio."""
    against = np.asarray([recall_at(one.precision, full, of_class) for one in found])
    recall, precision, others = 100 * np.asarray(found).T
    return {
        "recall": round(float(recall.mean()), 1),
        "worst_draw": round(float(recall.min()), 1),
        "precision": round(float(precision.mean()), 1),
        "claims_of_others": round(float(others.mean()), 2),
        "full_model_recall": round(float(100 * against.mean()), 1),
        "of_full_model": round(float(100 * (recall / 100 / against).mean()), 1),
    }


def leave_out(labelled: LabelledSet, label: str, path: Path) -> None:
    """Write the set without a class."""
    rest = labelled.select(labelled.labels != label)
    names = tuple(name for name in labelled.patterns.names if name != label)
    replace(rest, patterns=PatternSet(names, none=labelled.patterns.none)).save(path)


def main() -> None:
    """Measure, or write a set without a class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labelled", type=Path)
    parser.add_argument("models", nargs="*", metavar="CLASS=FILE")
    parser.add_argument("--leave-out", nargs=2, metavar=("CLASS", "FILE"))
    given = parser.parse_args()
    labelled = load_set(given.labelled)
    if given.leave_out:
        leave_out(labelled, given.leave_out[0], Path(given.leave_out[1]))
        return
    pairs = (one.partition("=") for one in given.models)
    print(json.dumps({label: measure(labelled, label, Path(file)) for label, _, file in pairs}))


if __name__ == "__main__":
    main()
