"""One connection to an MQTT broker, from connecting to letting go; never used again after that.

Spoken is MQTT 5, clean start: only there does the broker say when it refuses a record (under 3.1.1
it acknowledges what it throws away), why it closes, and how much it takes at once. No session is
kept because the store knows better than the broker what has not been delivered.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from edge.errors import OutputError, UsageError
from edge.sinks import mqtt_reasons
from edge.sinks.mqtt_target import Access, Scheme, Target, Topic

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

#: Seconds of silence after which the broker is asked for a sign of life; a second time as long
#: without one, and the connection counts as lost.
KEEPALIVE: Final = 15

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"

#: Unacknowledged messages at a time; the broker may want fewer.
_WINDOW: Final = 100
#: Bytes a message has beside topic and payload, generously.
_OVERHEAD: Final = 16
#: Seconds that are waited at a time: only in between does the library look whether to ask for a
#: sign of life.
_SLICE: Final = 1.0
#: Seconds for a good-bye.
_FAREWELL: Final = 0.7
#: Seconds that each step of connecting gets at least.
_LEAST: Final = 0.05
#: None: not Linux.
_QUICK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
#: The way every socket error of the client library is logged.
_SOCKET_ERROR: Final = "failed to receive on socket: "


@dataclass
class _Heard:
    """What the broker has said, noted down by the callbacks.

    The client holds this and never the link: a cycle would keep sockets open until the garbage
    collector comes by.
    """

    answered: ReasonCode | None = None
    window: int = _WINDOW
    largest: int | None = None
    acknowledges: bool = True
    pending: dict[int, str] = field(default_factory=dict)
    progress: int = 0
    refused: deque[tuple[str, int]] = field(default_factory=deque)
    ended: bool = False
    ended_code: int | None = None
    detail: str = ""


class Link:
    """A connection to a broker.

    Every method but ``close`` and ``drop`` raises OutputError when the connection is lost; the
    link must then be dropped.
    """

    def __init__(self, target: Target, access: Access, client_id: str, seconds: float) -> None:
        """Connect and say ``online``.

        Args:
            target: Which broker.
            access: Who the station is to it.
            client_id: A broker has one client of a name.
            seconds: May take this long in all (looking up the name not counted), > 0.

        Raises:
            OutputError: it cannot be done now.
        """
        self._target = target
        self._seconds = seconds
        self._heard = _Heard()
        self._client = _client(target, access, client_id, self._heard)
        try:
            deadline = time.monotonic() + seconds
            self._connect(deadline)
            self.publish(Topic.AVAILABILITY, ONLINE, "availability", retain=True)
            self.settle(max(deadline - time.monotonic(), _LEAST))
        except BaseException:
            self.drop()
            raise

    def _connect(self, deadline: float) -> None:
        target, heard = self._target, self._heard
        try:
            addresses = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            steps = len(addresses) + (target.scheme is Scheme.TLS)
            left = deadline - time.monotonic()
            self._client.connect_timeout = max(left / steps, _LEAST)
            self._client.connect(target.host, target.port, keepalive=KEEPALIVE)
        except OSError as error:
            raise self._error(mqtt_reasons.of_error(error)) from error
        while heard.answered is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._error(mqtt_reasons.of_silence(target.scheme, self._seconds))
            failed = self._client.loop(left)
            if heard.answered is None and (failed or heard.ended):
                raise self._error(mqtt_reasons.of_early_end(target.scheme, heard.detail))
        if mqtt_reasons.is_failure(heard.answered.value):
            raise self._error(mqtt_reasons.of_code(heard.answered.value))
        if not heard.acknowledges:
            raise self._error(mqtt_reasons.of_code(0x9B))

    def make_room(self, seconds: float) -> None:
        """Wait until another message may be on its way; ``settle`` says what is raised."""
        self.settle(seconds, self._heard.window - 1)

    def publish(self, topic: Topic, payload: bytes, label: str, *, retain: bool = False) -> None:
        """Send a message; only ``settle`` makes sure that it has arrived.

        Args:
            topic: Where to, behind the prefix.
            payload: The message.
            label: What it is called in errors.
            retain: Whether the broker keeps it for those who come later.

        Raises:
            OutputError: the connection is lost, or the broker takes no message of this size.
        """
        whole = self._target.topic(topic)
        size = len(payload) + len(whole.encode("utf-8")) + _OVERHEAD
        if self._heard.largest is not None and size > self._heard.largest:
            raise self._error(
                f"{label} has {size:,} bytes and it takes {self._heard.largest:,}; "
                "raise its packet size limit; nothing is sent past this record until then"
            )
        info = self._client.publish(whole, payload, qos=1, retain=retain)
        if info.rc:
            raise self._lost()
        self._heard.pending[info.mid] = label

    def pump(self, seconds: float) -> None:
        """Read and write what there is; wait for something up to ``seconds`` (>= 0), 1 at most.

        Raises:
            OutputError: the connection is lost, or a message was refused.
        """
        failed = self._client.loop(min(seconds, _SLICE))
        if self._heard.refused:
            label, code = self._heard.refused[0]
            raise self._error(f"{label} was refused: {mqtt_reasons.of_code(code)}")
        if failed or self._heard.ended:
            raise self._lost()

    def settle(self, seconds: float, pending: int = 0) -> None:
        """Wait until at most ``pending`` messages are not acknowledged.

        Args:
            seconds: How long to wait from one acknowledgement to the next.
            pending: Number of messages that may still be on their way.

        Raises:
            OutputError: as ``pump``, and where no acknowledgement came in time.
        """
        heard = self._heard
        progress, deadline = heard.progress, time.monotonic() + seconds
        while len(heard.pending) > pending:
            left = deadline - time.monotonic()
            if left <= 0:
                label = next(iter(heard.pending.values()))
                raise self._error(
                    f"no acknowledgement of {label} for {round(seconds, 1):g} s (timed out); "
                    "is the network overloaded, or the broker's disk full?"
                )
            self._hurry()
            self.pump(left)
            if heard.progress != progress:
                progress, deadline = heard.progress, time.monotonic() + seconds

    def close(self) -> None:
        """Say ``offline`` and good-bye within a second; where that fails the last will says it."""
        try:
            self.publish(Topic.AVAILABILITY, OFFLINE, "availability", retain=True)
            deadline = time.monotonic() + _FAREWELL
            while self._heard.pending and (left := deadline - time.monotonic()) > 0:
                self.pump(left)
            if not self._heard.pending:
                self._client.disconnect()
                while not self._heard.ended and (left := deadline - time.monotonic()) > 0:
                    self._client.loop(left)
        except OutputError:
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go of the sockets without a word: the broker then publishes the last will."""
        # The only public way to close them all, the pair that wakes select() included.
        self._client.reinitialise()

    def _hurry(self) -> None:
        """Have what the broker sends next acknowledged by TCP at once; Linux forgets it each time.

        A broker's small packets wait for that (Nagle), and Linux for 40 ms before it sends it.
        """
        sock: Any = self._client.socket()
        if sock is not None and _QUICK is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)

    def _lost(self) -> OutputError:
        heard = self._heard
        if heard.ended_code is not None and mqtt_reasons.is_failure(heard.ended_code):
            return self._error(
                f"it closed the connection: {mqtt_reasons.of_code(heard.ended_code)}"
            )
        said = f" ({heard.detail})" if heard.detail else ""
        return self._error(
            f"connection lost{said}; does the broker still run? Its log may say that a record was "
            "too large or that another client took over the identifier"
        )

    def _error(self, reason: str) -> OutputError:
        return OutputError(f"MQTT broker {self._target.broker}: {reason}")


def _client(target: Target, access: Access, client_id: str, heard: _Heard) -> Client:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        userdata=heard,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    # The window is kept here: the library's own queue is walked through on every acknowledgement.
    client.max_inflight_messages = 0
    client.will_set(target.topic(Topic.AVAILABILITY), OFFLINE, qos=1, retain=True)
    if access.username is not None:
        client.username_pw_set(access.username, access.password)
    if target.scheme is Scheme.TLS:
        try:
            client.tls_set_context(access.tls_context())
        except UsageError as error:
            # It was all right when the station started: a file is being renewed just now.
            raise OutputError(f"MQTT broker {target.broker}: {error}") from error
    client.on_connect = _on_connect
    client.on_publish = _on_publish
    client.on_disconnect = _on_disconnect
    client.on_log = _on_log
    client.on_socket_open = _on_socket_open
    return client


def _on_connect(_: Client, heard: _Heard, __: Any, reason: ReasonCode, properties: Any) -> None:
    heard.answered = reason
    heard.window = min(_WINDOW, getattr(properties, "ReceiveMaximum", _WINDOW))
    heard.largest = getattr(properties, "MaximumPacketSize", None)
    heard.acknowledges = getattr(properties, "MaximumQoS", 1) > 0


def _on_publish(_: Client, heard: _Heard, mid: int, reason: ReasonCode, __: Any) -> None:
    label = heard.pending.pop(mid, "a record")
    heard.progress += 1
    if mqtt_reasons.is_failure(reason.value):
        heard.refused.append((label, reason.value))


def _on_disconnect(_: Client, heard: _Heard, flags: Any, reason: ReasonCode, __: Any) -> None:
    heard.ended = True
    if flags.is_disconnect_packet_from_server:
        heard.ended_code = reason.value


def _on_log(_: Client, heard: _Heard, __: int, text: str) -> None:
    if text.startswith(_SOCKET_ERROR):
        heard.detail = text.removeprefix(_SOCKET_ERROR)


def _on_socket_open(_: Client, __: _Heard, sock: Any) -> None:
    # A window's last packet would otherwise wait for the acknowledgement of those before it.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
