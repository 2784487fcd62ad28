"""The client library as a connection uses it: set up, and what the broker has said noted down."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edge.errors import OutputError, UsageError
from edge.sinks.mqtt.target import Access, Scheme, Target, Topic

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

OFFLINE: Final = b"offline"

#: Unacknowledged messages at a time; the broker may want fewer.
_WINDOW: Final = 100


class Sent(NamedTuple):
    """A message on its way: what it is called, and where it goes."""

    label: str
    topic: Topic


@dataclass
class Heard:
    """What the broker has said, noted down by the callbacks.

    The client holds this and never the link: a cycle would keep sockets open until the garbage
    collector comes by.
    """

    answered: ReasonCode | None = None
    window: int = _WINDOW
    largest: int | None = None
    acknowledges: bool = True
    pending: dict[int, Sent] = field(default_factory=dict)
    progress: int = 0
    taken: set[Topic] = field(default_factory=set)
    refused: list[tuple[Sent, int]] = field(default_factory=list)
    ended: bool = False
    ended_code: int | None = None


def client(target: Target, access: Access, client_id: str, heard: Heard) -> Client:
    """A client that has not connected yet; notes down in ``heard`` what the broker says.

    Raises:
        OutputError: what TLS needs cannot be used now.
    """
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    made = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        userdata=heard,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    # The window is kept here: the library's own queue is walked through on every acknowledgement.
    made.max_inflight_messages = 0
    made.will_set(target.topic(Topic.AVAILABILITY), OFFLINE, qos=1, retain=True)
    if access.username is not None:
        made.username_pw_set(access.username, access.password)
    if target.scheme is Scheme.TLS:
        try:
            made.tls_set_context(access.tls_context())
        except UsageError as error:
            # It was all right when the station started: a file is being renewed just now.
            raise OutputError(f"MQTT broker {target.broker}: {error}") from error
    made.on_connect = _on_connect
    made.on_publish = _on_publish
    made.on_disconnect = _on_disconnect
    made.on_socket_open = _on_socket_open
    return made


def _on_connect(_: Client, heard: Heard, __: Any, reason: ReasonCode, properties: Any) -> None:
    heard.answered = reason
    heard.window = min(_WINDOW, getattr(properties, "ReceiveMaximum", _WINDOW))
    heard.largest = getattr(properties, "MaximumPacketSize", None)
    heard.acknowledges = getattr(properties, "MaximumQoS", 1) > 0


def _on_publish(_: Client, heard: Heard, mid: int, reason: ReasonCode, __: Any) -> None:
    sent = heard.pending.pop(mid, None)
    heard.progress += 1
    if sent is None:
        return
    if reason.is_failure:
        heard.refused.append((sent, reason.value))
    else:
        heard.taken.add(sent.topic)


def _on_disconnect(_: Client, heard: Heard, flags: Any, reason: ReasonCode, __: Any) -> None:
    heard.ended = True
    if flags.is_disconnect_packet_from_server and reason.is_failure:
        heard.ended_code = reason.value


def _on_socket_open(_: Client, __: Heard, sock: Any) -> None:
    # A window's last packet would otherwise wait for the acknowledgement of those before it.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
