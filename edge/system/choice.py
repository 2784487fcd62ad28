"""One of several words: what Python has as ``StrEnum`` from 3.11 on."""

from __future__ import annotations

from enum import Enum


class Choice(str, Enum):
    """A choice that is written as its value, on the command line, in files and in messages."""

    def __str__(self) -> str:
        return str(self.value)
