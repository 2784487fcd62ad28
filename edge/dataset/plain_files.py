"""Wafer maps as files of die states: an array, a grid of numbers, a picture, a labelled set."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from edge.dataset.labelled_set import build
from edge.errors import InputError, UsageError
from edge.formats import text_grid
from edge.wafer.patterns import WM811K
from edge.wafer.wafermap import DieGrid, WaferMap

#: Grey levels of a picture: those that people see, and those that are die states as they stand.
_LEVELS: Final = ((0, 127, 255), (0, 1, 2))


def write_one(wafer: WaferMap, kind: str, file: IO[bytes]) -> None:
    """A wafer as ``npy``, ``grid`` or ``png``.

    Raises:
        UsageError: it would be read as another map, or not at all.
    """
    if kind == "npy":
        np.save(file, wafer.dies)
    elif kind == "grid":
        content = io.BytesIO()
        np.savetxt(content, wafer.dies, "%d", ",")
        if not _is_read_as(wafer.dies, text_grid, content.getvalue()):
            what = "its first row may be a header of column numbers"
            raise UsageError(f"{wafer.source}: {what}; choose another format, as .npy")
        file.write(content.getvalue())
    else:
        file.write(png(wafer.dies, wafer.source))


def png(dies: DieGrid, source: str) -> bytes:
    """A grey PNG of one pixel a die that is read as this map, and no other.

    Raises:
        UsageError: any such picture would be read as another map.
    """
    import cv2

    from edge.formats.picture import reader

    for levels in _LEVELS:
        done, encoded = cv2.imencode(".png", np.asarray(levels, np.uint8)[dies])
        if not done:
            raise RuntimeError("OpenCV could not write a PNG")
        if _is_read_as(dies, reader, content := encoded.tobytes()):
            return content
    what = "as a picture of one pixel a die it would be read as another map"
    raise UsageError(f"{source}: {what}; choose another format, as .npy")


def _is_read_as(dies: DieGrid, module: Any, content: bytes) -> bool:
    """Whether what is to be written is read as this map, and no other."""
    try:
        found = next(iter(module.read(io.BytesIO(content), "")))
    except InputError:
        return False
    return isinstance(found, WaferMap) and np.array_equal(found.dies, dies)


def write_set(wafers: Iterable[WaferMap], path: Path, *, overwrite: bool) -> None:
    """A labelled set whose labels are empty.

    Raises:
        DataError: the file exists and ``overwrite`` is False, or it cannot be written.
    """
    found = list(wafers)
    columns = {
        name: np.asarray([getattr(each, name) or "" for each in found], dtype=str)
        for name in ("lot", "wafer")
    }
    made = build((each.dies for each in found), [""] * len(found), WM811K, **columns)
    made.save(path, overwrite=overwrite)
