"""Wafer maps as Parquet: what stands in a part, and how parts are written and read.

A folder of parts, each a Parquet file with a row a wafer: ``dies`` as bytes, row by row, since a
list of numbers takes five times as long to read; an input that could not be read is a row as well,
with its reason. Any Parquet file with the columns ``dies``, ``rows`` and ``columns`` is a part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from edge.errors import DataError, InputError, OutputError, UsageError, cause, why
from edge.system.files import unfinished
from edge.wafer.wafermap import WaferMap

SUFFIX: Final = ".parquet"

#: Die positions of a part, and of a row group, which is what is in memory at a time; rows likewise.
#: Small parts divide evenly among processes, and cost little when one is done again.
PART_POSITIONS: Final = 2**24
GROUP_POSITIONS: Final = 2**21
GROUP_ROWS: Final = 2**14

#: Largest row group that is unpacked.
MAX_GROUP: Final = 2**29

SCHEMA: Final = pa.schema(
    [
        ("dies", pa.binary()),
        ("rows", pa.int16()),
        ("columns", pa.int16()),
        ("lot", pa.string()),
        ("wafer", pa.string()),
        ("source", pa.string()),
        ("index", pa.int32()),
        ("file", pa.string()),
        ("file_sha256", pa.string()),
        ("error", pa.string()),
        ("kind", pa.string()),
    ]
)
_REPEATED: Final = ["lot", "wafer", "source", "file", "file_sha256", "error", "kind"]


class Part(NamedTuple):
    """A part of an archive.

    Attributes:
        path: Of the file.
        rows: Wafers and inputs that could not be read.
        positions: Bytes of its dies, about: what it costs to judge.
    """

    path: Path
    rows: int
    positions: int


def row_of(item: WaferMap | InputError, file: str, sha256: str) -> dict[str, Any]:
    """A wafer map, or why there is none, as a row; ``file`` is where it was read from."""
    row: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    row |= {"lot": item.lot, "wafer": item.wafer, "source": item.source}
    row |= {"file": file, "file_sha256": sha256}
    if isinstance(item, InputError):
        return row | {"error": item.reason, "kind": item.kind.value}
    rows, columns = item.dies.shape
    shape = {"dies": item.dies.tobytes(), "rows": rows, "columns": columns}
    return row | shape | {"index": item.index}


class PartWriter:
    """Rows into parts of a folder; a part gets its name when it is whole and on the disk.

    Args:
        folder: Of the parts.
        number: Of the next one.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._number = number
        self._groups: list[pa.Table] = []
        self._part_positions = 0
        self._last = ""
        self._clear()

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row."""
        if self._part_positions >= PART_POSITIONS:
            self.end_part({"goes_on": row["file"]} if row["file"] == self._last else {})
        self._last = row["file"]
        for name, values in self._rows.items():
            values.append(row[name])
        self._count += 1
        self._positions += len(row["dies"] or b"")
        if self._positions >= GROUP_POSITIONS or self._count >= GROUP_ROWS:
            self._end_group()

    def end_part(self, told: Mapping[str, str]) -> None:
        """Write what there is; ``told``: what the part says of itself.

        Raises:
            OutputError: it cannot be written.
        """
        self._end_group()
        if not self._groups:
            return
        path = self._folder / f"maps-{self._number:06}{SUFFIX}"
        schema = SCHEMA.with_metadata({"wm-edge": "maps 1", **told})
        with parquet(path, schema, dictionary=_REPEATED) as writer:
            for table in self._groups:
                writer.write_table(table.replace_schema_metadata(schema.metadata))
        self._number += 1
        self._groups.clear()
        self._part_positions = 0

    def _end_group(self) -> None:
        if self._count:
            self._groups.append(pa.table(self._rows, SCHEMA))
            self._part_positions += self._positions
            self._clear()

    def _clear(self) -> None:
        self._rows: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
        self._count = self._positions = 0


@contextmanager
def parquet(path: Path, schema: pa.Schema, dictionary: list[str]) -> Iterator[pq.ParquetWriter]:
    """A Parquet file to write, zstd, which takes its name when it is whole and on the disk.

    Args:
        path: Its name.
        schema: Of its rows.
        dictionary: Columns whose values repeat.

    Raises:
        OutputError: it cannot be written.
    """
    how: dict[str, Any] = {"compression": "zstd", "use_dictionary": dictionary}
    try:
        with unfinished(str(path.parent)) as (descriptor, name):
            with (
                os.fdopen(os.dup(descriptor), "wb") as file,
                pq.ParquetWriter(file, schema, **how) as writer,
            ):
                yield writer
            os.fsync(descriptor)
            path.with_name(name).replace(path)
            _sync(path.parent)
    except OSError as error:
        what = f"{path}: cannot be written ({why(error)})"
        mend = "what was written before is whole; free some space and run again"
        raise OutputError(f"{what}; {mend}") from error


def parts_of(folder: Path) -> list[Part]:
    """The parts of a folder of maps, by name.

    Raises:
        UsageError: there is no such folder, or no part in it.
    """
    paths = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not paths:
        what = f"{folder}: no Parquet file with wafer maps in it"
        raise UsageError(f"{what}; `wm-edge archive import` makes some")
    return [_part(path) for path in paths]


def _part(path: Path) -> Part:
    """What the end of a part says; one that cannot be read counts as the smallest."""
    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return Part(path, 0, 0)
    names = [footer.schema.column(place).path for place in range(footer.num_columns)]
    place = names.index("dies") if "dies" in names else 0
    groups = range(footer.num_row_groups)
    sizes = (footer.row_group(each).column(place).total_uncompressed_size for each in groups)
    return Part(path, footer.num_rows, sum(sizes))


def opened(source: Any, name: str) -> pq.ParquetFile:
    """A part to read, from its path or its bytes.

    Raises:
        DataError: it is damaged, or has no wafer maps in it.
    """
    try:
        file = pq.ParquetFile(source)
    except (pa.ArrowException, OSError) as error:
        what = f"{name}: no Parquet file that can be read ({cause(error)})"
        raise DataError(f"{what}; copy or import it again") from error
    if missing := {"dies", "rows", "columns"} - set(file.schema_arrow.names):
        what = f"{name}: lacks {', '.join(sorted(missing))}"
        raise DataError(f"{what}; a part has dies (binary), rows and columns of each wafer")
    return file


def groups(file: pq.ParquetFile, name: str, columns: list[str]) -> Iterator[pa.Table]:
    """The row groups of a part, these of their columns that are there.

    Raises:
        DataError: damaged.
    """
    there = [column for column in columns if column in file.schema_arrow.names]
    try:
        for number in range(file.num_row_groups):
            size = file.metadata.row_group(number).total_byte_size
            if not 0 <= size <= MAX_GROUP:
                what = (
                    f"{name}: row group {number} unpacks to {size:,} bytes, at most {MAX_GROUP:,}"
                )
                raise DataError(f"{what} are read; write it with fewer rows a row group")
            yield file.read_row_group(number, columns=there, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        what = f"{name}: damaged ({cause(error)}); copy or import it again"
        raise DataError(what) from error


def _sync(folder: Path) -> None:
    """The name of a file is on the disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
