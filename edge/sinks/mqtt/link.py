"""One connection to an MQTT broker, from connecting to letting go; never used again after that.

Spoken is MQTT 5, clean start: only there does the broker say when it refuses a record (under 3.1.1
it acknowledges what it throws away), why it closes, and how much it takes at once. No session is
kept because the store knows better than the broker what has not been delivered.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edge.errors import OutputError, UsageError
from edge.sinks.mqtt import reasons
from edge.sinks.mqtt.target import Access, Scheme, Target, Topic
from edge.system.text import printable

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

_log = logging.getLogger(__name__)

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
#: Of TCP, while acknowledgements are waited for. A window's last packet would otherwise wait for
#: that of those before it, a broker's small packets for ours (Nagle), which Linux sends after 40 ms
#: unless it is told each time; 60 records then take four times as long.
_AT_ONCE: Final = [
    getattr(socket, name) for name in ("TCP_NODELAY", "TCP_QUICKACK") if hasattr(socket, name)
]


class _Sent(NamedTuple):
    """A message on its way: what it is called, and where it goes."""

    label: str
    topic: Topic


class Link:
    """A connection to a broker.

    Every method but ``close`` and ``drop`` raises LostError when the connection is lost; the link
    must then be dropped.
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
        # What the broker has said, noted down by the callbacks.
        self._answered: ReasonCode | None = None
        self._window = _WINDOW
        self._largest: int | None = None
        self._acknowledges = True
        self._pending: dict[int, _Sent] = {}
        self._taken: set[Topic] = set()
        self._refused: list[tuple[_Sent, int]] = []
        self._ended = False
        self._ended_code: int | None = None
        self._client = self._set_up(access, client_id)
        try:
            deadline = time.monotonic() + seconds
            self._connect(deadline)
            self.publish(Topic.AVAILABILITY, ONLINE, "availability", retain=True)
            self.settle(max(deadline - time.monotonic(), _LEAST))
        except BaseException:
            self.drop()
            raise

    def _set_up(self, access: Access, client_id: str) -> Client:
        """The client library's part, which has not connected yet."""
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        made = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        # The window is kept here: the library knows none of the broker's, and walks through its
        # own queue on every acknowledgement.
        made.max_inflight_messages = 0
        made.will_set(self._target.topic(Topic.AVAILABILITY), OFFLINE, qos=1, retain=True)
        if access.username is not None:
            made.username_pw_set(access.username, access.password)
        if self._target.scheme is Scheme.TLS:
            try:
                made.tls_set_context(access.tls_context())
            except UsageError as error:
                # It was all right when the station started: a file is being renewed just now.
                raise self._error(str(error)) from error
        made.on_connect = self._on_connect
        made.on_publish = self._on_publish
        made.on_disconnect = self._on_disconnect
        return made

    def _on_connect(self, _: Client, __: Any, ___: Any, reason: ReasonCode, told: Any) -> None:
        self._answered = reason
        self._window = min(_WINDOW, getattr(told, "ReceiveMaximum", _WINDOW))
        self._largest = getattr(told, "MaximumPacketSize", None)
        self._acknowledges = getattr(told, "MaximumQoS", 1) > 0

    def _on_publish(self, _: Client, __: Any, mid: int, reason: ReasonCode, ___: Any) -> None:
        sent = self._pending.pop(mid, None)
        if sent is not None and sent.topic is Topic.MODEL:
            if reason.is_failure:  # records do without
                whole = printable(self._target.topic(sent.topic))
                why = reasons.of_code(reason.value)
                _log.warning("MQTT broker %s: %s was refused: %s", self._target.broker, whole, why)
        elif sent is not None and reason.is_failure:
            self._refused.append((sent, reason.value))
        elif sent is not None:
            self._taken.add(sent.topic)

    def _on_disconnect(self, _: Client, __: Any, flags: Any, reason: ReasonCode, ___: Any) -> None:
        self._ended = True
        if flags.is_disconnect_packet_from_server and reason.is_failure:
            self._ended_code = reason.value

    def _connect(self, deadline: float) -> None:
        target = self._target
        try:
            addresses = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            steps = len(addresses) + (target.scheme is Scheme.TLS)
            left = deadline - time.monotonic()
            self._client.connect_timeout = max(left / steps, _LEAST)
            self._client.connect(target.host, target.port, keepalive=KEEPALIVE)
        except OSError as error:
            raise self._error(reasons.of_error(error)) from error
        while self._answered is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._error(reasons.of_silence(target.scheme, self._seconds))
            failed = self._client.loop(left)
            if self._answered is None and (failed or self._ended):
                raise self._error(reasons.of_early_end(target.scheme))
        if self._answered.is_failure:
            raise self._error(reasons.of_code(self._answered.value))
        if not self._acknowledges:
            raise self._error(reasons.of_code(0x9B))

    def make_room(self, seconds: float) -> None:
        """Wait until another message may be on its way; ``settle`` says what is raised."""
        self.settle(seconds, self._window - 1)

    @property
    def under_way(self) -> list[str]:
        """Labels of the messages that are not acknowledged."""
        return [sent.label for sent in self._pending.values()]

    def refused(self) -> list[tuple[str, str]]:
        """Labels of messages that the broker will never take, and why; asked when all is settled.

        Raises:
            OutputError: one was refused for what may pass. A reason that it does not tell is the
                message's fault where it took another one for the same topic meanwhile.
        """
        refused, self._refused = self._refused, []
        taken, self._taken = self._taken, set()
        for sent, code in refused:
            if not reasons.is_of_a_record(code) and sent.topic not in taken:
                raise self._refusal(sent, code)
        return [(sent.label, reasons.of_code(code)) for sent, code in refused]

    def too_large(self, topic: Topic, payload: bytes) -> str | None:
        """Why the broker will never take a message, by the size that it allows; None: it may."""
        size = len(payload) + len(self._target.topic(topic).encode("utf-8")) + _OVERHEAD
        if self._largest is None or size <= self._largest:
            return None
        return f"it has {size:,} bytes and the broker takes {self._largest:,}"

    def publish(self, topic: Topic, payload: bytes, label: str, *, retain: bool = False) -> None:
        """Send a message; only ``settle`` makes sure that it has arrived.

        ``label`` is what it is called in errors; the broker keeps it for those who come later where
        ``retain`` is True.

        Raises:
            LostError: the connection is lost.
        """
        whole = self._target.topic(topic)
        info = self._client.publish(whole, payload, qos=1, retain=retain)
        if info.rc:
            raise self._lost()
        self._pending[info.mid] = _Sent(label, topic)

    def pump(self, seconds: float) -> None:
        """Read and write what there is; wait for something up to ``seconds`` (>= 0), 1 at most.

        Raises:
            OutputError: the connection is lost, or a message was refused that is not at fault.
        """
        failed = self._client.loop(min(seconds, _SLICE))
        for sent, code in self._refused:
            its_fault = reasons.is_of_a_record(code) or reasons.is_vague(code)
            if sent.topic is Topic.AVAILABILITY or not its_fault:
                raise self._refusal(sent, code)
        if failed or self._ended:
            raise self._lost()

    def settle(self, seconds: float, pending: int = 0) -> None:
        """Wait until at most ``pending`` messages are not acknowledged.

        Args:
            seconds: How long to wait from one acknowledgement to the next.
            pending: Number of messages that may still be on their way.

        Raises:
            OutputError: as ``pump``, and where no acknowledgement came in time.
        """
        before, deadline = len(self._pending), time.monotonic() + seconds
        while len(self._pending) > pending:
            left = deadline - time.monotonic()
            if left <= 0:
                label = next(iter(self._pending.values())).label
                raise self._error(
                    f"no acknowledgement of {label} for {round(seconds, 1):g} s (timed out); "
                    "is the network overloaded, or the broker's disk full?"
                )
            self._hurry()
            self.pump(left)
            if len(self._pending) != before:
                before, deadline = len(self._pending), time.monotonic() + seconds

    def close(self) -> None:
        """Say ``offline`` and good-bye within a second; where that fails the last will says it."""
        try:
            self.publish(Topic.AVAILABILITY, OFFLINE, "availability", retain=True)
            deadline = time.monotonic() + _FAREWELL
            while self._pending and (left := deadline - time.monotonic()) > 0:
                self.pump(left)
            if not self._pending:
                self._client.disconnect()
                while not self._ended and (left := deadline - time.monotonic()) > 0:
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
        """Have packets sent and acknowledged at once."""
        sock: Any = self._client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                for option in _AT_ONCE:
                    sock.setsockopt(socket.IPPROTO_TCP, option, 1)

    def _lost(self) -> reasons.LostError:
        code = self._ended_code
        reason = (
            "connection lost; does the broker still run? Its log may say that a record was too "
            "large or that another client took over the identifier"
            if code is None
            else f"it closed the connection: {reasons.of_code(code)}"
        )
        return reasons.LostError(str(self._error(reason)), code)

    def _refusal(self, sent: _Sent, code: int) -> OutputError:
        return self._error(f"{sent.label} was refused: {reasons.of_code(code)}")

    def _error(self, reason: str) -> OutputError:
        return OutputError(f"MQTT broker {self._target.broker}: {reason}")
