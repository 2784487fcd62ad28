"""Results to an MQTT broker, each acknowledged before the store may forget it.

``<prefix>/results`` and ``<prefix>/errors`` get one JSON object a message (QoS 1, not retained),
``<prefix>/availability`` says ``online`` or ``offline`` (retained), ``<prefix>/model`` which model
file is at work and which patterns it tells apart (retained). After a failure the same records come
again: readers drop repeats by ``id``.
"""

from __future__ import annotations

import importlib.util
import math
import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from edge.errors import OutputError, UsageError
from edge.results.jsonl import encode
from edge.results.record import Record, number_of
from edge.sinks.durable_sink import RecordRefusedError
from edge.sinks.mqtt.link import KEEPALIVE, ONLINE, Link
from edge.sinks.mqtt.reasons import LostError, is_of_a_record
from edge.sinks.mqtt.target import Access, Scheme, Target, Topic, parse, topic_level
from edge.store.models import ModelNote
from edge.store.names import Cursor
from edge.system.text import utf8

#: Seconds for connecting, and from one acknowledgement to the next.
DEFAULT_TIMEOUT: Final = 10.0

#: Seconds after connecting when ``online`` is said again: the broker may only by then have found
#: out that this station's connection before a power cut is dead, and have said ``offline``.
_SAY_AGAIN: Final = 2.0 * KEEPALIVE

#: Connections that may end while the model file is told; a broker that has no room or no right for
#: that gets the records without.
_TELLINGS: Final = 3

#: Connections that end without a word while one and the same record alone is under way: then it is
#: the record's fault.
_LOSSES: Final = 5


class MqttSink:
    """Records as messages; see ``DurableSink`` for what its methods promise.

    Attributes:
        name: The target, spelled in full; holds no secret.
    """

    def __init__(
        self,
        target: Target,
        access: Access,
        client_id: str,
        timeout: float,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = target.name
        self._about = encode({**about}).encode() if about else b""
        self._tellings = _TELLINGS
        self._target = target
        self._access = access
        # One for all connections of this sink: the broker then ends one that it still believes
        # alive, and says "offline" for it before the new one says "online", not after.
        self._client_id = client_id
        self._timeout = timeout
        self._link: Link | None = None
        self._mark = Cursor()
        self._say_again = math.inf
        # Connections lost in a row, and how many of them with the same lone record under way.
        self._losses = self._times = 0
        self._lone: str | None = None
        self._one_by_one = False
        self._blamed: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def open(self, mark: Cursor) -> Cursor:
        """Connect, say ``online`` and which model file; gives the mark back unchanged."""
        self._drop()
        self._link = link = Link(self._target, self._access, self._client_id, self._timeout)
        if self._about and self._tellings and not link.too_large(Topic.MODEL, self._about):
            self._tellings -= 1
            try:
                link.publish(Topic.MODEL, self._about, "the model file", retain=True)
                link.settle(self._timeout)
            except OutputError:
                self._drop()
                raise
            self._tellings = _TELLINGS
        self._mark = mark
        self._say_again = time.monotonic() + _SAY_AGAIN
        return mark

    def send(self, records: Sequence[Record]) -> Cursor:
        """Publish the records; all of them are acknowledged when this returns."""
        link = self._connected()
        try:
            self._availability(link)
            for record in records:
                self._publish(link, record)
            self._settle(link)
        except RecordRefusedError:
            raise
        except LostError as lost:
            self._suspect(link.under_way, lost.code)
            self._drop()
            raise
        except OutputError:
            self._drop()
            raise
        self._losses = 0
        self._one_by_one = False
        if records:
            self._mark = replace(self._mark, delivered=number_of(records[-1]))
        return self._mark

    def idle(self, seconds: float) -> None:
        """Keep the connection alive for ``seconds``; one that ends is noticed at once."""
        link = self._connected()
        deadline = time.monotonic() + seconds
        try:
            self._availability(link)
            link.pump(max(seconds, 0.0))
            while (left := deadline - time.monotonic()) > 0:
                link.pump(left)
        except OutputError:
            self._drop()
            raise

    def close(self) -> None:
        """Say ``offline`` and disconnect, within about a second."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _connected(self) -> Link:
        if self._link is None:
            raise OutputError(f"MQTT broker {self._target.broker}: not connected; open it again")
        return self._link

    def _publish(self, link: Link, record: Record) -> None:
        topic = Topic.RESULTS if "pattern" in record else Topic.ERRORS
        content, label = payload(record), f"record {record['id']}"
        why = link.too_large(topic, content)
        if label == self._blamed:
            self._blamed, why = None, "the broker closes the connection over it"
        if why is not None:
            self._settle(link)
            raise self._refusal(label, why)
        link.make_room(self._timeout)
        link.publish(topic, content, label)
        if self._one_by_one:
            self._settle(link)

    def _suspect(self, under_way: Sequence[str], code: int | None) -> None:
        """Find out for which record's sake connections end: sent one by one it shows."""
        of_a_record = is_of_a_record(code)
        if code is not None and not of_a_record:
            return
        lone = under_way[0] if len(under_way) == 1 else None
        self._losses += 1
        self._times = self._times + 1 if lone == self._lone else 1
        self._lone = lone
        self._one_by_one = of_a_record or self._losses > 1
        if lone is not None and (of_a_record or self._times >= _LOSSES):
            self._blamed = lone

    def _settle(self, link: Link) -> None:
        link.settle(self._timeout)
        for label, why in link.refused():
            raise self._refusal(label, why)

    def _refusal(self, label: str, why: str) -> RecordRefusedError:
        message = f"MQTT broker {self._target.broker}: {label} was refused: {why}"
        return RecordRefusedError(message, label.removeprefix("record "), why)

    def _availability(self, link: Link) -> None:
        if time.monotonic() >= self._say_again:
            self._say_again = math.inf
            link.publish(Topic.AVAILABILITY, ONLINE, "availability", retain=True)

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.drop()


def payload(record: Record) -> bytes:
    """A record as one JSON object in UTF-8.

    A file name's bytes that are no UTF-8 become ``?``: MQTT readers decode strictly.
    """
    return encode(record).encode("utf-8", "replace")


def open_durable(
    target: str,
    *,
    station: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    model: ModelNote | None = None,
) -> MqttSink:
    """Make the sink for a broker, without connecting.

    Args:
        target: ``mqtt://host[:1883][/topic/prefix]`` or ``mqtts://host[:8883][/topic/prefix]``.
        station: Names the prefix where the target has none, and the client; default: the host name.
        timeout: Seconds for connecting, and from one acknowledgement to the next, > 0.
        model: The model file at work.

    Raises:
        UsageError: the target, a setting or one of the ``WM_EDGE_MQTT_...`` variables cannot be
            used, or the client library is missing.
    """
    if not (math.isfinite(timeout) and timeout > 0):
        raise UsageError(f"MQTT timeout: {timeout:g} s; it must be more than 0")
    if importlib.util.find_spec("paho") is None:
        raise UsageError("MQTT needs the client library: pip install 'paho-mqtt>=2'")
    station = socket.gethostname() if station is None else station
    parsed = parse(target, station)
    access = Access.from_environment(os.environ)
    if parsed.scheme is Scheme.TLS:
        access.tls_context()
    # Brokers need not take more than letters and digits; the common ones take far more.
    plain = "".join(
        char if char.isascii() and char.isalnum() else "-" for char in topic_level(station)
    )
    client = f"wm-edge-{plain[:32]}-{secrets.token_hex(4)}"
    about = {**model.as_dict(), "station": utf8(station)} if model else None
    return MqttSink(parsed, access, client, timeout, about)
