"""Labelled wafers as grey-level PNGs, one pixel a die: 0 no die, 127 pass, 255 fail.

A wafer without a passing die is written as 0 and 2, which the readers take as die states.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.dataset.class_folders import check_folder_name
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, OutputError
from edge.system.choice import Choice
from edge.system.files import check_place
from edge.wafer.patterns import PATTERNS
from edge.wafer.wafermap import PASS

#: Grey level of no die, pass, fail.
GREY_LEVELS: Final = np.array([0, 127, 255], np.uint8)


class Layout(Choice):
    """Where the pictures of a set go."""

    FLAT = "png"
    CLASS_FOLDERS = "class-folders"


def save_pictures(
    labelled: LabelledSet, folder: str | Path, *, layout: Layout, overwrite: bool = False
) -> None:
    """Write one PNG a wafer, named ``<pattern>-<number>.png``.

    Args:
        labelled: The wafers.
        folder: Made if it is missing, in a folder that is there.
        layout: All pictures in the folder, or one folder below it for each pattern.
        overwrite: Replace pictures that this function wrote earlier; other files stay.

    Raises:
        DataError: the folder is not empty and ``overwrite`` is False, or it is a file.
        UsageError: the folder would lie in none, or a pattern's name cannot be that of a folder.
        OutputError: a picture cannot be written.
    """
    folder = Path(folder)
    for pattern in np.unique(labelled.labels).tolist():
        check_folder_name(pattern, "give --out a name that ends in .npz")
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file; choose a folder for the pictures")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise DataError(f"{folder}: not empty; choose another folder or pass --overwrite")
    if not folder.exists():
        check_place(folder, overwrite=True)
    numbers: dict[str, int] = {}
    try:
        _clear(folder, {*PATTERNS, *labelled.patterns, *labelled.labels.tolist()})
        for index, pattern in enumerate(labelled.labels.tolist()):
            number = numbers[pattern] = numbers.get(pattern, 0) + 1
            home = folder / pattern if layout is Layout.CLASS_FOLDERS else folder
            home.mkdir(parents=True, exist_ok=True)
            dies = labelled.grid(index)
            # Without a passing die 0 and 255 could mean two things; 0/1/2 cannot.
            _, png = cv2.imencode(".png", GREY_LEVELS[dies] if PASS in dies else dies)
            (home / f"{pattern}-{number:05d}.png").write_bytes(png.tobytes())
    except OSError as error:
        raise OutputError(f"{folder}: cannot write the pictures ({error.strerror})") from error


def _clear(folder: Path, names: Iterable[str]) -> None:
    """Remove the pictures that earlier runs made of these patterns, in either layout."""
    ours = re.compile(rf"(?:{'|'.join(map(re.escape, names))})-\d{{5,}}\.png")
    for picture in [*folder.glob("*.png"), *folder.glob("*/*.png")]:
        if ours.fullmatch(picture.name):
            picture.unlink()
