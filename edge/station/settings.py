"""What a station is told: the same whether it comes from a command line or from a file.

The classes are the layout of the file, which ``wm-edge schema station`` prints.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, field
from msgspec.structs import force_setattr

from edge.camera.address import Address, parse
from edge.camera.login import with_login
from edge.errors import UsageError
from edge.model.runtime import Kernels
from edge.model.wheels import Backend
from edge.sinks.settings import AlarmSettings, SinkSettings
from edge.station.folder_settings import FolderSettings
from edge.store.rows import Same
from edge.store.wafer_maps import KEPT, KeepMaps, Which
from edge.system import typed_schema
from edge.system.text import told_apart
from edge.system.typed import MismatchError, Share, Strict, Text, about, unknown
from edge.verdict.rule import ALL, Costs, ReviewRule

if TYPE_CHECKING:
    from edge.screen.reader import ScreenReader

#: Largest number of a port.
MOST_PORT: Final = 65535

Cost = Annotated[float, Meta(ge=0, le=1e300)]
_Maps = Annotated[str, about(enum=[each.value for each in Which])]
_Days = Annotated[int, Meta(ge=1)]


class CameraSettings(Strict, frozen=True):
    """What to look at.

    Attributes:
        source: Number, device, video file, URL or ``picamera2``.
        recipe: File that says what the screen looks like; the usual colours when not given.
        stable: Frames that must show the same wafer map before it counts.
        patience: Seconds without a frame after which the camera is opened anew.
        complete_after: Seconds that a map must stand without another die before it is recorded,
            longer than a prober takes for a die; 0 records every map that stands still.
        name: What the camera is called in records, metrics and messages; else its address.
        username: Of the camera, where its address has none.
        password_file: File whose first line is the password.
    """

    source: Annotated[str | int, about(must="a text, or the number of a camera", secret=True)]
    recipe: Path | None = None
    stable: Annotated[int, Meta(ge=1, le=1000)] = 3
    patience: Annotated[float, Meta(ge=0.5, le=3600)] = 10.0
    complete_after: Annotated[float, Meta(ge=0, le=86_400)] = 5.0
    name: Annotated[Text, about(must="a text of characters that can be printed")] = ""
    username: Annotated[Text, about(secret=True)] = ""
    password_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a name that cannot be shown, and read the source as a text."""
        if not self.name.isprintable() or self.name.isspace():
            raise MismatchError(("name",))
        force_setattr(self, "name", self.name.strip())
        force_setattr(self, "source", str(self.source))

    def __repr__(self) -> str:
        return f"CameraSettings({self.name})"  # the source may hold a password

    def address(self) -> Address:
        """Where the frames come from, with user and password.

        Raises:
            UsageError: it cannot be right.
        """
        return with_login(parse(str(self.source)), self.username, self.password_file)

    def reader(self) -> ScreenReader:
        """What reads the frames.

        Raises:
            UsageError: the recipe cannot be used.
        """
        from edge.screen.reader import ScreenReader
        from edge.screen.recipe import Recipe, load

        return ScreenReader(load(self.recipe) if self.recipe else Recipe())


class ModelSettings(Strict, frozen=True):
    """How wafers are classified.

    Attributes:
        file: Model file, or the name of one that ships; wm811k when not given.
        backend: Runtime; the first that works when not given.
        kernels: Implementation of the operators.
        average_symmetries: Average the answers to the eight symmetries of a wafer.
    """

    file: Path | None = None
    backend: Backend | None = None
    kernels: Kernels = Kernels.FAST
    average_symmetries: bool = False


class ReviewSettings(Strict, frozen=True):
    """When a wafer goes to a person, where that is not to be as the model file says.

    Attributes:
        costs: Of an escape, a false alarm and a look, from which ``below`` is computed.
        unfamiliar_above: Largest distance that is accepted.
        mixed_above: Largest probability of two patterns that is accepted.
        below: Smallest confidence that is accepted, by pattern; ``all`` is for the others.
    """

    costs: Annotated[
        tuple[Cost, Cost, Cost] | None,
        about(must="[escape, false alarm, review], numbers from 0 up"),
    ] = None
    unfamiliar_above: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    mixed_above: Share | None = None
    below: dict[str, Share] = field(default_factory=dict)

    def changed(self, rule: ReviewRule) -> ReviewRule:
        """The model file's rule with what is set here; ``below`` has the last word.

        Raises:
            MismatchError: a key of ``below`` is none of the model file's patterns, or one again.
        """
        for_all = {key: least for key, least in self.below.items() if key == ALL}
        others = {key: least for key, least in self.below.items() if key != ALL}
        said: set[str] = set()
        for key in others:
            pattern = rule.patterns.named(key)
            if pattern is None:
                raise MismatchError(("below", key), unknown(key, [ALL, *rule.patterns]))
            if pattern in said:
                what = f"is {pattern} once more; keep one of them"
                raise MismatchError(("below", key), what)
            said.add(pattern)
        costs = Costs(*self.costs) if self.costs else None
        limits = self.unfamiliar_above, self.mixed_above
        return rule.with_overrides([for_all, others], costs, *limits)


class StationSettings(Strict, frozen=True):
    """The station itself.

    Attributes:
        store: SQLite file that records everything.
        name: Of the station, in every record; the host's when not given.
        same: What makes a file the same wafer as one before.
        keep_maps: Whose maps the store keeps: ``all``, ``review`` or those of so many days.
        metrics: [HOST:]PORT where ``/metrics`` and ``/healthz`` are served; none when not given.
    """

    store: Path
    name: Text = field(default_factory=socket.gethostname)
    same: Same = Same.NAME
    keep_maps: Annotated[_Maps | _Days, about(must=KEPT)] = "all"
    metrics: Annotated[str | int | None, about(must="[HOST:]PORT, for instance 9105")] = None

    def __post_init__(self) -> None:
        """Refuse what the types let through."""
        for key, read in (("keep_maps", KeepMaps.parse), ("metrics", listen_on)):
            try:
                if (value := getattr(self, key)) is not None:
                    read(value)
            except ValueError:
                raise MismatchError((key,)) from None


class PatternsSettings(Strict, frozen=True):
    """Patterns of one's own, made from examples.

    Attributes:
        folder: Of pattern files; what is put there or taken away counts; it may come later.
    """

    folder: Path


class Settings(Strict, frozen=True):
    """A station: the layout of its file.

    Attributes:
        station: The station itself; its ``store`` is the file that records everything.
        model: How wafers are classified.
        review: When a wafer goes to a person.
        patterns: Patterns of one's own; none when not given.
        alarms: Where alarms over lots go out to.
    """

    station: StationSettings
    model: ModelSettings = ModelSettings()
    review: ReviewSettings = ReviewSettings()
    patterns: PatternsSettings | None = None
    alarms: AlarmSettings = AlarmSettings()
    folders: Annotated[tuple[FolderSettings, ...], about("What is watched.")] = field(
        name="folder", default=()
    )
    cameras: Annotated[tuple[CameraSettings, ...], about("What is looked at.", secret=True)] = (
        field(name="camera", default=())
    )
    sinks: Annotated[tuple[SinkSettings, ...], about("Where records go, too.", secret=True)] = (
        field(name="sink", default=())
    )

    def __post_init__(self) -> None:
        """Refuse sources and sinks that are there twice."""
        # Each record would come twice, and locks are a process's.
        store = str(self.station.store.resolve())
        written = [(store, store), *(sink.place for sink in self.sinks)]
        _once(written, "two sinks write to it; give each one of its own")
        tops = [(os.path.realpath(top), folder) for folder in self.folders for top in folder.tops]
        for place, _ in tops:
            for other, folder in tops:  # each file would be two wafers
                if folder.recursive and Path(other) in Path(place).parents:
                    what = f"{place}: lies in {other}, which is watched with all that is in it"
                    raise UsageError(f"{what}; name one of the two")
        # Two sources would race for the same wafers.
        cameras = []
        for number, camera in enumerate(self.cameras):
            try:
                cameras.append(parse(str(camera.source)))
            except UsageError as error:
                what = f"is refused: {error}"
                raise MismatchError(("camera", number, "source"), what) from None
        looked_at = [*((place, place) for place, _ in tops), *((c.place, c.shown) for c in cameras)]
        _once(looked_at, "named twice; once is enough")
        named = [(camera.name, camera.name) for camera in self.cameras if camera.name]
        _once(named, "the name of two cameras; give each its own")


def schema() -> dict[str, Any]:
    """The JSON Schema of a station's file."""
    return typed_schema.schema(Settings, "Configuration of a wm-edge station")


def camera_names(cameras: Iterable[CameraSettings]) -> list[str]:
    """What each camera is called: no two alike, and the same in every run.

    A camera without a name of its own is called by its address. Addresses that are shown alike, two
    paths of one host, are numbered in their order: ``rtsp://host``, ``rtsp://host (2)``.

    Raises:
        UsageError: an address that cannot be right.
    """
    cameras = list(cameras)
    nameless = [parse(str(camera.source)).shown for camera in cameras if not camera.name]
    numbered = iter(told_apart(nameless, [camera.name for camera in cameras if camera.name]))
    return [camera.name or next(numbered) for camera in cameras]


def listen_on(text: object) -> tuple[str, int]:
    """``[HOST:]PORT`` as host and port; loopback unless told otherwise.

    Raises:
        ValueError: it is something else.
    """
    host, _, port = str(text).rpartition(":")
    if isinstance(text, bool) or not (port.isascii() and port.isdigit()) or int(port) > MOST_PORT:
        raise ValueError(text)
    return host.strip("[]") or "127.0.0.1", int(port)


def _once(places: Sequence[tuple[str, str]], why: str) -> None:
    """Refuse what is there twice; of each there is what tells it, and how it is shown."""
    seen = set()
    for place, shown in places:
        if place in seen:
            raise UsageError(f"{shown}: {why}")
        seen.add(place)
