"""``/metrics`` for Prometheus and ``/healthz`` for whoever restarts stations."""

from __future__ import annotations

import errno
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from edge.errors import OutputError, UsageError

if TYPE_CHECKING:
    from edge.station.station import Station

#: Seconds that a client may take from connecting to having the answer, however it dawdles.
TIMEOUT: Final = 5.0

#: Clients at a time; the oldest one gives way to the next.
CLIENTS: Final = 32

#: Clients who connect faster than they are taken.
BACKLOG: Final = 128

#: Bytes of a request; what comes behind is not read.
REQUEST: Final = 16 * 1024

#: Seconds until a client is taken after there was no descriptor for it.
PAUSE: Final = 0.2

#: Seconds of a time that is over: 0 would not wait at all, and fail another way.
_LEAST: Final = 0.001

_Start = Callable[..., Any]


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a client, and few of them; see ``_Head`` for how long.

    To shut a connection down ends the wait of its thread, which then closes it.
    """

    daemon_threads = True
    request_queue_size = BACKLOG
    # Two stations on one port would share its requests.
    allow_reuse_port = False

    def __init__(self, address: tuple[str, int]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        #: Open connections, the oldest first, and whether each was told to end.
        self._open: dict[socket.socket, bool] = {}
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without asking a name server who this machine is, which can take a minute."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next client."""
        try:
            return super().get_request()
        except OSError:  # no descriptor is left: the client waits, and is asked for again at once
            time.sleep(PAUSE)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a client on; the oldest one may have to go."""
        with self._lock:
            oldest = next((each for each, told in self._open.items() if not told), None)
            if oldest is not None and len(self._open) >= CLIENTS:
                self._open[oldest] = True
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
            taken = len(self._open) < 2 * CLIENTS  # threads that were told to end, and hang
            if taken:
                self._open[request] = False
        if taken:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """The connection's end."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up or never finish asking are no news."""


class _Head(io.RawIOBase):
    """What a client sends: only so much of it, and within its time, which the answer shares."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._left = REQUEST
        self._end = time.monotonic() + TIMEOUT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._connection.settimeout(max(self._end - time.monotonic(), _LEAST))
        size = self._connection.recv_into(buffer, min(len(buffer), self._left)) if self._left else 0
        self._left -= size
        return size


class _Handler(WSGIRequestHandler):
    def setup(self) -> None:
        """Read no more than a request has."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Head(self.connection))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Requests are no news."""


@contextmanager
def listening(host: str, port: int) -> Iterator[WSGIServer]:
    """Have a port while the block runs; whoever asks waits until ``serving`` answers.

    Args:
        host: Address to listen on.
        port: 0 takes any free one.

    Raises:
        UsageError: the port is taken.
        OutputError: the address cannot be had now.
    """
    try:
        server = _Server((host, port))
    except OSError as error:
        message = f"metrics on {host}:{port}: {error.strerror}"
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"{message}; choose another port") from error
        # The network may not be up yet.
        raise OutputError(f"{message}; check the address") from error
    try:
        yield server
    finally:
        server.server_close()


@contextmanager
def serving(station: Station, server: WSGIServer) -> Iterator[None]:
    """Answer requests in a thread while the block runs."""
    server.set_app(_application(station))
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()


def _application(station: Station) -> Callable[[dict[str, Any], _Start], Iterable[bytes]]:
    # Not make_wsgi_app: it answers under every path, and refuses HEAD.
    from prometheus_client import generate_latest

    from edge.station.metrics import registry

    found = registry(station)

    def answer(environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        status, kind = "200 OK", "text/plain; version=0.0.4; charset=utf-8"
        match environ:
            case {"REQUEST_METHOD": method} if method not in ("GET", "HEAD"):
                status, kind, body = "405 Method Not Allowed", "text/plain", b"GET alone\n"
            case {"PATH_INFO": "/metrics"}:
                body = generate_latest(found)
            case {"PATH_INFO": "/healthz"}:
                status, kind, body = _health(station)
            case _:
                status, kind, body = "404 Not Found", "text/plain", b"see /metrics and /healthz\n"
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer


def _health(station: Station) -> tuple[str, str, bytes]:
    """503 where no wafers can be taken; what is behind, grows or is passed over are notes."""
    troubles = station.troubles()
    lag = {each.shown: trouble for each in station.delivery.outboxes if (trouble := each.trouble)}
    notices = station.notices()
    body = {
        "status": "trouble" if troubles else "degraded" if lag or notices else "ok",
        "troubles": troubles,
        "sinks": lag,
        **({"notices": notices} if notices else {}),
    }
    status = "503 Service Unavailable" if troubles else "200 OK"
    return status, "application/json", json.dumps(body).encode() + b"\n"
