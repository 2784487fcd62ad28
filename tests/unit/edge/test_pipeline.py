"""The stream from sources to a sink: in order, lazily, errors in their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edge.classifier import Classifier
from edge.dataset import LabelledSet
from edge.errors import InputError, InputKind, OutputError
from edge.model import ModelFile
from edge.pipeline import CHUNK, CHUNK_POSITIONS, Item, Outcome, classify_all, run
from edge.wafermap import WaferMap


@pytest.fixture(scope="module")
def three(shipped: ModelFile) -> list[Classifier]:
    return [Classifier(shipped) for _ in range(3)]


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


def items(generated: LabelledSet, count: int) -> list[Item]:
    stream = endless(generated, [])
    return [next(stream) for _ in range(count)]


def source(outcome: Outcome) -> str:
    return outcome.source if isinstance(outcome, InputError) else outcome.wafer_map.source


@pytest.mark.parametrize("count", [0, 1, CHUNK, 7 * CHUNK + 3])
@pytest.mark.parametrize("workers", [1, 3])
def test_order_is_kept_and_errors_stay_in_their_place(
    generated: LabelledSet, three: list[Classifier], workers: int, count: int
) -> None:
    given = items(generated, count)
    found = list(classify_all(given, three[:workers]))
    assert [source(outcome) for outcome in found] == [f"{n}.png" for n in range(count)]
    for before, after in zip(given, found, strict=True):
        assert (before is after) == isinstance(before, InputError)


def test_several_workers_find_the_same_as_one(
    generated: LabelledSet, three: list[Classifier]
) -> None:
    given = [item for item in items(generated, 5 * CHUNK) if isinstance(item, WaferMap)]
    one, many = (list(classify_all(given, workers)) for workers in (three[:1], three))
    for a, b in zip(one, many, strict=True):
        assert not isinstance(a, InputError)
        assert not isinstance(b, InputError)
        assert a.probabilities == b.probabilities


@pytest.mark.parametrize(("workers", "ahead"), [(1, 2 * CHUNK), (3, 2 * 3 * CHUNK)])
def test_reads_only_a_little_ahead(
    generated: LabelledSet, three: list[Classifier], workers: int, ahead: int
) -> None:
    """An endless source is not drained: memory stays bounded however long the run is."""
    read: list[int] = []
    stream = classify_all(endless(generated, read), three[:workers])
    for done in range(1, 3 * CHUNK):
        next(stream)
        assert len(read) <= done + ahead


def test_of_large_maps_fewer_are_read_ahead(three: list[Classifier]) -> None:
    side, read = 512, 0
    dies = np.ones((side, side), np.uint8)

    def source() -> Iterator[Item]:
        nonlocal read
        while True:
            read += 1
            yield WaferMap(dies)

    next(classify_all(source(), three[:1]))
    assert read <= 2 * CHUNK_POSITIONS // side**2 < CHUNK


@pytest.mark.parametrize("workers", [1, 3])
def test_fail_fast_ends_with_the_first_error(
    generated: LabelledSet, three: list[Classifier], workers: int
) -> None:
    sink, read = ListSink(), list[int]()
    summary = run(endless(generated, read), three[:workers], sink, fail_fast=True)
    assert [record["source"] for record in sink.records] == [f"{n}.png" for n in range(6)]
    assert sink.records[-1] == {"source": "5.png", "error": "spoilt", "kind": "bad-value"}
    assert (summary.wafers, summary.errors) == (5, 1)


def test_summary_counts_what_was_written(generated: LabelledSet, three: list[Classifier]) -> None:
    sink, seen = ListSink(), list[Outcome]()
    summary = run(items(generated, 100), three, sink, top_k=2, on_outcome=seen.append)
    good = [record for record in sink.records if "error" not in record]
    assert summary.wafers == len(good) == 86
    assert summary.errors == len(sink.records) - len(good) == 14
    assert summary.review == sum(record["verdict"] == "review" for record in good)
    assert dict(summary.patterns) == {
        name: sum(record["pattern"] == name for record in good) for name in summary.patterns
    }
    assert all(len(record["probabilities"]) == 2 for record in good)
    assert [source(outcome) for outcome in seen] == [record["source"] for record in sink.records]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_full_sink_ends_the_run(
    generated: LabelledSet, three: list[Classifier], workers: int
) -> None:
    sink = ListSink(room=40)
    with pytest.raises(OutputError):
        run(endless(generated, []), three[:workers], sink)
    assert len(sink.records) == 40


@pytest.mark.parametrize("workers", [1, 3])
def test_a_defect_in_a_worker_is_not_swallowed(three: list[Classifier], workers: int) -> None:
    empty = WaferMap(np.zeros((2, 2), np.uint8))  # no reader hands on such a map
    with pytest.raises(ValueError, match="without dies"):
        list(classify_all([empty], three[:workers]))
    assert list(classify_all([], three[:workers])) == []
