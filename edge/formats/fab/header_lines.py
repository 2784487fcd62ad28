"""The lines of a text map's header: keys and values, and what tools call a thing."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

#: What tools call a thing, letters and digits alone; the first that is there counts.
NAMES: Final = {
    "lot": "lot lotid lotno lotname lotnumber waferlotid waferlots waferlot lotmea fablotid",
    "wafer": "waferid wafer waferno wafername wafernumber waferocrid wfid wfno mapid1 mid",
    "device": "device devicename deviceid product productid productname partname partno"
    " design prodfile",
    "slot": "slot slotno slotid slotnumber",
    "orientation": "flatnotch flat flatdir notch notchdir sourcenotch fnloc fnloc1 orient"
    " notchside flatdirection notchdirection flatposition notchposition flatlocation notchlocation"
    " flatorientation orientationflat orientation",
    "tool": "prober proberid probername tester testername testerid testsystem machine machineno",
    "rows": "maprow maprows rows rowct rowcnt rowcount nrows numrows numberofrows nlines wmydim",
    "columns": "mapcolumn mapcolumns columns cols colct colcnt columncount ncols numcols"
    " numberofcolumns wmxdim",
    "token": "mapbinlength",
    "tested": "totaltested testeddie testeddies totaltestdie totaltestdies totaltest"
    " totalinspectiondie tested testdie testdies grossdie grossdies"
    " totalprobertestdies",
    "passed": "totalpass passdie passdies passeddie good gooddie gooddies goods goodqty totalgood"
    " numberofgooddie numberofgooddies goodcount passcount goodchip goodchips sumpas pickable"
    " pass passed totalproberpassdies",
    "failed": "totalfail faildie faildies fail bad baddie baddies totalbad numberofbaddies badcount"
    " failcount badchip badchips failed",
    "across": "xdies xdies1 xdiesize xsize dicesizex diesizex indexx xstep",
    "down": "ydies ydies1 ydiesize ysize dicesizey diesizey indexy ystep",
    "unit": "dieunits dutms",
    "passing": "pasbin passbin passbins bcequ goodbin goodbins passed gooddie",
    "failing": "failbin failbins badbin badbins",
    "null": "nullbin nulbc",
    "skipped": "skipdi skipbin skipbins nodi",
    "reference": "refbin targbc referencedie",
    "size": "maxxy",
    "dies": "dies",
    "x": "x",
    "y": "y",
}
ROLE: Final = {name: role for role, names in NAMES.items() for name in names.split()}

_ENUMERATED: Final = re.compile(r"\d{1,2}[ \t]?\.[ \t]?")
_KEY: Final = re.compile(r"[A-Za-z][\w ./#()°-]{0,62}")
_ROW: Final = re.compile(r"(?i)(?:map|row|line|[ry])[ _]?\d{1,5}")
_SIX_LETTERS: Final = re.compile(r"(?!MAP\d)[A-Z]{2}[A-Z0-9]{4} [+-]?\S{0,40}")
_SIDE: Final = re.compile(r"(?i)(?:notch|flat)[-_ ](\w{1,10})")
_PLAIN: Final = re.compile(r"[^a-z0-9]+")
_NEXT: Final = re.compile(
    r"[ \t]{2,}(?=[A-Za-z][\w./#()-]{0,31}(?: [\w./#()-]{1,31}){0,2}[ \t]{0,4}[:=])"
)
_SAID: Final = re.compile(r"[:=][ \t]{0,512}\S")
#: Longest key with its separator, and words of a key that a blank separates from its value.
_LONGEST: Final = 64
_MOST_WORDS: Final = 4
#: Longest line that may have several keys.
_LONGEST_LINE: Final = 512


class Entry(NamedTuple):
    """A line of a header: key, empty where it means nothing here, and value."""

    key: str
    value: str


def plain(text: str) -> str:
    """Letters and digits of a text, in small letters."""
    return _PLAIN.sub("", text.lower())


def entry_of(line: str) -> Entry | None:
    """A line as key and value; None where it is no line of a header."""
    text = line.strip()
    if found := _ENUMERATED.match(text):
        text = text[found.end() :]
    if found := _SIDE.fullmatch(text):
        return Entry("notch", found[1])
    head = text[:_LONGEST]
    cut = min((at for mark in ":=" if (at := head.find(mark)) > 0), default=0)
    if cut and _KEY.fullmatch(key := head[:cut].strip()) and not _ROW.fullmatch(key):
        name = plain(key)
        return Entry(name if name in ROLE else "", text[cut + 1 :].strip(" \t\"'"))
    return _without_mark(text)


def _without_mark(text: str) -> Entry | None:
    """``KEY value``, which a tab or blanks separate, where the key is known."""
    if "\t" in text:
        key, _, value = text.partition("\t")
        name = plain(key)
        is_known = name in ROLE and len(name) > 1  # X is a die
        return Entry(name, value.strip()) if is_known else None
    words = text[:_LONGEST].split(maxsplit=_MOST_WORDS)
    for count in range(min(len(words) - 1, _MOST_WORDS), 0, -1):
        name = plain("".join(words[:count]))
        if len(name) > 2 and name in ROLE:
            return Entry(name, text.split(maxsplit=count)[count].strip())
    return Entry("", text) if _SIX_LETTERS.fullmatch(text) else None


def entries_of(line: str) -> list[Entry]:
    """The keys with their values of a line, of which several stand two blanks or more apart."""
    parts = list[str]()
    for part in _NEXT.split(line) if len(line) <= _LONGEST_LINE else [line]:
        if parts and not _SAID.search(parts[-1]):
            parts[-1] += f" {part}"  # the value, or the rest of a key
        else:
            parts.append(part)
    return [entry for part in parts if (entry := entry_of(part))]
