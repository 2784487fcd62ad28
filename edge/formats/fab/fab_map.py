"""What a file of a fab says of one wafer, before anybody says what passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.system.choice import Choice
from edge.wafer.wafermap import WaferMap

#: int16 (rows, columns): positions in a legend, -1 where there is no position.
Codes = npt.NDArray[np.int16]


class Meaning(Choice):
    """What a code stands for. All but pass, fail and unknown are no die."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    #: The file does not say.
    UNKNOWN = "unknown"
    NULL = "null"
    INK = "ink"
    EDGE = "edge"
    MARK = "mark"
    REFERENCE = "reference"
    TEST = "test"
    #: The file has a word for it that says neither pass nor fail.
    OTHER = "other"

    @property
    def is_none(self) -> bool:
        """Whether there is no verdict at such a position."""
        return self not in {Meaning.PASS, Meaning.FAIL, Meaning.UNKNOWN}


class Code(NamedTuple):
    """One code of a legend: as the file writes it, and what it means there."""

    text: str
    meaning: Meaning


class Stated(NamedTuple):
    """Counts of dies that a file states, each None where it does not."""

    tested: int | None = None
    passed: int | None = None
    failed: int | None = None


NOTHING_STATED: Final = Stated()


class Finding(NamedTuple):
    """What a file gets written back of a wafer.

    Attributes:
        pattern: The most probable pattern's name.
        verdict: ``accept`` or ``review``, with the reason behind it where there is one.
    """

    pattern: str
    verdict: str


class Defects(NamedTuple):
    """Defects of an inspected wafer, one an entry, for recipes that do not count all.

    Attributes:
        rows: int32 (N,), of the die in ``codes``.
        columns: int32 (N,).
        classes: int32 (N,), class number; -1 where the file gives none.
        sizes: float32 (N,), um; NaN where the file gives none.
    """

    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    classes: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FabMap:
    """What a file says of one wafer, drawn as the file draws it.

    Two are equal where drawing, meanings and names are, whatever file they came from.

    Attributes:
        codes: int16 (rows, columns); positions in ``legend``, -1 where there is no position. Row 0
            is the top.
        legend: The codes, each once; some may not occur.
        lot: As text, trimmed; empty where the file does not say. So are the next four.
        wafer: Wafer id.
        device: Product.
        slot: Cassette slot.
        orientation: Where notch or flat is, in the file's own word or number.
        pitch: From die to die in um, (across, down), or None.
        stated: Counts in the header, against which a legend is checked.
        retests: How many results were replaced by a later one of the same die.
        tool: What measured it, where the file names it.
        defects: Of an inspected wafer, where there are any.
        format: Name of the format.
        source: Name of the file.
        index: Position in the file, from 0.
        warnings: What somebody should know, in whole sentences without a point.
        words: What the file says of codes whose word says neither pass nor fail, by code.
        of_width: Where nothing says how many characters a die has: the map whose dies have that
            many. ``codes`` has each character as a die then.
    """

    codes: Codes
    legend: tuple[Code, ...]
    lot: str = ""
    wafer: str = ""
    device: str = ""
    slot: str = ""
    orientation: str = ""
    pitch: tuple[float, float] | None = None
    stated: Stated = NOTHING_STATED
    retests: int = 0
    tool: str = ""
    defects: Defects | None = field(default=None, repr=False)
    format: str = ""
    source: str = ""
    index: int = 0
    warnings: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict, repr=False)
    of_width: Callable[[int], FabMap] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """File and position, for messages."""
        return f"{self.source}[{self.index}]" if self.index else self.source

    def refused(self, kind: InputKind, reason: str) -> InputError:
        """An error that says of which lot and wafer it is, where the file does."""
        return InputError(self.name, kind, reason).of(self.lot, self.wafer or self.slot)

    def texts(self) -> npt.NDArray[np.str_]:
        """The drawing as texts (rows, columns); empty where there is no position."""
        return np.array([*(code.text for code in self.legend), ""])[self.codes]

    def meanings(self) -> npt.NDArray[np.str_]:
        """The drawing as words of ``Meaning`` (rows, columns); ``null`` where is no position."""
        words = [code.meaning.value for code in self.legend]
        return np.array([*words, Meaning.NULL.value])[self.codes]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FabMap):
            return NotImplemented
        return (
            all(getattr(self, name) == getattr(other, name) for name in _COMPARED)
            and np.array_equal(self.texts(), other.texts())
            and np.array_equal(self.meanings(), other.meanings())
        )

    def __hash__(self) -> int:
        return hash((self.lot, self.wafer, self.codes.shape))


#: Fields that two equal maps may have different.
_OWN: Final = {"codes", "legend", "defects", "tool", "format", "source", "index", "warnings",
               "words", "of_width"}  # fmt: skip
_COMPARED: Final = tuple(each.name for each in fields(FabMap) if each.name not in _OWN)


#: The legend of die states.
STATES: Final = (Code("0", Meaning.NULL), Code("1", Meaning.PASS), Code("2", Meaning.FAIL))


def of_wafer(wafer: WaferMap) -> FabMap:
    """A wafer map as a FabMap, for writers: its states are the codes."""
    return FabMap(
        wafer.dies.astype(np.int16),
        STATES,
        lot=wafer.lot or "",
        wafer=wafer.wafer or "",
        device=wafer.device or "",
        slot="" if wafer.slot is None else str(wafer.slot),
        orientation="" if wafer.turned is None else "down",
        source=wafer.source,
        index=wafer.index,
    )


@contextmanager
def naming(names: Callable[[], tuple[str, str]]) -> Iterator[None]:
    """Errors inside say of which lot and wafer they are, where that is known by then."""
    try:
        yield
    except InputError as error:
        error.of(*names())
        raise


def one_each(maps: Iterable[FabMap]) -> Iterator[FabMap | InputError]:
    """The wafers of a file; an ``InputError`` in place of each of several with the same names.

    Raises:
        InputError: as ``maps``, behind those before.
    """
    found, failed = list[FabMap](), None
    try:
        found.extend(maps)  # those before one that fails are kept
    except InputError as error:
        failed = error
    names = [(fab.lot, fab.wafer or fab.slot, fab.device) for fab in found]
    counts = Counter(names)
    for fab, name in zip(found, names, strict=True):
        if counts[name] > 1 and name[1]:
            what = f"{counts[name]} maps of one wafer in it; leave the one that counts"
            yield fab.refused(InputKind.AMBIGUOUS, what)
        else:
            yield fab
    if failed:
        raise failed


def same_bin(one: str, other: str) -> bool:
    """Whether two texts are the same bin: ``1`` is ``01``, ``a`` is not ``A``."""
    return one == other or (one.lstrip("0") or "0") == (other.lstrip("0") or "0")
