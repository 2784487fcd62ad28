"""The columns of a table of dies: what tools call them, and where they stand."""

from __future__ import annotations

import csv
import re
from typing import Final, NamedTuple

#: What columns are called, letters and digits alone; the first that is there counts.
_PLACES: Final = (
    ("i", "j"), ("diex", "diey"), ("xdie", "ydie"), ("dieindexx", "dieindexy"),
    ("xindex", "yindex"), ("indexx", "indexy"), ("xcoord", "ycoord"), ("coordx", "coordy"),
    ("xcoordinate", "ycoordinate"), ("xloc", "yloc"), ("xpos", "ypos"), ("posx", "posy"),
    ("diecol", "dierow"), ("column", "row"), ("col", "row"), ("xaddress", "yaddress"), ("x", "y"),
)  # fmt: skip
_BINS: Final = (
    "hbin hardbin hardwarebin hwbin hb hardbinnumber hbinnumber hbinnum bin bincode binnumber"
    " binnum binno dutbin testbin hbn sbin softbin softwarebin swbin sb sbinnumber sbinnum sbn"
)
_VERDICTS: Final = "result passfail passflag passfailflag pf gn verdict status diestatus pass"
WORDS: Final = {
    "lot": "lot lotid lotno lotnumber lotname",
    "wafer": "wafer waferid waferno wafernumber wafername wafernum waferindex waferidx wid waf"
    " wafid wafno wafnum wf wfid wfno wfnum wfr wfrid wfrno substrate substrateid substrateno"
    " substratenumber scribe scribeid waferscribe waferscribeid lotwafer lotwaferid w",
    "device": "device deviceid product productid devicename productname",
    "slot": "slot slotno slotid slotnumber slotnum waferslot wafslot wfslot cassetteslot",
    "orientation": "orientation notch flat flatnotch",
}
#: Numbers of a wafer that ``convert-map`` writes and that are read back.
NUMBERS: Final = {
    "die_width_um": "diewidthum",
    "die_height_um": "dieheightum",
    "dies_tested": "diestested",
    "dies_passed": "diespassed",
    "dies_failed": "diesfailed",
}
_OF_PASSING: Final = frozenset({"passflag", "pass"})
#: What tells rows of a die apart that are one test each.
_TESTS: Final = (
    "test testnum testno testnumber testname testid testitem testcode parameter param parametername"
    " paramname parameterid paramid item itemname measurement meas measname"
)

_SORTED: Final = re.compile(r":[ \t]{0,8}(?:a|de)scending\Z")
#: The last one is as many blanks as there are.
_SEPARATORS: Final = ",;\t "
#: Most columns.
_MOST_COLUMNS: Final = 4096


class Columns(NamedTuple):
    """Where things stand in a row; -1 where they do not.

    Attributes:
        separator: Between cells.
        width: Cells of a row.
        x: Column of a die's x, as are the next ones.
        y: Grows downwards.
        bin: Its hard bin, or else soft bin.
        verdict: A word for whether it passes.
        test: Which test a row is of.
        words: What is said of the wafer, by name in ``WORDS`` and ``NUMBERS``.
        is_flag: The verdict may be a number, 1 for pass.
    """

    separator: str
    width: int
    x: int
    y: int
    bin: int
    verdict: int
    test: int
    words: dict[str, int]
    is_flag: bool


def columns_of(line: str) -> Columns | None:
    """The columns, if a line has their names."""
    if line.lstrip().startswith("#"):
        line = line.lstrip("# \t")
    for separator in _SEPARATORS:
        if separator not in line:
            continue
        cells = names_in(line, separator)
        names = [_plain(cell) for cell in cells[:_MOST_COLUMNS]]
        there = set(names)
        if place := next((pair for pair in _PLACES if there.issuperset(pair)), None):
            first = {name: names.index(name) for name in reversed(names) if name}
            verdict = next((name for name in _VERDICTS.split() if name in first), "")
            return Columns(
                separator,
                len(cells),
                first[place[0]],
                first[place[1]],
                _first(first, _BINS),
                first.get(verdict, -1),
                _first(first, _TESTS),
                {word: _first(first, known) for word, known in (WORDS | NUMBERS).items()},
                verdict in _OF_PASSING,
            )
    return None


def _plain(name: str) -> str:
    """Letters and digits of a name, without how its column is sorted (``X: Descending``)."""
    return re.sub(r"[^a-z0-9]+", "", _SORTED.sub("", name.lower()))


def _first(columns: dict[str, int], known: str) -> int:
    return next((columns[name] for name in known.split() if name in columns), -1)


def names_in(line: str, separator: str) -> list[str]:
    """The cells of a line; none where its quotes are wrong."""
    try:
        return cells_of(line, separator)
    except csv.Error:
        return []


def cells_of(line: str, separator: str) -> list[str]:
    """The cells of a line, trimmed.

    Raises:
        csv.Error: its quotes are wrong.
    """
    if separator == " ":
        line = " ".join(line.split())
    if '"' in line:
        return [
            cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True), [])
        ]
    return [cell.strip() for cell in line.split(separator)]
