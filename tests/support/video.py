"""Videos and cameras made of ``ffmpeg``: files of known frames, and servers that play one.

    frames = numbered(30)                           # each frame says its own number
    path = write(tmp_path / "line.avi", frames)     # MJPEG; .mp4 becomes MPEG-4
    with Server(path, scheme="tcp") as server:      # plays it round and round, in real time
        feed = Feed(parse(server.url))
        ...
        server.stop()                               # the camera dies
        server.start()                              # and is back, on the same port

A server serves one client and ends with it, as ffmpeg does; ``keep=True`` starts another each time.
Loopback only. Tests that use this module ask ``needs_ffmpeg`` first.
"""

from __future__ import annotations

import base64
import functools
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import cv2
import numpy as np
import pytest

from edge.camera.frames import Image

HOST: Final = "127.0.0.1"

#: Marks a test that starts ``ffmpeg``.
needs_ffmpeg: Final = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="ffmpeg is not installed"
)

_BITS: Final = 12

#: What a camera sends. Multipart JPEG says how long each frame is, so the receiver has it when its
#: last byte is there; MPEG-TS is known to be over only when the next one begins.
_FORMATS: Final = {
    "mpjpeg": ("-c:v", "mjpeg", "-q:v", "4", "-huffman", "default", "-f", "mpjpeg"),
    "mpegts": (
        *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15"),
        *("-pix_fmt", "yuv420p", "-f", "mpegts"),
    ),
}


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def numbered(count: int, size: tuple[int, int] = (320, 240)) -> Iterator[Image]:
    """Frames that say their number.

    Args:
        count: How many, up to 4096.
        size: (width, height) in pixels, both even.

    Yields:
        uint8 (height, width, 3); ``number_of`` reads the number back, after any codec.
    """
    width, height = size
    for number in range(count):
        frame = np.full((height, width, 3), 90, np.uint8)
        for bit, left in enumerate(_bit_edges(width)):
            frame[: height // 2, left : left + width // _BITS] = 255 * (number >> bit & 1)
        frame[height // 2 :, : 2 + number % (width - 2)] = (40, 160, 220)
        yield frame


def number_of(image: Image) -> int:
    """Number of a frame of ``numbered``."""
    height, width = image.shape[:2]
    centre = width // _BITS // 2
    return sum(
        1 << bit
        for bit, left in enumerate(_bit_edges(width))
        if image[height // 4, left + centre].mean() > 128
    )


def write(path: Path, frames: Iterable[Image], fps: float = 30.0) -> Path:
    """Write a video.

    Args:
        path: ``.avi`` becomes MJPEG, anything else MPEG-4.
        frames: uint8 (height, width, 3), all of one size.
        fps: Frames a second that a player shall show.

    Returns:
        ``path``.
    """
    writer: cv2.VideoWriter | None = None
    code = "MJPG" if path.suffix == ".avi" else "mp4v"
    for frame in frames:
        if writer is None:
            size = (frame.shape[1], frame.shape[0])
            fourcc = cv2.VideoWriter.fourcc(*code)
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, fps, size)
            assert writer.isOpened(), f"OpenCV cannot write {path}"
        writer.write(frame)
    assert writer is not None, "a video needs a frame"
    writer.release()
    return path


class Server:
    """A camera: ``ffmpeg`` playing a file to whoever connects, in real time, round and round.

    Attributes:
        url: What to connect to.
        port: Its port, the same after ``start``.
    """

    def __init__(
        self, path: Path, *, scheme: str = "tcp", form: str = "mpjpeg", keep: bool = False
    ) -> None:
        """Choose what is played; ``with`` starts it.

        Args:
            path: The video.
            scheme: ``tcp`` or ``http``.
            form: ``mpjpeg`` (JPEG) or ``mpegts`` (H.264).
            keep: Serve the next client when one has gone.
        """
        self.port = free_port()
        self.url = f"{scheme}://{HOST}:{self.port}"
        self._command = [
            *("ffmpeg", "-nostdin", "-loglevel", "quiet", "-re", "-stream_loop", "-1"),
            *("-i", str(path), "-an", "-threads", "1", *_FORMATS[form], "-flush_packets", "1"),
        ]
        if scheme == "http":
            kind = "multipart/x-mixed-replace;boundary=ffmpeg" if form == "mpjpeg" else "video/mp2t"
            self._command += ["-content_type", kind, "-listen", "1", self.url]
        else:
            self._command += [f"{self.url}?listen=1"]
        self._keep = keep
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._keeper: threading.Thread | None = None

    def __enter__(self) -> Server:  # noqa: PYI034 - `Self` needs Python 3.11
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the camera; returns when it listens. Does nothing when it is running."""
        if self._process is not None:
            return
        self._over.clear()
        self._spawn()
        if self._keep:
            self._keeper = threading.Thread(target=self._respawn, daemon=True)
            self._keeper.start()
        limit = time.monotonic() + 10
        while not _listens(self.port):
            assert time.monotonic() < limit, f"ffmpeg does not listen on {self.url}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill the camera in the middle of whatever it does; harmless when it is not running."""
        self._over.set()
        if self._keeper is not None:
            self._keeper.join(5)
            self._keeper = None
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def _spawn(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _respawn(self) -> None:
        while not self._over.wait(0.05):
            if self._process is not None and self._process.poll() is not None:
                self._spawn()


class Pages:
    """A web server: what it has, and where else it sends those who ask.

    Attributes:
        url: Of its root.
        asked: Paths that were asked for.
        pages: By path: content, or the address that it redirects to.
        login: ``user:password`` that is asked for; empty for none.
    """

    def __init__(
        self,
        pages: dict[str, bytes | str],
        *,
        login: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Listen on a free port; ``with`` serves."""
        self.pages = pages
        self.asked: list[str] = []
        self.login = base64.b64encode(login.encode()).decode()
        self._server = ThreadingHTTPServer((HOST, 0), functools.partial(_Page, self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Pages:  # noqa: PYI034 - `Self` needs Python 3.11
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Page(BaseHTTPRequestHandler):
    def __init__(self, pages: Pages, *given: Any) -> None:
        self._pages = pages
        super().__init__(*given)

    def do_GET(self) -> None:
        self._pages.asked.append(self.path)
        page = self._pages.pages.get(self.path, b"")
        if self._pages.login and self.headers["Authorization"] != f"Basic {self._pages.login}":
            self._answer(401, "WWW-Authenticate", 'Basic realm="x"')
        elif isinstance(page, str):
            self._answer(302, "Location", page)
        else:
            self._answer(200 if page else 404, "Content-Type", "application/octet-stream", page)

    def _answer(self, status: int, key: str, value: str, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _bit_edges(width: int) -> Iterator[int]:
    return iter(range(0, _BITS * (width // _BITS), width // _BITS))


def _listens(port: int) -> bool:
    """Whether somebody listens, or has a client: ffmpeg takes one only, so connecting is no way."""
    wanted = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    return any(
        fields[1].endswith(wanted) and fields[3] in {"0A", "01"} for fields in map(str.split, lines)
    )
