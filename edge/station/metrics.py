"""What Prometheus sees of a station: its counts and states at the moment of asking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from edge import __version__
from edge.station.counters import BOUNDS
from edge.station.source import SourceMetric
from edge.store.sqlite import storable

if TYPE_CHECKING:
    from edge.station.station import Station

#: What the figures of sources mean.
HELP = {
    "files_waiting": "Files that somebody still writes, or that cannot be read yet.",
    "names_unread_total": "Files whose name does not fit the name pattern: without lot and wafer.",
    "frames_received_total": "Frames that the camera gave.",
    "frames_dropped_total": "Frames of a live camera that a newer one replaced unread.",
    "frames_refused_total": "Frames without a readable wafer map, by the gate that refused them.",
    "camera_reopened_total": "Times that the camera was lost and opened again.",
}


class StationCollector(Collector):
    """Reads a station when asked."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        yield from self._counts()
        yield from self._sinks()
        yield from self._figures()
        station = self._station
        yield _counter(
            "lines_dropped_total",
            "Lines of output that nobody read in time.",
            [({"output": each.name}, each.dropped) for each in station.outputs],
        )
        yield _gauge(
            "store_writable", "1 if results can be recorded.", [({}, _no(station.recorder.trouble))]
        )
        yield _gauge(
            "store_log_bytes",
            "Length of the store's write-ahead log.",
            [({}, station.store.log_bytes)],
        )
        sources = [({"source": each.name}, float(station.is_up(each))) for each in station.sources]
        yield _gauge("source_up", "1 if wafers can come from the source.", sources)
        yield _gauge(
            "seconds_since_last_wafer",
            "Seconds since a wafer was recorded, or since the start.",
            [({}, station.tally.idle)],
        )
        labels = {
            "model": station.model.name,
            "sha256": station.model.sha256,
            "version": __version__,
            "station": station.settings.station.name,
        }
        yield _gauge("model_info", "The model file at work.", [(labels, 1)])

    def _counts(self) -> Iterator[Metric]:
        tally = self._station.tally
        with tally.lock:
            wafers, errors = dict(tally.wafers), dict(tally.errors)
            buckets, total, repeats = list(tally.latencies), tally.latency_sum, tally.repeats
        yield _counter(
            "wafers_total",
            "Wafers recorded.",
            [
                ({"pattern": pattern, "verdict": verdict}, count)
                for (pattern, verdict), count in wafers.items()
            ],
        )
        yield _counter(
            "errors_total",
            "Inputs that could not be read.",
            [({"kind": kind}, count) for kind, count in errors.items()],
        )
        yield _counter(
            "repeats_total", "Files whose content had been recorded before.", [({}, repeats)]
        )
        latency = HistogramMetricFamily(
            "wm_edge_latency_seconds", "From noticing a wafer to having it on the disk."
        )
        bounds = [*map(str, BOUNDS), "+Inf"]
        latency.add_metric([], list(zip(bounds, accumulate(buckets), strict=True)), total)
        yield latency

    def _sinks(self) -> Iterator[Metric]:
        outboxes = self._station.outboxes
        yield _gauge(
            "queue_depth",
            "Records that a sink has not kept yet.",
            [({"sink": each.shown}, self._station.lag(each)) for each in outboxes],
        )
        yield _counter(
            "records_refused_total",
            "Records of which a sink got a short form alone, since it will never take them whole.",
            [({"sink": each.shown}, each.refused) for each in outboxes],
        )
        yield _gauge(
            "sink_up",
            "1 if the sink works.",
            [({"sink": e.shown}, _no(e.trouble)) for e in outboxes],
        )

    def _figures(self) -> Iterator[Metric]:
        by_name: dict[str, list[tuple[dict[str, str], float]]] = {name: [] for name in HELP}
        for source in self._station.sources:
            for metric in source.figures():
                by_name[metric.name].append(_labelled(metric, source.name))
        for name, samples in by_name.items():
            make = _counter if name.endswith("_total") else _gauge
            yield make(name, HELP[name], samples)


def registry(station: Station) -> CollectorRegistry:
    """A registry with nothing but the station in it."""
    found = CollectorRegistry()
    found.register(StationCollector(station))
    return found


def _no(trouble: str | None) -> float:
    return 0 if trouble else 1


def _labelled(metric: SourceMetric, source: str) -> tuple[dict[str, str], float]:
    return {"source": source, **metric.labels}, metric.value


def _counter(name: str, text: str, samples: Iterable[tuple[dict[str, str], float]]) -> Metric:
    return _filled(CounterMetricFamily, name.removesuffix("_total"), text, list(samples))


def _gauge(name: str, text: str, samples: Iterable[tuple[dict[str, str], float]]) -> Metric:
    return _filled(GaugeMetricFamily, name, text, list(samples))


def _filled(
    family: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    text: str,
    samples: list[tuple[dict[str, str], float]],
) -> Metric:
    labels = sorted({label for found, _ in samples for label in found})
    made = family(f"wm_edge_{name}", text, labels=labels)
    for found, value in samples:
        made.add_metric([storable(found[label]) for label in labels], value)
    return made
