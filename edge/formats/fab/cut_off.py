"""Signs that a text was cut off at its end, where nothing in it counts rows or dies."""

from __future__ import annotations

import re
from typing import Final

from edge.errors import InputError, InputKind
from edge.formats.fab.text import MAX_LINE

#: What begins a part of a file that something must end, and what does.
_PAIRS: Final = {"[bof]": "[eof]", "{": "}"}
_TAG: Final = re.compile(r"<(\w{0,32}map\w{0,32})>")
#: Parts within each other that are looked at, and the longest line that begins or ends one.
_DEEPEST: Final = 64
_LONGEST: Final = 64


class LastRow:
    """Watches rows for a last one without an end of its line that is shorter than all others.

    Args:
        source: Name for messages.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._last, self._shortest = "", MAX_LINE

    def see(self, row: str) -> None:
        """The next row."""
        self._shortest = min(self._shortest, len(self._last) or MAX_LINE)
        self._last = row

    def check(self, line: str) -> None:
        """Refuse a file whose last line, empty where an end stands before, is a row cut off.

        Raises:
            InputError: it is.
        """
        if line and line == self._last and len(line) < self._shortest < MAX_LINE:
            what = "its last line has no end and is shorter than all rows above"
            raise InputError(self._source, InputKind.UNREADABLE, f"{what}; copy it again")


class Ends:
    """Watches a file for parts that begin and do not end: ``[BOF]``, ``MAP = {``, ``<Bin_Map>``.

    Args:
        source: Name for messages.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._waiting = list[str]()

    def see(self, line: str) -> None:
        """The next line of the file that is no row."""
        text = line.strip().lower() if len(line) <= _LONGEST else ""
        if text == "{" or re.fullmatch(r"\w[\w ]*=[ \t]*\{", text):
            text = "{"
        end = _PAIRS.get(text) or (f"</{tag[1]}>" if (tag := _TAG.fullmatch(text)) else "")
        text = text.replace("\\", "/").removesuffix(";")
        if end and len(self._waiting) < _DEEPEST:
            self._waiting.append(end)
        elif text in self._waiting:
            while self._waiting.pop() != text:
                pass

    def check(self) -> None:
        """Refuse a file in which an end is missing.

        Raises:
            InputError: it names it.
        """
        if self._waiting:
            what = f"its end ({self._waiting[0]}) is missing"
            raise InputError(self._source, InputKind.UNREADABLE, f"{what}; copy it again")
