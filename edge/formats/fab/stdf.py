"""STDF V4: records of a tester; the results of the parts of a wafer stand between WIR and WRR."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import Code, FabMap, Meaning, naming
from edge.formats.fab.grid import MOST_CODES, pitch_of, placed
from edge.formats.fab.stdf_records import (
    FAILED,
    NOWHERE,
    RESULT,
    RESULT_BYTES,
    RETEST,
    SILENT,
    UNITS,
    UNSAID,
    Kind,
    Records,
)
from edge.formats.fab.stdf_wafer import Wafer, last, places, stated
from edge.formats.fab.stdf_writer import write

if TYPE_CHECKING:
    from edge.formats.registry import Source

__all__ = ("read_maps", "write")

#: Wafers of a file, and results with a position in all of them; a lot has 25, and a tenth of that.
MAX_WAFERS: Final = 10_000
MAX_RESULTS: Final = 4_000_000

_ALL_HEADS: Final = 255

_AXES: Final = {"x": ("L", "R"), "y": ("U", "D")}
_SIDES: Final = {"U": "Up", "D": "Down", "L": "Left", "R": "Right"}
_NO_WRR: Final = "no WRR ends this wafer"
_MEANINGS: Final = (Meaning.PASS, Meaning.FAIL, Meaning.UNKNOWN)


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafers of a file; none before its end was seen, where its bins stand.

    Raises:
        InputError: another version, a record that goes beyond the end of the file, no results with
            a position.
    """
    records = Records(file, source)
    reader = _Reader(records, source)
    with naming(lambda: reader.names):
        for kind, record, at in records:
            reader.note(kind, record, at)
    yield from reader.maps()


class _Reader:
    """What has been read of a file."""

    def __init__(self, records: Records, source: str) -> None:
        self._records, self._source, self._order = records, source, records.order
        self._dtype = np.dtype([(name, self._order + form) for name, form in RESULT])
        self._wafers: list[Wafer] = []
        self._open: dict[int, Wafer] = {}
        self._loose = Wafer()
        self._names = self._loose.names
        self._outline: bytes | None = None
        self._bins: dict[tuple[Kind, int], set[bytes]] = {}
        self._is_ended = False
        self._count = 0
        self._outside = ""

    @property
    def names(self) -> tuple[str, str]:
        """The lot, and the wafer that began last of those whose end was not read yet."""
        return self._names[0], next((each.wafer for each in reversed(self._open.values())), "")

    def note(self, kind: Kind, record: bytes, at: int) -> None:
        """Take in one record."""
        if kind == Kind.PRR:
            self._note_results(record)
        elif kind == Kind.MIR:
            lot, device, node, tester = self._records.texts(record, 15, 4, at)
            self._names = self._loose.names = (lot, device, tester or node)
            self._is_ended = False
        elif kind == Kind.MRR:
            self._is_ended = True
        elif kind == Kind.WCR:
            self._outline = record
        elif kind in (Kind.HBR, Kind.SBR):
            number = struct.unpack_from(self._order + "H", record.ljust(9, b" "), 2)[0]
            said = record[8:9].upper()
            if said in (b"P", b"F"):
                self._bins.setdefault((kind, number), set()).add(said)
        elif kind == Kind.WIR:
            head = record[0] if record else 1
            if former := self._open.get(head):
                former.warnings.append(_NO_WRR)
                former.is_ended = True
            wafer = Wafer(self._names, self._records.texts(record, 6, 1, at)[0])
            self._wafers.append(wafer)
            if len(self._wafers) > MAX_WAFERS:
                what = f"more than {MAX_WAFERS:,} wafers (WIR); divide it by lot"
                raise InputError(self._source, InputKind.TOO_LARGE, what)
            self._open[head] = wafer
        else:
            self._note_end(record, at)

    def _head(self, head: int) -> int:
        """HEAD_NUM of a record; if it says all of them, that of the only wafer that is open."""
        return next(iter(self._open)) if head == _ALL_HEADS and len(self._open) == 1 else head

    def _note_results(self, beginnings: bytes) -> None:
        """Give results to the wafers of their heads, in their order."""
        results = np.frombuffer(beginnings, self._dtype)
        wafers: dict[int, tuple[Wafer, list[int]]] = {}
        for head in np.unique(results["head"]).tolist():
            wafer = self._open.get(self._head(head)) or self._open.get(_ALL_HEADS, self._loose)
            wafers.setdefault(id(wafer), (wafer, []))[1].append(head)
        for wafer, heads in wafers.values():
            own = results if len(wafers) == 1 else results[np.isin(results["head"], heads)]
            is_placed = (own["x"] != NOWHERE) & (own["y"] != NOWHERE)
            wafer.results += own[is_placed].tobytes()
            count = int(np.count_nonzero(is_placed))
            wafer.nowhere += len(own) - count
            self._count += count
        if self._count > MAX_RESULTS:
            what = f"more than {MAX_RESULTS:,} results with a position; divide it by wafer"
            raise InputError(self._source, InputKind.TOO_LARGE, what)

    def _note_end(self, record: bytes, at: int) -> None:
        """A WRR. What is not in a short one is not said."""
        wafer = self._open.pop(self._head(record[0] if record else 1), None)
        if wafer is None:
            if self._open or not self._loose.results:
                return
            wafer, self._loose = self._loose, Wafer(self._names)
            wafer.warnings.append("no WIR begins this wafer")
            self._wafers.append(wafer)
        counts = struct.unpack_from(self._order + "5I", record[:26].ljust(26, b"\xff"), 6)
        wafer.parts, wafer.good = (None if each == UNSAID else each for each in counts[0:4:3])
        names = self._records.texts(record, 26, 2, at)
        wafer.wafer = wafer.wafer or names[0] or names[1]
        wafer.outline, wafer.is_ended = self._outline, True

    def maps(self) -> Iterator[FabMap | InputError]:
        """The wafers, when all records were noted."""
        wafers, loose = self._wafers, self._loose
        if not wafers and loose.results:
            self._check_one(loose)
            wafers = [loose]
        elif not wafers:
            what = f"no wafer in it: {loose.nowhere} results without a position, as of a final test"
            raise InputError(self._source, InputKind.NOT_A_MAP, f"{what}; name a wafer sort's file")
        elif left := loose.nowhere + len(loose.results) // RESULT_BYTES:
            self._outside = f"{left} results of the file stand outside of every wafer (WIR to WRR)"
        self._times = Counter((wafer.names, wafer.wafer) for wafer in wafers)
        for index, wafer in enumerate(wafers):
            try:
                yield self._map_of(wafer, index)
            except InputError as error:
                yield error.of(wafer.names[0], wafer.wafer)

    def _check_one(self, loose: Wafer) -> None:
        """Refuse results without WIR of which nobody knows whether they are of one wafer."""
        results = np.frombuffer(loose.results, self._dtype)
        again = len(results) - len(np.unique(places(results)))
        if again > np.count_nonzero(results["flags"] & RETEST):
            what = f"no wafer begins in it (WIR), and {again} results have a position of another"
            mend = "write a file a wafer, or WIR and WRR"
            raise InputError(self._source, InputKind.AMBIGUOUS, f"{what}; {mend}")
        loose.warnings.append("no wafer begins in the file (WIR); its results are taken for one")

    def _map_of(self, wafer: Wafer, index: int) -> FabMap:
        name = f"{self._source}[{index}]" if index else self._source
        if not wafer.is_ended and not self._is_ended:
            what = "the file ends within this wafer (no WRR and no MRR); copy it again"
            raise InputError(name, InputKind.UNREADABLE, what)
        if not wafer.results:
            what = f"a wafer of {wafer.nowhere} results without a position"
            outside = f"; {self._outside} or are of another head" if self._outside else ""
            raise InputError(name, InputKind.EMPTY, f"{what}{outside}; export it again")
        if self._outside:
            wafer.warnings.append(f"{self._outside} and do not count")
        if self._times[wafer.names, wafer.wafer] > 1:
            what = f"wafer {wafer.wafer or 'without id'} begins several times in the file"
            wafer.warnings.append(f"{what}; each part is taken for a wafer of its own")
        if not wafer.is_ended and wafer is not self._loose:
            wafer.warnings.append(_NO_WRR)
        if not self._is_ended:
            wafer.warnings.append("no MRR ends the file; what followed this wafer is lost")
        return self._placed(wafer, index, name)

    def _placed(self, wafer: Wafer, index: int, name: str) -> FabMap:
        results = np.frombuffer(wafer.results, self._dtype)
        kept = last(results)
        if retests := len(results) - len(kept):
            results = results[kept]
        outline = (wafer.outline or self._outline or b"").ljust(20, b" ")
        flat, pos_x, pos_y = (chr(outline[at]).upper().strip("\0 ") for at in (13, 18, 19))
        lost = [axis for axis, pos in (("x", pos_x), ("y", pos_y)) if pos not in _AXES[axis]]
        if lost:
            what = f"the file does not say the direction of {' and '.join(lost)} (WCR)"
            wafer.warnings.append(f"{what}; drawn to the right and upwards")
        both = results["hard"].astype(np.int32) * 4 + self._states(results, wafer)
        keys = np.flatnonzero(np.bincount(both))
        if len(keys) > MOST_CODES:
            what = f"more than {MOST_CODES} different hard bins on a wafer; not a map"
            raise InputError(name, InputKind.NOT_A_MAP, what)
        codes = np.searchsorted(keys, both)
        x = results["x"] if pos_x != "L" else -results["x"].astype(np.int32)
        grid, _, _ = placed(x, results["y"], codes, name, upwards=pos_y != "D")
        lot, device, tool = wafer.names
        return FabMap(
            grid,
            tuple(Code(str(key // 4), _MEANINGS[key % 4]) for key in keys.tolist()),
            lot=lot,
            wafer=wafer.wafer,
            device=device,
            orientation=flat if lost else _SIDES.get(flat, flat),
            pitch=self._pitch(outline),
            stated=stated(wafer, len(results), retests),
            retests=retests,
            tool=tool,
            format="STDF",
            source=self._source,
            index=index,
            warnings=tuple(wafer.warnings),
        )

    def _states(self, results: npt.NDArray[Any], wafer: Wafer) -> npt.NDArray[np.int32]:
        """Place in ``_MEANINGS`` of each result: what the part says, else its bins.

        Where parts and hard bins say different things, the count of good parts decides, or nobody.
        """
        parts = np.where(results["flags"] & SILENT, 2, (results["flags"] & FAILED) // FAILED)
        hard, soft = self._said(Kind.HBR, results["hard"]), self._said(Kind.SBR, results["soft"])
        by_bin = np.where(hard == 2, soft, hard)
        states = np.where(parts == 2, by_bin, parts)
        against = (states != hard) & (hard != 2)
        if not against.any():
            return states
        bins = ", ".join(map(str, np.unique(results["hard"][against])[:8].tolist()))
        other = np.where(against, hard, states)
        good = [int(np.count_nonzero(each == 0)) for each in (states, other)]
        fits = [count == wafer.good for count in good]
        what = f"parts (PART_FLG) and bins (HBR) say different things of bin {bins}"
        if fits[0] == fits[1]:
            wafer.warnings.append(what)
            return np.where(against, 2, states)
        says = ("parts", "bins")[fits[1]]
        wafer.warnings.append(f"{what}; the {says} count, they agree with {wafer.good} good ones")
        return (states, other)[fits[1]]

    def _said(self, kind: Kind, bins: npt.NDArray[np.uint16]) -> npt.NDArray[np.int32]:
        """What HBR or SBR say of each bin; all of one bin must say the same."""
        numbers, places = np.unique(bins, return_inverse=True)
        said = [self._bins.get((kind, number), set()) for number in numbers.tolist()]
        words = {frozenset((b"P",)): 0, frozenset((b"F",)): 1}
        return np.array([words.get(frozenset(each), 2) for each in said], np.int32)[places]

    def _pitch(self, outline: bytes) -> tuple[float, float] | None:
        """Die size in um; None where it or its unit is not given, or is no size."""
        down, across, unit = struct.unpack_from(self._order + "ffB", outline, 4)
        um = None if self._records.is_vax else UNITS.get(unit)
        return pitch_of(across, down, um, self._source)
