"""Asks an RTSP camera what it answers, before FFmpeg does: FFmpeg follows redirects to any host."""

from __future__ import annotations

import re
import socket
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

from edge.camera.address import Address

#: Ports where an address names none, by scheme.
PORTS: Final = {"rtsp": 554, "rtsps": 322}

#: Longest answer that is looked at, bytes.
_ANSWER: Final = 16384


def leads_elsewhere(address: Address, seconds: float) -> bool:
    """Whether a camera answers that its stream is to be had at another address.

    It is asked without user and password. A camera that answers otherwise when FFmpeg asks is not
    found out.

    Raises:
        OSError: it cannot be reached within so many seconds.
    """
    parts = urlsplit(address.target)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    url = parts._replace(netloc=place, fragment="").geturl()
    limit = time.monotonic() + seconds
    with socket.create_connection((host, port), seconds) as plain:
        camera = _tls(plain, host) if parts.scheme == "rtsps" else plain
        for number, method in enumerate(("OPTIONS", "DESCRIBE"), 1):
            lines = (f"{method} {url} RTSP/1.0", f"CSeq: {number}", "User-Agent: wm-edge", "", "")
            camera.sendall("\r\n".join(lines).encode())
            if re.match(rb"RTSP/1\.\d 3\d\d\b", _answer(camera, limit)):
                return True
    return False


def _tls(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """Cameras sign their own certificates: FFmpeg does not look at them either."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host)


def _answer(camera: socket.socket, limit: float) -> bytes:
    """The head of an answer, by a moment; what follows it, a description, is of no interest."""
    answer = b""
    while b"\r\n\r\n" not in answer and len(answer) < _ANSWER:
        camera.settimeout(max(0.01, limit - time.monotonic()))
        piece = camera.recv(_ANSWER)
        if not piece:
            break
        answer += piece
    return answer
