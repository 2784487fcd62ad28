"""Bytes -> text, in whatever encoding and with whatever line ends a tool writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from edge.errors import InputError, InputKind

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: Largest text, and longest line: one row of the widest map, 16 characters a die.
MAX_TEXT: Final = 64 * 2**20
MAX_LINE: Final = 2**16

#: Lines of a header; no tool writes a hundredth of that.
MAX_HEADER_LINES: Final = 10_000

_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_RETURNS: Final = re.compile(r"\r+\n?")
#: What pads the end of a file; DOS ended texts so.
_END: Final = "\0\x1a"
_BREAK: Final = re.compile(r"[\r\n\0]+")
#: Bytes that are looked at for UTF-16 without a byte order mark.
_LOOKED_AT: Final = 1024


def read_text(file: Source, source: str) -> str:
    """All of a text file, with LF as its line end and blanks for NULs.

    UTF-8 or UTF-16 with or without a byte order mark; what is neither is latin-1.

    Raises:
        InputError: it is too large, or UTF-16 that is damaged.
    """
    data = file.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        what = f"a text of more than {MAX_TEXT >> 20} MiB; divide it"
        raise InputError(source, InputKind.TOO_LARGE, what)
    text = _decoded(data, source).rstrip(_END)
    if "\0" in text:
        text = text.replace("\0", " ")
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return _RETURNS.sub(_line_ends, text) if "\r" in text else text


def _line_ends(found: re.Match[str]) -> str:
    """One line end for returns before a line feed, else one each."""
    return "\n" if found[0].endswith("\n") else "\n" * len(found[0])


def raw_lines(file: Source, source: str) -> Iterator[tuple[int, str]]:
    """The lines of a text file as they are, numbered from 1 as an editor does.

    Raises:
        InputError: as ``read_text``; a line is too long.
    """
    for number, line in enumerate(read_text(file, source).split("\n"), 1):
        if len(line) > MAX_LINE:
            what = f"line {number} is longer than {MAX_LINE} characters; not a wafer map"
            raise InputError(source, InputKind.TOO_LARGE, what)
        yield number, line


def read_lines(file: Source, source: str) -> Iterator[tuple[int, str]]:
    """Those lines that are not empty, trimmed.

    Raises:
        InputError: as ``raw_lines``.
    """
    for number, line in raw_lines(file, source):
        if trimmed := line.strip():
            yield number, trimmed


def utf16_of(data: bytes) -> str:
    """Which UTF-16 a text is in, by its mark or its first letters; empty for any other."""
    for mark, encoding in _BOMS[1:]:
        if data.startswith(mark):
            return encoding
    head = data[:_LOOKED_AT]
    for nul, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        # Of plain letters every second byte is NUL, and none of the others.
        if len(head) > 1 and not any(head[nul::2]) and all(head[1 - nul :: 2]):
            return encoding
    return ""


def _decoded(data: bytes, source: str) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding)
            except UnicodeDecodeError as error:
                if encoding == "utf-8":
                    return data[len(mark) :].decode("latin-1")
                what = f"UTF-16 that is damaged at byte {error.start + len(mark)}; copy it again"
                raise InputError(source, InputKind.UNREADABLE, what) from None
    if encoding := utf16_of(data):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            what = f"UTF-16 that is damaged at byte {error.start}; copy it again"
            raise InputError(source, InputKind.UNREADABLE, what) from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def one_line(text: str) -> str:
    """A word as a header can hold it: what would end its line becomes a blank."""
    return _BREAK.sub(" ", text).strip()
