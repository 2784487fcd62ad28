"""Where results are written: looked at before the work, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from edge.errors import OutputError, UsageError


def exists(path: Path) -> bool:
    """Whether something is there; what nobody may look at counts as absent.

    Reading or writing it then fails with the reason.
    """
    try:
        return path.exists()
    except OSError:
        return False


def identity(path: str | Path | None) -> tuple[int, int] | None:
    """What a path leads to: device and inode, the same by whatever name and link.

    None where there is nothing, or nothing that may be looked at.
    """
    if path is None:
        return None
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def check_place(path: Path, *, overwrite: bool) -> None:
    """Make sure, before hours of work, that a file can be written there.

    Raises:
        UsageError: the file exists and ``overwrite`` is False, its folder does not exist, or
            nothing can be made in it.
    """
    if exists(path) and not overwrite:
        raise UsageError(f"{path}: exists already; choose another name or pass --overwrite")
    if not exists(path.parent):
        raise UsageError(f"{path}: cannot be written, there is no folder {path.parent}")
    device = exists(path) and not path.is_file()
    if not device and not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"{path}: cannot be written, the folder {path.parent} is read-only here")


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8; see ``write_bytes``.

    Raises:
        OutputError: it cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; a device such as /dev/stdout is written as it is.

    Raises:
        OutputError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        if exists(path) and not path.is_file():
            path.write_bytes(content)
            return
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
