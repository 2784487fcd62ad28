"""What a station is told: the same whether it comes from a command line or from a file."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.camera.address import Address, parse, without_secrets
from edge.camera.login import with_login
from edge.errors import UsageError
from edge.formats.name_pattern import NamePattern, Names
from edge.formats.registry import SUFFIXES
from edge.model.backend import Backend
from edge.model.runtime import Kernels
from edge.screen.stable import FRAMES
from edge.store.rows import Same
from edge.store.wafer_maps import ALWAYS, KeepMaps
from edge.verdict.rule import Costs

if TYPE_CHECKING:
    from edge.screen.reader import ScreenReader

#: Seconds without another die after which a wafer is complete: longer than a prober tests a die.
COMPLETE_AFTER: Final = 5.0


#: Largest number of a port.
MOST_PORT: Final = 65535


@dataclass(frozen=True)
class SinkSettings:
    """A sink beside the store.

    Attributes:
        kind: One of ``edge.sinks.durable_sink.KINDS``.
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
        kernels: See ``edge.model.runtime.Kernels``.
        average_symmetries: See ``edge.classification.classifier.Classifier``.
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


@dataclass(frozen=True)
class Patience:
    """How long files are given.

    Attributes:
        looks: So many looks in a row must find a file unchanged where nobody can tell whether
            somebody writes it.
        interval: Seconds between two of these looks.
        bad: Seconds that a file which cannot be read must stay unchanged before it counts as bad.
        complete: Seconds that every file must stay unchanged before it is taken.
    """

    looks: int = 3
    interval: float = 0.5
    bad: float = 2.0
    complete: float = 0.0


class Done(str, Enum):
    """What happens to a file whose records are kept."""

    KEEP = "keep"
    MOVE = "move"
    DELETE = "delete"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class FolderSettings:
    """What to watch and what to do with its files.

    Attributes:
        tops: The folders.
        recursive: Whether the folders in them count.
        globs: Patterns of which a file's name, or its path in the folder, must match one; none for
            all.
        name_pattern: Where lot, wafer and slot stand in names, see ``NamePattern``; empty: nowhere.
        name_sample: A name that fits it, to see what comes out.
        polling: Seconds between two looks through the folders; None lets the operating system tell.
        done: What happens to a file whose records are kept.
        done_dir: Where ``move`` moves it; None for ``done`` in the folder itself.
        quarantine: Where a file goes that stays bad; None leaves it.
        patience: How long files are given.
        once: End when everything that is there has been taken.
    """

    tops: tuple[str, ...]
    recursive: bool = True
    globs: tuple[str, ...] = ()
    name_pattern: str = ""
    name_sample: str = ""
    polling: float | None = None
    done: Done = Done.KEEP
    done_dir: Path | None = None
    quarantine: Path | None = None
    patience: Patience = field(default_factory=Patience)
    once: bool = False

    @property
    def nothing_found(self) -> str:
        """Which files were looked for where there was none."""
        wanted = ", ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        fitting = f" that fits {' or '.join(map(repr, self.globs))}" if self.globs else ""
        where = " or below it" if self.recursive else "; folders in it are left alone"
        return f"no file of a known format ({wanted}){fitting} in it{where}"

    def names(self) -> Names | None:
        """What finds lot and wafer in the names of the files of these folders."""
        if not self.name_pattern:
            return None
        return Names(NamePattern(self.name_pattern), map(os.path.abspath, self.tops))


@dataclass(frozen=True)
class CameraSettings:
    """What to look at.

    Attributes:
        source: As ``edge.camera.address.parse`` takes it; may hold a password, left out of
            ``repr``.
        recipe: File that says what the screen looks like; None for the usual colours.
        stable: Frames that must show the same wafer map before it counts.
        patience: Seconds without a frame after which the camera is opened anew.
        complete_after: Seconds that a map must stand without another die before it is recorded; 0
            records every map that stands still.
        name: What the camera is called in records, metrics and messages; empty for its address.
        username: Of the camera, where its address has none.
        password_file: File whose first line is the password.
    """

    source: str = field(repr=False)
    recipe: Path | None = None
    stable: int = FRAMES
    patience: float = 10.0
    complete_after: float = COMPLETE_AFTER
    name: str = ""
    username: str = ""
    password_file: Path | None = None

    def address(self) -> Address:
        """Where the frames come from, with user and password.

        Raises:
            UsageError: it cannot be right.
        """
        return with_login(parse(self.source), self.username, self.password_file)

    def reader(self) -> ScreenReader:
        """What reads the frames.

        Raises:
            UsageError: the recipe cannot be used.
        """
        from edge.screen.reader import ScreenReader
        from edge.screen.recipe import Recipe, load

        return ScreenReader(load(self.recipe) if self.recipe else Recipe())
