"""User and password of a camera: from the environment or a file into the address alone."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from edge.camera.address import parse
from edge.camera.login import PASSWORD, USERNAME, with_login
from edge.errors import UsageError

ENVIRONMENT = {USERNAME: "me", PASSWORD: "ge/he:i@m %"}


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https"])
def test_the_environment_is_for_streams_that_name_no_user(scheme: str) -> None:
    address = with_login(parse(f"{scheme}://cam:81/x?y"), environment=ENVIRONMENT)
    parts = urlsplit(address.target)
    assert (parts.hostname, parts.port, parts.path, parts.query) == ("cam", 81, "/x", "y")
    assert (parts.username, unquote(parts.password or "")) == ("me", "ge/he:i@m %")
    assert address.shown == f"{scheme}://cam:81"
    assert "ge" not in repr(address)


@pytest.mark.parametrize("source", ["rtsp://you:your@cam/1", "tcp://cam:9", "0", "picamera2"])
def test_other_sources_are_left_as_they_are(source: str) -> None:
    assert with_login(parse(source), environment=ENVIRONMENT) == parse(source)
    with pytest.raises(UsageError, match="leave out username"):
        with_login(parse(source), "me", environment={})


def test_a_camera_of_ones_own_comes_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"geheim\r\nsecond line\n")
    found = with_login(parse("rtsp://cam/1"), "you", file, ENVIRONMENT)
    assert found.target == "rtsp://you:geheim@cam/1"
    assert with_login(parse("rtsp://cam/1"), "", file, ENVIRONMENT).target.startswith("rtsp://me:g")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"a\0b", b"x" * 5000])
def test_a_file_that_holds_no_password(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"not a password|larger than"):
        with_login(parse("rtsp://cam/1"), "you", file, {})


def test_what_cannot_be_read_or_is_half_a_login_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file, said in (
        (tmp_path / "none", "No such file"),
        (tmp_path / "pipe", "not a regular file"),
    ):
        with pytest.raises(UsageError, match=said):
            with_login(parse("rtsp://cam/1"), "you", file, {})
    with pytest.raises(UsageError, match="no user") as caught:
        with_login(parse("rtsp://cam/1"), environment={PASSWORD: "geheim"})
    assert "geheim" not in str(caught.value)
