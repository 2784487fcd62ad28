"""The stream from sources to a sink: in order, lazily, errors in their place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.classification.pipeline import BLOCK, BLOCK_POSITIONS, Item, classify_items, run
from edge.dataset.labelled_set import LabelledSet
from edge.errors import InputError, InputKind, OutputError
from edge.results.record import Record
from edge.wafer.wafermap import WaferMap


class ListSink:
    """Keeps records; fails after ``room`` of them."""

    def __init__(self, room: int = 10**9) -> None:
        self.records: list[dict[str, Any]] = []
        self.room = room

    def write(self, record: dict[str, Any]) -> None:
        if len(self.records) >= self.room:
            raise OutputError("full")
        self.records.append(record)

    def close(self) -> None: ...


def endless(generated: LabelledSet, read: list[int], error_every: int = 7) -> Iterator[Item]:
    """Wafers without end, every seventh unreadable; notes what has been asked for."""
    number = 0
    while True:
        read.append(number)
        if number % error_every == 5:
            yield InputError(f"{number}.png", InputKind.BAD_VALUE, "spoilt")
        else:
            yield WaferMap(generated.grid(number % len(generated)), source=f"{number}.png")
        number += 1


@pytest.mark.parametrize("count", [0, 1, BLOCK, 3 * BLOCK + 3])
def test_order_is_kept_and_errors_stay_in_their_place(
    generated: LabelledSet, classifier: Classifier, count: int
) -> None:
    given = islice(endless(generated, []), count)
    found = list(classify_items(given, classifier))
    assert [record["source"] for record in found] == [f"{n}.png" for n in range(count)]
    assert ["error" in record for record in found] == [n % 7 == 5 for n in range(count)]


def test_reads_only_a_little_ahead(generated: LabelledSet, classifier: Classifier) -> None:
    """An endless source is not drained: memory stays bounded however long the run is."""
    read: list[int] = []
    stream = classify_items(endless(generated, read), classifier)
    for done in range(1, 3 * BLOCK):
        next(stream)
        assert len(read) <= done + BLOCK


def test_of_large_maps_fewer_are_read_ahead(classifier: Classifier) -> None:
    side, read = 512, 0
    dies = np.ones((side, side), np.uint8)

    def source() -> Iterator[Item]:
        nonlocal read
        while True:
            read += 1
            yield WaferMap(dies)

    next(classify_items(source(), classifier))
    assert read <= BLOCK_POSITIONS // side**2 < BLOCK


def test_fail_fast_ends_with_the_first_error(
    generated: LabelledSet, classifier: Classifier
) -> None:
    sink = ListSink()
    records = classify_items(endless(generated, []), classifier)
    summary = run(records, sink, fail_fast=True)
    assert [record["source"] for record in sink.records] == [f"{n}.png" for n in range(6)]
    assert sink.records[-1] == {"source": "5.png", "error": "spoilt", "kind": "bad-value"}
    assert (summary.wafers, summary.errors) == (5, 1)


def test_summary_counts_what_was_written(generated: LabelledSet, classifier: Classifier) -> None:
    sink, seen = ListSink(), list[int]()
    records = classify_items(islice(endless(generated, []), 100), classifier, top_k=2)
    summary = run(records, sink, on_record=seen.append)
    good = [record for record in sink.records if "error" not in record]
    assert summary.wafers == len(good) == 86
    assert summary.errors == len(sink.records) - len(good) == 14
    assert summary.review == sum(record["verdict"] == "review" for record in good)
    assert all(len(record["probabilities"]) == 2 for record in good)
    assert seen == list(range(1, 101))


def test_a_full_sink_ends_the_run(generated: LabelledSet, classifier: Classifier) -> None:
    sink = ListSink(room=40)
    records: Iterator[Record] = classify_items(endless(generated, []), classifier)
    with pytest.raises(OutputError):
        run(records, sink)
    assert len(sink.records) == 40
