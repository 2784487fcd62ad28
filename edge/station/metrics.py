"""What Prometheus sees of a station: its counts and states at the moment of asking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, product
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from edge import __version__
from edge.station.counters import BOUNDS, Counters
from edge.store.sqlite import storable
from edge.verdict.rule import Verdict

if TYPE_CHECKING:
    from edge.station.station import Station

Sample = tuple[dict[str, str], float]

#: What each metric means, in the order in which they are shown; ``_total`` counts.
HELP: Final = {
    "wafers_total": "Wafers recorded.",
    "named_total": "Wafers on which each of several patterns a wafer was named.",
    "own_claims_total": "Wafers that a pattern of one's own claimed; trusted: it let them be "
    "accepted.",
    "errors_total": "Inputs that could not be read.",
    "repeats_total": "Files whose content had been recorded before.",
    "latency_seconds": "From noticing a wafer to having it on the disk.",
    "queue_depth": "Records that a sink has not kept yet.",
    "records_refused_total": "Records of which a sink got a short form alone, since it will never "
    "take them whole.",
    "sink_up": "1 if the sink works.",
    "files_waiting": "Files that somebody still writes, or that cannot be read yet.",
    "names_unread_total": "Files whose name does not fit the name pattern: without lot and wafer.",
    "frames_received_total": "Frames that the camera gave.",
    "frames_dropped_total": "Frames of a live camera that a newer one replaced unread.",
    "frames_refused_total": "Frames without a readable wafer map, by the gate that refused them.",
    "camera_reopened_total": "Times that the camera was lost and opened again.",
    "lines_dropped_total": "Lines of output that nobody read in time.",
    "store_writable": "1 if results can be recorded.",
    "store_log_bytes": "Length of the store's write-ahead log.",
    "source_up": "1 if wafers can come from the source.",
    "seconds_since_last_wafer": "Seconds since a wafer was recorded, or since the start.",
    "model_info": "The model file at work.",
}


class StationCollector(Collector):
    """Reads a station when asked."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        samples = self._samples()
        for name in HELP:
            if name == "latency_seconds":
                yield _latency(self._station.counters)
            else:
                yield _family(name, samples[name])

    def _samples(self) -> dict[str, list[Sample]]:
        """Values of each metric, and the labels that tell them apart."""
        station, counters = self._station, self._station.counters
        outboxes = station.delivery.outboxes
        with counters.lock:
            wafers, errors = dict(counters.wafers), dict(counters.errors)
            claims, named = dict(counters.claims), dict(counters.named)
        pairs = product(station.model.patterns, Verdict)
        none_yet = {(pattern, verdict.value): 0 for pattern, verdict in pairs}
        found: dict[str, list[Sample]] = {name: [] for name in HELP} | {
            "wafers_total": [
                ({"pattern": pattern, "verdict": verdict}, count)
                for (pattern, verdict), count in {**none_yet, **wafers}.items()
            ],
            "named_total": [
                ({"pattern": name, "verdict": verdict}, count)
                for (name, verdict), count in named.items()
            ],
            "own_claims_total": [
                ({"suggested": name, "trusted": trusted}, count)
                for (name, trusted), count in claims.items()
            ],
            "errors_total": [({"kind": kind}, count) for kind, count in errors.items()],
            "repeats_total": [({}, counters.repeats)],
            "queue_depth": [({"sink": o.shown}, station.delivery.lag(o)) for o in outboxes],
            "records_refused_total": [({"sink": o.shown}, o.refused) for o in outboxes],
            "sink_up": [({"sink": o.shown}, not o.trouble) for o in outboxes],
            "lines_dropped_total": [({"output": o.name}, o.dropped) for o in station.outputs],
            "store_writable": [({}, not station.recorder.trouble)],
            "store_log_bytes": [({}, station.store.log_bytes)],
            "source_up": [({"source": s.name}, station.is_up(s)) for s in station.sources],
            "seconds_since_last_wafer": [({}, counters.idle)],
        }
        for source in station.sources:
            for metric in source.metrics():
                found[metric.name].append(({"source": source.name, **metric.labels}, metric.value))
        labels = {
            "model": station.model.name,
            "sha256": station.model.sha256,
            "version": __version__,
            "station": station.settings.station.name,
        }
        found["model_info"].append((labels, 1))
        return found


def registry(station: Station) -> CollectorRegistry:
    """A registry with nothing but the station in it."""
    found = CollectorRegistry()
    found.register(StationCollector(station))
    return found


def _latency(counters: Counters) -> Metric:
    with counters.lock:
        buckets, total = list(counters.latencies), counters.latency_sum
    made = HistogramMetricFamily("wm_edge_latency_seconds", HELP["latency_seconds"])
    bounds = [*map(str, BOUNDS), "+Inf"]
    made.add_metric([], list(zip(bounds, accumulate(buckets), strict=True)), total)
    return made


def _family(name: str, samples: Sequence[Sample]) -> Metric:
    family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    labels = sorted({label for found, _ in samples for label in found})
    made = family(f"wm_edge_{name.removesuffix('_total')}", HELP[name], labels=labels)
    for found, value in samples:
        made.add_metric([storable(found[label]) for label in labels], float(value))
    return made
