"""What the user writes as SOURCE, and that no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.address import SCHEMES, SourceKind, parse
from edge.errors import UsageError


@pytest.mark.parametrize(
    ("source", "kind", "target", "shown"),
    [
        ("0", SourceKind.USB, "0", "camera 0"),
        (" 2 ", SourceKind.USB, "2", "camera 2"),
        ("/dev/video0", SourceKind.DEVICE, "/dev/video0", "/dev/video0"),
        ("picamera2", SourceKind.PICAMERA, "picamera2", "picamera2"),
        ("rtsp://cam/1", SourceKind.STREAM, "rtsp://cam/1", "rtsp://cam"),
        ("udp://@:5000", SourceKind.STREAM, "udp://@:5000", "udp://:5000"),
        ("tcp://[::1]:9", SourceKind.STREAM, "tcp://[::1]:9", "tcp://[::1]:9"),
    ],
)
def test_live_sources(source: str, kind: SourceKind, target: str, shown: str) -> None:
    address = parse(source)
    assert (address.kind, address.target, address.shown) == (kind, target, shown)
    assert address.live


def test_a_file_is_a_recording_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    address = parse("a.mp4")
    assert address.kind is SourceKind.FILE
    assert address.target == str(tmp_path / "a.mp4")
    assert address.shown == "a.mp4"
    assert not address.live
    assert not address.secret


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://admin:hunter2@cam:554/live", "rtsp://cam:554"),
        ("RTSP://admin:hunter2@Cam/live", "rtsp://cam"),
        ("http://admin@[::1]:80/x?a=1", "http://[::1]:80"),
        ("http://cam/v?u=admin&p=hunter2", "http://cam"),
        ("http://cam/v?p%61ss=hunter2", "http://cam"),
        ("http://cam/v;hunter2", "http://cam"),
        ("http://cam/v#hunter2", "http://cam"),
        ("http://cam?hunter2", "http://cam"),
        ("rtsp://cam/admin/hunter2/ch1", "rtsp://cam"),
        ("rtsp://cam/0/admin:hunter2/main", "rtsp://cam"),
        ("rtsp://a:12/hunter2@cam/live", "rtsp://***"),
        ("rtsp://a:12#hunter2@cam/live", "rtsp://***"),
    ],
)
def test_secrets_are_stripped(source: str, shown: str) -> None:
    address = parse(source)
    assert address.shown == shown
    assert address.target == source
    assert address.secret
    assert "hunter2" not in repr(address)


_PASSWORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="[]"), max_size=12
).map(lambda text: f"SECRET{text}SECRET")


@given(scheme=st.sampled_from([*SCHEMES, "ftp"]), password=_PASSWORDS)
def test_a_password_is_never_shown_however_it_is_written(scheme: str, password: str) -> None:
    for source in (
        f"{scheme}://user:{password}@cam:554/live?x=1",
        f"{scheme}://cam:554/live?token={password}",
        f"{scheme}://cam:554/{password}/{password}#{password}",
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


@pytest.mark.parametrize(
    "source",
    [
        "rtsp:/admin:geheim@10.0.0.5/screen",
        "admin:geheim@10.0.0.5/geheim",
        "rtsp:/10.0.0.5/v?pwd=geheim",
        "rtsp:10.0.0.5/geheim",
    ],
)
def test_a_mistyped_address_shows_no_password(source: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(source)
    assert "geheim" not in str(caught.value)
    assert ("10.0.0.5" in str(caught.value)) == ("@" in source)


def test_a_home_that_nobody_has() -> None:
    with pytest.raises(UsageError, match="no home ~nobodyhere"):
        parse("~nobodyhere/x.mp4")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("rtsp://cam/1", "RTSP://CAM/1", True),
        ("rtsp://cam/1", "rtsp://cam/2", False),
        ("rtsp://cam/1?a", "rtsp://cam/1", False),
        ("0", "/dev/video0", True),
        ("0", "1", False),
    ],
)
def test_the_same_source_is_known_however_it_is_written(one: str, other: str, same: bool) -> None:
    assert (parse(one).place == parse(other).place) is same
