"""A rule from a few examples."""

from __future__ import annotations

import numpy as np
import pytest

from convert.report.out_of_distribution import UnknownPattern
from edge.classification.classifier import Classifier, coordinates_of
from edge.classification.ordinary_file import of_model
from edge.classification.views import views
from edge.own.fit import Fit, Views, scores
from edge.own.ordinary import Ordinary
from edge.synth import round_grid
from edge.wafer.wafermap import DieGrid
from tests.support.own import drawn


@pytest.fixture(name="ordinary", scope="module")
def _ordinary(classifier: Classifier) -> Ordinary:
    return of_model(classifier.model).enough()


@pytest.fixture(name="fit", scope="module")
def _fit(classifier: Classifier, ordinary: Ordinary) -> Fit:
    return Fit(ordinary, coordinates_of(classifier.model), direction=False)


def seen(classifier: Classifier, kind: UnknownPattern, count: int, seed: int) -> Views:
    return views(classifier, drawn(kind, count, seed))


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        (UnknownPattern.STRIPES, 0.85),
        (UnknownPattern.CHECKERBOARD, 0.85),
        (UnknownPattern.HALF, 0.85),
        (UnknownPattern.SPOKES, 0.75),
    ],
)
def test_ten_examples_recognise_others_and_leave_ordinary_wafers_alone(
    classifier: Classifier, ordinary: Ordinary, fit: Fit, kind: UnknownPattern, least: float
) -> None:
    rule = fit.rule(seen(classifier, kind, 10, 0))
    others = seen(classifier, kind, 60, 1)
    found = scores(rule, fit.coordinates, others.embeddings[:, 0], others.numbers[:, 0])
    assert (found > 0).mean() >= least
    claimed = scores(rule, fit.coordinates, ordinary.embeddings, ordinary.numbers) > 0
    assert claimed.mean() < 0.006


def test_what_the_others_recognise_is_counted(classifier: Classifier, fit: Fit) -> None:
    found = fit.recalls(seen(classifier, UnknownPattern.CHECKERBOARD, 8, 0))
    assert found.shape == (8,)
    assert found.mean() > 0.7


def test_a_rule_does_not_depend_on_what_was_fitted_before(
    classifier: Classifier, ordinary: Ordinary, fit: Fit
) -> None:
    half = seen(classifier, UnknownPattern.HALF, 10, 0)
    fit.recalls(seen(classifier, UnknownPattern.LETTER, 6, 0))
    again, fresh = (
        scores(each.rule(half), fit.coordinates, half.embeddings[:, 0], half.numbers[:, 0])
        for each in (fit, Fit(ordinary, fit.coordinates, direction=False))
    )
    np.testing.assert_allclose(again, fresh, atol=0.02)


def test_where_up_matters_the_same_elsewhere_is_another_pattern(
    classifier: Classifier, ordinary: Ordinary
) -> None:
    """Of each example the eight views show the same shape elsewhere."""
    above = [np.where(np.arange(len(d))[:, None] < len(d) // 3, d * 2, d) for d in _bare()]
    shown = views(classifier, [np.minimum(one, 2).astype(np.uint8) for one in above])
    for direction, turned in ((True, 0.0), (False, 0.8)):
        rule = Fit(ordinary, coordinates_of(classifier.model), direction=direction).rule(shown)
        coordinates = coordinates_of(classifier.model)
        upright, upside = (
            (scores(rule, coordinates, shown.embeddings[:, n], shown.numbers[:, n]) > 0).mean()
            for n in (0, 2)
        )
        assert upright > 0.8
        assert upside == 0 if direction else upside >= turned


def _bare() -> list[DieGrid]:
    return [round_grid(side, side) for side in range(28, 38)]
