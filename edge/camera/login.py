"""User and password of a camera, from the environment or a file rather than its address.

An address stands on a command line or in a configuration that others may read; environment and
file need not. Only the address that goes to the library which opens it gets them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from edge.camera.address import Address
from edge.errors import UsageError
from edge.system.regular_file import read_bytes

USERNAME: Final = "WM_EDGE_CAMERA_USERNAME"
PASSWORD: Final = "WM_EDGE_CAMERA_PASSWORD"  # noqa: S105

#: Streams that ask who wants to see them.
_ASKING: Final = ("rtsp", "rtsps", "http", "https")

#: Bytes of a password's file.
_MOST: Final = 4096


def with_login(
    address: Address,
    username: str = "",
    password_file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Address:
    """The address with user and password in it, where it has none of its own.

    Args:
        address: Of a camera.
        username: The camera's; empty for ``WM_EDGE_CAMERA_USERNAME``.
        password_file: Its first line is the password; None for ``WM_EDGE_CAMERA_PASSWORD``.
        environment: Where the variables stand. They are for every stream that asks for a user and
            names none; without a user they say nothing.

    Raises:
        UsageError: a user or password for what asks for none or has its own, a password without a
            user, or a file that cannot be used. Never holds the password.
    """
    own = bool(username or password_file)
    asking = address.scheme in _ASKING
    named = asking and "@" in urlsplit(address.target).netloc
    if own and (named or not asking):
        why = "names a user in its address" if named else "takes no user and password"
        raise UsageError(f"{address.shown}: {why}; leave out username and password_file")
    if named or not asking:
        return address
    username = username or environment.get(USERNAME, "")
    if not username:
        if password_file or environment.get(PASSWORD):
            what = "a password file" if password_file else PASSWORD
            raise UsageError(f"{address.shown}: has {what} but no user; set username or {USERNAME}")
        return address
    password = _read(password_file) if password_file else environment.get(PASSWORD, "")
    try:
        login = quote(username, safe="") + (f":{quote(password, safe='')}" if password else "")
    except UnicodeError:  # the codec's own error would carry the password along
        raise UsageError(f"{address.shown}: its user or password is not valid UTF-8") from None
    scheme, _, rest = address.target.partition("://")
    return replace(address, target=f"{scheme}://{login}@{rest}")


def _read(path: Path) -> str:
    """The first line of a file."""
    try:
        content = read_bytes(path, _MOST)
    except OSError as error:
        raise UsageError(
            f"{path}: the camera's password cannot be read ({error.strerror}); write it into the "
            "first line of a file, and check the name and who may read it"
        ) from None
    line = content.partition(b"\n")[0].removesuffix(b"\r")
    password = line.decode("utf-8", "replace")
    if not line or not password.isprintable() or "\ufffd" in password:
        raise UsageError(f"{path}: not a password; write it as text into the first line")
    return password
