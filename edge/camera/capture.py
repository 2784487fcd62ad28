"""Open an address and read images from it.

This is the only place that hands an address to OpenCV. OpenCV and FFmpeg print addresses, password
and all, on file descriptor 2; both are silenced before the first one is opened, whatever the
environment says.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from edge.camera.address import Address, SourceKind
from edge.camera.confine import DEAF, MEND, confined
from edge.camera.frames import Image, as_bgr, check_size
from edge.errors import InputError, UsageError
from edge.system.opencv import silence

if TYPE_CHECKING:
    import cv2


#: Seconds that opening, and each read, may take where the library can be told (streams, files).
OPENING: Final = 10.0
READING: Final = 10.0

#: A USB camera that gives this many undecodable images in a row is no longer usable; a cheap one
#: gives a few every hour.
_BAD_IN_A_ROW: Final = 30

#: Frames a second that a recording can have, and those of one that does not say or says nonsense.
_RATES: Final = (0.001, 1000.0)
_USUAL_RATE: Final = 25.0

#: Seconds that the end of the program waits for reads that are still under way.
_LAST_WAIT: Final = 2.0

_THREADS: Final[weakref.WeakSet[threading.Thread]] = weakref.WeakSet()

#: These print addresses, so they are not the user's to set.
_SILENCE: Final = {"OPENCV_LOG_LEVEL": "OFF", "OPENCV_FFMPEG_LOGLEVEL": "-8"}


class Capture(Protocol):
    """An open source of images. Used by one thread alone, ``close`` included."""

    def read(self) -> Image | None:
        """Wait for the next image.

        Returns:
            uint8 (height, width, 3), BGR, an array of its own; None when the source has ended or
            gives no more.

        Raises:
            InputError: the image is too large or of a kind that cannot be used.
        """

    def close(self) -> None:
        """Let go of the source; harmless when done twice."""

    @property
    def announced(self) -> int | None:
        """Number of images that a recording says it holds; None where nothing says so."""

    @property
    def rate(self) -> float | None:
        """Images a second that a recording is shown at; None for a live source."""


def open_capture(
    address: Address, *, opening: float = OPENING, reading: float = READING
) -> Capture:
    """Open a source.

    Args:
        address: What to open.
        opening: Seconds that opening may take, for streams and files.
        reading: Seconds that each read may take, for streams and files. A USB camera has OpenCV's
            own limit of 10 s, a Raspberry Pi camera none.

    Raises:
        InputError: it cannot be opened now; for a live source it may be worth trying again.
        UsageError: it can never be opened on this machine (``picamera2`` is not installed, or
            OpenCV is one that does not do as it is told).
    """
    if address.kind is SourceKind.PICAMERA:
        from edge.camera.picamera import PicameraCapture

        return PicameraCapture(address)
    return _OpenCvCapture(address, _opened(address, opening, reading))


def failure(address: Address, error: Exception) -> InputError:
    """What a library raised, whose text may hold the address, as an error without a password."""
    text = type(error).__name__
    if not address.secret:
        text = f"{text}: {error}"
    return address.unreadable(f"fails ({text})")


def start_thread(work: Callable[[], None], name: str) -> threading.Thread:
    """Start a daemon thread that may open and read captures.

    At the end of the program it gets a moment to come back from the driver: OpenCV aborts the
    process when a read returns while the interpreter is being taken down. By then somebody has told
    ``work`` to end.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    _THREADS.add(thread)
    thread.start()
    return thread


@atexit.register
def _await_threads() -> None:
    limit = time.monotonic() + _LAST_WAIT
    for thread in tuple(_THREADS):
        thread.join(max(0.0, limit - time.monotonic()))


class _OpenCvCapture:
    """A camera, stream or file that OpenCV has opened."""

    def __init__(self, address: Address, video: cv2.VideoCapture) -> None:
        self._address = address
        self._video = video
        import cv2

        self._error = cv2.error
        self.announced: int | None = None
        self.rate: float | None = None
        try:
            sides = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
            width, height = (int(video.get(side)) for side in sides)
            check_size(width, height, address.shown)
            if address.kind is SourceKind.FILE:
                frames = video.get(cv2.CAP_PROP_FRAME_COUNT)
                self.announced = int(frames) if 0 < frames < 1e9 else None
                rate = video.get(cv2.CAP_PROP_FPS)
                self.rate = rate if _RATES[0] <= rate <= _RATES[1] else _USUAL_RATE
        except InputError:
            video.release()
            raise

    def read(self) -> Image | None:
        try:
            for _ in range(_BAD_IN_A_ROW):
                if not self._video.grab():
                    return None
                good, image = self._video.retrieve()
                if good:
                    return as_bgr(image, self._address.shown)
        except self._error as error:
            what = f"an image cannot be decoded (OpenCV error {error.code})"
            # The text of OpenCV's own error may hold the address.
            raise self._address.unreadable(f"{what}; check the camera's pixel format") from None
        return None

    def close(self) -> None:
        self._video.release()


def _opened(address: Address, opening: float, reading: float) -> cv2.VideoCapture:
    cv2 = _quiet_opencv()
    try:
        if address.kind in {SourceKind.USB, SourceKind.DEVICE}:
            video = _open_device(cv2, address)
        else:
            video = _open_with_ffmpeg(cv2, address, opening, reading)
    except cv2.error:
        raise _not_opened(address) from None
    if not video.isOpened():
        video.release()
        raise _not_opened(address)
    return video


def _open_device(cv2: Any, address: Address) -> cv2.VideoCapture:
    target = int(address.target) if address.kind is SourceKind.USB else address.target
    backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
    video = cv2.VideoCapture(target, backend)
    # The driver's queue holds old frames; with one buffer the newest is never behind others.
    video.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return video


def _open_with_ffmpeg(
    cv2: Any, address: Address, opening: float, reading: float
) -> cv2.VideoCapture:
    if cv2.__version__.startswith(DEAF):
        raise UsageError(
            f"OpenCV {cv2.__version__} cannot be kept from following where an address leads: {MEND}"
        )
    settings = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, max(1, round(1000 * opening))]
    settings += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, max(1, round(1000 * reading))]
    if address.kind is SourceKind.STREAM:
        # With n threads FFmpeg's decoder gives a frame only when n - 1 more have arrived.
        settings += [cv2.CAP_PROP_N_THREADS, 1]
    if address.scheme.startswith("rtsp"):
        _ask_first(address, opening)
    with confined(address):
        return cv2.VideoCapture(address.target, cv2.CAP_FFMPEG, settings)


def _ask_first(address: Address, seconds: float) -> None:
    from edge.camera.rtsp import leads_elsewhere

    try:
        elsewhere = leads_elsewhere(address, seconds)
    except OSError:
        raise _not_opened(address) from None
    if elsewhere:
        what = "it leads to another address, which is not followed; give that one"
        raise address.unreadable(f"cannot be opened: {what}")


def _quiet_opencv() -> Any:
    """OpenCV, kept from printing addresses."""
    # With OpenCV's lock around opening, one camera that does not answer keeps all others from being
    # opened again. Not where the user set it.
    os.environ.setdefault("OPENCV_FFMPEG_IS_THREAD_SAFE", "1")
    os.environ.update(_SILENCE)  # FFmpeg's level is read when the first video is opened
    import cv2

    silence(cv2)
    return cv2


def _not_opened(address: Address) -> InputError:
    mend = {
        SourceKind.FILE: "not a video that OpenCV can read, or damaged; try to play it, and "
        "convert it to MP4 or AVI",
        SourceKind.STREAM: "no answer, a wrong user or password, or no video there (a playlist or "
        "another host that it leads to is not followed); check that the camera is on and that the "
        "address plays elsewhere (ffplay, VLC)",
    }.get(
        address.kind,
        "check that it is plugged in, that no other program uses it and that you are in the group "
        "video; `ls /dev/video*` lists the cameras",
    )
    return address.unreadable(f"cannot be opened: {mend}")
