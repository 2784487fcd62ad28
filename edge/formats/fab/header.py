"""The header of a text map: what its lines say of the wafer, whatever a tool calls it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from edge.errors import InputError, InputKind
from edge.formats.fab.bin_words import Bin, BinTable
from edge.formats.fab.die_width import Said
from edge.formats.fab.fab_map import Code, FabMap, Stated
from edge.formats.fab.grid import check_sides, pitch_of
from edge.formats.fab.header_lines import NAMES, ROLE, entries_of, entry_of
from edge.formats.fab.text import MAX_HEADER_LINES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

#: Names of codes that pass under which some tools count dies instead.
_COUNTS_TOO: Final = frozenset({"passed", "gooddie"})

#: Names that count dies only beside another count: alone, one is a bin that passes.
_COUNTS_BESIDE: Final = frozenset({"pass", "passed"})

#: What a file may say once, above its first wafer, of all.
_OF_ALL: Final = frozenset(
    {"lot", "device", "orientation", "tool", "passing", "failing", "null", "skipped", "reference",
     "token", "across", "down", "unit"}
)  # fmt: skip

#: What tells a wafer from the one before.
_OWN: Final = frozenset({"lot", "wafer", "slot", "device", "rows"})

_NUMBER: Final = re.compile(r"(\d{1,9})(?![\d.])")
_SIZE: Final = re.compile(
    r"(-?[\d.]{1,12})[ \t]*(?:UNITS[ \t]*)?(?:\(([\d.]{1,6})\))?[ \t]*([A-Za-z]*)"
)
_SEPARATED: Final = re.compile(r"[\s,;]+")
#: Numbers that may stand for a character.
_CHARACTERS: Final = 256

#: Units of die sizes, in um.
_UNITS: Final = {"mm": 1000.0, "mil": 25.4, "mils": 25.4, "um": 1.0, "microns": 1.0, "micron": 1.0,
                 "inch": 25400.0}  # fmt: skip


class Header:
    """What a file says of one wafer beside its rows.

    Args:
        source: Name for messages.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._values: dict[str, str] = {}
        self._above: dict[str, str] = {}
        self.bins = BinTable()

    def note(self, line: str, number: int) -> bool:
        """Take a line, if it is one of a header.

        Raises:
            InputError: there are too many lines, or it promises too large a map.
        """
        if self.bins.note(line):
            return True
        entries = entries_of(line)
        for entry in (each for each in entries if each.key):
            if len(self._values) >= MAX_HEADER_LINES:
                what = f"more than {MAX_HEADER_LINES} header lines up to line {number}; not a map"
                raise InputError(self._source, InputKind.TOO_LARGE, what)
            self._values.setdefault(entry.key, entry.value)
            if ROLE[entry.key] in {"rows", "columns"} and _is_count(entry.value):
                check_sides(max(1, int(entry.value)), 1, self._source)
        return bool(entries)

    def go_on(self, before: Header) -> None:
        """What the wafer before says of all holds for this one, unless it says its lot itself."""
        found = before._known
        self._above = {
            key: value
            for key, value in found.items()
            if ROLE[key] in _OF_ALL and key not in _COUNTS_TOO
        }

    @property
    def _known(self) -> dict[str, str]:
        if not self._above or any(ROLE[key] == "lot" for key in self._values):
            return self._values
        own = {ROLE[key] for key in self._values}
        above = {key: text for key, text in self._above.items() if ROLE[key] not in own}
        return self._values | above

    def note_places(self, lines: Sequence[str]) -> None:
        """Take lot and wafer without keys, where the file's name below says that they are these.

        ``UMC``, ``L7``, ``L7-09``, ``L7_L7-09.UMC``.
        """
        kind, lot, wafer, name = [*map(str.strip, lines), "", "", "", ""][:4]
        if lot and wafer.startswith(lot) and name.lower() == f"{lot}_{wafer}.{kind}".lower():
            self._values.setdefault("lot", lot)
            self._values.setdefault("wafer", wafer)

    def begins_another(self, line: str, *, below: bool = False) -> bool:
        """Whether a line says again what tells wafers apart, so that another wafer begins.

        Args:
            line: Below a drawing.
            below: The header of each stands below its drawing.
        """
        entry, known = entry_of(line), self._values if below else self._known
        return entry is not None and entry.key in known and ROLE[entry.key] in _OWN

    def __len__(self) -> int:
        return len(self._values)

    def has(self, key: str) -> bool:
        """Whether the file has this key, letters and digits alone."""
        return bool(self._known.get(key))

    def word(self, role: str) -> str:
        """What the file says of a thing; empty where it says nothing."""
        known = self._known
        return next((found for name in NAMES[role].split() if (found := known.get(name))), "")

    @property
    def names(self) -> tuple[str, str]:
        """Lot and wafer, or else the slot, as far as the file says them."""
        return self.word("lot"), self.word("wafer") or self.word("slot")

    def promised(self, role: str) -> int | None:
        """A size that the file promises.

        Raises:
            InputError: it is no whole number from 1.
        """
        text = self.word(role)
        if not text:
            return None
        found = _NUMBER.match(text)
        if not found or not int(found[1]):
            what = f"the number of {role} is {text[:20]!r}, must be a whole number from 1"
            raise InputError(self._source, InputKind.UNREADABLE, f"{what}; export it again")
        return int(found[1])

    def rows_beside(self, columns: int) -> int | None:
        """Rows that the file promises, with those it has of this width if it says so by x and y."""
        if (rows := self.promised("rows")) is not None:
            return rows
        sizes = self.word("size").split() or [self.word("x"), self.word("y")]
        is_size = len(sizes) == 2 and all(size.isdecimal() and len(size) < 6 for size in sizes)
        return int(sizes[1]) if is_size and int(sizes[0]) == columns else None

    def codes(self, role: str, width: int) -> list[str]:
        """Codes that the file lists, for tokens of this width."""
        for name in NAMES[role].split():
            text = self._known.get(name, "")
            words = [each.strip("\"'") for each in _SEPARATED.split(text)]
            words = [each for each in words if each and each.lower() != "bin"]
            if not words or (name in _COUNTS_TOO and _is_count(text)):
                continue
            if width > 1 or len(words) > 1 or len(words[0]) == 1:
                return words
            if role in {"null", "reference"} and _is_count(text):
                return [chr(int(text))] if int(text) < _CHARACTERS else []
            return list(words[0]) if name == "bcequ" else words  # one passing bin a letter
        return []

    def stated(self) -> Stated:
        """The counts of dies that the file states."""
        tested, failed = self._count("tested"), self._count("failed")
        passed = self._count("passed", is_alone=tested is None and failed is None)
        if passed is not None and failed is not None:
            tested = None  # of what a tool counts as tested, some is ink or edge
        return Stated(tested, passed, failed)

    def said(self) -> Said:
        """What tells how many characters a die of the drawing has."""
        stated = self.stated()
        both = stated.passed is not None and stated.failed is not None
        return Said(
            codes=frozenset(self.bins.codes()),
            dies=(stated.passed or 0) + (stated.failed or 0) if both else stated.tested,
        )

    def pitch(self) -> tuple[float, float] | None:
        """Die size in um; None where it or its unit is not given, or is no size."""
        sizes = []
        for role in ("across", "down"):
            found = _SIZE.fullmatch(self.word(role))
            unit = _UNITS.get((found[3] or self.word("unit")).lower()) if found else None
            try:
                size = float(found[1]) * float(found[2] or 1) if found else 0.0
            except ValueError:
                return None
            sizes.append(size * unit if unit else min(size, 0.0))
        return pitch_of(sizes[0], sizes[1], 1.0, self._source)

    def fab_map(
        self,
        codes: npt.NDArray[np.int16],
        legend: tuple[Code, ...],
        *,
        format: str,  # noqa: A002 - as FabMap calls it
        index: int,
        warnings: list[str],
        retests: int = 0,
    ) -> FabMap:
        """A map, and what the header says of its wafer; see ``FabMap``."""
        return FabMap(
            codes,
            legend,
            lot=self.word("lot"),
            wafer=self.word("wafer"),
            device=self.word("device"),
            slot=self.word("slot"),
            orientation=self._orientation(),
            pitch=self.pitch(),
            stated=self.stated(),
            retests=retests,
            tool=self.word("tool"),
            format=format,
            source=self._source,
            index=index,
            warnings=tuple(warnings),
        )

    def _orientation(self) -> str:
        """What the file says of notch or flat; all of it where several keys say it in words."""
        words = [self._known[name] for name in NAMES["orientation"].split() if self.has(name)]
        sides = dict.fromkeys(word for word in words if any(map(str.isalpha, word)))
        return " / ".join(sides) if len(sides) > 1 else (words or [""])[0]

    def _count(self, role: str, *, is_alone: bool = False) -> int | None:
        for name in NAMES[role].split():
            if is_alone and name in _COUNTS_BESIDE:
                continue
            if (value := self._values.get(name)) and _is_count(value):
                return int(value)
        return None


def _is_count(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 10


def bin_of(name: str, bins: BinTable) -> Bin | None:
    """The bin that a header calls ``Bin60``, ``60`` or by its symbol."""
    return bins.get(re.sub(r"(?i)^bin[ _]?(?=\w)", "", name))
