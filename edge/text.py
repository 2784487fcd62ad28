"""Text from files on its way to a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text without what a terminal would obey instead of showing; one line stays one line."""
    return "".join(char if char.isprintable() else "?" for char in text)
