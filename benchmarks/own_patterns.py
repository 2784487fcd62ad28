"""Own patterns from a few examples, measured on wafers of lots that trained no model.

    python -m benchmarks.own_patterns wm811k.npz --ordinary edge/models/wm811k.ordinary.npz
    python -m benchmarks.own_patterns wm811k.npz

The first writes numbers of ordinary wafers of the part ``val``, which come with the model file; the
second prints figures on the part ``test`` as JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import structs

from convert.report.out_of_distribution import UnknownPattern, draw
from edge.classification.classifier import Classifier, coordinates_of
from edge.classification.ordinary_file import of_model, save
from edge.classification.views import view, views
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.lots import lots_together
from edge.dataset.reading import load as load_set
from edge.dataset.split import split
from edge.model.model_file import load
from edge.own.fit import Fit, scores
from edge.own.ordinary import Ordinary
from edge.wafer.encoding import symmetry
from edge.wafer.wafermap import DieGrid

#: Wafers drawn of a kind; draws of examples.
DRAWN, DRAWS = 300, 10
EXAMPLES = (5, 10, 20)
MIN_DIES = 100
SEED = 17

#: Of train, val and test when the model file that ships was made (docs/accuracy.md).
SHARES = (0.75, 0.10, 0.15)


class Seen(NamedTuple):
    """Embeddings (wafers, size) and numbers (wafers, count) of maps with failing dies."""

    embeddings: npt.NDArray[np.int8]
    numbers: npt.NDArray[np.float64]


def seen(classifier: Classifier, grids: list[DieGrid]) -> Seen:
    """What there is to see of maps; those without failing dies are left out."""
    found = [one for grid in grids if (one := view(classifier, grid)) is not None]
    return Seen(np.stack([one for one, _ in found]), np.stack([one for _, one in found]))


def grids(part: LabelledSet, label: str = "") -> list[DieGrid]:
    """The maps of a part, or of one label of it."""
    which = [i for i in range(len(part)) if not label or part.labels[i] == label]
    return [part.grid(index) for index in which]


def drawn_kinds(
    classifier: Classifier, known: Ordinary, val: LabelledSet, test: LabelledSet
) -> dict[str, Any]:
    """Recall of each drawn kind and claims of ordinary wafers of the part ``test``, in percent."""
    coordinates = coordinates_of(classifier.model)
    ordinary, rng = seen(classifier, grids(test)), np.random.default_rng(SEED)
    fit = Fit(known, coordinates, direction=False)
    result: dict[str, Any] = {}
    for kind in UnknownPattern:
        taught, tried = (
            [draw(kind, bare[i], rng) for i in rng.choice(len(bare), DRAWN, replace=False)]
            for bare in (
                [grid for grid in grids(part, "none") if np.count_nonzero(grid) >= MIN_DIES]
                for part in (val, test)
            )
        )
        unseen = seen(classifier, tried)
        of_kind: dict[str, Any] = {}
        for count in EXAMPLES:
            figures = []
            for _ in range(DRAWS):
                chosen = [taught[i] for i in rng.choice(DRAWN, count, replace=False)]
                rule = fit.rule(views(classifier, chosen))
                recall, claims = (
                    100 * (scores(rule, coordinates, *some) > 0).mean()
                    for some in (unseen, ordinary)
                )
                figures.append((recall, claims))
            recalls, claims = np.asarray(figures).T
            of_kind[str(count)] = {
                "recall": round(float(recalls.mean()), 1),
                "worst_draw": round(float(recalls.min()), 1),
                "claims": round(float(claims.mean()), 2),
            }
        result[kind.name.lower()] = of_kind
    return result


def direction(
    classifier: Classifier, known: Ordinary, val: LabelledSet, test: LabelledSet
) -> dict[str, float]:
    """AUROC of a pattern at the top against the same elsewhere, from ten examples at the top."""
    coordinates = coordinates_of(classifier.model)
    fit = Fit(known, coordinates, direction=True)
    result = {}
    for label in ("Edge-Loc", "Loc"):
        taught = [at_top(grid) for grid in grids(val, label)]
        upright, elsewhere = [], []
        for grid in grids(test, label):
            top = at_top(grid)
            upright.append(top)
            elsewhere += [symmetry(top[None], which)[0] for which in (2, 4, 6)]
        rng, areas = np.random.default_rng(SEED), []
        for _ in range(DRAWS):
            chosen = [taught[i] for i in rng.choice(len(taught), 10, replace=False)]
            rule = fit.rule(views(classifier, chosen))
            rule = structs.replace(rule, loose=-1e9, early_bias=1e9)
            areas.append(
                auroc(
                    *(
                        scores(rule, coordinates, *seen(classifier, some))
                        for some in (upright, elsewhere)
                    )
                )
            )
        result[label] = round(float(np.mean(areas)), 3)
    return result


def at_top(grid: DieGrid) -> DieGrid:
    """A map turned by quarters until the centroid of its fails lies nearest to the top."""

    def height(dies: DieGrid) -> tuple[float, float]:
        place = np.argwhere(dies == 2).mean(axis=0) / dies.shape - 0.5
        return float(place[0]), abs(float(place[1]))

    turned = [np.ascontiguousarray(np.rot90(grid, turns)) for turns in range(4)]
    return min(turned, key=height)


def auroc(here: npt.NDArray[np.float64], there: npt.NDArray[np.float64]) -> float:
    """Chance that a score of the one lies above a score of the other."""
    both = np.concatenate([here, there])
    ranks = both.argsort().argsort() + 1
    return float(
        (ranks[: len(here)].sum() - len(here) * (len(here) + 1) / 2) / (len(here) * len(there))
    )


def main() -> None:
    """Measure, or write numbers of ordinary wafers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--ordinary", type=Path)
    given = parser.parse_args()
    classifier = Classifier(load())
    labelled, _ = split(load_set(given.labelled), shares=SHARES)
    if labelled.parts_sha256() != classifier.model.metadata.training.parts_sha256:
        parser.error("not the labelled set that the model file that ships was trained on")
    val, test = labelled.part("val"), labelled.part("test")
    if given.ordinary:
        ordinary = map(val.grid, lots_together(val).tolist())
        save(given.ordinary, classifier.model, classifier, ordinary)
        return
    known = of_model(classifier.model).enough()
    print(
        json.dumps(
            {
                "test_wafers": len(test),
                "drawn": drawn_kinds(classifier, known, val, test),
                "direction": direction(classifier, known, val, test),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
