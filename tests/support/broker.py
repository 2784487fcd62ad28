"""A real MQTT broker (mosquitto) on a free loopback port, and somebody who reads from it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.support.certificates import Pair

#: Seconds; generous, the machine may be busy.
PATIENCE: Final = 15.0
MISSING: Final = "mosquitto is not installed (apt install mosquitto): no broker to test with"


def program() -> str | None:
    """Where mosquitto is; Debian keeps it out of an ordinary user's path."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def password_program() -> str | None:
    """What makes password files."""
    return shutil.which("mosquitto_passwd")


def free_port() -> int:
    """A loopback port that nobody listens on just now.

    Below the range that Linux takes for outgoing connections: one of those may not take the port
    while its broker is down.
    """
    while True:
        port = secrets.choice(range(20000, 32000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something; fails with ``what`` when it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.005)


@final
class Broker:
    """A broker that keeps nothing on disk; runs inside ``with``.

    Args:
        folder: For its configuration and log.
        tls: Its certificate; None: without TLS.
        users: User names and their passwords; None: everybody may come in.
        rights: Lines of an access control list; None: everybody may do everything.
        lines: More lines of its configuration (``max_inflight_messages 5``).
    """

    def __init__(
        self,
        folder: Path,
        *,
        tls: Pair | None = None,
        users: dict[str, str] | None = None,
        rights: str | None = None,
        lines: tuple[str, ...] = (),
    ) -> None:
        self.port = free_port()
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        wanted = [
            f"listener {self.port} 127.0.0.1",
            "persistence false",
            f"log_dest file {self.log}",
            "log_type all",
            f"allow_anonymous {'false' if users else 'true'}",
            # Root, too, shall be able to run it on files of its own.
            "user root",
            *lines,
        ]
        if tls is not None:
            wanted += [f"certfile {tls.certificate}", f"keyfile {tls.key}"]
        if users is not None:
            wanted.append(f"password_file {_password_file(folder, users)}")
        if rights is not None:
            (folder / "rights").write_text(rights)
            wanted.append(f"acl_file {folder / 'rights'}")
        self._config.write_text("\n".join(wanted) + "\n")

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Target without TLS and without a prefix."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, on the same port every time; returns when it listens."""
        assert self._process is None, "it runs already"
        found = program()
        assert found is not None, MISSING
        self._process = subprocess.Popen(
            [found, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._listens, "mosquitto")

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """It takes connections and data but does nothing, as on an overloaded machine."""
        process = self._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"mosquitto ended: {self._config.read_text()}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _password_file(folder: Path, users: dict[str, str]) -> Path:
    path = folder / "users"
    path.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
    path.chmod(0o600)
    # Turns the passwords in the file into hashes.
    subprocess.run(["mosquitto_passwd", "-U", str(path)], check=True)
    return path


@dataclass(frozen=True)
class Message:
    """What a reader got.

    Attributes:
        topic: In full.
        payload: As it came.
        retain: Whether the broker had kept it from before.
        qos: The lower one of how it was sent and how it was subscribed to.
    """

    topic: str
    payload: bytes
    retain: bool
    qos: int

    @property
    def record(self) -> dict[str, Any]:
        """The payload as a JSON object, read as strictly as MQTT readers do."""
        record = json.loads(self.payload.decode("utf-8", "strict"))
        assert isinstance(record, dict)
        return record


@final
class Subscriber:
    """Reads everything on a broker in a thread of its own; comes back when the broker does.

    Args:
        broker: Where; has to run.
        retain_as_published: Whether ``retain`` says how a message was sent, not whether it is old.
        qos: 0: what the broker has passed on is read even after it was killed, as nothing has to
            be answered.
    """

    def __init__(self, broker: Broker, *, retain_as_published: bool = False, qos: int = 1) -> None:
        self._messages: list[Message] = []
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._as_published = retain_as_published
        self._qos = qos
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", broker.port)

    def __enter__(self) -> Subscriber:
        self._client.loop_start()
        assert self._ready.wait(PATIENCE), "the subscriber cannot subscribe"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def lost(self) -> None:
        """The broker is about to be killed: ``wait_ready`` shall wait for the next subscription."""
        self._ready.clear()

    def wait_ready(self) -> None:
        """Wait until it is subscribed (again)."""
        assert self._ready.wait(PATIENCE), "the subscriber does not come back"

    def messages(self, leaf: str = "") -> list[Message]:
        """What came on topics that end with ``leaf``, in order."""
        return [message for message in self._messages if message.topic.endswith(leaf)]

    def wait(self, number: int, leaf: str = "") -> list[Message]:
        """The messages of ``leaf`` as soon as there are at least ``number``."""
        wait_until(lambda: len(self.messages(leaf)) >= number, f"{number} messages of {leaf!r}")
        return self.messages(leaf)

    def _on_connect(self, client: Client, *_: object) -> None:
        from paho.mqtt.subscribeoptions import SubscribeOptions

        options = SubscribeOptions(qos=self._qos, retainAsPublished=self._as_published)
        client.subscribe("#", options=options)

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        self._messages.append(
            Message(message.topic, bytes(message.payload), message.retain, message.qos)
        )
