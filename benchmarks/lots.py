"""How long a look at the lots of a large store takes.

python -m benchmarks.lots store [WAFERS]
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from edge.lots.store_view import StoreView
from edge.lots.summary import Selection, Summary
from edge.results.record import RESULT_KEYS
from edge.store.store import Store
from tests.support.lots import at, lot_records

#: Wafers of a lot.
SIZE = 25

#: Share of WM-811K's wafers that show a pattern.
RATES = {
    "Center": 0.025, "Donut": 0.003, "Edge-Loc": 0.03, "Edge-Ring": 0.055,
    "Loc": 0.02, "Random": 0.005, "Scratch": 0.007,
}  # fmt: skip


def rows(wafers: int) -> Iterator[tuple[Any, ...]]:
    """Rows of the table ``results``, all of whose lots are alike."""
    draw = random.Random(0)  # noqa: S311
    (usual,) = lot_records("", ["none"], 0)
    usual["probabilities"] = json.dumps(RATES)
    names, rates = ["none", *RATES], [1 - sum(RATES.values()), *RATES.values()]
    for number in range(1, wafers + 1):
        lot, wafer = divmod(number - 1, SIZE)
        found = {
            **usual,
            "lot": f"L{lot:06d}",
            "wafer": str(wafer + 1),
            "pattern": draw.choices(names, rates)[0],
            "verdict": "review" if draw.random() < 0.1 else "accept",
            "fails": draw.randrange(100),
            "file": f"L{lot:06d}_{wafer + 1}.png",
            "source_sha256": f"{number:064x}",
            "recorded_at": at(number),
        }
        yield number, *(found[key] for key in RESULT_KEYS)


def fill(path: Path, wafers: int) -> None:
    """Make a store with so many wafers."""
    Store(path).close()
    keys = ", ".join(f'"{key}"' for key in ("id", *RESULT_KEYS))
    marks = ", ".join("?" * (len(RESULT_KEYS) + 1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        insert = f"INSERT INTO results ({keys}) VALUES ({marks})"  # noqa: S608
        connection.executemany(insert, rows(wafers))
        connection.execute("UPDATE numbering SET next_id = ?", (wafers + 1,))


def look(path: Path, last: int | None) -> float:
    """Seconds of CPU, which a busy machine hardly changes, of a look at the newest lots, or all."""
    begun = time.process_time()
    with closing(StoreView(path)) as view, closing(Summary(view)) as summary:
        summary.lots(Selection(last=last))
    return time.process_time() - begun


def store(wafers: int) -> None:
    """Print how long the first look and the next ones take."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.sqlite"
        fill(path, wafers)
        print(f"{wafers:,} wafers, {path.stat().st_size / 2**20:.0f} MiB")
        print(f"first look          {look(path, 100):7.2f} s")
        print(f"next, 100 lots      {min(look(path, 100) for _ in range(5)):7.2f} s")
        print(f"next, all lots      {min(look(path, None) for _ in range(5)):7.2f} s")


if __name__ == "__main__":
    store(int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)
