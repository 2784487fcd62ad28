"""The way that FFmpeg's HTTP takes: to the hosts that were named, and to no other.

FFmpeg follows every redirect, wherever it leads. So it is told to use a proxy, this one on the
loopback, which connects to the addresses that the station was given and refuses all others.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from contextlib import suppress
from functools import lru_cache
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Final
from urllib.parse import urlsplit

from edge.camera.address import Address
from edge.system.text import printable

_log = logging.getLogger(__name__)

#: Seconds for FFmpeg to ask, and for a camera to be connected to.
_PATIENCE: Final = 10.0

#: Seconds until a connection is taken that could not be.
_GLANCE: Final = 0.1

#: Seconds until it is said again that a camera leads elsewhere.
_REMINDER: Final = 600.0

#: Longest head of a request, bytes.
_HEAD: Final = 65536

_PIECE: Final = 65536

#: Ports where an address names none, by scheme.
PORTS: Final = {"http": 80, "https": 443}

_MAKING: Final = threading.Lock()


class Gateway:
    """A proxy for HTTP, and for HTTPS by ``CONNECT``, in threads of its own.

    Attributes:
        url: Its address, for FFmpeg's option ``http_proxy``.
    """

    def __init__(self) -> None:
        self._allowed: set[tuple[str, int]] = set()
        self._server = _Server(("127.0.0.1", 0), self._allowed)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        serve = self._server.serve_forever
        threading.Thread(target=serve, name="camera gateway", daemon=True).start()

    def allow(self, address: Address) -> None:
        """Let connections to the host and port of an address pass from now on."""
        parts = urlsplit(address.target)
        self._allowed.add((parts.hostname or "", parts.port or PORTS[parts.scheme]))


def gateway() -> Gateway:
    """The gateway of this process; begins to listen when it is first asked for."""
    with _MAKING:
        return _made()


@lru_cache(maxsize=1)
def _made() -> Gateway:
    return Gateway()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, place: tuple[str, int], allowed: set[tuple[str, int]]) -> None:
        self.allowed = allowed
        self._said = float("-inf")
        super().__init__(place, _Passage)

    def get_request(self) -> tuple[socket.socket, object]:
        """Without a free descriptor it would be asked again at once, and again."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(_GLANCE)
            raise

    def say_refused(self, host: str, port: int) -> None:
        """Log where a camera leads to; one that is opened again and again does it each time."""
        now = time.monotonic()
        if now - self._said > _REMINDER:
            self._said = now
            text = "a camera leads to %s:%d, which was not named and is not followed"
            _log.warning(text, printable(host), port)

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks is the camera's outage, which the feed tells of."""


class _Passage(BaseRequestHandler):
    """One connection of FFmpeg's."""

    server: _Server

    def handle(self) -> None:
        """Read what is asked for, connect, and pass on bytes both ways until one side ends."""
        self.request.settimeout(_PATIENCE)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self.request.recv(_PIECE)
            if not piece or len(head) > _HEAD:
                return
            head += piece
        line, rest = head.split(b"\r\n", 1)
        method, target, version = line.decode("latin-1").split(" ", 2)
        tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        place = (parts.hostname or "", parts.port or PORTS["http"])
        if place not in self.server.allowed:
            self.server.say_refused(*place)
            self.request.sendall(b"HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        try:
            camera = socket.create_connection(place, _PATIENCE)
        except OSError:
            self.request.sendall(b"HTTP/1.0 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        with camera:
            if tunnel:
                self.request.sendall(b"HTTP/1.0 200 Connection established\r\n\r\n")
                rest = rest.split(b"\r\n\r\n", 1)[1]
            else:
                path = parts._replace(scheme="", netloc="").geturl() or "/"
                rest = f"{method} {path} {version}\r\n".encode("latin-1") + rest
            camera.sendall(rest)
            _pass_on(self.request, camera)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    for each in (one, other):
        each.settimeout(None)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with selectors.DefaultSelector() as selector, suppress(OSError):
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                piece = key.fileobj.recv(_PIECE)  # type: ignore[union-attr] # sockets alone
                if not piece:
                    return
                key.data.sendall(piece)
