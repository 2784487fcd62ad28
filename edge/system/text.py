"""Text from files and of our own on its way to a terminal, which may show less than Unicode."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain, count
from typing import Any, Final

#: Error handler of streams: a letter that their encoding lacks becomes one like it, or ``?``.
PLAIN: Final = "wm_edge.plain"

#: Compiled when the first such name comes by.
_ESCAPED: Final = r"\\(\\|udc[0-9a-f]{2})"

#: What is obeyed instead of shown: control characters, breaks of a line, marks that turn the
#: direction of a text. Halves of a character are not even text.
OBEYED: Final = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"

_LIKE: Final = {
    "…": "...",
    "µ": "u",
    "×": "x",
    "±": "+-",
    "–": "-",
    "≥": ">=",
    "≤": "<=",
    "→": "->",
}


def printable(text: str, instead: str = "?") -> str:
    """The text without what a terminal would obey instead of showing; one line stays one line."""
    if text.isprintable():  # nearly all are
        return text
    return "".join(char if char.isprintable() else instead for char in text)


def obeyed(document: dict[str, Any]) -> str | None:
    """Which character of a text a terminal, a page or a compiler would obey, and where it stands.

    A notice may have several lines and tabs.
    """
    left: list[tuple[str, Any]] = [("", document)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            left += [(f"a key{place and ' of ' + place}", key) for key in value]
            left += [(place or str(key), item) for key, item in value.items()]
        elif isinstance(value, list):
            left += [(place, item) for item in value]
        elif isinstance(value, str):
            text = re.sub("[\t\n]", " ", value) if place == "notice" else value
            if found := re.search(OBEYED, text):
                return f"a control character (U+{ord(found[0]):04X}) in {place}"
    return None


def utf8(text: str) -> str:
    """The text as UTF-8 can hold it: bytes of a name that are none become backslash escapes.

    So they stand in results and in a station's store alike; half of a UTF-16 pair likewise. Letters
    that Python took for single bytes, in a locale without them, are letters again. A name that
    looks like one with such an escape gets its backslashes doubled: no two names become one.
    """
    if "\\udc" not in text:
        if text.isascii():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            with suppress(UnicodeError):
                return text.encode("utf-8", "surrogateescape").decode()
        else:
            return text
    return text.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode()


def name_of(text: str) -> str:
    """The name of a file that ``utf8`` gave."""
    if "\\udc" not in text:
        return text
    return re.sub(
        _ESCAPED, lambda found: chr(int(found[1][1:], 16)) if found[1][1:] else "\\", text
    )


def shown(text: str, encoding: str) -> str:
    """The text with nothing that an encoding cannot show; one line stays one line."""
    plain = printable(text)
    return plain if plain.isascii() else plain.encode(encoding, PLAIN).decode(encoding)


def counted(number: int, word: str) -> str:
    """``1 wafer``, ``2 wafers``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def listed(texts: Sequence[str], most: int) -> str:
    """``a, b``, of more than so many ``a, b and 2 more``."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def percent(share: float) -> str:
    """A share in percent, one digit behind the point; what is not all of it is not called all."""
    text = f"{100 * share:.1f}"
    return ">99.9" if text == "100.0" and share < 1 else text


def columns(text: str) -> int:
    """Columns of a terminal that a text fills; Chinese, Japanese and Korean letters take two."""
    if text.isascii():
        return len(text)
    import unicodedata

    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def padded(text: str, width: int) -> str:
    """A text with blanks behind it, in all of so many columns."""
    return text + " " * (width - columns(text))


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """A text of at most so many columns; of a longer one the middle goes, before the last name.

    Args:
        text: Printable.
        width: Columns, at least those of ``ellipsis``.
        ellipsis: Stands where something was cut.
    """
    if columns(text) <= width:
        return text
    room = width - len(ellipsis)
    start, end = text[: room // 3], text[-(room - room // 3) :] if room else ""
    while columns(start) > room // 3:
        start = start[:-1]
    while columns(end) > room - room // 3:
        end = end[1:]
    return f"{start}{ellipsis}{end}"


def broken(text: str, width: int) -> list[str]:
    """A text as lines of at most so many columns (2 or more), broken at blanks where it has any."""
    found: list[str] = []
    for word in text.split():
        joined = f"{found[-1]} {word}" if found else word
        if found and columns(joined) <= width:
            found[-1] = joined
            continue
        while columns(word) > width:
            fits = next(end for end in range(width, 0, -1) if columns(word[:end]) <= width)
            found.append(word[:fits])
            word = word[fits:]  # noqa: PLW2901 - what is left of it
        found.append(word)
    return found or [""]


def told_apart(texts: Iterable[str], used: Iterable[str] = ()) -> list[str]:
    """Texts of which no two are alike, nor like one ``used``: repeated ones become ``text (2)``."""
    taken = set(used)
    found = []
    for text in texts:
        numbered = (f"{text} ({number})" for number in count(2))
        found.append(next(each for each in chain([text], numbered) if each not in taken))
        taken.add(found[-1])
    return found


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    odd = error.object[error.start : error.end]
    return "".join(_LIKE.get(char, "?") for char in odd), error.end


codecs.register_error(PLAIN, _plain)
