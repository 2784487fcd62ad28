"""Items from sources -> records -> a sink. Streams: nothing is kept but the counts."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from edge.classification.prediction import Prediction
from edge.errors import InputError
from edge.verdict.rule import Verdict
from edge.wafer.wafermap import WaferMap

if TYPE_CHECKING:
    from edge.results.record import Record
    from edge.results.writers import Sink

Item = WaferMap | InputError

#: Items read before they are classified together, fewer where their maps hold this many positions.
BLOCK: Final = 32
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
    for some in _blocks(items, block):
        yield from [_record(item, classifier, top_k) for item in some]


def _record(item: Item, classifier: Classifies, top_k: int | None) -> Record:
    if not isinstance(item, InputError):
        try:
            return classifier.classify(item).as_record(top_k)
        except InputError as error:
            return error.as_record()
    return item.as_record()


def _blocks(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """Read a few, classify them, write them: each step's code and data stay in the caches."""
    block: list[Item] = []
    positions = 0
    for item in items:
        block.append(item)
        positions += 0 if isinstance(item, InputError) else item.dies.size
        if len(block) == most or positions >= BLOCK_POSITIONS:
            yield block
            block, positions = [], 0
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
