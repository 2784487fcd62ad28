"""A small network in float and int8, and what the report says of it: made once."""

from __future__ import annotations

import pytest

from convert.report.evidence import Evidence
from convert.report.measure import measure
from edge.dataset.labelled_set import LabelledSet
from tests.support.float_pair import FloatPair, float_pair


@pytest.fixture(scope="session")
def pair() -> FloatPair:
    return float_pair()


@pytest.fixture(scope="session")
def evidence(pair: FloatPair, generated: LabelledSet) -> Evidence:
    return measure(pair.model, generated, data="generated", float_content=pair.float_content)
