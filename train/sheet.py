"""A sheet of example wafers: one row for each pattern, to look at a labelled set by eye."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, UsageError
from edge.system.files import exists, write_bytes
from edge.wafer.wafermap import DieGrid

Picture = npt.NDArray[np.uint8]

#: In pixels: the square a wafer is drawn in, the space between, the names' column, the margin.
CELL: Final = 104
GAP: Final = 10
NAME_WIDTH: Final = 132
MARGIN: Final = 16

#: Most wafers in a row, so that the sheet stays a picture that viewers open.
MAX_PER_CLASS: Final = 200

#: Blue, green, red of: no die, pass, fail.
COLOURS: Final = np.array([[255, 255, 255], [176, 190, 172], [38, 30, 178]], np.uint8)
PAPER: Final = (250, 249, 248)
INK: Final = (46, 40, 36)
FAINT_INK: Final = (138, 130, 124)
RULE: Final = (230, 228, 226)
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


def draw_sheet(labelled: LabelledSet, per_class: int, seed: int) -> Picture:
    """Draw wafers of each pattern, chosen at random, one row a pattern.

    Args:
        labelled: The wafers to choose from; a pattern without any keeps an empty row.
        per_class: Wafers in each row, at most ``MAX_PER_CLASS``.
        seed: The same set and seed give the same sheet.

    Returns:
        uint8 (height, width, 3), blue-green-red.

    Raises:
        UsageError: ``per_class`` is below 1 or above ``MAX_PER_CLASS``.
    """
    if not 1 <= per_class <= MAX_PER_CLASS:
        raise UsageError(f"{per_class} wafers a class; choose between 1 and {MAX_PER_CLASS}")
    rng = np.random.default_rng(seed)
    pitch = CELL + GAP
    names = (*labelled.class_counts(),)
    height = 2 * MARGIN + len(names) * pitch - GAP
    width = 2 * MARGIN + NAME_WIDTH + per_class * pitch - GAP
    sheet: Picture = np.full((height, width, 3), PAPER, np.uint8)
    for row, pattern in enumerate(names):
        members = np.flatnonzero(labelled.shows(pattern))
        top = MARGIN + row * pitch
        _draw_name(sheet, pattern, len(members), top)
        chosen = rng.choice(members, min(per_class, len(members)), replace=False)
        for column, index in enumerate(np.sort(chosen)):
            left = MARGIN + NAME_WIDTH + column * pitch
            sheet[top : top + CELL, left : left + CELL] = draw_wafer(labelled.grid(int(index)))
        if row:
            middle = top - GAP // 2
            cv2.line(sheet, (MARGIN, middle), (width - MARGIN, middle), RULE, 1)
    return sheet


def draw_wafer(dies: DieGrid, side: int = CELL) -> Picture:
    """Draw one wafer into a square, each axis stretched to fill it: wafers are round, dies oblong.

    Returns:
        uint8 (side, side, 3), blue-green-red.
    """
    rows, columns = dies.shape
    if max(rows, columns) <= side:
        # Nearest: every die keeps hard edges and its own colour.
        enlarged = cv2.resize(dies, (side, side), interpolation=cv2.INTER_NEAREST)
        return np.asarray(COLOURS[enlarged], np.uint8)
    # More dies than pixels: average, so that a thin scratch pales rather than vanishes.
    picture = cv2.resize(COLOURS[dies], (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def save_sheet(sheet: Picture, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a sheet as a picture file; the suffix chooses the format.

    Raises:
        DataError: the file exists and ``overwrite`` is False.
        UsageError: the suffix names no picture format.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    if exists(path) and not overwrite:
        raise DataError(f"{path}: exists already; choose another name or pass --overwrite")
    if path.suffix.lower() not in {".png", ".jpg", ".jpeg", ".webp"}:
        raise UsageError(f"{path}: choose a name that ends in .png, .jpg or .webp")
    _, encoded = cv2.imencode(path.suffix.lower(), sheet)
    write_bytes(path, encoded.tobytes())


def _draw_name(sheet: Picture, pattern: str, count: int, top: int) -> None:
    baseline = top + CELL // 2
    cv2.putText(sheet, pattern, (MARGIN, baseline), FONT, 0.55, INK, 1, cv2.LINE_AA)
    text = f"{count:,} wafer{'' if count == 1 else 's'}"
    cv2.putText(sheet, text, (MARGIN, baseline + 20), FONT, 0.42, FAINT_INK, 1, cv2.LINE_AA)
