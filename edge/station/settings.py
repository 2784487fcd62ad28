"""What a station is told: the same whether it comes from a command line or from a file."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.errors import UsageError
from edge.runtime import Backend, Kernels
from edge.sinks.rows import Same
from edge.sinks.wafer_maps import ALWAYS, KeepMaps
from edge.sources.address import parse, without_secrets
from edge.station.camera import CameraSettings
from edge.station.tops import FolderSettings
from edge.verdict import Costs

#: Largest number of a port.
MOST_PORT: Final = 65535


@dataclass(frozen=True)
class SinkSettings:
    """A sink beside the store.

    Attributes:
        kind: One of ``edge.sinks.durable.KINDS``.
        target: File or URL.
        options: What the kind's ``open_durable`` takes beside the target.
    """

    kind: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelSettings:
    """How wafers are classified.

    Attributes:
        file: Model file; None for the one that ships.
        backend: Runtime; None for the first that works.
        kernels: See ``edge.runtime.Kernels``.
        average_symmetries: See ``edge.classifier.Classifier``.
        below: Smallest confidence that is accepted, by pattern, instead of the model file's.
        costs: From which these are computed, before ``below``.
        unfamiliar_above: Instead of the model file's limit.
        mixed_above: Instead of the model file's limit.
    """

    file: Path | None = None
    backend: Backend | None = None
    kernels: Kernels = Kernels.FAST
    average_symmetries: bool = False
    below: tuple[dict[str, float], ...] = ()
    costs: Costs | None = None
    unfamiliar_above: float | None = None
    mixed_above: float | None = None


@dataclass(frozen=True)
class Settings:
    """A station.

    Attributes:
        store: File of the store.
        name: Of the station, in every record.
        model: How wafers are classified.
        folders: What is watched.
        cameras: What is looked at.
        sinks: Where records go beside the store.
        same: What makes two wafers of files the same.
        keep_maps: How long the store keeps maps.
        metrics: Host and port for ``/metrics`` and ``/healthz``; None for none.
    """

    store: Path
    name: str = field(default_factory=socket.gethostname)
    model: ModelSettings = field(default_factory=ModelSettings)
    folders: tuple[FolderSettings, ...] = ()
    cameras: tuple[CameraSettings, ...] = ()
    sinks: tuple[SinkSettings, ...] = ()
    metrics: tuple[str, int] | None = None
    same: Same = Same.NAME
    keep_maps: KeepMaps = ALWAYS

    def __post_init__(self) -> None:
        # Each record would come twice, and locks are a process's.
        written = [(self.store.resolve(), str(self.store.resolve())), *map(_written, self.sinks)]
        _once(written, "two sinks write to it; give each one of its own")
        tops = [(os.path.realpath(top), folder) for folder in self.folders for top in folder.tops]
        for place, _ in tops:
            for other, folder in tops:  # each file would be two wafers
                if folder.recursive and Path(other) in Path(place).parents:
                    raise UsageError(
                        f"{place}: lies in {other}, which is watched with all that is in it; "
                        "name one of the two"
                    )
        # Two sources would race for the same wafers.
        cameras = [parse(camera.source) for camera in self.cameras]
        looked_at = [*((place, place) for place, _ in tops), *((c.place, c.shown) for c in cameras)]
        _once(looked_at, "named twice; once is enough")
        named = [(camera.name, camera.name) for camera in self.cameras if camera.name]
        _once(named, "the name of two cameras; give each its own")


def _once(places: Sequence[tuple[Path | str, str]], why: str) -> None:
    """Refuse what is there twice; of each there is what tells it, and how it is shown."""
    seen = set()
    for place, shown in places:
        if place in seen:
            raise UsageError(f"{shown}: {why}")
        seen.add(place)


def listen_on(text: object) -> tuple[str, int]:
    """``[HOST:]PORT`` as host and port; loopback unless told otherwise.

    Raises:
        ValueError: it is something else.
    """
    host, _, port = str(text).rpartition(":")
    if isinstance(text, bool) or not (port.isascii() and port.isdigit()) or int(port) > MOST_PORT:
        raise ValueError(text)
    return host.strip("[]") or "127.0.0.1", int(port)


def _written(sink: SinkSettings) -> tuple[Path | str, str]:
    """What tells the target, and how it is shown."""
    if "://" in sink.target:
        return sink.target, without_secrets(sink.target)
    target = Path(sink.target).resolve()
    return target, str(target)
