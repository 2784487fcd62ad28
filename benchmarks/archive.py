"""What judging an archive costs, against its encoding and inference alone, in processor time.

    python -m benchmarks.archive maps/ --rows 20000

Pair by pair in one process: the rows of a part from Parquet to Parquet, and ``encode`` and
``invoke`` of the same wafers in a loop. Processor time, since others may be at work on the machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.archive import maps as archive
from edge.archive.judging import content_of, judged
from edge.archive.maps import parquet, parts_of
from edge.archive.results import Settings, schema
from edge.model.model_file import load
from edge.wafer import encoding
from edge.wafer.wafermap import DieGrid

PAIRS = 7


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("maps", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    given = parser.parse_args()
    model = load(given.model)
    settings = Settings(model, model.review)
    classifier = settings.classifier()
    part = next(part for part in parts_of(given.maps) if part.rows)
    content, columns = content_of(part.path), schema(settings)
    grids = [grid for grid in _grids(part.path) if (grid == 2).sum() >= classifier.min_fails]
    grids = grids[: given.rows]
    invoke = classifier.runtime.interpreter.invoke

    def alone() -> int:
        for grid in grids:
            encoding.encode(grid, classifier.size)
            invoke()
        return len(grids)

    def whole() -> int:
        with (
            tempfile.TemporaryDirectory() as folder,
            parquet(Path(folder) / "r.parquet", columns, ["lot", "pattern"]) as writer,
        ):
            for table in judged(content, part.path.name, classifier, columns):
                writer.write_table(table)
        return part.rows

    pairs = [(_cost(alone), _cost(whole)) for _ in range(PAIRS)]
    parts, judging = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{model.name}, {part.rows} rows of {part.path.name}, {PAIRS} pairs, medians")
    print(f"encode + invoke {parts:.1f} us, Parquet to Parquet {judging:.1f} us, ratio {ratio:.2f}")
    print(f"{1e6 / judging:,.0f} wafers a second of a core; peak of this process {peak:.0f} MB")


def _cost(work: Callable[[], int]) -> float:
    """Microseconds of processor time a wafer."""
    began = time.process_time()
    wafers = work()
    return (time.process_time() - began) / wafers * 1e6


def _grids(path: Path) -> list[DieGrid]:
    found = []
    for table in archive.groups(
        archive.opened(path, path.name), path.name, ["dies", "rows", "columns"]
    ):
        for row in table.to_pylist():
            if row["dies"] is not None:
                grid = np.frombuffer(row["dies"], np.uint8)
                found.append(grid.reshape(row["rows"], row["columns"]))
    return found


if __name__ == "__main__":
    main()
