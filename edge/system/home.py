"""Paths that begin with a home."""

from __future__ import annotations

from pathlib import Path

from edge.errors import UsageError


def expanded(text: str) -> Path:
    """A path with ``~`` or ``~user`` replaced by the home.

    Raises:
        UsageError: nobody has that home.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        home = text.partition("/")[0]
        raise UsageError(f"there is no home {home}; write the path in full") from None
