"""A quick look at the time a wafer takes here; ``wm-edge bench`` measures with care."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edge.bench.machine import cpu_model
from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.model.float_network import FloatNetwork
from edge.wafer import encoding

#: Wafers timed for the latency: a second at most.
TIMED: Final = 300


@dataclass(frozen=True)
class Latency:
    """Median microseconds a wafer, on the machine that wrote the report.

    Encoding, the int8 network, the whole from wafer map to verdict; the float network where there
    is one; how many wafers were timed, where and by what.
    """

    encode: float
    invoke: float
    whole: float
    float_invoke: float | None
    wafers: int
    machine: str
    runtime: str


def measure_latency(
    classifier: Classifier, float_network: FloatNetwork | None, labelled: LabelledSet
) -> Latency:
    """Time encoding, networks and the whole on some of the wafers, one after the other."""
    spaced = np.linspace(0, len(labelled) - 1, min(TIMED, len(labelled))).astype(np.intp)
    maps = [labelled.wafer_map(index) for index in spaced.tolist()]
    encoded = [encoding.encode(wafer.dies, classifier.size) for wafer in maps]
    return Latency(
        _median_us(lambda wafer: encoding.encode(wafer.dies, classifier.size), maps),
        _median_us(classifier.outputs, encoded),
        _median_us(classifier.classify, maps),
        _median_us(float_network.run, encoded) if float_network else None,
        len(maps),
        f"{cpu_model()}, {platform.system()}",
        f"{classifier.runtime.backend} {classifier.runtime.version}",
    )


def _median_us(work: Callable[[Any], object], items: list[Any]) -> float:
    work(items[0])  # the first one fills caches
    taken = []
    for item in items:
        began = time.perf_counter_ns()
        work(item)
        taken.append(time.perf_counter_ns() - began)
    return statistics.median(taken) / 1000
