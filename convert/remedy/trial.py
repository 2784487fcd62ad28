"""One remedy: how it is built, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Builds a bare ``.tflite`` and says in a few words what was done.
Build = Callable[[], tuple[bytes, str]]


@dataclass(frozen=True)
class Trial:
    """One remedy, built or not.

    Attributes:
        name: What was tried, a few words.
        content: Bare ``.tflite`` with int8 input and outputs; None where it could not be built.
        failure: Why it could not be built; empty where it was.
        seconds: What building took.
        note: Particulars: how many wafers, which layers.
    """

    name: str
    content: bytes | None
    failure: str
    seconds: float
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON form, without the content."""
        return {
            "name": self.name,
            "built": self.content is not None,
            "failure": self.failure,
            "seconds": round(self.seconds, 1),
            "note": self.note,
            "bytes": None if self.content is None else len(self.content),
        }
