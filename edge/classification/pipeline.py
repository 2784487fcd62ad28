"""Items from sources -> records -> a sink. Streams: nothing is kept but the counts."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from edge.classification.block import classify_maps
from edge.classification.classifier import Classifier
from edge.classification.prediction import Prediction
from edge.errors import InputError
from edge.verdict.rule import Verdict
from edge.wafer.wafermap import WaferMap

if TYPE_CHECKING:
    from edge.results.record import Record
    from edge.results.writers import Sink

Item = WaferMap | InputError

#: Items read before they are classified together, fewer where their maps hold this many positions.
BLOCK: Final = 64
BLOCK_POSITIONS: Final = 2**20


@dataclass
class Summary:
    """What a run did.

    Attributes:
        wafers: Wafers that were classified.
        review: Those left to a person.
        errors: Inputs that could not be read.
        warned: Wafers whose files warn of something.
    """

    wafers: int = 0
    review: int = 0
    errors: int = 0
    warned: int = 0


class Classifies(Protocol):
    """What gives predictions: a classifier, or a device that has one."""

    def classify(self, wafer_map: WaferMap) -> Prediction:
        """What it says of one wafer; an ``InputError`` where it says nothing of this one."""


def classify_items(
    items: Iterable[Item], classifier: Classifies, top_k: int | None = None, *, block: int = BLOCK
) -> Generator[Record, None, None]:
    """Classify a stream, one record an item, in order; ``block`` items at a time, at most.

    An error in it stands for an input that could not be read. ``top_k``: see ``Prediction``.
    """
    for some in blocks(items, block):
        maps = [item for item in some if not isinstance(item, InputError)]
        if isinstance(classifier, Classifier):
            yield from records_of(some, classify_maps(classifier, maps), top_k)
        else:
            yield from records_of(some, [_told(classifier, each) for each in maps], top_k)


def records_of(
    items: Iterable[Item], found: Iterable[Prediction | InputError], top_k: int | None
) -> list[Record]:
    """Items as records, each wafer map with what was found of it, in order."""
    found = iter(found)
    given = (item if isinstance(item, InputError) else next(found) for item in items)
    return [
        each.as_record() if isinstance(each, InputError) else each.as_record(top_k)
        for each in given
    ]


def _told(classifier: Classifies, wafer_map: WaferMap) -> Prediction | InputError:
    try:
        return classifier.classify(wafer_map)
    except InputError as error:
        return error


def blocks(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """Read a few, classify them, write them: each step's code and data stay in the caches."""
    block: list[Item] = []
    positions = 0
    for item in items:
        block.append(item)
        positions += 0 if isinstance(item, InputError) else item.dies.size
        if len(block) == most or positions >= BLOCK_POSITIONS:
            yield block
            block, positions = [], 0
    if block:
        yield block


def run(
    records: Iterable[Record],
    sink: Sink,
    *,
    fail_fast: bool = False,
    on_record: Callable[[int], None] | None = None,
) -> Summary:
    """Write a stream of records, in order, into a sink, which stays open.

    Args:
        records: Predictions and errors as records.
        sink: Receives them.
        fail_fast: Stop after the first error.
        on_record: Called with the number of records written, for progress.
    """
    summary = Summary()
    for number, record in enumerate(records, start=1):
        sink.write(record)
        if "error" in record:
            summary.errors += 1
        else:
            summary.wafers += 1
            summary.review += record["verdict"] == Verdict.REVIEW.value
            summary.warned += bool(record.get("warning"))
        if on_record:
            on_record(number)
        if fail_fast and summary.errors:
            break
    return summary
