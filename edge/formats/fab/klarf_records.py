"""The parts of a KLARF 1.8: records in records, each with fields and lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from edge.errors import InputError, InputKind

#: Records in one another; no tool writes a tenth of that.
MAX_DEPTH: Final = 64

_TOKEN: Final = re.compile(r'"([^"\r\n]*)"|([{}])|([^\s{}";,\0]+)')
#: What stands before a brace: text, strings and groups without others in them. So many at once,
#: since each takes memory until the end.
_BEFORE_BRACE: Final = re.compile(
    r'(?:[^{}"]+|"[^"\r\n]*"|\{[^{}"]*(?:"[^"\r\n]*"[^{}"]*){0,4096}\}|"){0,4096}'
)


class Record(NamedTuple):
    """The beginning of a record: its name in upper case, whose it is, and what is behind it."""

    name: str
    of: str
    offset: int


class Close(NamedTuple):
    """The end of a record, and the offset of its brace."""

    name: str
    offset: int


class Field(NamedTuple):
    """A field: its name in upper case, and its values."""

    name: str
    values: tuple[str, ...]


class Table(NamedTuple):
    """A list.

    Attributes:
        name: In upper case.
        columns: Their names, in upper case.
        promised: Rows as it says itself, -1 if it does not, and where that number stands.
        start: Offset behind the brace before its rows, 0 if it has none.
        end: Offset of the brace behind them.
    """

    name: str
    columns: tuple[str, ...]
    promised: tuple[int, int, int]
    start: int
    end: int


class Scanner:
    """The parts of a file, one after the other.

    Args:
        text: The file.
        source: Name for messages.
    """

    def __init__(self, text: str, source: str) -> None:
        self._text, self._source = text, source
        self._at = 0
        self._open: list[str] = []

    def parts(self) -> Iterator[Record | Close | Field | Table]:
        """The parts, to the end of the file.

        Raises:
            InputError: it is cut off, a brace is missing, or records are too deep in one another.
        """
        while token := self._next():
            word = token[3].upper() if token[3] else token[2] or ""
            if word == "}":
                if not self._open:
                    raise self.wrong("a } too many", token.start())
                yield Close(self._open.pop(), token.start())
            elif word == "RECORD":
                name, of = self._word().upper(), ""
                while (mark := self._wanted())[2] != "{":
                    of = mark[1] if mark[1] is not None else mark[0]
                if len(self._open) >= MAX_DEPTH:
                    what = f"more than {MAX_DEPTH} records in one another; not a map"
                    raise InputError(self._source, InputKind.TOO_LARGE, what)
                self._open.append(name)
                yield Record(name, of.strip(), self._at)
            elif word == "FIELD":
                name = self._word().upper()
                yield Field(name, self._group())
            elif word == "LIST":
                yield self._list(self._word().upper())
        if self._open:
            raise self.wrong(f"a record ({self._open[-1]}) has no end", len(self._text))

    def _list(self, name: str) -> Table:
        columns: tuple[str, ...] = ()
        promised, start, end = (-1, 0, 0), 0, self._at
        self._wanted("{")
        while (token := self._wanted())[2] != "}":
            word = (token[3] or "").upper()
            if word == "COLUMNS":
                begin = self._brace()[1]
                stop = self._behind_group(begin)
                pieces = self._text[begin:stop].upper().split(",")
                columns = tuple(piece.split()[-1] for piece in pieces if piece.strip())
            elif word == "DATA":
                promised, start = self._brace()
                end = self._behind_group(start)
        return Table(name, columns, promised, start, end)

    def _brace(self) -> tuple[tuple[int, int, int], int]:
        """A count and the brace behind it: the number with its place, and what is behind both."""
        token, count = self._wanted(), (-1, self._at, self._at)
        if token[2] != "{":
            if not (token[3] or "").isdecimal() or len(token[3]) > 9:
                raise self.wrong(f"{token[0][:20]!r} where a count should be", token.start())
            count = int(token[3]), token.start(), token.end()
            self._wanted("{")
        return count, self._at

    def _behind_group(self, start: int) -> int:
        """Go behind the brace that closes the group which begins here; its offset."""
        depth, text, at = 1, self._text, start
        while at < len(text):
            found = _BEFORE_BRACE.match(text, at)
            if found and found.end() > at:
                at = found.end()
                continue
            depth += 1 if text[at] == "{" else -1
            at += 1
            if not depth:
                self._at = at
                return at - 1
        raise self.wrong("a { has no }", start)

    def _group(self) -> tuple[str, ...]:
        """The values between the next braces."""
        start = self._brace()[1]
        end = self._behind_group(start)
        found = _TOKEN.finditer(self._text, start, end)
        return tuple((token[1] if token[1] is not None else token[0]).strip() for token in found)

    def _next(self) -> re.Match[str] | None:
        token = _TOKEN.search(self._text, self._at)
        self._at = token.end() if token else len(self._text)
        return token

    def _wanted(self, brace: str = "") -> re.Match[str]:
        at, token = self._at, self._next()
        if token is None or (brace and token[2] != brace):
            raise self.wrong(f"{brace or 'more'} is missing", at)
        return token

    def _word(self) -> str:
        token = self._wanted()
        if not token[3]:
            raise self.wrong(f"{token[0][:20]!r} where a name should be", token.start())
        return token[3]

    def wrong(self, what: str, offset: int, mend: str = "") -> InputError:
        """A refusal with the line of a place."""
        line = self._text.count("\n", 0, offset) + 1
        mend = mend or "the file is cut off or damaged; export or copy it again"
        return InputError(self._source, InputKind.UNREADABLE, f"line {line}: {what}; {mend}")
