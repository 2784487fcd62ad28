"""Items from sources -> predictions -> a sink. Streams: nothing is kept but the counts."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final

from edge.classifier import Classifier, Prediction, Verdict
from edge.errors import InputError
from edge.sinks import Sink
from edge.wafermap import WaferMap

Item = WaferMap | InputError
Outcome = Prediction | InputError

#: Wafers handed to a worker at a time; large enough to hide the cost of handing over.
CHUNK: Final = 32
#: Fewer where the maps are so large that they hold this many positions: memory stays bounded.
CHUNK_POSITIONS: Final = 2**20


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


def run(
    items: Iterable[Item],
    classifiers: Sequence[Classifier],
    sink: Sink,
    *,
    top_k: int | None = None,
    fail_fast: bool = False,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Summary:
    """Classify a stream into a sink.

    Args:
        items: Wafer maps, and errors standing for inputs that could not be read.
        classifiers: One a worker thread.
        sink: Receives one record an item, in the order of ``items``. Not closed here.
        top_k: See ``Prediction.as_record``.
        fail_fast: Stop at the first error.
        on_outcome: Called after each record, for progress.
    """
    summary = Summary()
    for outcome in classify_all(items, classifiers):
        if isinstance(outcome, InputError):
            summary.errors += 1
            sink.write(error_record(outcome))
        else:
            summary.patterns[outcome.pattern] += 1
            summary.review += outcome.verdict is Verdict.REVIEW
            sink.write(outcome.as_record(top_k))
        if on_outcome:
            on_outcome(outcome)
        if fail_fast and summary.errors:
            break
    return summary


def error_record(error: InputError) -> dict[str, Any]:
    """JSON form of an input that could not be read."""
    return {"source": error.source, "error": error.reason, "kind": error.kind.value}


def classify_all(items: Iterable[Item], classifiers: Sequence[Classifier]) -> Iterator[Outcome]:
    """Classify a stream in order; unreadable inputs pass through in their place.

    Chunks are spread over as many threads as there are classifiers, beside the one that reads
    (decoding and inference release the interpreter lock); at most two chunks a worker are in
    flight.
    """
    idle: SimpleQueue[Classifier] = SimpleQueue()
    for classifier in classifiers:
        idle.put(classifier)

    def work(chunk: list[Item]) -> list[Outcome]:
        classifier = idle.get()
        try:
            return [
                item if isinstance(item, InputError) else classifier.classify(item)
                for item in chunk
            ]
        finally:
            idle.put(classifier)

    with ThreadPoolExecutor(len(classifiers)) as pool:
        flying: deque[Future[list[Outcome]]] = deque()
        for chunk in _chunks(items):
            flying.append(pool.submit(work, chunk))
            if len(flying) >= 2 * len(classifiers):
                yield from flying.popleft().result()
        while flying:
            yield from flying.popleft().result()


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    positions = 0
    for item in items:
        chunk.append(item)
        positions += 0 if isinstance(item, InputError) else item.dies.size
        if len(chunk) == CHUNK or positions >= CHUNK_POSITIONS:
            yield chunk
            chunk, positions = [], 0
    if chunk:
        yield chunk
