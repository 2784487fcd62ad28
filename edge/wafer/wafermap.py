"""The wafer map: the grid of die states that everything else works on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind

NO_DIE: Final = 0
PASS: Final = 1
FAIL: Final = 2

#: For messages.
STATES: Final = "0 (no die), 1 (pass), 2 (fail)"
BOOLEAN: Final = "True and False do not tell no die, pass and fail apart; save 0, 1, 2"

#: Other ways to write die states, by a value that only they have.
_MENDS: Final = {
    (0.5,): "halves 0, 0.5, 1: save (2 * grid).astype('uint8')",
    (-1,): "if -1, 0, 1 are no die, pass, fail: save (grid + 1).astype('uint8')",
    (127, 128, 255): "grey levels 0, 127, 255: save (grid > 0) + (grid > 200).astype('uint8')",
}

#: Longest side of a map, in dies. The largest wafer of WM-811K has 300; the bound keeps a hostile
#: file from exhausting memory and the encoding's float32 sums exact (see edge.wafer.encoding).
MAX_SIDE: Final = 4096

DieGrid = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class WaferMap:
    """One wafer as it came off test.

    Two are equal where all is, die by die.

    Attributes:
        dies: uint8 (rows, columns); 0 no die, 1 pass, 2 fail. Row 0 is the top as displayed.
        source: Where it was read from (a path as the user gave it).
        index: Position in a source that holds several wafers, from 0.
        lot: Lot name, or None where unknown.
        wafer: Wafer number or name within the lot, or None.
        slot: Cassette slot, or None.
        orientation: Notch or flat position in degrees as the source states it, or None.
        device: Product, or None.
        retests: Results of a file of a fab that a later one of the same die replaced.
        legend: Who says what passes in such a file: ``file``, ``recipe NAME``, ``option
            --pass-bins``, or what the colours of a picture mean; None for any other source.
        turned: Degrees, counter-clockwise, by which its drawing was turned to have notch or flat
            down; None where nobody says where that is: as drawn.
        warning: What somebody should know of it, or None.
    """

    dies: DieGrid
    source: str = ""
    index: int = 0
    lot: str | None = None
    wafer: str | None = None
    slot: int | None = None
    orientation: int | None = None
    device: str | None = None
    retests: int = 0
    legend: str | None = None
    turned: int | None = None
    warning: str | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WaferMap):
            return NotImplemented
        return bool(_NAMES(self) == _NAMES(other) and np.array_equal(self.dies, other.dies))

    def __hash__(self) -> int:
        return hash(_NAMES(self))

    @cached_property
    def die_count(self) -> int:
        """Number of dies on the wafer."""
        return int(np.count_nonzero(self.dies))

    @cached_property
    def fail_count(self) -> int:
        """Number of failing dies."""
        return int(np.count_nonzero(self.dies == FAIL))


#: All of a wafer map but its dies.
_NAMES: Final = attrgetter(*WaferMap.__match_args__[1:])


def mend_of(value: float) -> str:
    """What to do about a value that is no die state but a known way to write one; may be empty."""
    if math.isnan(value):
        return " (NaN where there is no die: make it 0 with numpy.nan_to_num(grid))"
    return next((f" ({how})" for known, how in _MENDS.items() if value in known), "")


def check_layout(shape: tuple[int, ...], dtype: np.dtype[Any], source: str) -> None:
    """Refuse arrays that cannot be a die grid whatever their values.

    Raises:
        InputError: not two-dimensional, too large, or values of a type that holds no die states.
    """
    if len(shape) != 2 or 0 in shape:
        sides = " x ".join(map(str, shape)) or "a single value"
        what = f"a wafer map has rows and columns, this array is {sides}"
        mend = "one wafer is one 2-D grid; a file may hold several as (wafers, rows, columns)"
        raise InputError(source, InputKind.NOT_A_MAP, f"{what}; {mend}")
    if max(shape) > MAX_SIDE:
        what = f"{shape[0]} x {shape[1]} dies; at most {MAX_SIDE} a side are accepted"
        raise InputError(source, InputKind.TOO_LARGE, what)
    if dtype.kind == "b":
        raise InputError(source, InputKind.BAD_VALUE, BOOLEAN)
    if dtype.kind not in "uif":
        what = f"values of type {dtype}; store die states as integers {STATES}"
        raise InputError(source, InputKind.BAD_VALUE, what)


def check_grid(values: npt.NDArray[np.generic], source: str) -> DieGrid:
    """Turn an array from outside into a die grid, or say why it is none.

    Args:
        values: Any array; integer or float whose values are whole numbers.
        source: Name for error messages.

    Returns:
        uint8 (rows, columns) of {0, 1, 2} with at least one die.

    Raises:
        InputError: see ``check_layout``; a value other than 0, 1, 2, or no die at all.
    """
    check_layout(values.shape, values.dtype, source)
    dies = np.ascontiguousarray(values if values.dtype == np.uint8 else _to_uint8(values, source))
    top = int(dies.max())
    if top > FAIL:
        raise _bad_value(values, dies > FAIL, source)
    if top == NO_DIE:
        what = "no die at all (every position is 0); check the export that wrote it"
        raise InputError(source, InputKind.NO_DIES, what)
    return dies


def checked(given: WaferMap) -> WaferMap:
    """A wafer map of which it is certain that its dies are a grid; errors as of ``as_grid``."""
    if not isinstance(given, WaferMap):
        what = f"a WaferMap is needed, not {type(given).__name__}"
        raise TypeError(f"{what}; make one, WaferMap(array), or call wm_edge.classify()")
    dies = given.dies
    plain = type(dies) is np.ndarray and dies.dtype == np.uint8 and dies.ndim == 2
    if plain and NO_DIE < dies.max(initial=0) <= FAIL and max(dies.shape) <= MAX_SIDE:
        return given  # as readers make them: this takes two microseconds
    return replace(given, dies=as_grid(dies, given.source or "wafer map"))


def as_grid(given: npt.ArrayLike, source: str) -> DieGrid:
    """``check_grid`` of what a script has: lists, too, and nothing that is masked."""
    if type(given) is not np.ndarray and np.ma.is_masked(given):
        what = "values are masked; give array.filled(0) where these are no die"
        raise InputError(source, InputKind.BAD_VALUE, what)
    try:
        values = np.asarray(given)
    except ValueError:
        what = "its rows differ in length; fill the short ones up with 0 (no die)"
        raise InputError(source, InputKind.NOT_A_MAP, what) from None
    return check_grid(values, source)


def _to_uint8(values: npt.NDArray[np.generic], source: str) -> DieGrid:
    with np.errstate(invalid="ignore"):
        dies = values.astype(np.uint8)
    wrong = dies != values  # also true for NaN, which equals nothing
    if wrong.any():
        raise _bad_value(values, wrong, source)
    return dies


def _bad_value(values: npt.NDArray[Any], wrong: npt.NDArray[np.bool_], source: str) -> InputError:
    row, column = np.argwhere(wrong)[0]
    value = values[row, column]
    what = f"value {value} at row {row}, column {column}; die states are {STATES}"
    return InputError(source, InputKind.BAD_VALUE, what + mend_of(float(value)))
