"""The bins that a text map lists: symbol, number, count and what a word says of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from edge.formats.fab.fab_map import Meaning, same_bin

#: Bins of one list that are kept.
_MOST: Final = 4096

#: Words for what a bin means, letters and digits alone, as tools have them.
_WORDS: Final = {
    Meaning.PASS: "pass passed passing passbin good goodbin gooddie p",
    Meaning.FAIL: "fail failed failing failbin bad badbin baddie reject f",
    Meaning.NULL: "null nulldie nodie notdie notused unused untest untested nottested skip skipped"
    " skipdie empty",
    Meaning.INK: "ink inked inkdie inkout",
    Meaning.EDGE: "edge edgedie partial partialdie ugly uglydie",
    Meaning.MARK: "mark markdie mirror mirrordie align alignment target targetdie",
    Meaning.REFERENCE: "ref reference refdie referencedie referencedevice",
    Meaning.TEST: "test teg pcm testdie teststructure plug",
}
_MEANING: Final = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}

_QUOTED: Final = re.compile(
    r'BIN[ \t]*=?[ \t]*"([^"]{1,16})"[ \t]*(\d{1,9})'
    r'[ \t]*"([^"]{0,64})"(?:[ \t]*"([^"]{0,64})")?.*',
    re.IGNORECASE,
)
_COUNTED: Final = re.compile(
    r"(?i)bin[ \t]+(\d{1,5})(?:\((\S{1,3})\))?[ \t]+(\d{1,9})[ \t]+[\d.]{1,8}[ \t]*%"
)
_FLAGGED: Final = re.compile(
    r"(?i)bin[ \t]*:[ \t]*(\d{1,5})[ \t]+(\d{1,9})[ \t]+[\d.]{1,8}[ \t]*%[ \t]+([PF])\b"
)
_NAMED: Final = re.compile(r"(?i)BIN[ _]?(\d{1,5})\((\S{1,3})\)[ \t]*[=:][ \t]*(\d{1,9})")
_WORDED: Final = re.compile(
    r"(?i)bin[ \t=]{0,3}(\S{1,3}?)[ \t]{0,8}(?:[:=]|count[ \t]?[:=])[ \t]{0,8}"
    r"(?:(\d{1,9})[ \t]{1,8})?\(?([a-z]{4,16})\)?"
)
_ROW_OF_COUNTS: Final = re.compile(r"(?i)(?:bin[ \t]{0,3}\d{1,5}[ \t]+\d{1,9}[ \t]*,?[ \t]*)+")
_PAIR: Final = re.compile(r"(?i)bin[ \t]{0,3}(\d{1,5})[ \t]+(\d{1,9})")
_SYMBOL: Final = re.compile(r"(?i)symbol[ \t]+(\S{1,3})")
_DRAWN: Final = re.compile(
    r"(?i)(\S{1,3})[ \t]*-[ \t]*(\w{1,16})[ \t]{1,8}die[ \t]?\(bin[ \t]?(\d{1,5})\)"
    r"[ \t:=]{0,32}(\d{1,9}).*"
)
_BRACKETS: Final = re.compile(r"\([^()]*\)")
#: Characters of a symbol.
_SYMBOLS: Final = range(1, 4)
#: Longest line that may be one of such a list.
_LONGEST: Final = 512


class Bin(NamedTuple):
    """One bin of a list.

    Attributes:
        symbol: As the map draws it.
        name: Its number.
        dies: How many of it, as the list has it.
        meaning: What a word says of it, ``Meaning.UNKNOWN`` where none does.
    """

    symbol: str
    name: str
    dies: int
    meaning: Meaning


def meaning_of(word: str) -> Meaning:
    """What a word of a list says of a bin; ``Meaning.UNKNOWN`` where it says nothing of that."""
    letters = re.sub(r"[^a-z0-9]+", "", _BRACKETS.sub("", word).lower())
    return _MEANING.get(letters, Meaning.UNKNOWN)


class BinTable:
    """The bins that a file lists, by symbol."""

    def __init__(self) -> None:
        self._bins: dict[str, Bin] = {}
        self._columns: list[str] = []

    def note(self, line: str) -> bool:
        """Take a line, if it is one of such a list."""
        text = line.strip()[:_LONGEST]
        if "," in text and "BINNAME" in text.upper().replace(" ", ""):
            self._columns = [re.sub(r"\W+", "", cell).lower() for cell in text.split(",")]
            return True
        if drawn := _DRAWN.fullmatch(text):  # 1 - Good die(bin 1)  805 EA
            symbol, word, name, dies = drawn.groups()
            self._bins.setdefault(symbol, Bin(symbol, name, int(dies), meaning_of(word)))
            return True
        if text[:3].upper() != "BIN":
            return False
        found = list(self._of(text))
        for each in found[: _MOST - len(self._bins)]:
            self._bins.setdefault(each.symbol, each)
        return bool(found)

    def _of(self, text: str) -> Iterator[Bin]:
        if found := _QUOTED.fullmatch(text):
            yield Bin(found[1], found[1], int(found[2]), _said(found[3], found[4] or ""))
        elif found := _COUNTED.match(text):
            yield Bin(found[2] or found[1], found[1], int(found[3]), Meaning.UNKNOWN)
        elif found := _FLAGGED.match(text):
            yield Bin(found[1], found[1], int(found[2]), meaning_of(found[3]))
        elif found := _NAMED.fullmatch(text):
            yield Bin(found[2], found[1], int(found[3]), Meaning.UNKNOWN)
        elif each := _worded(text):
            yield each
        elif _ROW_OF_COUNTS.fullmatch(text):
            for name, count in _PAIR.findall(text):
                yield Bin(name, name, int(count), Meaning.UNKNOWN)
        elif text.count(",") > 1:
            yield from self._of_cells([cell.strip() for cell in text.split(",")])

    def _of_cells(self, cells: list[str]) -> Iterator[Bin]:
        """``BIN, 60, 11729, 53.39%, Symbol Y,``, or with columns that a line above names."""
        if cells[0].upper() != "BIN" or not cells[1] or not cells[2].isdecimal():
            return
        named = dict(zip(self._columns, cells[1:], strict=False))
        symbol = next((found[1] for cell in cells[3:] if (found := _SYMBOL.fullmatch(cell))), "")
        words = (cell.strip("{[]} ") for cell in cells[3:])
        said = [meaning for word in words if (meaning := meaning_of(word)) is not Meaning.UNKNOWN]
        drawn = named.get("mapname", "")
        symbol = symbol or (drawn if len(drawn) in _SYMBOLS else cells[1])
        yield Bin(symbol, cells[1], int(cells[2]), said[0] if said else Meaning.UNKNOWN)

    def get(self, name: str) -> Bin | None:
        """The bin of this number, or else of this symbol."""
        by_name = (each for each in self._bins.values() if same_bin(each.name, name))
        return next(by_name, None) or self._bins.get(name)

    def drawn_as(self, symbol: str) -> Bin | None:
        """The bin that the map draws as this symbol."""
        return self._bins.get(symbol)

    def codes(self) -> Iterator[str]:
        """What the map may draw of the list: symbols and numbers."""
        for each in self._bins.values():
            yield from (each.symbol, each.name)

    def total(self) -> int | None:
        """Dies in the list that have a verdict; None without any."""
        bins = self._bins.values()
        counts = [each.dies for each in bins if not each.meaning.is_none]
        return sum(counts) if any(each.dies for each in bins) else None

    def are_drawn(self, counts: Mapping[str, int]) -> bool:
        """Whether the map has as many of each as the list."""
        return all(counts.get(symbol, 0) == each.dies for symbol, each in self._bins.items())

    def against(self, dies: int) -> list[str]:
        """A warning where the list counts other dies than the map has; it may be of before."""
        if (total := self.total()) in (None, dies):
            return []
        return [f"its list of bins counts {total} dies, the map has {dies}; the map counts"]

    def __bool__(self) -> bool:
        return bool(self._bins)


def _worded(text: str) -> Bin | None:
    """``BIN = A;COUNT = 1;STATUS = FAIL``, ``BIN 7: 27 (FAIL)``, ``BIN 7 : FAIL``."""
    if ";" in text and "=" in text:
        cells = dict(cell.partition("=")[::2] for cell in text.split(";"))
        values = {key.strip().upper(): value.strip() for key, value in cells.items()}
        if not (symbol := values.get("BIN", "")) or "STATUS" not in values:
            return None
        count = int(number) if (number := values.get("COUNT", "")).isdecimal() else 0
        return Bin(symbol, symbol, count, _said(values["STATUS"], values.get("DESCR", "")))
    if found := _WORDED.fullmatch(text):
        meaning = meaning_of(found[3])
        if meaning is not Meaning.UNKNOWN:
            return Bin(found[1], found[1], int(found[2] or 0), meaning)
    return None


def _said(status: str, description: str) -> Meaning:
    """A bin that "fails" because there is no die, ink or a mark has no verdict."""
    by_description, by_status = meaning_of(description), meaning_of(status)
    return by_description if by_description.is_none else by_status
