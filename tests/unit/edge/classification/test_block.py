"""A block gives the numbers that ``classify`` gives, to the last bit, whatever it is cut into."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.report.out_of_distribution import UnknownPattern
from edge.classification import network_output
from edge.classification.block import Columns, classify_block, classify_maps, predictions
from edge.classification.classifier import Classifier
from edge.classification.network_output import OutputReader
from edge.classification.prediction import Prediction
from edge.dataset.labelled_set import LabelledSet, build, concatenate
from edge.errors import UsageError
from edge.model.model_file import ModelFile
from edge.verdict.rule import Reason, ReviewRule
from edge.wafer.wafermap import FAIL, WaferMap
from tests.support.own import drawn, saved


@pytest.fixture(scope="module")
def several(generated: LabelledSet) -> LabelledSet:
    """The nine patterns on round wafers and on parts of them of many sizes, nearly clean ones."""
    draw = np.random.default_rng(17)
    grids = []
    for number in range(400):
        grid = generated.grid(number % len(generated))
        rows, columns = draw.integers(3, np.asarray(grid.shape) + 1)
        grid = grid[:rows, -columns:].copy()
        if number % 5 == 0:  # a few dies fail, or none
            grid[grid == FAIL] = 1
            grid.flat[draw.integers(0, grid.size, number % 4)] = FAIL
        grid[0, 0] = 1
        grids.append(grid)
    return build(grids, [""] * len(grids), generated.patterns)


def judged(classifier: Classifier, wafers: LabelledSet, step: int = 64) -> list[Prediction]:
    """All wafers as blocks of ``step``."""
    found: list[Prediction] = []
    for start in range(0, len(wafers), step):
        some = wafers.select(np.arange(start, min(start + step, len(wafers))))
        columns = classify_block(classifier, some.dies, some.shapes)
        maps = [wafers.wafer_map(start + place) for place in range(len(some))]
        found += predictions(columns, maps, classifier.model.patterns.hints)
    return found


def check_same(classifier: Classifier, wafers: LabelledSet) -> list[Prediction]:
    maps = [wafers.wafer_map(index) for index in range(len(wafers))]
    expected = [classifier.classify(each) for each in maps]
    assert judged(classifier, wafers) == expected
    assert classify_maps(classifier, maps) == expected
    return expected


def test_the_same_bits_as_one_by_one(classifier: Classifier, several: LabelledSet) -> None:
    found = check_same(classifier, several)
    assert {each.reason for each in found} > {None, Reason.FEW_FAILS, Reason.UNFAMILIAR}
    assert len({each.wafer_map.dies.shape for each in found}) > 100
    assert judged(classifier, several, step=1) == found


def open_rule(model: ModelFile) -> ReviewRule:
    """A rule that accepts whatever comes."""
    below = dict.fromkeys(model.labels, 0.0)
    return replace(model.review, below=below, unfamiliar_above=math.inf, mixed_above=1.0)


@pytest.mark.parametrize("reason", [Reason.FEW_DIES, Reason.MIXED, Reason.LOW_CONFIDENCE])
def test_the_same_with_every_reason(
    shipped: ModelFile, several: LabelledSet, reason: Reason
) -> None:
    rule = replace(shipped.review, unfamiliar_above=math.inf, mixed_above=1.0)
    if reason is Reason.FEW_DIES:
        rule = replace(rule, min_dies=200)
    elif reason is Reason.MIXED:
        rule = replace(rule, mixed_above=0.05)
    else:
        rule = replace(rule, below={**rule.below, "none": 1.0, "Center": 0.999})
    found = check_same(Classifier(shipped, review=rule), several.select(np.arange(100)))
    assert reason in {each.reason for each in found}


def test_the_same_of_eight_views(shipped: ModelFile, several: LabelledSet) -> None:
    check_same(Classifier(shipped, average_symmetries=True), several.select(np.arange(40)))


def test_the_same_with_patterns_of_ones_own(
    shipped: ModelFile, several: LabelledSet, tmp_path: Path
) -> None:
    saved(tmp_path, Classifier(shipped), "checkers", UnknownPattern.CHECKERBOARD)
    boards = build(drawn(UnknownPattern.CHECKERBOARD, 30, seed=1), [""] * 30, several.patterns)
    classifier = Classifier(shipped, patterns=tmp_path, review=open_rule(shipped))
    found = check_same(classifier, concatenate([boards, several.select(np.arange(60))]))
    assert any(each.suggested for each in found)
    assert Reason.OWN in {each.reason for each in found}


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(st.lists(st.integers(-128, 127), min_size=9, max_size=9), min_size=1, max_size=30))
def test_any_bytes_are_read_alike(shipped: ModelFile, logits: list[list[int]]) -> None:
    reader = OutputReader(shipped)
    size = shipped.metadata.embedding.size
    embeddings = np.resize(np.asarray(logits, np.int8), (len(logits), size))
    found = reader.read_all(np.asarray(logits), embeddings)
    for place, each in enumerate(logits):
        expected = reader.read(each, embeddings[place])
        assert found.probabilities[place].tolist() == expected.probabilities
        assert [column[place] for column in found[1:]] == [*expected[1:4]]


@given(st.lists(st.floats(0, 1e9), min_size=9, max_size=9))
def test_sums_are_rounded_once(values: list[float]) -> None:
    assert network_output._fsum(np.asarray([values]))[0] == math.fsum(values)


def test_a_sum_that_lies_between_two_floats_is_made_the_long_way() -> None:
    half = [1.0, 2.0**-53, 2.0**-200]
    assert network_output._fsum(np.asarray([half, half[::-1]])).tolist() == [math.fsum(half)] * 2


@pytest.mark.parametrize(
    ("dies", "shapes", "words"),
    [
        (np.ones(4, np.int64), np.asarray([[2, 2]]), "uint8"),
        (np.ones(4, np.uint8), np.asarray([[2.0, 2.0]]), "whole numbers"),
        (np.ones(4, np.uint8), np.asarray([[2, 3]]), "take 6 positions, dies has 4"),
        (np.ones(4, np.uint8), np.asarray([[-2, -2]]), "from 1 to"),
        (np.full(4, 3, np.uint8), np.asarray([[2, 2]]), "value 3"),
        (np.asarray([1, 0], np.uint8), np.asarray([[1, 1], [1, 1]]), "wafer 1 of the block"),
    ],
)
def test_arrays_that_are_no_wafers_are_refused(
    classifier: Classifier, dies: np.ndarray, shapes: np.ndarray, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        classify_block(classifier, dies, shapes)


def test_no_wafer_gives_no_row(classifier: Classifier) -> None:
    found = classify_block(classifier, np.zeros(0, np.uint8), np.zeros((0, 2), np.int64))
    assert isinstance(found, Columns)
    assert len(found) == 0
    assert list(predictions(found, [], {})) == []
    assert classify_maps(classifier, list[WaferMap]()) == []
