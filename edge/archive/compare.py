"""Two folders of results on the same archive in; what the second would have changed out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa

from edge.archive import results
from edge.archive.look import opened_result, prefixes
from edge.errors import DataError, UsageError, cause
from edge.system.text import utf8

_READ: Final = ["lot", "pattern", "verdict"]


class Change(NamedTuple):
    """What became of some wafers of a lot: pattern and verdict of each side."""

    lot: str
    pattern: str
    verdict: str
    new_pattern: str
    new_verdict: str


@dataclass
class Comparison:
    """Attributes: models (of both sides), parts in common, wafers in them, counts of each change.

    ``only`` are the parts that only the first, or only the second, has a result of.
    """

    models: tuple[str, str]
    parts: int = 0
    wafers: int = 0
    only: tuple[int, int] = (0, 0)
    changes: Counter[Change] = field(default_factory=Counter)

    @property
    def changed(self) -> int:
        """Wafers of which pattern or verdict is another."""
        return sum(self.changes.values())

    def patterns(self) -> list[tuple[str, str, int]]:
        """Pattern, new pattern and how many wafers, the most first."""
        found: Counter[tuple[str, str]] = Counter()
        for change, count in self.changes.items():
            if change.pattern != change.new_pattern:
                found[change.pattern, change.new_pattern] += count
        return [(*pair, count) for pair, count in found.most_common()]

    def verdicts(self) -> dict[str, int]:
        """Wafers that would go to a person now, and those that would no longer."""
        found = {"accept": 0, "review": 0}
        for change, count in self.changes.items():
            if change.verdict != change.new_verdict:
                found[change.new_verdict] += count
        return found

    def lots(self) -> list[tuple[str, int]]:
        """Lot and how many of its wafers change, the most first."""
        found: Counter[str] = Counter()
        for change, count in self.changes.items():
            found[change.lot] += count
        return found.most_common()

    def lines(self) -> Iterator[str]:
        """All changes as lines of CSV, without their ends."""
        yield ",".join((*Change._fields, "wafers"))
        buffer = io.StringIO()
        for change, count in sorted(self.changes.items()):
            buffer.seek(0)
            buffer.truncate()
            csv.writer(buffer, lineterminator="").writerow([*map(utf8, change), count])
            yield buffer.getvalue()


def compare(first: Path, second: Path) -> Comparison:
    """Compare the results of two model files, or of two settings, on the parts that both have.

    Raises:
        UsageError: one is no folder of results, or they have no part in common.
        DataError: a result is damaged.
    """
    notes = results.note_of(first), results.note_of(second)
    here, there = prefixes(first), prefixes(second)
    common = sorted(here.keys() & there.keys())
    if not common:
        what = f"{first} and {second}: no part in common"
        raise UsageError(f"{what}; compare what was run on the same maps")
    found = Comparison((notes[0]["model"], notes[1]["model"]), len(common))
    found.only = len(here) - len(common), len(there) - len(common)
    for part in common:
        old, new = _read(here[part]), _read(there[part])
        if len(old["lot"]) != len(new["lot"]):
            what = f"{here[part]} and {there[part]}: of one part, with different numbers of rows"
            raise DataError(f"{what}; `wm-edge archive verify` tells which is wrong")
        for lot, *row in zip(old["lot"], *_both(old, new), strict=True):
            if None in row:
                continue  # an input that could not be read
            found.wafers += 1
            if row[:2] != row[2:]:
                found.changes[Change(lot or "", *row)] += 1
    return found


def _both(old: dict[str, list[str]], new: dict[str, list[str]]) -> Iterator[list[str]]:
    for side in (old, new):
        yield side["pattern"]
        yield side["verdict"]


def _read(path: Path) -> dict[str, list[str]]:
    try:
        table = opened_result(path).read(columns=_READ)
    except (pa.ArrowException, OSError) as error:
        what = f"{path}: damaged ({cause(error)})"
        raise DataError(f"{what}; remove it and run again") from error
    return {name: table[name].to_pylist() for name in _READ}
