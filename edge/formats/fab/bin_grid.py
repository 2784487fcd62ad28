"""Grids of bins without a header: rows of numbers or letters, as the grid of die states has them.

Read where somebody says which bins pass, and only if the rows are no die states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from edge.errors import InputError, InputKind
from edge.formats.fab.die_width import Said, cut, width_of
from edge.formats.fab.drawing import NULLS, split
from edge.formats.fab.fab_map import Code, FabMap, Meaning
from edge.formats.fab.frame import counts_up
from edge.formats.fab.grid import TokenGrid
from edge.formats.fab.recipe import GRID_OF_BINS
from edge.formats.fab.text import read_lines

if TYPE_CHECKING:
    from edge.formats.fab.rules import Rules
    from edge.formats.registry import Source

#: Longest cell that is a bin.
_LONGEST: Final = 8


def is_said(rules: Rules) -> bool:
    """Whether somebody says which bins pass in such grids: a recipe must name the format."""
    named = any(recipe.match.format == GRID_OF_BINS for _, recipe in rules.recipes)
    return bool(rules.pass_bins) or named


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafer of a grid.

    Raises:
        InputError: rows of different length, a cell that is no bin, what may count columns or rows.
    """
    lines = list(read_lines(file, source))
    joined = [line.strip("\"' ") for _, line in lines if len(split(line)) == 1]
    width = width_of(joined, Said())
    fab = _map_of(lines, source, width or 1)
    yield fab if width else replace(fab, of_width=partial(_map_of, lines, source))


def _map_of(lines: Sequence[tuple[int, str]], source: str, width: int) -> FabMap:
    grid, left, names = TokenGrid(source), list[str](), set[str]()
    for number, line in lines:
        if line.startswith("#") and not grid.rows:
            continue
        cells = [cell.strip("\"' ") for cell in split(line)]
        if len(cells) == 1:
            cells = cut(cells[0], width)
        if not grid.rows and counts_up(cells):
            raise _counting(source, f"line {number} counts columns")
        _check_bins(cells, number, source)
        names = _names(cells) if not grid.rows else names.difference(cells)
        grid.add(cells, number)
        left.append(cells[0])
    if names and grid.rows > 1:
        what = "names of columns (x, y, bin) above rows, so it may be a list of dies"
        mend = "export it with commas and a column bin or hbin, or write the bins alone"
        raise InputError(source, InputKind.AMBIGUOUS, f"{what}; {mend}")
    if grid.width > 1 and counts_up(left):
        raise _counting(source, "the first column counts rows")
    texts = grid.texts
    meanings = (Meaning.NULL if set(text) <= NULLS else Meaning.UNKNOWN for text in texts)
    legend = tuple(map(Code, texts, meanings))
    return FabMap(grid.codes(), legend, format=GRID_OF_BINS, source=source)


def _names(cells: Sequence[str]) -> set[str]:
    """What may be names of columns: no two alike, and a letter in each; else nothing."""
    names = {cell for cell in cells if cell}
    is_named = len(names) == len(cells) - cells.count("") and len(names) > 1
    has_letters = all(any(map(str.isalpha, name)) for name in names)
    return names if is_named and has_letters else set()


def _check_bins(cells: Sequence[str], line: int, source: str) -> None:
    for column, cell in enumerate(cells, 1):
        if len(cell) > _LONGEST or (cell[1:] and not cell.isalnum()):
            what = f"line {line}, column {column}: {cell[:_LONGEST]!r} is no bin"
            mend = "a measured value says not what passes; export the bins"
            raise InputError(source, InputKind.BAD_VALUE, f"{what}; {mend}")


def _counting(source: str, what: str) -> InputError:
    return InputError(source, InputKind.AMBIGUOUS, f"{what}, or bins; write the bins alone")
