"""A station on a board with 512 MB and a memory card: bytes written a wafer, memory in a backlog.

Usage, as root and in the test environment: ``python -m benchmarks.small_board [--live N]
[--a-second R] [--backlog N]``. Folder and store lie on an ext4 file system of their own, in a file
behind a loop device, whose kernel counter says what reached the card, journal and all; what the
same files cost without a station is measured as well. Memory is limited by a control group.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.station import Running, wafer_bytes

#: Of the control group, and of the card.
MEMORY: Final = 512 * 2**20
CARD: Final = 2**30

#: Seconds for the station to record what is there.
LIMIT: Final = 3600.0

_V1: Final = Path("/sys/fs/cgroup/memory")
_V2: Final = Path("/sys/fs/cgroup")


class Card:
    """An empty ext4 file system behind a loop device."""

    def __init__(self, folder: Path, place: Path) -> None:
        image = folder / "card.img"
        with image.open("wb") as file:
            file.truncate(CARD)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", image], check=True)
        done = subprocess.run(
            ["losetup", "--find", "--show", image], capture_output=True, text=True, check=True
        )
        self._device = Path(done.stdout.strip())
        subprocess.run(["mount", self._device, place], check=True)
        self._place = place

    @property
    def written(self) -> int:
        """Bytes that the device was given so far, what waits in memory included."""
        os.sync()
        stat = Path("/sys/block", self._device.name, "stat").read_text("ascii")
        return 512 * int(stat.split()[6])

    def close(self) -> None:
        """Take it out."""
        subprocess.run(["umount", self._place], check=True)
        subprocess.run(["losetup", "--detach", self._device], check=True)


class Limit:
    """A control group with a limit of memory, of either version."""

    def __init__(self) -> None:
        first = _V1.is_dir()
        self._group = (_V1 if first else _V2) / f"wm-edge-{os.getpid()}"
        self._peak = "memory.max_usage_in_bytes" if first else "memory.peak"
        self._events = "memory.oom_control" if first else "memory.events"
        self._group.mkdir()
        limit = self._group / ("memory.limit_in_bytes" if first else "memory.max")
        limit.write_text(str(MEMORY))

    def enter(self) -> None:
        """Put this process under it."""
        (self._group / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def peak(self) -> int:
        """Most bytes in use so far, cached files included."""
        return int((self._group / self._peak).read_text())

    @property
    def kills(self) -> int:
        """Processes that were killed for their memory."""
        events = (self._group / self._events).read_text().split()
        return int(events[events.index("oom_kill") + 1])

    def close(self) -> None:
        """Remove it."""
        self._group.rmdir()


@contextlib.contextmanager
def card() -> Iterator[tuple[Path, Card]]:
    """Where an empty card lies, and the card."""
    with tempfile.TemporaryDirectory(prefix="wm-edge-card-") as name:
        place = Path(name, "card")
        place.mkdir()
        taken = Card(Path(name), place)
        try:
            yield place, taken
        finally:
            taken.close()


def drop(folder: Path, count: int, a_second: float) -> None:
    """Wafer maps of 30 dies a side, as a tool writes them; 0 a second: at once."""
    for number in range(count):
        (folder / f"w{number}.csv").write_bytes(wafer_bytes(number))
        time.sleep(1 / a_second if a_second else 0)


def end(station: Running) -> None:
    """Stop it, and see that it ended well."""
    if station.stop() != 0:
        sys.exit(station.said())


def recorded(store: Path, count: int) -> int:
    """Wafers on record, once all are, or the time is over. Looked at rarely: a reader costs."""
    found, end = 0, time.monotonic() + LIMIT
    while found < count and time.monotonic() < end:
        time.sleep(2)
        with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT count(*) FROM results").fetchone()[0]
    return found


def live(count: int, a_second: float) -> None:
    """Files one after another: what the station adds to what the tool writes."""
    with card() as (place, device):
        (place / "in").mkdir()
        begin = device.written
        drop(place / "in", count, a_second)
        alone = device.written - begin
    with card() as (place, device):
        (place / "in").mkdir()
        with Running(place, "watch", place / "in", "--store", place / "s.sqlite") as station:
            time.sleep(3)
            begin = device.written
            drop(place / "in", count, a_second)
            found = recorded(place / "s.sqlite", count)
            end(station)
        both = device.written - begin
    print(
        f"{found} of {count} files, {a_second:g} a second: {both / count / 1000:.1f} kB a wafer, "
        f"of which {alone / count / 1000:.1f} kB for the file itself, "
        f"{(both - alone) / count / 1000:.1f} kB by the station"
    )


def backlog(count: int) -> None:
    """A folder full of files under the limit of memory."""
    limit = Limit()
    try:
        with card() as (place, device):
            (place / "in").mkdir()
            drop(place / "in", count, 0)
            begin, began = device.written, time.monotonic()
            arguments = ("watch", place / "in", "--store", place / "s.sqlite")
            with Running(place, *arguments, before=limit.enter) as station:
                found = recorded(place / "s.sqlite", count)
                took = time.monotonic() - began
                end(station)
            wrote = device.written - begin
    finally:
        peak, kills = limit.peak, limit.kills
        limit.close()
    print(
        f"{found} of {count} files that lay there, at most {MEMORY / 2**20:.0f} MiB: "
        f"{wrote / count / 1000:.1f} kB a wafer, {took:.0f} s, peak {peak / 1e6:.0f} MB with "
        f"cached files, {kills} kills"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--live", type=int, default=300, help="files one after another")
    parser.add_argument("--a-second", type=float, nargs="+", default=[1.0, 10.0])
    parser.add_argument("--backlog", type=int, default=10_000, help="files that lie there")
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("a card and a control group are made by root alone")
    for rate in chosen.a_second:
        live(chosen.live, rate)
    backlog(chosen.backlog)
    return 0


if __name__ == "__main__":
    sys.exit(main())
