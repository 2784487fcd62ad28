"""``/metrics`` for Prometheus and ``/healthz`` for whoever restarts stations."""

from __future__ import annotations

import errno
import io
import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from operator import itemgetter
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

_Start = Callable[..., Any]
_Answer = tuple[str, str, bytes]


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a client, few of them, and none for long.

    To shut a connection down ends the wait of its thread, which then closes it.
    """

    daemon_threads = True
    request_queue_size = BACKLOG
    # Two stations on one port would share its requests.
    allow_reuse_port = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Since when each connection is open; endless for one that was shut down.
        self._since: dict[socket.socket, float] = {}
        self._lock = threading.Lock()

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
        """Take a client on; another one may have to go."""
        with self._lock:
            if len(self._since) >= CLIENTS:
                self._shut_down(time.monotonic(), 1)
            taken = len(self._since) < 2 * CLIENTS  # threads that were told to end, and hang
            if taken:
                self._since[request] = time.monotonic()
        if taken:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """The connection's end."""
        with self._lock:
            self._since.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called twice a second, and after each client."""
        with self._lock:
            self._shut_down(time.monotonic() - TIMEOUT, CLIENTS)

    def _shut_down(self, before: float, most: int) -> None:
        """Shut down connections that were opened before a time, the oldest first."""
        oldest = sorted(self._since.items(), key=itemgetter(1))[:most]
        for request, since in oldest:
            if since > before:
                break
            self._since[request] = math.inf
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up or never finish asking are no news."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Head(io.RawIOBase):
    """What a client sends, up to a limit."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._left = REQUEST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        size = self._connection.recv_into(buffer, min(len(buffer), self._left)) if self._left else 0
        self._left -= size
        return size


class _Handler(WSGIRequestHandler):
    timeout = TIMEOUT

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
    server_class = _Server6 if ":" in host else _Server
    try:
        server = server_class((host, port), _Handler)
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
    """Answer requests in a thread while the block runs.

    Args:
        station: What is asked about.
        server: Has the port.
    """
    server.set_app(_application(station))
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()


def _application(station: Station) -> Callable[[dict[str, Any], _Start], Iterable[bytes]]:
    from prometheus_client import generate_latest

    from edge.station.metrics import registry

    found = registry(station)
    pages: dict[str, Callable[[], _Answer]] = {
        "/metrics": lambda: (
            "200 OK",
            "text/plain; version=0.0.4; charset=utf-8",
            generate_latest(found),
        ),
        "/healthz": lambda: _health(station),
    }

    def answer(environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        page = pages.get(environ["PATH_INFO"])
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            status, kind, body = "405 Method Not Allowed", "text/plain", b"GET alone\n"
        elif page is None:
            status, kind, body = "404 Not Found", "text/plain", b"see /metrics and /healthz\n"
        else:
            status, kind, body = page()
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer


def _health(station: Station) -> _Answer:
    """503 where no wafers can be taken; what is behind, grows or is passed over are notes."""
    troubles = station.troubles()
    lag = {each.shown: trouble for each in station.outboxes if (trouble := each.trouble)}
    notices = station.notices()
    body = {
        "status": "trouble" if troubles else "degraded" if lag or notices else "ok",
        "troubles": troubles,
        "sinks": lag,
        **({"notices": notices} if notices else {}),
    }
    status = "503 Service Unavailable" if troubles else "200 OK"
    return status, "application/json", json.dumps(body).encode() + b"\n"
