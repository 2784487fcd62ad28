"""Where frames come from: what the user wrote as SOURCE, understood.

A stream's address often holds a password, and every part of it may: path, parameters, fragment.
``Address.shown`` is scheme, host and port alone, the only form that messages, metrics and records
may use; ``Address.target`` goes to the library that opens it and nowhere else.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from edge.errors import InputError, InputKind, UsageError
from edge.system.choice import Choice
from edge.system.regular_file import expanded

#: Streams that can be opened. FFmpeg knows more; some of those read or write local files.
SCHEMES: Final = ("rtsp", "rtsps", "http", "https", "tcp", "udp")

#: The word for a Raspberry Pi camera on the ribbon cable.
PICAMERA: Final = "picamera2"

ACCEPTED: Final = (
    "give the number of a USB camera (0), a device (/dev/video0), a video file, a stream "
    f"({', '.join(f'{scheme}://' for scheme in SCHEMES)}) or {PICAMERA}"
)

#: Stands for what cannot be shown.
HIDDEN: Final = "***"

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://.*", re.DOTALL)


class SourceKind(Choice):
    """What gives the frames."""

    USB = "usb"
    DEVICE = "device"
    FILE = "file"
    STREAM = "stream"
    PICAMERA = "picamera"


@dataclass(frozen=True)
class Address:
    """A source of frames.

    Attributes:
        kind: What it is.
        target: What the library that opens it takes: the number of a USB camera, the path of a
            device or file, the whole URL. May hold a password; left out of ``repr``.
        shown: The same for people; of a stream, scheme, host and port.
    """

    kind: SourceKind
    target: str = field(repr=False)
    shown: str

    @property
    def live(self) -> bool:
        """Whether only the newest frame counts; of a recording all do, as fast as they are read."""
        return self.kind is not SourceKind.FILE

    @property
    def secret(self) -> bool:
        """Whether ``target`` may hold something that must not be shown."""
        return self.kind is SourceKind.STREAM

    @property
    def scheme(self) -> str:
        """Of a stream: one of ``SCHEMES``; empty for anything else."""
        stream = self.kind is SourceKind.STREAM
        return self.target.partition("://")[0].lower() if stream else ""

    def unreadable(self, why: str) -> InputError:
        """The error of a source that gives no frames."""
        return InputError(self.shown, InputKind.UNREADABLE, why)

    @property
    def place(self) -> str:
        """What all spellings of the same source have in common; may hold a password."""
        if self.kind is SourceKind.STREAM:
            parts = urlsplit(self.target)
            user = parts.netloc.rpartition("@")[0]
            return f"{self.shown} {user} {parts._replace(scheme='', netloc='').geturl()}"
        device = f"/dev/video{self.target}" if self.kind is SourceKind.USB else self.target
        return os.path.realpath(device)


def parse(source: str) -> Address:
    """Understand what the user wrote as SOURCE.

    Args:
        source: Number of a USB camera, path of a device or video file, URL, or ``picamera2``.
            Whitespace around it is ignored. A live source need not be there yet.

    Raises:
        UsageError: empty, a scheme that is not accepted, a URL that cannot be right, a file that is
            missing, empty or not a file. Never holds a password.
    """
    source = source.strip()
    if not source:
        raise UsageError(f"the source of frames is empty; {ACCEPTED}")
    if any(ord(character) < 0x20 for character in source):
        raise UsageError(f"the source of frames holds a control character; {ACCEPTED}")
    if re.fullmatch("[0-9]{1,4}", source):
        return Address(SourceKind.USB, str(int(source)), f"camera {int(source)}")
    if source.lower() == PICAMERA:
        return Address(SourceKind.PICAMERA, PICAMERA, PICAMERA)
    if url := _URL.fullmatch(source):
        return _stream(source, url[1].lower())
    if source.startswith("/dev/"):
        return Address(SourceKind.DEVICE, source, source)
    return _file(source)


def without_secrets(url: str) -> str:
    """Scheme, host and port of a URL; every other part of it may be a secret.

    Where it cannot be told which part the host is, as with a password that has an unescaped ``/``,
    the scheme alone.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{scheme}://{HIDDEN}"
    if "@" in rest.removeprefix(parts.netloc) or not host.isprintable():
        return f"{scheme}://{HIDDEN}"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + ("" if port is None else f":{port}")


def _stream(source: str, scheme: str) -> Address:
    shown = without_secrets(source)
    if scheme not in SCHEMES:
        raise UsageError(f"{shown}: streams of the kind {scheme}:// are not accepted; {ACCEPTED}")
    try:
        parts = urlsplit(source)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(
            f"{shown}: not a valid address; write {scheme}://host:port/path, and in a "
            "user name or password %40 for @, %3A for :, %2F for /, %3F for ? and %23 for #"
        ) from None
    if not host and not (scheme == "udp" and port):
        raise UsageError(f"{shown}: names no host; write {scheme}://host:port/path")
    if scheme in {"tcp", "udp"} and not port:
        raise UsageError(f"{shown}: names no port; write {scheme}://host:port")
    return Address(SourceKind.STREAM, source, shown)


def _file(source: str) -> Address:
    path = expanded(source)
    shown = _like_a_file(source)
    try:
        is_file, exists = path.is_file(), path.exists()
        size = path.stat().st_size if is_file else 0
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = getattr(error, "strerror", None) or "no valid file name"
        raise UsageError(f"{shown}: cannot be read ({why}); {ACCEPTED}") from error
    if not exists:
        raise UsageError(f"{shown}: there is no such video file; {ACCEPTED}")
    if not is_file:
        raise UsageError(f"{shown}: not a video file; {ACCEPTED}")
    if not size:
        raise UsageError(f"{shown}: the video file is empty; record it again")
    # Absolute: FFmpeg takes a relative name such as "concat:..." for a protocol.
    return Address(SourceKind.FILE, str(path.absolute()), source)


def _like_a_file(source: str) -> str:
    """How a file that is not there is shown: "rtsp:/user:password@camera" looks like one, too."""
    if "@" in source:
        return f"{HIDDEN}@{re.split('[/?#;&]', source.rpartition('@')[2])[0]}"
    mistyped = re.match("([A-Za-z][A-Za-z0-9+.-]+):", source)
    return f"{mistyped[1]}:{HIDDEN}" if mistyped else source
