"""Real videos and streams: ffmpeg is the camera."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge.camera.address import Address, SourceKind, parse
from edge.camera.capture import open_capture
from edge.camera.feed import Feed, FeedState
from edge.camera.frames import as_bgr
from edge.camera.login import with_login
from edge.errors import InputError, InputKind, UsageError
from tests.support import certificates, cli, video
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
from edge.camera.address import parse
from edge.camera.feed import Feed
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


# Where a camera leads to


def frames_of(source: str, **login: Any) -> int:
    """How many frames an address gives."""
    capture = open_capture(with_login(parse(source), **login), opening=3, reading=3)
    with contextlib.closing(capture):
        return sum(1 for _ in iter(lambda: capture.read() is not None, False))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video.write(tmp_path_factory.mktemp("film") / "a.avi", video.numbered(9))


def test_a_redirect_stays_on_the_host_that_was_named(
    film: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("no_proxy", video.HOST)
    content: dict[str, bytes | str] = {"/a": film.read_bytes()}
    with video.Pages(dict(content)) as other, video.Pages(dict(content)) as camera:
        camera.pages |= {"/here": "/a", "/away": f"{other.url}/a", "/file": film.as_uri()}
        assert frames_of(f"{camera.url}/a") == 9
        assert frames_of(f"{camera.url}/here") == 9
        for page in ("away", "file"):
            with pytest.raises(InputError, match="another host"):
                frames_of(f"{camera.url}/{page}")
        assert other.asked == []
    assert "is not followed" in caplog.text


def test_playlists_are_not_followed(film: Path, tmp_path: Path) -> None:
    with video.Pages({"/a": film.read_bytes()}) as other:
        lists = {
            f"{scheme}.{kind}": text.replace("URL", target).encode()
            for kind, text in {
                "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nURL\n#EXT-X-ENDLIST\n",
                "ffconcat": "ffconcat version 1.0\nfile 'URL'\n",
                "sdp": "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 26\na=control:URL\n",
            }.items()
            for scheme, target in {
                "http": f"{other.url}/a",
                "file": film.as_uri(),
                "plain": str(film),
            }.items()
        }
        for name, content in lists.items():
            (tmp_path / name).write_bytes(content)
        with video.Pages({f"/{name}": content for name, content in lists.items()}) as camera:
            for name, content in lists.items():
                with socket.create_server((video.HOST, 0)) as raw:
                    threading.Thread(target=_send, args=(raw, content), daemon=True).start()
                    tcp = f"tcp://{video.HOST}:{raw.getsockname()[1]}"
                    for source in (f"{camera.url}/{name}", tcp, str(tmp_path / name)):
                        with pytest.raises(InputError, match="cannot be opened"):
                            frames_of(source)
            assert set(camera.asked) == {f"/{name}" for name in lists}
        assert other.asked == []


def _send(listening: socket.socket, content: bytes) -> None:
    with contextlib.suppress(OSError):  # closed at the end of the test
        client, _ = listening.accept()
        with client:
            client.sendall(content)


def test_a_login_from_a_file_reaches_the_camera(film: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("ge/he:i@m % ü\n", "utf-8")
    with video.Pages({"/a": film.read_bytes()}, login="line 3:ge/he:i@m % ü") as camera:
        with pytest.raises(InputError, match="wrong user"):
            frames_of(f"{camera.url}/a")
        login = {"username": "line 3", "password_file": tmp_path / "password"}
        assert frames_of(f"{camera.url}/a", **login) == 9


@pytest.mark.skipif(not certificates.available(), reason=certificates.MISSING)
def test_https_stays_on_its_host_too(film: Path, tmp_path: Path) -> None:
    pair = certificates.Authority(tmp_path / "ca").sign("camera", f"IP:{video.HOST}")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    with video.Pages({"/a": film.read_bytes()}) as other:
        with video.Pages({"/a": film.read_bytes(), "/b": f"{other.url}/a"}, tls=tls) as camera:
            assert frames_of(f"{camera.url}/a") == 9
            with pytest.raises(InputError, match="another host"):
                frames_of(f"{camera.url}/b")
        assert other.asked == []


@pytest.mark.parametrize("number", [1, 2])
def test_an_rtsp_redirect_is_not_followed(number: int) -> None:
    """Whether the camera answers the first or the second question so."""
    with (
        socket.create_server((video.HOST, 0)) as other,
        socket.create_server((video.HOST, 0)) as camera,
    ):
        there = f"rtsp://{video.HOST}:{other.getsockname()[1]}/"
        threading.Thread(target=_redirect, args=(camera, there, number), daemon=True).start()
        with pytest.raises(InputError, match="leads to another address"):
            frames_of(f"rtsp://me:geheim@{video.HOST}:{camera.getsockname()[1]}/live")
        other.settimeout(0.05)
        with pytest.raises(TimeoutError):
            other.accept()


def _redirect(listening: socket.socket, there: str, number: int) -> None:
    client, _ = listening.accept()
    with client:
        for question in range(1, number + 1):
            assert b"geheim" not in client.recv(4096)
            status = f"302 Moved\r\nLocation: {there}" if question == number else "200 OK"
            client.sendall(f"RTSP/1.0 {status}\r\nCSeq: {question}\r\n\r\n".encode())


def test_an_opencv_that_cannot_be_confined_is_refused(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "__version__", "4.11.0")
    with pytest.raises(UsageError, match=r"opencv-python-headless<4\.11"):
        frames_of(str(film))


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
