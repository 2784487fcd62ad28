"""What may be forgotten: small files that save work, and whose loss costs that work alone.

Whatever cannot be read counts as not there, and what cannot be written is not kept: a full disk, no
home, a folder of somebody else.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge.system import files
from edge.system.regular_file import read_bytes

#: Largest file, and how many of a kind are kept: the newest.
_MAX_BYTES: Final = 4096
_KEPT: Final = 64

_OURS: Final = re.compile(r"[0-9a-f]{64}|\.wm-edge-[0-9a-f]{16}\.part")


def folder(kind: str) -> Path | None:
    """Where files of a kind are kept; None where nobody says.

    A service has the folder that systemd names, others ``$XDG_CACHE_HOME/wm-edge`` or
    ``~/.cache/wm-edge``.
    """
    if service := os.environ.get("CACHE_DIRECTORY", "").partition(":")[0]:
        top = Path(service)
    elif os.path.isabs(own := os.environ.get("XDG_CACHE_HOME", "")):  # noqa: PTH117
        top = Path(own, "wm-edge")
    else:
        try:
            top = Path("~/.cache/wm-edge").expanduser()
        except RuntimeError:
            return None
    return top / kind


def recall(kind: str, key: str) -> bytes | None:
    """What was kept under a key, 64 hexadecimal digits; None: nothing that can be read."""
    where = folder(kind)
    try:
        return None if where is None else read_bytes(where / key, _MAX_BYTES)
    except (OSError, ValueError):
        return None


def keep(kind: str, key: str, content: bytes) -> None:
    """Keep something under a key, if that can be; the oldest of its kind goes."""
    where = folder(kind)
    if where is None:
        return
    with suppress(OSError, ValueError):
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        with files.replacing(where / key) as file:
            file.write(content)
        ours = [entry for entry in os.scandir(where) if _OURS.fullmatch(entry.name)]
        for entry in sorted(ours, key=lambda one: one.stat().st_mtime_ns)[:-_KEPT]:
            os.unlink(entry)  # noqa: PTH108
