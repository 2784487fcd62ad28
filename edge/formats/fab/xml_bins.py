"""Bins of maps in XML: what their qualities mean, how wide they are, how many were counted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import Code, FabMap, Meaning, Stated
from edge.formats.fab.grid import TokenGrid, check_rows
from edge.formats.fab.xml import Element

#: Words for a bin's quality, in lower case without what is no letter. What is none of them (Scrap,
#: NG, OK, Ugly) is no verdict.
_WORDS: Final = {
    word: meaning
    for meaning, words in {
        Meaning.PASS: "pass passed good",
        Meaning.FAIL: "fail failed bad",
        Meaning.NULL: "null nulldie nullbin none nodie notdie outside empty blank untested"
        " nottested",
        Meaning.INK: "ink inked inkdie",
        Meaning.EDGE: "edge edgedie partial partialdie uglydie skip skipped skipdie",
        Meaning.MARK: "mark markdie mirror mirrordie alignment target targetdie",
        Meaning.REFERENCE: "ref refdie reference referencedie referencedevice",
        Meaning.TEST: "test testdie teg pcm plug plugdie",
    }.items()
    for word in words.split()
}

#: Units of lengths, in um.
UNITS: Final = {
    "mm": 1000.0, "millimeter": 1000.0, "millimeters": 1000.0, "um": 1.0, "micron": 1.0,
    "microns": 1.0, "micrometer": 1.0, "micrometers": 1.0, "mil": 25.4, "mils": 25.4, "cm": 1e4,
    "inch": 25400.0, "inches": 25400.0,
}  # fmt: skip

#: Characters of a bin by the first letters of its type.
_WIDTHS: Final = {"asc": 1, "hex": 2, "dec": 3, "int": 4}
_HEX: Final = "hex", "int"
_COUNT: Final = re.compile(r"\d{1,9}")
_NO_LETTER: Final = re.compile(r"[^a-z]+")
_LINE_END: Final = re.compile(r"[\r\n]+")


def meaning_of(word: str) -> Meaning | None:
    """What a word for a bin's quality means; None for one that is not known."""
    return _WORDS.get(_NO_LETTER.sub("", word.lower()))


def promised(text: str, name: str, source: str) -> int | None:
    """A count of rows or columns, None where it is empty.

    Raises:
        InputError: it is no count.
    """
    if not text:
        return None
    if not _COUNT.fullmatch(text):
        what = f"{name} is {text[:20]!r}, must be a whole number; export it again"
        raise InputError(source, InputKind.UNREADABLE, what)
    return int(text)


class Bins:
    """The bins of a map as its header has them.

    Args:
        kind: BinType.
        null: NullBin as it stands there; a blank may be one.
        definitions: Elements with BinCode, BinQuality, BinCount.
        source: Name for messages.
    """

    def __init__(self, kind: str, null: str, definitions: Iterable[Element], source: str) -> None:
        self._kind, self._source = kind[:3].lower(), source
        #: Whether a blank is a bin.
        self._is_blank = null.isspace()
        self.null = null.strip() or null[:1]
        self._texts: dict[str, str] = {}
        self._words: dict[str, set[str]] = {}
        self._counts: dict[str, int] = {}
        for element in definitions:
            raw = element.attributes.get("bincode", "")
            if not raw:
                continue
            self._is_blank |= raw.isspace()
            text, key = raw.strip() or raw[:1], self._key(raw.strip() or raw[:1])
            self._texts.setdefault(key, text)
            words = self._words.setdefault(key, set())
            if word := element.get("BinQuality"):
                words.add(word)
            if _COUNT.fullmatch(count := element.get("BinCount")):
                self._counts[key] = self._counts.get(key, 0) + int(count)

    def _key(self, text: str) -> str:
        """A bin as it is compared: ``1`` is ``001``, and of hexadecimal ones ``ff`` is ``FF``."""
        return (text.upper() if self._kind in _HEX else text).lstrip("0") or "0"

    def meaning(self, text: str) -> Meaning:
        """What a bin stands for: what is NullBin is none, whatever else is said of it."""
        if self.null and self._key(text) == self._key(self.null):
            return Meaning.NULL
        words = self._words.get(self._key(text), ())
        said = {meaning_of(word) or Meaning.OTHER for word in words}
        if len(said) > 1 and all(each.is_none for each in said):
            return Meaning.NULL
        return said.pop() if len(said) == 1 else Meaning.UNKNOWN

    def legend(self, texts: Iterable[str]) -> tuple[Code, ...]:
        """The codes of a map, which all occur in it.

        One whose word says neither pass nor fail is no die. Where no other has such a word, nobody
        knows what these say.
        """
        legend = [Code(text, self.meaning(text)) for text in texts]
        if not any(code.meaning in {Meaning.PASS, Meaning.FAIL} for code in legend):
            legend = [
                Code(text, Meaning.UNKNOWN if self._strange(text) else meaning)
                for text, meaning in legend
            ]
        return tuple(legend)

    def _strange(self, text: str) -> list[str]:
        """The words for a bin that are not known."""
        words = sorted(self._words.get(self._key(text), ()))
        return [word for word in words if meaning_of(word) is None]

    def grid(
        self, rows: Iterable[Element], height: int | None, width: int | None
    ) -> tuple[TokenGrid, list[str]]:
        """The drawing, and what somebody should know of it.

        Args:
            rows: Elements with a row of bins each, or with several lines of them.
            height: Rows that the header promises.
            width: Columns that it promises.

        Raises:
            InputError: fewer rows than promised, rows of different length, bins whose width is not
                certain.
        """
        grid = TokenGrid(self._source)
        token, note = 0, list[str]()
        for element in rows:
            for line in _LINE_END.split("".join(element.pieces)):
                if not (line.strip() or (self._is_blank and len(line) == width)):
                    continue
                token = token or self._width(line, width)
                cells = self._cells(line, token, element.line)
                if height and width and height > 1 and len(cells) == height * width:
                    note = [f"all bins stand in one row; cut into {height} of {width}, top first"]
                    for start in range(0, len(cells), width):
                        grid.add(cells[start : start + width], element.line)
                else:
                    grid.add(cells, element.line)
        return grid, note + _against_promised(grid, height, width, self._source)

    def _width(self, line: str, columns: int | None) -> int:
        """Characters of a bin, judged by its type, NullBin, the other bins and a row."""
        parts = line.split()
        length, longest = sum(map(len, parts)), max(map(len, parts), default=1)
        if self._is_blank or (
            len(line) == columns and " " in line and columns not in {len(parts) * longest, length}
        ):
            self._is_blank = True  # blanks are bins, too
            return 1
        if len(parts) > 1 and len(parts) == columns:
            return longest
        of_type, of_null = _WIDTHS.get(self._kind, 0), len(self.null)
        likely = {each for each in (of_type, of_null) if each}
        likely = likely or set(map(len, self._texts.values())) or {1}  # as SEMI E142 has it
        if len(likely) > 1 and columns:
            likely = {each for each in likely if length == columns * each} or likely
        if len(likely) > 1 and len(parts) > 1 and {*map(len, parts)} == {of_null or longest}:
            likely = {longest}
        if len(likely) == 1:
            return likely.pop()
        what = f"a row of {length} characters, and bins of {' or '.join(map(str, sorted(likely)))}"
        mend = "by its header (BinType, NullBin, Columns); correct these"
        raise InputError(self._source, InputKind.AMBIGUOUS, f"{what} {mend}")

    def _cells(self, line: str, token: int, number: int) -> list[str]:
        if self._is_blank:
            return list(line)
        parts = line.split()
        if len(parts) > 1 and max(map(len, parts)) <= token:
            return parts
        whole = "".join(parts)
        if len(whole) % token:
            what = f"line {number}: {len(whole)} characters are no row of bins of {token}"
            raise InputError(self._source, InputKind.UNREADABLE, f"{what}; export it again")
        return [whole[start : start + token] for start in range(0, len(whole), token)]

    def against_counts(self, fab: FabMap, good: int | None = None) -> FabMap:
        """The map with a warning where counts in its header are others than in its drawing.

        They are summaries that nobody uses: where the file says what passes, a later step has
        rewritten the drawing. Where it does not, the good ones check who says it.

        Args:
            fab: The map.
            good: Dies that pass, as the file states.
        """
        used = np.bincount(fab.codes[fab.codes >= 0].astype(np.intp), minlength=len(fab.legend))
        found: dict[str, int] = {}
        for code, count in zip(fab.legend, used.tolist(), strict=True):
            found[self._key(code.text)] = found.get(self._key(code.text), 0) + count
        wrong = [
            (key, count, found.get(key, 0))
            for key, count in self._counts.items()
            if count not in {0, found.get(key, 0)} and self.meaning(key) is not Meaning.NULL
        ]
        notes = [
            f"its header counts {count} of bin {self._texts[key]!r}, its map has {has}"
            for key, count, has in wrong
        ]
        stated, unsure = fab.stated, any(code.meaning is Meaning.UNKNOWN for code in fab.legend)
        passed = sum(
            count
            for code, count in zip(fab.legend, used.tolist(), strict=True)
            if code.meaning is Meaning.PASS
        )
        if good and unsure:
            stated = Stated(passed=good)
        elif good not in {None, 0, passed}:
            notes.insert(0, f"its header counts {good} good dies, its map has {passed}")
        notes = [f"{note}; the map counts" for note in notes[:1]]
        strange = ((code.text, self._strange(code.text)) for code in fab.legend)
        words = {text: "/".join(word[:20] for word in each) for text, each in strange if each}
        return replace(fab, stated=stated, words=words, warnings=(*fab.warnings, *notes))


def _against_promised(
    grid: TokenGrid, height: int | None, width: int | None, source: str
) -> list[str]:
    found = grid.rows, grid.width
    if height is not None and grid.rows < height and found != (width, height):
        check_rows(grid.rows, height, source)
    if height in {None, grid.rows} and width in {None, grid.width}:
        return []
    what = f"its header promises {height} rows and {width} columns, its map has"
    return [f"{what} {grid.rows} and {grid.width}; the map counts"]


def check_wafer(substrate: str, source: str) -> None:
    """Refuse what is no wafer, by the name of its kind; an empty one is a wafer.

    Raises:
        InputError: it is a strip, a tray or a panel.
    """
    if substrate.lower() not in {"", "wafer", "frame", "waferframe"}:
        what = f"SubstrateType {substrate[:20]!r} is no wafer; only wafers are recognised"
        raise InputError(source, InputKind.UNSUPPORTED, what)
