"""A part of an archive in, its result out: one file by a name that says what it is of."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from edge.archive import maps, results
from edge.archive.results import KEPT, Settings
from edge.classification.block import classify_block
from edge.classification.classifier import Classifier
from edge.errors import DataError, InputError, InputKind, UsageError, why
from edge.system.files import exists
from edge.wafer.wafermap import MAX_SIDE, check_grid

#: Columns of a part that are read.
READ: Final = ["dies", "rows", "columns", *KEPT, "error", "kind"]

#: Largest part that is read: it is kept in memory, so that nobody changes it meanwhile.
MAX_PART: Final = 2**30


def judge_part(part: Path, folder: Path, settings: Settings, classifier: Classifier) -> str:
    """Judge a part and write its result, where that is not there yet.

    Args:
        part: Of an archive.
        folder: Of the results.
        settings: How, and what the result is named after.
        classifier: Of these settings.

    Returns:
        The name of the result.

    Raises:
        DataError: the part cannot be read.
        OutputError: the result cannot be written.
    """
    content = content_of(part)
    name = settings.name_of(hashlib.sha256(content).hexdigest())
    if not exists(folder / name):
        schema = results.schema(settings)
        dictionary = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        with maps.parquet(folder / name, schema, dictionary) as writer:
            for table in judged(content, str(part), classifier, schema):
                writer.write_table(table)
    return name


def content_of(part: Path) -> bytes:
    """The bytes of a part.

    Raises:
        DataError: it cannot be read, or is too large.
    """
    try:
        size = part.stat().st_size
        if size > MAX_PART:
            what = f"{part}: {size:,} bytes; a part has at most {MAX_PART:,}"
            raise DataError(f"{what}; divide it, as `wm-edge archive import` does")
        return part.read_bytes()
    except OSError as error:
        raise DataError(f"{part}: cannot be read ({why(error)})") from error


def judged(
    content: bytes, name: str, classifier: Classifier, schema: pa.Schema
) -> Iterator[pa.Table]:
    """The result of a part, row group by row group. Raises: as ``maps.groups``."""
    file = maps.opened(io.BytesIO(content), name)
    for rows in maps.groups(file, name, READ):
        if rows.num_rows:
            yield judged_rows(rows, name, classifier, schema)


def judged_rows(rows: pa.Table, name: str, classifier: Classifier, schema: pa.Schema) -> pa.Table:
    """The results of some rows of a part.

    Raises:
        DataError: their columns are no wafer maps.
    """
    dies, shapes, sizes, errors = _checked(rows, name)
    good = np.flatnonzero(sizes >= 0)
    starts = np.concatenate([[0], np.cumsum(np.maximum(sizes, 0))])
    try:
        columns = classify_block(classifier, dies, shapes[good])
    except UsageError:  # one at least is no wafer map
        grids = {row: dies[starts[row] : starts[row + 1]] for row in good.tolist()}
        for row, grid in [*grids.items()]:
            try:
                check_grid(grid.reshape(shapes[row]), name)
            except InputError as error:
                errors[row] = error.reason, error.kind.value
                del grids[row]
        good = np.asarray([*grids], np.intp)
        dies = np.concatenate([np.zeros(0, np.uint8), *grids.values()])
        columns = classify_block(classifier, dies, shapes[good])
    return results.table_of(rows, columns, good, errors, schema)


def _checked(
    rows: pa.Table, name: str
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64], dict[int, Any]]:
    """Dies end to end and shapes of rows; positions of each, -1 where it has an error."""
    dies = rows["dies"].combine_chunks()
    if not pa.types.is_binary(dies.type):
        raise DataError(f"{name}: dies is {dies.type}, must be binary: uint8 states, row by row")
    offsets = np.frombuffer(dies.buffers()[1], np.int32)[dies.offset :][: len(dies) + 1]
    sides = [_numbers(rows[each], f"{name}: {each}") for each in ("rows", "columns")]
    shapes = np.stack(sides, axis=1)
    sizes = np.diff(offsets).astype(np.int64)
    errors: dict[int, Any] = {}
    wrong = (shapes.prod(axis=1) != sizes) | (shapes < 1).any(axis=1)
    wrong |= (shapes > MAX_SIDE).any(axis=1) | ~np.asarray(dies.is_valid())
    reasons, kinds = (
        rows[each].to_pylist() if each in rows.column_names and wrong.any() else []
        for each in ("error", "kind")
    )
    for row in np.flatnonzero(wrong).tolist():
        what = f"{sizes[row]} states for {shapes[row, 0]} x {shapes[row, 1]} dies; import it again"
        kind = InputKind.NOT_A_MAP.value
        errors[row] = (reasons and reasons[row]) or what, (kinds and kinds[row]) or kind
    whole = np.frombuffer(dies.buffers()[2] or b"", np.uint8)
    found = whole[offsets[0] : offsets[-1]]
    if errors:
        found = found[np.repeat(~wrong, sizes)]
        sizes[wrong] = -1
    return found, shapes, sizes, errors


def _numbers(column: Any, name: str) -> npt.NDArray[np.int64]:
    if not pa.types.is_integer(column.type):
        raise DataError(f"{name} is {column.type}, must be whole numbers")
    return column.fill_null(0).to_numpy().astype(np.int64)
