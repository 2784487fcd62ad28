"""One connection to an MQTT broker, from connecting to letting go; never used again after that.

Spoken is MQTT 5, clean start: only there does the broker say when it refuses a record (under 3.1.1
it acknowledges what it throws away), why it closes, and how much it takes at once. No session is
kept because the store knows better than the broker what has not been delivered.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any, Final

from edge.errors import OutputError
from edge.sinks.mqtt import reasons
from edge.sinks.mqtt.client import OFFLINE, Heard, Sent, client
from edge.sinks.mqtt.target import Access, Scheme, Target, Topic

#: Seconds of silence after which the broker is asked for a sign of life; a second time as long
#: without one, and the connection counts as lost.
KEEPALIVE: Final = 15

ONLINE: Final = b"online"

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


class LostError(OutputError):
    """The connection is lost.

    Attributes:
        code: The reason that the broker gave for closing it; None: none.
    """

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


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
        self._heard = Heard()
        self._client = client(target, access, client_id, self._heard)
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
            raise self._error(reasons.of_error(error)) from error
        while heard.answered is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._error(reasons.of_silence(target.scheme, self._seconds))
            failed = self._client.loop(left)
            if heard.answered is None and (failed or heard.ended):
                raise self._error(reasons.of_early_end(target.scheme))
        if heard.answered.is_failure:
            raise self._error(reasons.of_code(heard.answered.value))
        if not heard.acknowledges:
            raise self._error(reasons.of_code(0x9B))

    def make_room(self, seconds: float) -> None:
        """Wait until another message may be on its way; ``settle`` says what is raised."""
        self.settle(seconds, self._heard.window - 1)

    @property
    def under_way(self) -> list[str]:
        """Labels of the messages that are not acknowledged."""
        return [sent.label for sent in self._heard.pending.values()]

    def refused(self) -> list[tuple[str, str]]:
        """Labels of messages that the broker will never take, and why; asked when all is settled.

        Raises:
            OutputError: one was refused for what may pass. A reason that it does not tell is the
                message's fault where it took another one for the same topic meanwhile.
        """
        heard = self._heard
        refused, heard.refused = heard.refused, []
        taken, heard.taken = heard.taken, set()
        for sent, code in refused:
            if not reasons.is_of_a_record(code) and sent.topic not in taken:
                raise self._refusal(sent, code)
        return [(sent.label, reasons.of_code(code)) for sent, code in refused]

    def too_large(self, topic: Topic, payload: bytes) -> str | None:
        """Why the broker will never take a message, by the size that it allows; None: it may."""
        size = len(payload) + len(self._target.topic(topic).encode("utf-8")) + _OVERHEAD
        if self._heard.largest is None or size <= self._heard.largest:
            return None
        return f"it has {size:,} bytes and the broker takes {self._heard.largest:,}"

    def publish(self, topic: Topic, payload: bytes, label: str, *, retain: bool = False) -> None:
        """Send a message; only ``settle`` makes sure that it has arrived.

        Args:
            topic: Where to, behind the prefix.
            payload: The message.
            label: What it is called in errors.
            retain: Whether the broker keeps it for those who come later.

        Raises:
            LostError: the connection is lost.
        """
        whole = self._target.topic(topic)
        info = self._client.publish(whole, payload, qos=1, retain=retain)
        if info.rc:
            raise self._lost()
        self._heard.pending[info.mid] = Sent(label, topic)

    def pump(self, seconds: float) -> None:
        """Read and write what there is; wait for something up to ``seconds`` (>= 0), 1 at most.

        Raises:
            OutputError: the connection is lost, or a message was refused that is not at fault.
        """
        failed = self._client.loop(min(seconds, _SLICE))
        for sent, code in self._heard.refused:
            its_fault = reasons.is_of_a_record(code) or reasons.is_vague(code)
            if sent.topic is Topic.AVAILABILITY or not its_fault:
                raise self._refusal(sent, code)
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
                label = next(iter(heard.pending.values())).label
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

    def _lost(self) -> LostError:
        code = self._heard.ended_code
        reason = (
            "connection lost; does the broker still run? Its log may say that a record was too "
            "large or that another client took over the identifier"
            if code is None
            else f"it closed the connection: {reasons.of_code(code)}"
        )
        return LostError(self._told(reason), code)

    def _refusal(self, sent: Sent, code: int) -> OutputError:
        return self._error(f"{sent.label} was refused: {reasons.of_code(code)}")

    def _error(self, reason: str) -> OutputError:
        return OutputError(self._told(reason))

    def _told(self, reason: str) -> str:
        return f"MQTT broker {self._target.broker}: {reason}"
