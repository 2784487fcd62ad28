"""Tables that have a line a wafer, counts or serial numbers: they lie beside maps and are none."""

from __future__ import annotations

import re
from typing import Final

from edge.formats.fab.table_columns import WORDS, columns_of, names_in

#: What columns are called that tell wafers apart, or dies as well, letters and digits alone.
_WAFERS: Final = frozenset(f"{WORDS['lot']} {WORDS['wafer']} {WORDS['slot']}".split())
_SERIALS: Final = {"serial", "serialno", "serialnumber", "sn"}
#: Names of columns that count dies, and nothing that one die has.
_COUNTS: Final = {"count", "counts", "qty", "quantity", "yield", "yieldpct", "dies", "total"}
_SEPARATORS: Final = ",;\t"
#: Lines that are looked at.
_MOST: Final = 1000


def names_of(head: bytes) -> list[str]:
    """The columns of a table with a line a wafer or bin; none where it is something else.

    Names stand above, no x and y among them, and no two lines are of one lot, wafer or slot; or
    one of them counts dies, and no two lines begin alike.
    """
    lines = [line for line in head.decode("latin-1").splitlines()[:_MOST] if line.strip()]
    if len(lines) < 2 or columns_of(lines[0]) is not None:
        return []
    separator = max(_SEPARATORS, key=lines[0].count)
    names = names_in(lines[0].removeprefix("\xef\xbb\xbf"), separator)
    words = [re.sub(r"[^a-z0-9]+", "", name.lower()) for name in names]
    keys = [at for at, word in enumerate(words) if word in _WAFERS]
    if not keys and not any("x" in word and word.replace("x", "y") in words for word in words):
        keys = [at for at, word in enumerate(words) if word in _SERIALS]
        keys = keys or ([0] if _COUNTS.intersection(words) else [])
    if not keys or not all(re.search("[a-z]", word) for word in words if word):
        return []
    rows = [names_in(line, separator) for line in lines[1:]]
    wafers = {tuple(row[at] for at in keys if at < len(row)) for row in rows}
    return names if len(wafers) == len(rows) else []
