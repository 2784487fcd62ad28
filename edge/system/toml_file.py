"""A TOML file that people write -> a struct; every mistake with its line and key."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, TypeVar

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from edge.errors import UsageError
from edge.system.regular_file import expanded, read_text
from edge.system.typed import MismatchError, Place, decode

T = TypeVar("T")

MAX_BYTES: Final = 2**20

_KEY: Final = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')"
_KEYS: Final = rf"[ \t]*({_KEY}(?:[ \t]*\.[ \t]*{_KEY})*)[ \t]*"
_LINE: Final = re.compile(rf"[ \t]*(\[\[?){_KEYS}\]|{_KEYS}=")


@dataclass(frozen=True)
class TomlFile:
    """A file that was read.

    Attributes:
        path: The file; relative paths in it start at its folder.
        text: All of it, to find lines in.
        content: What it says.
    """

    path: Path
    text: str
    content: dict[str, Any]

    def decode(self, kind: type[T]) -> T:
        """What it says, as a struct.

        Raises:
            UsageError: a mistake, with its line and key.
        """
        try:
            return decode(kind, self.content, {Path: self._path})
        except MismatchError as error:
            raise self.wrong(error.place, error.what) from None

    def wrong(self, place: Place, what: str) -> UsageError:
        """An error at a place, which need not be there: then at what is around it."""
        names = [step for step in place if isinstance(step, str)]
        around = f"[{'.'.join(names[:-1])}] " if names[1:] else ""
        last = len(place) - place[::-1].index(names[-1]) if names else 0
        key = "".join([*names[-1:], *(f"[{step}]" for step in place[last:])])
        lines = [(0, 1), *((_common(at, place), line) for at, line in _lines(self.text))]
        line = max(lines, key=lambda one: one[0])[1]
        return UsageError(f"{self.path}: line {line}: {around}{key} {what}")

    def _path(self, value: Any) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError(value)
        return self.path.parent / expanded(value)


def read(path: Path) -> TomlFile:
    """Read a file.

    Raises:
        UsageError: it cannot be read or is not TOML; says where.
    """
    try:
        text = read_text(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}: line {line}: not UTF-8; save it as UTF-8") from error
    try:
        return TomlFile(path, text, tomllib.loads(text))
    except ValueError as error:  # TOMLDecodeError, and numbers of thousands of digits
        raise UsageError(f"{path}: not TOML: {error}") from error
    except RecursionError:
        raise UsageError(f"{path}: not TOML: brackets nested too deeply; mend it") from None


def _common(one: Place, other: Place) -> int:
    """Steps that two places have in common."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _lines(text: str) -> Iterator[tuple[Place, int]]:
    """The place that each line with a key or the name of a table speaks of."""
    table: Place = ()
    tables: dict[Place, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not (found := _LINE.match(line)):
            continue
        bracket, head, key = found.groups()
        place = table if key else ()
        for name in re.findall(_KEY, head or key):
            if place in tables:
                place = (*place, tables[place])
            place = (*place, name.strip("\"'"))
        if bracket == "[[":
            tables[place] = tables.get(place, -1) + 1
            place = (*place, tables[place])
        table = place if bracket else table
        yield place, number
