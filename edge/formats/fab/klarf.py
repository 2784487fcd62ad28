"""KLARF, what inspection tools write: dies that were inspected, and the defects found on them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import IO, TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, UsageError
from edge.formats.fab.fab_map import FabMap, Finding, Meaning
from edge.formats.fab.text import one_line, read_text, utf16_of

if TYPE_CHECKING:
    from edge.formats.registry import Source

#: How a file with nested records (1.8) begins.
NESTED: Final = re.compile(r"^[ \t]*Record\s+FileRecord\b", re.IGNORECASE | re.MULTILINE)

#: Characters of a file in which that stands, or it is of an older kind.
_BEGINNING: Final = 4096

#: Columns in the order that readers expect who do not look at their names.
_COLUMNS: Final = "DEFECTID XREL YREL XINDEX YINDEX XSIZE YSIZE DEFECTAREA DSIZE CLASSNUMBER TEST"


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafers of a file, one after the other.

    A die passes where it was inspected and no defect was found on it; its code is the number of
    its defects. What else makes one pass, a recipe says.

    Raises:
        InputError: it is cut off, or a list in it is not what it should be.
    """
    text = read_text(file, source)
    if NESTED.search(text, 0, _BEGINNING):
        from edge.formats.fab.klarf_nested import read_nested

        return read_nested(text, source)
    from edge.formats.fab.klarf_flat import read_flat

    return read_flat(text, source)


def write(maps: Iterable[FabMap], file: IO[bytes]) -> None:
    """Write wafers as KLARF 1.2, one after the other.

    A defect lies in the middle of its die, of size 0 where nobody measured it. What a map does not
    say (dates, recipe, wafer size) is left out.

    Raises:
        UsageError: a wafer has a code of unknown meaning, or no die.
    """
    for fab in maps:
        file.write("".join(f"{line}\n" for line in _lines(fab)).encode("utf-8", "replace"))


def write_back(content: bytes, findings: Mapping[int, Finding]) -> bytes:
    """A file with what was found of its wafers: in its list of classes, and in a record each.

    The record is three entries of a wafer's ``CustomWaferList``, which readers skip that do not
    know their names. What was written back before is replaced. Every other byte stays, but the
    number of entries that such a list states.

    Args:
        content: The file.
        findings: By the wafer's index in the file.

    Raises:
        InputError: it is no KLARF or is damaged, or has no such wafer.
    """
    from edge.formats.fab.klarf_write_back import written_back

    for _ in read_maps(BytesIO(content), "the file to write into"):
        pass
    wide = utf16_of(content)
    encoding = wide or "latin-1"
    text = content.decode(encoding)

    def unquoted(name: str) -> str:
        name = _quoted(name)[1:-1]  # where it is no wide one, each byte is a letter
        return name if wide else name.encode("utf-8", "replace").decode(encoding)

    said = {index: Finding(*map(unquoted, finding)) for index, finding in findings.items()}
    unmarked = text.removeprefix("\ufeff").removeprefix("\xef\xbb\xbf")
    mark = text[: len(text) - len(unmarked)]
    is_nested = NESTED.search(unmarked, 0, _BEGINNING) is not None
    return (mark + written_back(unmarked, said, is_nested)).encode(encoding)


def _lines(fab: FabMap) -> Iterator[str]:
    if Meaning.UNKNOWN in {fab.legend[code].meaning for code in set(fab.codes.flat) - {-1}}:
        what = f"{fab.source}: codes of unknown meaning, and KLARF says what fails"
        raise UsageError(f"{what}; say what passes (--pass-bins)")
    fails, passes = (_where(fab, meaning) for meaning in (Meaning.FAIL, Meaning.PASS))
    is_die = fails | passes
    if not is_die.any():
        raise UsageError(f"{fab.source}: no die, and KLARF lists those that were inspected")
    height, width = is_die.shape
    across, down = fab.pitch or (0.0, 0.0)
    yield "FileVersion 1 2;"
    if fab.tool:
        yield f"InspectionStationID {_quoted(fab.tool)};"
    yield from ("SampleType WAFER;", f"LotID {_quoted(fab.lot)};")
    yield f"DeviceID {_quoted(fab.device)};"
    yield f"OrientationMarkLocation {_word(fab.orientation)};"
    yield from (f"DiePitch {across!r} {down!r};", "DieOrigin 0.0 0.0;")
    yield f"WaferID {_quoted(fab.wafer)};"
    if fab.slot:
        yield f"Slot {_word(fab.slot)};"
    yield f"SampleCenterLocation {across * width / 2!r} {down * height / 2!r};"
    yield 'ClassLookup 1\n 0 "unclassified";'
    yield from _margin(is_die)
    rows, columns = np.nonzero(is_die)
    yield "InspectionTest 1;"
    yield f"SampleTestPlan {rows.size}"
    ends = ["" for _ in range(rows.size - 1)] + [";"]
    yield from (
        f" {x} {height - 1 - y}{end}"
        for y, x, end in zip(rows.tolist(), columns.tolist(), ends, strict=True)
    )
    yield f"AreaPerTest {across * down * rows.size!r};"
    found = list(_defects(fab, fails))
    yield f"DefectRecordSpec {len(_COLUMNS.split())} {_COLUMNS};"
    yield "DefectList" if found else "DefectList;"
    middle = f"{across / 2!r} {down / 2!r}"
    for number, (y, x, kind, size) in enumerate(found, 1):
        end = ";" if number == len(found) else ""
        place = f"{middle} {x} {height - 1 - y}"
        yield f"{number} {place} 0.0 0.0 0.0 {np.float32(size)!s} {kind} 1{end}"
    failing = len({each[:2] for each in found})
    yield "SummarySpec 4 TESTNO NDEFECT NDIE NDEFDIE;"
    yield f"SummaryList\n 1 {len(found)} {rows.size} {failing};"
    yield "EndOfFile;"


def _word(text: str) -> str:
    """The same without quotes, where it is one word of letters and digits."""
    return text if text.isalnum() else _quoted(text)


def _where(fab: FabMap, meaning: Meaning) -> npt.NDArray[np.bool_]:
    means = [code.meaning is meaning for code in fab.legend]
    return np.array([*means, False], np.bool_).take(fab.codes)


def _margin(is_die: npt.NDArray[np.bool_]) -> Iterator[str]:
    """Two corners as removed dies, where the drawing is wider than its dies."""
    height, width = is_die.shape
    rows, columns = np.nonzero(is_die)
    if (np.ptp(rows) + 1, np.ptp(columns) + 1) == is_die.shape:
        return
    corners = [(0, height - 1), (width - 1, 0)]
    corners = [(x, y) for x, y in corners if not is_die[height - 1 - y, x]]
    pairs = "\n".join(f" {x} {y}" for x, y in corners)
    yield f"RemovedDieList {len(corners)}\n{pairs};"


def _defects(fab: FabMap, fails: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, int, float]]:
    """Row, column, class and size of each defect to be written: one where a map has none."""
    left = fails.copy()
    if fab.defects is not None:
        for y, x, kind, size in zip(*(each.tolist() for each in fab.defects), strict=True):
            if fails[y, x]:
                left[y, x] = False
                yield y, x, max(kind, 0), 0.0 if math.isnan(size) else size
    for y, x in np.argwhere(left).tolist():
        yield y, x, 0, 0.0


def _quoted(text: str) -> str:
    """A name as a file can hold it, whose quotes would end it."""
    name = one_line(text).replace('"', "'")
    return f'"{name}"'
