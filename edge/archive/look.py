"""Maps and results in; how far they are, and whether they are what they say, out."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from edge.archive import results
from edge.archive.judging import READ, content_of, judged_rows
from edge.archive.maps import Part, groups, opened, parts_of
from edge.archive.results import Settings
from edge.archive.run import ASIDE
from edge.errors import DataError, UsageError, cause

#: One row in so many is judged again.
AGAIN: Final = 10_000


@dataclass
class Status:
    """How far a folder of results is.

    Attributes:
        model: Its model file.
        parts: Of the archive; ``done``: those with a result.
        rows: In all parts; ``rows_done``: in those.
        aside: What is wrong with each part that was set aside.
        without_part: Results of parts that are no longer there, or changed.
        missing: Parts without a result.
    """

    model: str
    parts: int = 0
    done: int = 0
    rows: int = 0
    rows_done: int = 0
    aside: dict[str, str] = field(default_factory=dict)
    without_part: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def status(maps: Path, folder: Path) -> Status:
    """How far the results of an archive are.

    Raises:
        UsageError: there are no parts, or no results.
        DataError: a part cannot be read.
    """
    note = results.note_of(folder)
    found = Status(note["model"], aside=_aside(folder))
    there = {path.name for path in folder.glob("*.parquet")}
    for part, name in _named(maps, note):
        found.parts += 1
        found.rows += part.rows
        if name in there:
            there.discard(name)
            found.done += 1
            found.rows_done += part.rows
        else:
            found.missing.append(part.path.name)
    found.without_part = sorted(there)
    return found


def verify(
    maps: Path, folder: Path, settings: Settings, again: int = AGAIN
) -> tuple[int, list[str]]:
    """Look whether results are what their names say.

    Args:
        maps: Folder of parts.
        folder: Of results.
        settings: Which they were made with.
        again: One row in so many is judged again, one of each part at least.

    Returns:
        How many rows were judged again, and what is wrong, a sentence each.

    Raises:
        UsageError: as ``status``, or the results are of another model file or other settings.
        DataError: a part cannot be read.
    """
    results.note_of(folder)
    results.claim(folder, settings)
    check = _Check(settings, again)
    for part, name in _named(maps, settings.note):
        try:
            check.result(part, folder / name)
        except DataError as error:
            check.wrong.append(str(error))
    return check.seen, check.wrong


class _Check:
    """What is wrong with results, and how many of their rows were judged again."""

    def __init__(self, settings: Settings, again: int) -> None:
        self.seen = 0
        self.wrong: list[str] = []
        self._classifier, self._schema = settings.classifier(), results.schema(settings)
        self._again = again

    def result(self, part: Part, path: Path) -> None:
        """Look at the result of a part."""
        if not path.exists():
            self.wrong.append(f"{part.path.name}: has no result")
            return
        try:
            there = opened_result(path).read()
        except (DataError, pa.ArrowException, OSError) as error:
            self.wrong.append(f"{path}: no result that can be read ({cause(error)})")
            return
        if there.num_rows != part.rows:
            self.wrong.append(f"{path}: {there.num_rows} rows, its part has {part.rows}")
            return
        file = opened(io.BytesIO(content_of(part.path)), str(part.path))
        before = 0
        # Which rows is decided by the name: always the same, and of no part the same as of others.
        first = int(path.name[:8], 16) % self._again
        for rows in groups(file, str(part.path), READ):
            due = [*range((first - before) % self._again, rows.num_rows, self._again)]
            if not due and not before:
                due = [0]
            before, here = before + rows.num_rows, there.slice(before, rows.num_rows)
            if due:
                self.seen += len(due)
                found = judged_rows(rows.take(due), str(path), self._classifier, self._schema)
                if found.to_pylist() != here.take(due).to_pylist():
                    self.wrong.append(f"{path}: is judged otherwise now")
                    return


def opened_result(path: Path) -> pq.ParquetFile:
    """A result to read.

    Raises:
        DataError: it is damaged.
    """
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        what = f"{path}: no result that can be read ({cause(error)})"
        raise DataError(f"{what}; remove it and run again") from error


def _named(maps: Path, note: dict[str, Any]) -> Iterator[tuple[Part, str]]:
    """The parts, and what the result of each is called."""
    for part in parts_of(maps):
        sha256 = hashlib.sha256(content_of(part.path)).hexdigest()
        yield part, results.name(sha256, note["model_sha256"], note["settings_sha256"])


def _aside(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((folder / ASIDE).glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(path.read_text("utf-8"))
            found[str(told["part"])] = str(told["error"])
    return found


def prefixes(folder: Path) -> dict[str, Path]:
    """The results of a folder by the hash of their part.

    Raises:
        UsageError: it is no folder of results, or there is none in it.
    """
    results.note_of(folder)
    found = {path.name.partition("-")[0]: path for path in sorted(folder.glob("*.parquet"))}
    if not found:
        raise UsageError(f"{folder}: no result in it yet; `wm-edge archive run` makes them")
    return found
