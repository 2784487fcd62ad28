"""What a station's configuration says of each kind of sink: a class a kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from edge.camera.address import without_secrets
from edge.sinks.append_file import Fsync
from edge.system.typed import Strict, Text, about
from edge.wafer.patterns import WM811K

if TYPE_CHECKING:
    from edge.sinks.durable_sink import DurableSink
    from edge.store.models import ModelNote


class FileSettings(Strict, frozen=True, tag_field="kind"):
    """A sink that is a file."""

    file: Annotated[Path, about("Where records go; made when it is not there.")]

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from others, and how it is shown."""
        place = str(self.file.resolve())
        return place, place


class StoreSettings(FileSettings, frozen=True, tag="store"):
    """A copy of the station's store."""

    def make(self, station: str, model: ModelNote | None = None) -> DurableSink:
        """See ``MqttSettings.make``."""
        from edge.sinks.store_copy import StoreSink

        return StoreSink(self.file, model)


class LinesSettings(FileSettings, frozen=True):
    """A text file that is appended to."""

    fsync: Annotated[Fsync, about("When records are forced onto the disk.")] = Fsync.ALWAYS

    def make(self, station: str, model: ModelNote | None = None) -> DurableSink:
        """See ``MqttSettings.make``."""
        from edge.sinks.append_file import LINES, AppendSink

        kind = str(self.__struct_config__.tag)
        lines = LINES[kind](model.patterns if model else WM811K)
        return AppendSink(kind, self.file, lines, self.fsync)


class JsonLinesSettings(LinesSettings, frozen=True, tag="jsonl"):
    """JSON lines, appended."""


class CsvSettings(LinesSettings, frozen=True, tag="csv"):
    """Comma-separated values, appended."""


class MqttSettings(Strict, frozen=True, tag="mqtt", tag_field="kind"):
    """A broker.

    Attributes:
        url: ``mqtt[s]://host[:port][/topic]``.
    """

    url: Annotated[Text, about(secret=True)]

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from others, and how it is shown."""
        return self.url, without_secrets(self.url)

    def make(self, station: str, model: ModelNote | None = None) -> DurableSink:
        """The sink, not opened yet; it is told the name of the station and the model file.

        Raises:
            UsageError: the target or a setting makes no sense.
        """
        from edge.sinks.mqtt.sink import open_durable

        return open_durable(self.url, station=station, model=model)


class AlarmSettings(Strict, frozen=True):
    """Where alarms over lots go out to, when ``wm-edge lots --check`` finds new ones.

    Attributes:
        mqtt: ``mqtt[s]://host[:port][/topic]``; alarms go to ``lots/alarms`` behind that topic.
        command: Program and its arguments; the alarm stands on its standard input.
        webhook: ``http[s]://...``, which gets it by POST.
        nelson: Nelson's rules are used on the lots' fail rate, as well.
    """

    mqtt: Annotated[Text, about(secret=True)] | None = None
    command: Annotated[tuple[Text, ...], about(must="a list of texts, the program first")] = ()
    webhook: Annotated[Text, about(secret=True)] | None = None
    nelson: bool = False


#: A new kind of sink is one module, and a class here.
SinkSettings = StoreSettings | JsonLinesSettings | CsvSettings | MqttSettings
