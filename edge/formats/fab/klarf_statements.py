"""The statements of a KLARF 1.0 to 1.2: a keyword, and values that end in ``;``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from edge.errors import InputError, InputKind

#: What may stand between statements, comments too (so many at most, as each takes memory); what
#: ends a statement, and what does not because it stands between quotes.
_BETWEEN: Final = re.compile(r"[;\s\0]*(?:#[^\r\n]*[;\s\0]*){0,999}")
_ENDS: Final = re.compile(rf'"[^"\r\n]*"|;{_BETWEEN.pattern}')
_KEYWORD: Final = re.compile(r"([A-Za-z_]\w{0,63})?")
_VALUES: Final = re.compile(r'"([^"\r\n]*)"|([^\s"]+)')

#: Keywords of which a wafer's header is made, and what they are called there.
HEADER: Final = {
    name: name
    for name in ("LOTID", "WAFERID", "DEVICEID", "SLOT", "ORIENTATIONMARKLOCATION", "DIEPITCH",
                 "INSPECTIONSTATIONID", "COORDINATESMIRRORED")
} | {"SLOTID": "SLOT", "SLOTNUMBER": "SLOT"}  # fmt: skip

#: Said again, they begin another wafer; and any of these was said before another file begins.
_BEGINS: Final = frozenset({"LOTID", "WAFERID"})
_BEGUN: Final = _BEGINS | {"DEFECTLIST"}
_SLOTS: Final = frozenset(keyword for keyword, name in HEADER.items() if name == "SLOT")

#: Keywords that a statement without its end swallows: those of no row or column, and others.
_NEVER_NAMES: Final = (
    "FileVersion", "InspectionTest", "SampleTestPlan", "DefectRecordSpec", "DefectList",
    "SummarySpec", "SummaryList", "EndOfFile",
)  # fmt: skip
_MAY_BE_NAMES: Final = (
    "LotID", "WaferID", "DeviceID", "SetupID", "StepID", "Slot", "SlotID", "SampleType",
    "SampleSize", "InspectionStationID", "SampleOrientationMarkType", "OrientationMarkLocation",
    "DiePitch", "DieOrigin", "SampleCenterLocation", "CoordinatesMirrored", "AreaPerTest",
    "ClassLookup", "SampleDieMap", "RemovedDieList", "CustomWaferList", "FileTimestamp",
    "ResultTimestamp",
)  # fmt: skip


def _line_begins(*keywords: str) -> re.Pattern[str]:
    """What finds the first of these that begins a line."""
    return re.compile(rf"\n[ \t]*(?=[a-z])({'|'.join(keywords)})\b", re.IGNORECASE)


#: In most statements, and in those that may have names of fields as rows or columns.
_SWALLOWED: Final = _line_begins(*_NEVER_NAMES, *_MAY_BE_NAMES)
_SWALLOWED_THERE: Final = _line_begins(*_NEVER_NAMES)
_HOLDS_NAMES: Final = re.compile("CUSTOM.*|(?!TIFF).*SPEC")
_KNOWN: Final = frozenset(map(str.upper, (*_NEVER_NAMES, *_MAY_BE_NAMES)))


class Statement(NamedTuple):
    """A statement of a file.

    Attributes:
        keyword: In upper case; empty where it begins with a number and so goes on with the list
            before it.
        start: Offset behind the keyword.
        end: Offset of its ``;``.
    """

    keyword: str
    start: int
    end: int


def statements(text: str, source: str) -> Iterator[Statement]:
    """The statements of a file, one after the other.

    Raises:
        InputError: the last one does not end.
    """
    first, keyword = _BETWEEN.match(text), ""
    begin = first.end() if first else 0
    for found in _ENDS.finditer(text, begin):
        if found[0][0] == ";":
            keyword, start = _keyword(text, begin)
            yield Statement(keyword, start, found.start())
            begin = found.end()
    if keyword == "ENDOFFILE" or not text[begin:].strip("\0 \t\r\n\x1a"):
        return
    keyword, start = _keyword(text, begin)
    if keyword == "ENDOFFILE":
        yield Statement(keyword, start, len(text))
        return
    what = f"line {line_of(text, begin)}: {keyword or 'what stands there'} does not end in ;"
    mend = "so the file is cut off; copy it again"
    raise InputError(source, InputKind.UNREADABLE, f"{what}, {mend}")


def _keyword(text: str, begin: int) -> tuple[str, int]:
    found = _KEYWORD.match(text, begin)
    return ((found[1] or "").upper(), found.end()) if found else ("", begin)


def begins_another(keyword: str, seen: AbstractSet[str]) -> bool:
    """Whether another wafer begins with this keyword, after those that were seen of the last."""
    if keyword == "FILEVERSION":  # a file behind a file
        return not _BEGUN.isdisjoint(seen)
    if keyword in _SLOTS:  # which may stand before the wafer's name, or alone
        return "DEFECTLIST" in seen and not _SLOTS.isdisjoint(seen)
    return keyword in _BEGINS and keyword in seen


def line_of(text: str, offset: int) -> int:
    """The line of a place, from 1, where what stands there is not blank."""
    while offset < len(text) and text[offset].isspace():
        offset += 1
    return text.count("\n", 0, offset) + 1


def swallowed(keyword: str, body: str) -> str:
    """The first keyword among the values of a statement, which lacks its ``;`` then; or nothing.

    Args:
        keyword: Of the statement, in upper case.
        body: Its values.
    """
    found = (_SWALLOWED_THERE if _HOLDS_NAMES.fullmatch(keyword) else _SWALLOWED).search(body)
    if found or keyword not in HEADER:
        return found[1] if found else ""
    behind = (plain for _, plain in _VALUES.findall(body)[1:])
    return next((plain for plain in behind if plain.upper() in _KNOWN), "")


def values(body: str) -> list[str]:
    """The values of a statement, without quotes."""
    return [(quoted or plain).strip() for quoted, plain in _VALUES.findall(body)]
