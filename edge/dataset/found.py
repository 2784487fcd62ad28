"""Files of any format in; each wafer as its file draws it and as it is classified out."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.errors import InputError
from edge.formats.fab.fab_map import FabMap, of_wafer
from edge.formats.fab.passing import UnsaidError
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.paths import read_items
from edge.system.text import told_apart
from edge.wafer.wafermap import WaferMap

if TYPE_CHECKING:
    from edge.formats.name_pattern import Names

#: Where a name has something of a wafer in it.
FIELD: Final = re.compile(r"\{([^{}]*)\}")
_UNSAFE: Final = re.compile(r"[^\w.+-]+")
_LONGEST: Final = 80


class Found(NamedTuple):
    """One wafer: ``fab`` as its file draws it, ``wafer`` with notch or flat down where known."""

    fab: FabMap
    wafer: WaferMap


def found_in(
    files: Iterable[str | InputError], rules: Rules = NO_RULES, names: Names | None = None
) -> Iterator[Found | InputError]:
    """The wafers of files of any format; ``InputError`` in place of what cannot be used.

    Args:
        files: As ``expand`` names them.
        rules: What passes in files of a fab that do not say so themselves.
        names: Gives wafers the lot and number that stand in a file's name.
    """
    drawn: deque[FabMap] = deque()
    rules = replace(rules, drawn=drawn.append)
    for item in read_items(files, names, rules):
        if isinstance(item, InputError):
            if isinstance(item, UnsaidError) and item.fab:
                item.fab = _named(item.fab, item.lot, item.wafer)
            yield item
        elif item.legend is None:
            yield Found(of_wafer(item), item)
        else:
            yield Found(_named(drawn.popleft(), item.lot, item.wafer, item.slot), item)


def _named(fab: FabMap, lot: str | None, wafer: str | None, slot: int | None = None) -> FabMap:
    """With the names that stand in the file's own; a slot that stands for a wafer is left one."""
    return replace(
        fab,
        lot=fab.lot or lot or "",
        wafer=fab.wafer or ("" if fab.slot else wafer or ""),
        slot=fab.slot or ("" if slot is None else str(slot)),
    )


def place_of(fab: FabMap, pattern: str, taken: list[str]) -> Path:
    """Where a wafer's file goes: nothing that stands in a file leads out of a folder.

    Args:
        fab: The wafer.
        pattern: Name with fields, ``{}`` for lot and wafer or else the file's name; with a suffix.
        taken: Places that are taken, without suffix; gets this one.
    """
    values = {"lot": fab.lot, "wafer": fab.wafer or fab.slot, "slot": fab.slot}
    values |= {"device": fab.device, "name": Path(fab.source).stem, "index": str(fab.index)}
    own = "{lot}_{wafer}" if values["lot"] and values["wafer"] else "{name}"
    own += "_{index}" if own == "{name}" and fab.index else ""
    text = FIELD.sub(lambda each: _safe(values[each[1]]), pattern.replace("{}", own))
    suffix = Path(pattern).suffix
    name = told_apart([text.removesuffix(suffix)], taken)[0]
    taken.append(name)
    return Path(name + suffix)


def _safe(text: str) -> str:
    return _UNSAFE.sub("_", text)[:_LONGEST].lstrip(".-") or "unknown"
