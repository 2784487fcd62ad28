"""A TOML file that people write: its values checked, every mistake with its line and key."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from edge.errors import UsageError
from edge.system.home import expanded
from edge.system.regular_file import read_text

MAX_BYTES: Final = 2**20


def read(path: Path) -> Table:
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
        values = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and numbers of thousands of digits
        raise UsageError(f"{path}: not TOML: {error}") from error
    except RecursionError:
        raise UsageError(f"{path}: not TOML: brackets nested too deeply; mend it") from None
    return Table(path, text, "", values)


@dataclass
class Table:
    """A table of the file: hands its values out once and knows where they stand.

    Attributes:
        file: The file.
        raw: All of its text, to find lines in.
        name: Of the table; empty for the file itself.
        content: What is left to be handed out.
        start: Where its part of the text begins.
        asked: Keys that were asked for.
    """

    file: Path
    raw: str
    name: str
    content: dict[str, Any]
    start: int = 0
    asked: set[str] = field(default_factory=set)

    def table(self, key: str) -> Table:
        """A table in this one; an empty one where there is none."""
        value = self._taken(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, f"is {value!r}, must be a table: [{key}]")
        name = f"{self.name}.{key}" if self.name else key
        found = re.search(rf"^\s*\[\s*{re.escape(name)}\s*\]", self.raw, re.MULTILINE)
        return Table(self.file, self.raw, name, dict(value), found.end() if found else self.start)

    def tables(self, key: str) -> list[Table]:
        """The tables of a list of tables."""
        value = self._taken(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.wrong(key, f"must be written as [[{key}]]")
        heads = re.finditer(rf"^\s*\[\[\s*{re.escape(key)}\s*\]\]", self.raw, re.MULTILINE)
        starts = [head.end() for head in heads] + [0] * len(value)
        return [
            Table(self.file, self.raw, key, dict(one), start)
            for one, start in zip(value, starts, strict=False)
        ]

    def any(
        self,
        key: str,
        default: Any,
        read: Callable[[Any], Any],
        what: str,
        *,
        secret: bool = False,
    ) -> Any:
        """A value that ``read`` understands, or raises ValueError or TypeError for.

        One that may hold a password is not shown.
        """
        if key not in self.content:
            return self._taken(key, default)
        value = self._taken(key)
        try:
            return read(value)
        except UsageError as error:
            raise self.wrong(key, f"is refused: {error}") from None
        except (ValueError, TypeError):
            shown = "something else" if secret else repr(value)
            raise self.wrong(key, f"is {shown}, must be {what}") from None

    def _text(self, value: Any) -> str:
        """A text that is not empty."""
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError(value)
        return value

    def text(self, key: str, default: str, *, secret: bool = False) -> str:
        """A text."""
        return str(self.any(key, default, self._text, 'a text: "..."', secret=secret))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        read = _list_of(self._text)
        return tuple(self.any(key, (), read, 'a list of texts: ["...", "..."]'))

    def _path(self, value: Any) -> Path:
        """A path, as seen from the folder of the file."""
        return self.file.parent / expanded(self._text(value))

    def path(self, key: str) -> Path | None:
        """A path."""
        found: Path | None = self.any(key, None, self._path, 'a path: "..."')
        return found

    def paths(self, key: str) -> tuple[Path, ...]:
        """A list of paths."""
        return tuple(self.any(key, (), _list_of(self._path), 'a list of paths: ["...", "..."]'))

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._taken(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, f"is {value!r}, must be true or false")
        return value

    def optional(self, key: str, low: float, high: float) -> float | None:
        """A number in a range, if it is there."""
        value = self._taken(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong(key, f"is {value!r}, must be a number")
        if not low <= value <= high:
            raise self.wrong(key, f"is {value}, must lie in {low:g} to {high:g}")
        return float(value)

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """A number in a range."""
        value = self.optional(key, low, high)
        return default if value is None else value

    def whole(self, key: str, low: int, high: int) -> int | None:
        """A whole number in a range, if it is there."""
        if isinstance(self.content.get(key), float):
            raise self.wrong(key, f"is {self.content[key]!r}, must be a whole number")
        value = self.optional(key, low, high)
        return None if value is None else int(value)

    def choice(self, key: str, default: str, choices: list[str]) -> str:
        """One of some words."""
        value = self._taken(key, default)
        if value not in choices:
            known = ", ".join(filter(None, choices))
            if value == "":
                raise self.missing(key, f"must be one of: {known}")
            raise self.wrong(key, f"is {value!r}, must be one of: {known}")
        return str(value)

    def done(self, known: str = "docs/station-reference.md lists the keys") -> None:
        """Refuse keys that nobody asked for.

        Args:
            known: What to do.

        Raises:
            UsageError: there is one.
        """
        for key in self.content:
            if meant := _closest(key, self.asked):
                known = f"did you mean {meant}?"
            raise self.wrong(key, f"is not known here; {known}")

    def missing(self, key: str, what: str) -> UsageError:
        """An error where a key is not there; or is there, under a name that is a little wrong."""
        if meant := _closest(key, self.content):
            return self.wrong(meant, f"is not known here; did you mean {key}?")
        return self.wrong(key, f"is missing; {what}")

    def _taken(self, key: str, default: Any = None) -> Any:
        """A value, handed out."""
        self.asked.add(key)
        return self.content.pop(key, default)

    def wrong(self, key: str, what: str) -> UsageError:
        """An error at a key."""
        rest = self.raw[self.start :]
        following = re.search(r"^[ \t]*\[", rest, re.MULTILINE) if self.name else None
        part = rest[: following.start()] if following else rest
        pattern = rf"^[ \t]*\[*[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*[=\].]"
        found = re.search(pattern, part, re.MULTILINE)
        position = self.start + found.start() if found else self.start
        line = self.raw.count("\n", 0, position) + 1
        inside = f"[{self.name}] " if self.name else ""
        return UsageError(f"{self.file}: line {line}: {inside}{key} {what}")


def _closest(key: str, keys: Iterable[str]) -> str:
    """The one of some keys that somebody may have meant; empty for none."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(key, list(keys), 1)), "")


def _list_of(read: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def read_list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise TypeError(value)
        return [read(one) for one in value]

    return read_list
