"""Items from sources -> records -> a sink. Streams: nothing is kept but the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from edge.classification.classifier import Classifier
from edge.errors import InputError
from edge.results.record import Record, error_record
from edge.results.writers import Sink
from edge.verdict.rule import Verdict
from edge.wafer.wafermap import WaferMap

Item = WaferMap | InputError

#: Items read before they are classified together, fewer where their maps hold this many positions.
BLOCK: Final = 32
BLOCK_POSITIONS: Final = 2**20


@dataclass
class Summary:
    """What a run did.

    Attributes:
        patterns: Wafers by pattern.
        review: Wafers left to a person.
        errors: Inputs that could not be read.
    """

    patterns: Counter[str] = field(default_factory=Counter)
    review: int = 0
    errors: int = 0

    @property
    def wafers(self) -> int:
        """Wafers that were classified."""
        return self.patterns.total()


def classify_items(
    items: Iterable[Item], classifier: Classifier, top_k: int | None = None
) -> Iterator[Record]:
    """Classify a stream, one record an item, in order.

    Args:
        items: Wafer maps, and errors standing for inputs that could not be read.
        classifier: Does the work.
        top_k: See ``Prediction.as_record``.
    """
    for block in _blocks(items):
        yield from [
            error_record(item)
            if isinstance(item, InputError)
            else classifier.classify(item).as_record(top_k)
            for item in block
        ]


def _blocks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Read a few, classify them, write them: each step's code and data stay in the caches."""
    block: list[Item] = []
    positions = 0
    for item in items:
        block.append(item)
        positions += 0 if isinstance(item, InputError) else item.dies.size
        if len(block) == BLOCK or positions >= BLOCK_POSITIONS:
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
    """Write a stream of records into a sink.

    Args:
        records: Predictions and errors as records.
        sink: Receives them in order. Not closed here.
        fail_fast: Stop after the first error.
        on_record: Called with the number of records written, for progress.
    """
    summary = Summary()
    for number, record in enumerate(records, start=1):
        sink.write(record)
        if "error" in record:
            summary.errors += 1
        else:
            summary.patterns[record["pattern"]] += 1
            summary.review += record["verdict"] == Verdict.REVIEW.value
        if on_record:
            on_record(number)
        if fail_fast and summary.errors:
            break
    return summary
