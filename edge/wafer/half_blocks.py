"""A wafer map in letters: two dies a character where there is colour, else one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.wafer.wafermap import NO_DIE, DieGrid

#: No die, pass, fail.
_LETTERS: Final = " .X"

#: Colours of a terminal with 256 of them: light against dark, so that they differ in grey, too.
_COLOURS: Final = (0, 152, 160)
_UPPER, _LOWER, _PLAIN = "\N{UPPER HALF BLOCK}", "\N{LOWER HALF BLOCK}", "\033[0m"


def gathered(dies: DieGrid, side: int) -> DieGrid:
    """Blocks of dies as one, so that no side is longer than ``side``; the worst state stays."""
    step = -(-max(dies.shape) // side)
    for axis in (0, 1):
        dies = np.maximum.reduceat(dies, np.arange(0, dies.shape[axis], step), axis=axis)
    return dies


def thinned(codes: npt.NDArray[np.int16], side: int) -> tuple[npt.NDArray[np.int16], int]:
    """Every Nth row and column, so that no side is longer than ``side``; and that N."""
    step = -(-max(codes.shape) // side)
    return codes[::step, ::step], step


def letters(dies: DieGrid) -> list[str]:
    """A line a row: ``X`` fails, ``.`` passes."""
    return ["".join(_LETTERS[state] for state in row) for row in dies.tolist()]


def half_blocks(dies: DieGrid) -> list[str]:
    """A line every two rows, in colours of a terminal; each as wide as the map."""
    rows = dies.tolist() + [[NO_DIE] * dies.shape[1]] * (dies.shape[0] % 2)
    return [
        "".join(map(_cell, above, below)) + _PLAIN
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    ]


def _cell(above: int, below: int) -> str:
    if not (above or below):
        return f"{_PLAIN} "
    block, first, second = (_UPPER, above, below) if above else (_LOWER, below, above)
    ground = f"48;5;{_COLOURS[second]}" if second else "49"
    return f"\033[38;5;{_COLOURS[first]};{ground}m{block}"


def beside(drawing: Sequence[str], width: int, facts: Sequence[str]) -> list[str]:
    """Facts right of a drawing that fills so many columns."""
    lines = max(len(drawing), len(facts))
    left = [*drawing, *[" " * width] * (lines - len(drawing))]
    right = [*facts, *[""] * (lines - len(facts))]
    return [f"{one}  {two}".rstrip() for one, two in zip(left, right, strict=True)]
