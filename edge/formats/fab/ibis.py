"""IBIS: ``<IBIS_WAFER_DATA>`` with a ``<HEADER>``, and in ``<WAFER_MAP>`` a character a die."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import Code, FabMap, Meaning, Stated
from edge.formats.fab.grid import TokenGrid, check_rows, pitch_of
from edge.formats.fab.xml import Element, each_wafer, read_xml
from edge.formats.fab.xml_bins import UNITS, meaning_of, promised

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: Names that a note has.
_SHOWN: Final = 6
_BETWEEN: Final = re.compile(r"[\s,;]+")
_COUNT: Final = re.compile(r"\d{1,9}")
_LINE_END: Final = re.compile(r"[\r\n]+")
_WORD: Final = re.compile(r"[^A-Za-z]+")


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafer of a file; several where they stand in one root.

    Raises:
        InputError: it is no XML, has no map, or one of another size than the header promises.
    """
    root = read_xml(file, source)
    wafers = [root] if root.name == "ibis_wafer_data" else root.all("IBIS_WAFER_DATA")
    return each_wafer(wafers, source, _wafer, _names)


def _names(element: Element) -> tuple[str, str]:
    header = element.first("HEADER") or element
    return header.said("WAFER_BATCH_ID"), header.said("WAFER_OCR_ID", "WAFER")


def _wafer(element: Element, source: str) -> Iterator[FabMap]:
    header = element.first("HEADER") or element
    drawn = element.first("WAFER_MAP")
    if drawn is None:
        what = "no WAFER_MAP in it; write the export again"
        raise InputError(source, InputKind.EMPTY, what)
    height, width = (
        promised(header.said(name), name, source) for name in ("ROW_COUNT", "COLUMN_COUNT")
    )
    grid = _grid(drawn, height, width, source)
    named = _named(header)
    legend = tuple(Code(text, named.get(text, (Meaning.UNKNOWN,))[0]) for text in grid.texts)
    counts = (header.said(name) for name in ("BIN_COUNT_PASS", "BIN_COUNT_FAIL"))
    passed, failed = (int(count) if _COUNT.fullmatch(count) else None for count in counts)
    unit = header.said("WAFER_UNITS", "WAFER_UNIT").lower()
    fab = FabMap(
        grid.codes(),
        legend,
        lot=header.said("WAFER_BATCH_ID"),
        wafer=header.said("WAFER_OCR_ID", "WAFER"),
        device=header.said("DEVICE", "PRODUCT"),
        orientation=header.said("FLAT_LOCATION"),
        pitch=pitch_of(header.said("XSTEP"), header.said("YSTEP"), UNITS.get(unit), source),
        stated=Stated(passed=passed, failed=failed),
        tool=header.said("PROBER"),
        format="IBIS",
        source=source,
    )
    yield _unsaid(_counted(fab), named)


def _grid(drawn: Element, height: int | None, width: int | None, source: str) -> TokenGrid:
    """The rows, each on a line or all in one, as many characters as there are columns."""
    rows = [row.text for row in drawn.children if row.text] or drawn.text.split()
    grid, whole = TokenGrid(source), _LINE_END.sub("", "".join(drawn.pieces))
    if " " in whole and height and width and len(whole) == height * width:
        rows = [whole]  # a blank is a die or none, too
    if len(rows) == 1 and height != 1:
        if not width:
            what = "a map without COLUMN_COUNT, so where its rows end is not certain"
            raise InputError(source, InputKind.AMBIGUOUS, f"{what}; write the export again")
        whole = rows[0]
        if len(whole) % width:
            what = f"a map of {len(whole)} dies, and COLUMN_COUNT promises rows of {width}"
            raise InputError(source, InputKind.UNREADABLE, f"{what}; export it again")
        rows = [whole[start : start + width] for start in range(0, len(whole), width)]
    for row in rows:
        grid.add(list(row), drawn.line)
    if height is not None:
        check_rows(grid.rows, height, source)
    return grid


def _named(header: Element) -> dict[str, tuple[Meaning, str]]:
    """What each character means, by the names that BIN_CODE gives to them."""
    named: dict[str, tuple[Meaning, str]] = {}
    for element in header.all("BIN_CODE"):
        for name, value in element.attributes.items():
            words = {word.lower() for word in _WORD.split(name)}
            failing = Meaning.FAIL if "fail" in words and "pass" not in words else None
            meaning = meaning_of(name) or failing or Meaning.UNKNOWN
            one = value.strip() or value[:1]
            for text in [one] if len(one) == 1 else _BETWEEN.split(one):
                if len(text) == 1:
                    same, names = named.get(text, (meaning, ""))
                    both = meaning if same is meaning else Meaning.UNKNOWN
                    named[text] = both, f"{names}/{name}".strip("/").upper()
    return named


def _unsaid(fab: FabMap, named: dict[str, tuple[Meaning, str]]) -> FabMap:
    """The map with a note on the names of characters that say neither pass nor fail."""
    names = [
        f"{named[code.text][1][:32]} ({code.text!r})"
        for code in fab.legend
        if code.meaning is Meaning.UNKNOWN and code.text in named
    ]
    note = f"nobody knows what its BIN_CODE {', '.join(names[:_SHOWN])} means"
    return replace(fab, warnings=(*fab.warnings, note)) if names else fab


def _counted(fab: FabMap) -> FabMap:
    """The map in which the one character without a name passes where the header's count says so."""
    unnamed = [each for each, code in enumerate(fab.legend) if code.meaning is Meaning.UNKNOWN]
    if len(unnamed) != 1 or any(code.meaning is Meaning.PASS for code in fab.legend):
        return fab
    text, count = fab.legend[unnamed[0]].text, int(np.count_nonzero(fab.codes == unnamed[0]))
    if count != fab.stated.passed:
        return fab
    legend = list(fab.legend)
    legend[unnamed[0]] = Code(text, Meaning.PASS)
    note = f"it does not name {text!r}, which {count} dies have, as many as pass (BIN_COUNT_PASS)"
    return replace(fab, legend=tuple(legend), warnings=(*fab.warnings, note))
