"""Real videos and streams: ffmpeg is the camera."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge.errors import InputError, InputKind, UsageError
from edge.sources.address import Address, SourceKind, parse
from edge.sources.camera_feed import Feed, FeedState
from edge.sources.capture import as_bgr, open_capture
from tests.support import cli, video
from tests.support.video import needs_ffmpeg

# Recordings


@pytest.mark.parametrize("name", ["a.avi", "a.mp4"])
def test_a_file_gives_exactly_the_frames_that_were_encoded(tmp_path: Path, name: str) -> None:
    path = video.write(tmp_path / name, video.numbered(73), fps=5.0)
    feed = Feed(parse(str(path)))
    frames = [frame for frame in feed.frames(threading.Event()) if frame is not None]
    assert [video.number_of(frame.image) for frame in frames] == list(range(73))
    assert [frame.number for frame in frames] == list(range(73))
    assert [frame.moment for frame in frames] == pytest.approx(np.arange(73) / 5)
    assert frames[0].image.shape == (240, 320, 3)
    assert feed.damage is None


def test_a_file_cut_off_in_the_middle_ends_with_a_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = video.write(tmp_path / "a.avi", video.numbered(60))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    feed = Feed(parse(str(path)))
    frames = [frame for frame in feed.frames(threading.Event()) if frame is not None]
    assert 10 < len(frames) < 50
    assert feed.damage is not None
    assert "damaged or cut off" in caplog.text


def test_a_file_that_is_no_video_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video at all" * 1000)
    with pytest.raises(InputError, match="convert it to MP4"):
        list(Feed(parse(str(path))).frames(threading.Event()))


# Streams


@needs_ffmpeg
@pytest.mark.parametrize(
    ("scheme", "form"), [("tcp", "mpjpeg"), ("http", "mpjpeg"), ("tcp", "mpegts")]
)
def test_a_camera_that_is_killed_and_started_again_gives_frames_again(
    tmp_path: Path, scheme: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = video.write(tmp_path / "a.avi", video.numbered(300))
    with video.Server(path, scheme=scheme, form=form, keep=True) as server:
        feed = Feed(parse(server.url), patience=3.0, tick=0.1)
        stop = threading.Event()
        numbers: list[int] = []
        killed_at = None
        limit = time.monotonic() + 9
        for frame in feed.frames(stop):
            assert time.monotonic() < limit, f"{feed.state} after {len(numbers)} frames"
            if frame is not None:
                numbers.append(frame.number)
                time.sleep(0.05)  # slower than the camera
            if killed_at is None and len(numbers) == 10:
                server.stop()
                killed_at = len(numbers)
            elif killed_at is not None and feed.state is FeedState.LOST and not feed.reopened:
                server.start()
            elif killed_at is not None and feed.reopened and len(numbers) > killed_at + 10:
                stop.set()
    assert feed.reopened >= 1
    assert feed.dropped >= 1
    assert numbers == sorted(set(numbers))
    assert len(numbers) + feed.dropped <= feed.received
    said = [record.getMessage() for record in caplog.records]
    assert "lost" in said[0]
    assert "gives frames after" in said[1]


@needs_ffmpeg
def test_the_newest_frame_is_there_soon_after_it_was_sent(tmp_path: Path) -> None:
    path = video.write(tmp_path / "a.avi", video.numbered(300, (640, 480)))
    with video.Server(path) as server:
        feed = Feed(parse(server.url))
        stop = threading.Event()
        waits = []
        began = time.monotonic()
        for frame in feed.frames(stop):
            if frame is not None:
                waits.append(time.monotonic() - frame.at)
            if len(waits) == 45 or time.monotonic() - began > 8:
                stop.set()
    assert len(waits) == 45
    assert np.median(waits) < 0.02  # from decoded to the caller; the machine may be busy


_OPEN = """
import logging, sys, threading
logging.basicConfig(level=logging.DEBUG)
from edge.sources.address import parse
from edge.sources.camera_feed import Feed
stop = threading.Event()
threading.Timer(0.7, stop.set).start()
for frame in Feed(parse(sys.argv[1]), patience=1.0, tick=0.1).frames(stop):
    pass
"""


def _refuse(listening: socket.socket) -> None:
    """A camera that wants another password."""
    with contextlib.suppress(OSError):  # closed at the end of the test
        while True:
            client, _ = listening.accept()
            with client:
                asked = client.recv(4096)
                words = b"RTSP/1.0" if b"RTSP/" in asked else b"HTTP/1.1"
                number = re.search(rb"CSeq: *([0-9]+)", asked)
                client.sendall(
                    words
                    + b" 401 Unauthorized\r\nCSeq: "
                    + (number[1] if number else b"1")
                    + b'\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
                )


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_password_never_reaches_stderr(scheme: str, *, answers: bool) -> None:
    with socket.create_server((video.HOST, 0)) as listening:
        port = listening.getsockname()[1] if answers else video.free_port()
        threading.Thread(target=_refuse, args=(listening,), daemon=True).start()
        url = f"{scheme}://operator:hunter2@{video.HOST}:{port}/live?token=hunter2"
        done = cli.python(
            _OPEN,
            url,
            env={
                "OPENCV_LOG_LEVEL": "DEBUG",
                "OPENCV_FFMPEG_LOGLEVEL": "56",
                "OPENCV_FFMPEG_DEBUG": "1",
                "OPENCV_VIDEOIO_DEBUG": "1",
            },
        )
        listening.shutdown(socket.SHUT_RDWR)
    assert done.code == 0, done.stderr
    assert "not reached" in done.stderr
    assert "hunter2" not in done.stderr
    assert "operator" not in done.stderr
    assert not done.stdout


def test_the_program_ends_cleanly_while_a_camera_hangs() -> None:
    with socket.create_server((video.HOST, 0)) as silent:
        began = time.monotonic()
        done = cli.python(_OPEN, f"tcp://{video.HOST}:{silent.getsockname()[1]}")
        assert time.monotonic() - began < 6
    assert done.code == 0, done.stderr


# Images


def test_grey_and_transparent_images_become_bgr() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for image in (grey, grey[..., None], np.dstack([grey, grey, grey, grey])):
        bgr = as_bgr(image, "camera 0")
        assert bgr.shape == (3, 4, 3)
        assert (bgr == grey[..., None]).all()
    colour = np.zeros((3, 4, 3), np.uint8)
    assert as_bgr(colour, "camera 0") is colour


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (np.zeros((3, 4, 3), np.uint16), InputKind.UNSUPPORTED),
        (np.zeros((3, 4, 2), np.uint8), InputKind.UNSUPPORTED),
        (np.broadcast_to(np.uint8(0), (8000, 5001, 3)), InputKind.TOO_LARGE),
    ],
)
def test_images_that_cannot_be_used_are_refused(image: Any, kind: InputKind) -> None:
    with pytest.raises(InputError, match="set the camera to") as caught:
        as_bgr(image, "camera 0")
    assert caught.value.kind is kind


# Devices


class _Video:
    """A USB camera as OpenCV shows it: two good images, an undecodable one between, then none."""

    def __init__(self, *given: Any) -> None:
        self.given = given
        self.settings: dict[int, float] = {}
        self.images = iter([(True, np.zeros((2, 2, 3), np.uint8)), (False, None)] * 2)
        self.released = False
        self.now: Any = None

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def set(self, what: int, value: float) -> bool:
        self.settings[what] = value
        return True

    def get(self, what: int) -> float:
        return 2.0

    def grab(self) -> bool:
        self.now = next(self.images, None)
        return self.now is not None

    def retrieve(self) -> Any:
        return self.now

    def release(self) -> None:
        self.released = True


def test_a_usb_camera_is_opened_with_one_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[_Video] = []

    def opened(*given: Any) -> _Video:
        made.append(_Video(*given))
        return made[-1]

    monkeypatch.setattr(cv2, "VideoCapture", opened)
    monkeypatch.setattr(sys, "platform", "linux")
    capture = open_capture(parse("3"))
    assert made[0].given == (3, cv2.CAP_V4L2)
    assert made[0].settings == {cv2.CAP_PROP_BUFFERSIZE: 1}
    assert capture.announced is None
    assert [capture.read() is None for _ in range(3)] == [False, False, True]
    capture.close()
    assert made[0].released


def test_a_device_that_is_not_there_says_what_to_check() -> None:
    with pytest.raises(InputError, match="plugged in"):
        open_capture(parse("/dev/video4711"))


PI = Address(SourceKind.PICAMERA, "picamera2", "picamera2")


def test_a_missing_picamera2_names_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(UsageError, match="apt install python3-picamera2"):
        list(Feed(PI).frames(threading.Event()))


def test_a_picamera_is_read_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    image = np.full((4, 6, 3), 7, np.uint8)
    camera = SimpleNamespace(
        create_video_configuration=lambda **settings: settings,
        configure=lambda settings: done.append(settings["main"]["format"]),
        start=lambda: done.append("start"),
        capture_array=lambda stream: image,
        close=lambda: done.append("close"),
    )
    module = ModuleType("picamera2")
    module.Picamera2 = lambda: camera  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    capture = open_capture(PI)
    read = capture.read()
    assert read is not None
    assert (read == image).all()
    capture.close()
    capture.close()
    assert done == ["RGB888", "start", "close"]


def test_a_pi_without_a_camera_says_what_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_there() -> None:
        raise IndexError("list index out of range")

    module = ModuleType("picamera2")
    module.Picamera2 = none_there  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    with pytest.raises(InputError, match="ribbon cable"):
        open_capture(PI)
