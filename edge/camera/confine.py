"""What FFmpeg may do with an address: speak its protocol, to its host, and read plain video.

FFmpeg would follow a redirect to any host, and a playlist to any address or file. Its options come
by an environment variable, which OpenCV reads while it opens; so two addresses that need different
ones are not opened at once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from edge.camera.address import Address, SourceKind

_VARIABLE: Final = "OPENCV_FFMPEG_CAPTURE_OPTIONS"

#: OpenCV that ignores the variable where it is set (opencv/opencv#26793), and what to do.
DEAF: Final = "4.11."
MEND: Final = "pip install 'opencv-python-headless<4.11'"

#: Unless the user chose others: video over TCP loses nothing, which UDP does.
_USUAL: Final = "rtsp_transport;tcp"

#: What each kind of source needs; ``httpproxy`` is how HTTPS goes through the gateway.
_PROTOCOLS: Final = {
    SourceKind.FILE: ("file",),
    SourceKind.STREAM: ("http", "https", "httpproxy", "rtsp", "rtsps", "rtp", "tcp", "tls", "udp"),
}

#: Containers and bare streams. None names other files or addresses, as playlists (``hls``,
#: ``concat``, ``dash``), descriptions (``sdp``) and numbered pictures (``image2``) do.
_FORMATS: Final = (
    *("asf", "avi", "flv", "gif", "h264", "hevc", "m4v", "matroska", "mjpeg", "mov", "mpeg"),
    *("mpegts", "mpegvideo", "mpjpeg", "ogg", "rtsp", "webm"),
    *("bmp_pipe", "jpeg_pipe", "png_pipe", "tiff_pipe", "webp_pipe"),
)


class _Turns:
    """Lets any number in at once that want the same options, and the others after them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._options = ""

    @contextmanager
    def take(self, options: str) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._inside == 0 or self._options == options)
            self._inside += 1
            self._options = os.environ[_VARIABLE] = options
            os.environ.pop("no_proxy", None)  # FFmpeg would go past the gateway
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()


_TURNS: Final = _Turns()


@contextmanager
def confined(address: Address) -> Iterator[None]:
    """Open the address, a file or stream, with OpenCV and FFmpeg within this block."""
    options = [
        _chosen(),
        f"protocol_whitelist;{','.join(_PROTOCOLS[address.kind])}",
        f"format_whitelist;{','.join(_FORMATS)}",
    ]
    if address.kind is SourceKind.STREAM:
        from edge.camera.gateway import PORTS, gateway

        way = gateway()
        if address.scheme in PORTS:
            way.allow(address)
        options.append(f"http_proxy;{way.url}")
    with _TURNS.take("|".join(options)):
        yield


@lru_cache(maxsize=1)
def _chosen() -> str:
    """What the user chose, before this module changed it."""
    return os.environ.get(_VARIABLE) or _USUAL
