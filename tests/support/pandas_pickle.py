"""Writes a WM-811K data frame byte for byte as pandas 0.19 under Python 2 pickled it.

``LSWMD.pkl`` is such a file, and no pandas of today can write one. The opcodes are those of
Python 2's cPickle, protocol 2: byte strings, and a memo entry only for what is referenced more
than once. The bytes were compared with those of pandas 0.19.2, numpy 1.11.3 and Python 2.7.18
for the same frame (``recorded_frames.LSWMD_PANDAS_0_19``).

As a script it writes a file of WM-811K's size, to measure an import with::

    python -m tests.support.pandas_pickle /tmp/LSWMD.pkl --rows 811457
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from tests.support.cpickle import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COLUMNS = ("waferMap", "dieSize", "lotName", "waferIndex", "trianTestLabel", "failureType")


@dataclass(frozen=True)
class Row:
    """One row of the frame; a label or split of None is the empty array of an unlabelled wafer.

    Attributes:
        dies: uint8 (rows, columns); column-major arrays are pickled as such, as MATLAB's are.
        label: ``failureType``.
        split: ``trianTestLabel``.
        lot: ``lotName``.
        wafer: ``waferIndex``.
    """

    dies: npt.NDArray[np.uint8]
    label: str | None = None
    split: str | None = None
    lot: str = "lot1"
    wafer: float = 1.0


class FrameWriter(Writer):
    """The objects of pandas 0.19."""

    def index(self, names: Sequence[str]) -> None:
        self.reference("pandas.indexes.base", "_new_Index")
        self.reference("pandas.indexes.base", "Index")
        self.op(b"}")
        self.put()
        self.op(b"(")
        self.name("data")
        self.object_array_start((len(names),))
        self.op(b"(")
        for name in names:
            self.name(name)
        self.op(b"etb")
        self.name("name")
        self.op(b"Nu\x86R")
        self.put()

    def range_index(self, rows: int) -> None:
        self.reference("pandas.indexes.base", "_new_Index")
        self.reference("pandas.indexes.range", "RangeIndex")
        self.op(b"}")
        self.put()
        self.op(b"(")
        for name, value in (("start", 0), ("step", 1), ("stop", rows)):
            self.name(name)
            self.integer(value)
        self.name("name")
        self.op(b"Nu\x86R")
        self.put()

    def object_block(self, rows: Sequence[Row], kind: str) -> None:
        """Maps, lots, splits and labels, in batches of 1,000 as cPickle appends them."""
        self.object_array_start((4, len(rows)), key="object block")
        cells: list[Callable[[], None]] = [partial(self.array, row.dies) for row in rows]
        cells += [partial(self.lot, row.lot) for row in rows]
        cells += [partial(self.cell, row.split, kind) for row in rows]
        cells += [partial(self.cell, row.label, kind) for row in rows]
        for start in range(0, len(cells), 1000):
            self.op(b"(")
            for cell in cells[start : start + 1000]:
                cell()
            self.op(b"e")
        self.op(b"tb")

    def float_block(self, columns: Sequence[Sequence[float]]) -> None:
        values = np.asarray(columns, "<f8")
        self.array_start(values.shape, "f8", key="float block", dtype_key="f8")
        self.op(b"\x89")
        self.string(values.tobytes())
        self.op(b"tb")

    def new_object(self, module: str, name: str) -> None:
        self.reference(module, name)
        self.op(b")\x81")
        self.put()

    def opened(self, empty: bytes, key: str | None = None) -> None:
        """An empty list or dict, about to be filled."""
        self.op(empty)
        self.put(key)
        self.op(b"(")

    def frame_head(self) -> None:
        self.op(b"\x80\x02")
        self.new_object("pandas.core.frame", "DataFrame")
        self.opened(b"}")
        self.name("_metadata")
        self.op(b"]")
        self.put()
        self.name("_typ")
        self.name("dataframe")
        self.name("_data")
        self.new_object("pandas.core.internals", "BlockManager")
        self.op(b"(")

    def layout(self) -> None:
        """The part of the manager's state that pandas since 0.14.1 reads: axes and blocks."""
        self.op(b"}")
        self.put()
        self.name("0.14.1")
        self.opened(b"}")
        self.name("axes")
        self.get("axes list")
        self.name("blocks")
        self.opened(b"]")
        self.opened(b"}")
        self.name("mgr_locs")
        self.reference("__builtin__", "slice")
        self.op(b"K\x01K\x05K\x02\x87R")
        self.put()
        self.name("values")
        self.get("float block")
        self.op(b"u")
        self.opened(b"}")
        self.name("mgr_locs")
        self.array(np.asarray([0, 2, 4, 5], "<i8"))
        self.name("values")
        self.get("object block")
        self.op(b"ueus")


def write(
    file: BinaryIO,
    rows: Sequence[Row],
    *,
    split_column: str = "trianTestLabel",
    text_kind: str = "S",
) -> None:
    """Pickle a frame.

    Args:
        file: Where to.
        rows: The wafers.
        split_column: How the column of the official split is spelt.
        text_kind: ``S`` for byte labels, ``U`` for unicode ones.
    """
    columns = [split_column if name == "trianTestLabel" else name for name in COLUMNS]
    out = FrameWriter(file)
    out.frame_head()
    out.opened(b"]", "axes list")
    out.index(columns)
    out.range_index(len(rows))
    out.op(b"e")
    out.opened(b"]")
    out.float_block(
        [[float(np.count_nonzero(row.dies)) for row in rows], [row.wafer for row in rows]]
    )
    out.object_block(rows, text_kind)
    out.op(b"e")
    out.opened(b"]")
    out.index([columns[1], columns[3]])
    out.index([columns[0], columns[2], columns[4], columns[5]])
    out.op(b"e")
    out.layout()
    out.op(b"tbub.")


def save(path: Path, rows: Sequence[Row], **options: str) -> Path:
    """Pickle a frame to a file; options as for ``write``."""
    with path.open("wb") as file:
        write(file, rows, **options)
    return path


def realistic(count: int, seed: int = 0) -> list[Row]:
    """Rows of WM-811K's proportions: 21 % labelled, 2.6 kB a map, 25 wafers a lot, F order."""
    random = np.random.default_rng(seed)
    pool = [_wafer(random) for _ in range(500)]
    labels = ("none", "Edge-Ring", "Center", "Scratch")
    rows = []
    for number in range(count):
        labelled = number % 1000 < 213
        rows.append(
            Row(
                pool[number % len(pool)],
                label=labels[number % len(labels)] if labelled else None,
                split=("Training" if number % 3 else "Test") if labelled else None,
                lot=f"lot{number // 25 + 1}",
                wafer=float(number % 25 + 1),
            )
        )
    return rows


def _wafer(random: np.random.Generator) -> npt.NDArray[np.uint8]:
    side = int(np.clip(random.lognormal(3.85, 0.35), 20, 200))
    grid = np.hypot(*np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]) <= 1
    dies = grid * (1 + (random.random(grid.shape) < 0.1))
    return np.asfortranarray(dies.astype(np.uint8))


def main() -> None:
    """Write a file of realistic size."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=811_457)
    arguments = parser.parse_args()
    rows = realistic(arguments.rows)
    save(arguments.path, rows)
    mean = sum(row.dies.size for row in rows) / len(rows)
    print(f"{arguments.path}: {len(rows)} rows, {mean:.0f} bytes a map")


if __name__ == "__main__":
    main()
