"""Wafers for the tests: good ones by the project's own generator, and every kind of bad one."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.dataset.labelled_set import LabelledSet
from edge.synth import round_grid
from edge.wafer.patterns import PATTERNS
from train.synth.pictures import Layout, save_pictures
from train.synth.sets import synthetic_set

SIDE: Final = 40

#: Each bad file: the ``kind`` of its record, and a word of the mend that must stand in it.
BAD: Final[dict[str, tuple[str, str]]] = {
    "zero-bytes.png": ("empty", "write it again"),
    "truncated.png": ("unreadable", "copy or export it again"),
    "text.png": ("unreadable", "export it again"),
    "one-pixel.png": ("ambiguous", "save die states as"),
    "no-die.png": ("no-dies", "check the export"),
    "value-3.npy": ("bad-value", "die states are 0 (no die), 1 (pass), 2 (fail)"),
    "value-3.png": ("bad-value", "die states are 0 (no die), 1 (pass), 2 (fail)"),
    "value-3.csv": ("bad-value", "die states are 0 (no die), 1 (pass), 2 (fail)"),
    "nan.npy": ("bad-value", "die states are 0 (no die), 1 (pass), 2 (fail)"),
    "object.npy": ("bad-value", "save it as integers"),
    "20000x20000.png": ("too-large", "save it with fewer pixels a die"),
    "photograph.png": ("not-a-map", "save die states as a grey PNG"),
    "photograph.jpg": ("not-a-map", "save it as PNG"),
}

#: Names that trip careless programs.
ODD_NAMES: Final = ("a name with spaces.png", "Wafer Größe 晶圆 №7.png", "-dash.png", "[1].png")


def small_set(per_class: int, seed: int = 0) -> LabelledSet:
    """Synthetic wafers of all nine patterns, always the same."""
    return synthetic_set(dict.fromkeys(PATTERNS, per_class), [round_grid(SIDE, SIDE)], seed)


def write_good(folder: Path, per_class: int = 1) -> list[Path]:
    """One picture a pattern (or more), and the same with odd names: all must be classified."""
    save_pictures(small_set(per_class), folder, layout=Layout.FLAT)
    content = (folder / "Donut-00001.png").read_bytes()
    for name in ODD_NAMES:
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


def write_bad(folder: Path) -> None:
    """One file of each kind in ``BAD``."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = small_set(1).grid(0)
    _, encoded = cv2.imencode(".png", grid * 127)
    png = encoded.tobytes()
    wrong = grid.copy()
    wrong[SIDE // 2, SIDE // 2] = 3
    not_a_number = grid.astype(np.float32)
    not_a_number[SIDE // 2, SIDE // 2] = np.nan
    photograph = _photograph()
    (folder / "zero-bytes.png").touch()
    (folder / "truncated.png").write_bytes(png[: len(png) // 2])
    (folder / "text.png").write_text("this is no picture\n", "utf-8")
    cv2.imwrite(str(folder / "one-pixel.png"), np.full((1, 1), 255, np.uint8))
    cv2.imwrite(str(folder / "no-die.png"), np.zeros((SIDE, SIDE), np.uint8))
    np.save(folder / "value-3.npy", wrong)
    cv2.imwrite(str(folder / "value-3.png"), wrong)
    np.savetxt(folder / "value-3.csv", wrong, "%d", ",")
    np.save(folder / "nan.npy", not_a_number)
    np.save(folder / "object.npy", grid.astype(object), allow_pickle=True)
    (folder / "20000x20000.png").write_bytes(_large_png(20_000))
    cv2.imwrite(str(folder / "photograph.png"), photograph)
    cv2.imwrite(str(folder / "photograph.jpg"), photograph)


def _photograph() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Smooth colours with some grain: many distinct ones, as any photograph has."""
    y, x = np.mgrid[0:240, 0:320]
    waves = [127 + 100 * np.sin(x / (19 + 7 * c) + c) * np.cos(y / (23 + 5 * c)) for c in range(3)]
    grain = np.random.default_rng(0).normal(0, 6, (240, 320, 3))
    return np.clip(np.stack(waves, -1) + grain, 0, 255).astype(np.uint8)


def _large_png(side: int) -> bytes:
    """A valid picture of one bit a pixel, black all over: 60 kB that would unpack to 400 MB."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
        for tag, data in chunks
    )
