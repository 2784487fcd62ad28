"""What the user writes as SOURCE, and that no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import UsageError
from edge.sources.address import SCHEMES, SourceKind, parse
from edge.sources.frames import Pace


@pytest.mark.parametrize(
    ("source", "kind", "target", "shown"),
    [
        ("0", SourceKind.USB, "0", "camera 0"),
        (" 2 ", SourceKind.USB, "2", "camera 2"),
        ("/dev/video0", SourceKind.DEVICE, "/dev/video0", "/dev/video0"),
        ("picamera2", SourceKind.PICAMERA, "picamera2", "picamera2"),
        ("rtsp://cam/1", SourceKind.STREAM, "rtsp://cam/1", "rtsp://cam/1"),
        ("udp://@:5000", SourceKind.STREAM, "udp://@:5000", "udp://:5000"),
        ("tcp://[::1]:9", SourceKind.STREAM, "tcp://[::1]:9", "tcp://[::1]:9"),
    ],
)
def test_live_sources(source: str, kind: SourceKind, target: str, shown: str) -> None:
    address = parse(source)
    assert (address.kind, address.target, address.shown) == (kind, target, shown)
    assert address.pace is Pace.NEWEST


def test_a_file_is_a_recording_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    address = parse("a.mp4")
    assert address.kind is SourceKind.FILE
    assert address.target == str(tmp_path / "a.mp4")
    assert address.shown == "a.mp4"
    assert address.pace is Pace.EVERY
    assert not address.secret


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://admin:hunter2@cam:554/live", "rtsp://cam:554/live"),
        ("RTSP://admin:hunter2@cam/live", "rtsp://cam/live"),
        ("http://admin@cam/x?a=1", "http://cam/x?a=1"),
        ("http://cam/x?a=1&token=hunter2&b=2", "http://cam/x?a=1&b=2"),
        ("http://cam/x?PASSWORD=hunter2", "http://cam/x"),
        ("http://cam/x?api_key=hunter2;hunter2&b=2", "http://cam/x?b=2"),
        ("http://cam/x?usr=hunter2&pwd=hun?ter2", "http://cam/x"),
        ("rtsp://cam/user=hunter2&password=hunter2&channel=1", "rtsp://cam/&channel=1"),
        ("rtsp://cam/user=a_password=hunter2_channel=1", "rtsp://cam/"),
        ("rtsp://a:12/hunter2@cam/live", "rtsp://***@cam/live"),
        ("rtsp://a:12#hunter2@cam/live", "rtsp://***@cam/live"),
    ],
)
def test_secrets_are_stripped(source: str, shown: str) -> None:
    address = parse(source)
    assert address.shown == shown
    assert address.target == source
    assert address.secret or "@" not in source
    assert "hunter2" not in repr(address)


_PASSWORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="[]"), max_size=12
).map(lambda text: f"SECRET{text}SECRET")


@given(scheme=st.sampled_from([*SCHEMES, "ftp"]), password=_PASSWORDS)
def test_a_password_is_never_shown_however_it_is_written(scheme: str, password: str) -> None:
    for source in (
        f"{scheme}://user:{password}@cam:554/live?x=1",
        f"{scheme}://cam:554/live?token={password.replace('&', '')}",
    ):
        try:
            said = repr(parse(source))
        except UsageError as error:
            said = str(error)
        assert "SECRET" not in said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ftp://cam/x", "rtsp"),
        ("file:///x", "not accepted"),
        ("rtsp://", "no host"),
        ("tcp://cam", "no port"),
        ("rtsp://cam:x/1", "%2F"),
        ("rtsp://cam:99999/1", "%2F"),
        ("missing.mp4", "no such video file"),
        ("a\0b", "control character"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_what_is_refused_says_what_is_accepted(source: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(source)


def test_folders_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a video file"):
        parse(str(tmp_path))
    (tmp_path / "a.avi").touch()
    with pytest.raises(UsageError, match="empty"):
        parse(str(tmp_path / "a.avi"))


def test_a_mistyped_address_shows_no_password(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        parse("rtsp:/admin:geheim@10.0.0.5/screen")
    assert "geheim" not in str(caught.value)
    assert "10.0.0.5" in str(caught.value)
