"""What a source of a station hands on: some records, and what to do when they are kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple, Protocol

from edge.classification.classifier import Classifier
from edge.results.record import FAB_KEYS, MAP, Record
from edge.store.taken import FileNote, Placed
from edge.store.wafer_maps import kept_map
from edge.wafer.wafermap import WaferMap


@dataclass(frozen=True)
class Batch:
    """Records that are kept together.

    Attributes:
        records: Results and errors without what every record of a run has in common.
        taken: What the store is to remember of files; see ``Store.add``.
        kept: Called, in another thread, once everything is on the disk.
        placed: Files that are elsewhere than their records say; see ``Store.add``.
        at: When it was made, monotonic seconds.
    """

    records: list[Record]
    taken: Mapping[str, FileNote | None] = field(default_factory=dict)
    kept: Callable[[], None] = lambda: None
    placed: Sequence[Placed] = ()
    at: float = field(default_factory=time.monotonic)


class SourceMetric(NamedTuple):
    """Something to show in the metrics.

    Attributes:
        name: Without ``wm_edge_``; ends in ``_total`` for what only grows.
        value: Now.
        labels: What tells it from others of that name, beside the source.
    """

    name: str
    value: float
    labels: Mapping[str, str] = {}


class StationSource(Protocol):
    """Where a station's wafers come from.

    Attributes:
        name: For messages and metrics; holds no secret.
    """

    name: str

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """Batches until ``stop`` is set or the source has ended. Runs in a thread of its own.

        Whoever asks for the next batch late slows the source down: so a full disk stops it.
        """

    def metrics(self) -> Iterable[SourceMetric]:
        """What to show in the metrics; from any thread."""

    def trouble(self) -> str | None:
        """Why no wafers can come from it now, in a few words; from any thread."""

    def notice(self) -> str | None:
        """What somebody should know though wafers come, in a few words; from any thread."""

    def close(self) -> Batch | None:
        """Finish what was kept after the last batch; called when all is kept.

        Returns:
            What is still to be noted of that.
        """


def result(classifier: Classifier, wafer_map: WaferMap, digest: str, event: str = "") -> Record:
    """What a classifier says of a wafer, as a station records it.

    ``digest`` is the hash of the wafer's source; ``event`` tells wafers of one source with one hash
    apart, and is empty for files.
    """
    prediction = classifier.classify(wafer_map)
    record: dict[str, Any] = prediction.as_record()
    record[MAP] = kept_map(wafer_map.dies, prediction.embedding)
    record["slot"] = wafer_map.slot
    record["orientation"] = wafer_map.orientation
    record["source_sha256"] = digest
    record["event"] = event
    return {**dict.fromkeys(("suggested", *FAB_KEYS)), **record}


def utc_now() -> str:
    """Now by the clock on the wall, ISO 8601 in UTC with milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
