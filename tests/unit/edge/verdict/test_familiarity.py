"""Distance and mixture as integers by a matrix equal the plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge.model.model_file import ModelFile
from edge.verdict.familiarity import Familiarity
from edge.wafer.patterns import PATTERNS

SIZE = 6


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    arrays.arrays(np.int8, SIZE),
    arrays.arrays(np.float64, (len(PATTERNS), SIZE), elements=st.floats(-30, 30)),
    arrays.arrays(np.float64, SIZE, elements=st.floats(-3, 3)),
    st.floats(0.01, 0.2),
    st.integers(-128, 127),
)
def test_equals_the_float_formula(
    embedding: np.ndarray, means: np.ndarray, weights: np.ndarray, scale: float, zero_point: int
) -> None:
    familiarity = Familiarity(scale, zero_point, means.tolist(), weights.tolist(), 0.5)
    unfamiliarity, mixture = familiarity.measure(embedding)
    place = scale * (embedding.astype(float) - zero_point)
    nearest = np.linalg.norm(means - place, axis=1).min()
    # Squares of some hundreds are subtracted in float32.
    assert unfamiliarity**2 == pytest.approx(nearest**2, abs=1e-3, rel=1e-4)
    logit = np.clip(weights @ place + 0.5, -60, 60)
    assert mixture == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-3)
    assert 0 <= mixture <= 1


def test_shipped_file_to_a_thousandth(shipped: ModelFile) -> None:
    """Also next to a class mean, where nearly equal squares are subtracted."""
    section, review = shipped.metadata.embedding, shipped.metadata.review
    means = np.asarray(review.unfamiliar.means)
    familiarity = Familiarity(
        section.scale, section.zero_point, review.unfamiliar.means, review.mixed.weights, 0.5
    )
    spread = np.random.default_rng(0).normal(0, 1, (50, *means.shape))
    places = np.concatenate([means[np.newaxis], means + spread]).reshape(-1, section.size)
    for place in places:
        steps = np.rint(place / section.scale + section.zero_point)
        embedding = np.clip(steps, -128, 127).astype(np.int8)
        exact = section.scale * (embedding.astype(float) - section.zero_point)
        distance = np.linalg.norm(means - exact, axis=1).min()
        assert familiarity.measure(embedding)[0] == pytest.approx(distance, abs=1e-3)
