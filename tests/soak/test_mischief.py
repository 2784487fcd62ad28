"""Links, a mount, files overwritten, a deadly file, and ``kill -9``: nothing lost, nobody in."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.station import (
    POISON,
    SOAK,
    Dropper,
    Running,
    deadly,
    digest,
    drop,
    rows,
    wafer_bytes,
    wait_for,
)

KILLS = 100 if SOAK else 4

#: Wafers that no other number has: those written over one another, and one that lies in two places.
OVER, SHARED = 10**7, 10**6


class Mischief(Dropper):
    """Drops wafers everywhere and lays links to what is nobody's business."""

    def __init__(self, folder: Path, elsewhere: Path, places: list[Path]) -> None:
        super().__init__(seed=3)
        self.dropped: set[str] = set()
        self._folder = folder
        self._elsewhere = elsewhere
        self._places = places

    def _drop(self, number: int) -> None:
        place = self._random.choice(self._places)
        drop(place, number)
        self.dropped.add(digest(number))
        if number % 5 == 0:
            self._lay_links(number)
        if number % 7 == 0:
            self._swap()

    def _lay_links(self, number: int) -> None:
        for name, target in (
            (f"link{number}.csv", self._elsewhere / f"w{SHARED}.csv"),
            (f"folder{number}", self._elsewhere),
            (f".wm-edge-taken.link{number}.csv", self._elsewhere / f"w{SHARED}.csv"),
        ):
            (self._folder / name).symlink_to(target)

    def _swap(self) -> None:
        """A folder with a wafer in it becomes a link to another one with a file of that name."""
        lot, aside = self._folder / "swapped", self._folder / ".aside"
        lot.mkdir(exist_ok=True)
        drop(lot, SHARED)
        self.dropped.add(digest(SHARED))
        time.sleep(self._random.uniform(0, 0.03))
        lot.rename(aside)
        lot.symlink_to(self._elsewhere)
        time.sleep(self._random.uniform(0, 0.03))
        lot.unlink()
        aside.rename(lot)


@contextmanager
def mounted(place: Path) -> Iterator[None]:
    """Another file system there, where one may be mounted."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", str(place)], capture_output=True, check=False
    )
    try:
        yield
    finally:
        if not done.returncode:
            subprocess.run(["umount", "--lazy", str(place)], check=False)


@pytest.mark.parametrize("done", ["keep", "delete"])
def test_every_wafer_once_and_nothing_outside(tmp_path: Path, done: str) -> None:
    folder, elsewhere, store = tmp_path / "in", tmp_path / "elsewhere", tmp_path / "s.sqlite"
    deep = folder / "/".join(["deep"] * 60)
    for each in (elsewhere, deep):
        each.mkdir(parents=True)
    drop(elsewhere, SHARED)
    (elsewhere / "bad.csv").write_text("name,euro\nrent,900\n")
    (folder / "deadly.csv").write_bytes(POISON)
    chance = random.Random(1)
    arguments = ("watch", folder, "--store", store, "--done", done, "--bad-after", "0.1", "--quiet")
    current, written = folder / "current.csv", []
    with mounted(folder / "mount"):
        places = [folder, deep, folder / "mount"]
        with Running(tmp_path, *arguments, PYTHONPATH=deadly(tmp_path)) as station:
            with Mischief(folder, elsewhere, places) as mischief:
                for kill in range(KILLS):
                    _overwrite(current, OVER + kill)
                    written.append(digest(OVER + kill))
                    deadline = time.monotonic() + 60
                    while not _has(store, written[-1]) and time.monotonic() < deadline:
                        if station.process.poll() is not None:  # of the deadly file
                            station.again()
                        time.sleep(0.05)
                    time.sleep(chance.uniform(0, 0.5))
                    station.kill()
                    station.again()
            # The last process has come so far that it hears an order to stop once it has this one.
            _overwrite(current, OVER + KILLS)
            wanted = mischief.dropped | {*written, digest(OVER + KILLS)}
            wait_for(
                lambda: len({row["source_sha256"] for row in rows(store)}) >= len(wanted), "all"
            )
            wait_for(lambda: rows(store, "SELECT * FROM errors"), "the deadly file on record")
            assert station.stop() == 0, station.said()
    recorded = Counter(row["source_sha256"] for row in rows(store))
    assert set(recorded) == wanted
    once = {**recorded, digest(SHARED): 1}  # dropped again and again, as other files of one name
    assert set(once.values()) == {1}
    [error] = rows(store, "SELECT * FROM errors")
    assert error["source"] == str(folder / "deadly.csv")
    assert (elsewhere / f"w{SHARED}.csv").read_bytes() == wafer_bytes(SHARED)
    assert {path.name for path in elsewhere.iterdir()} == {f"w{SHARED}.csv", "bad.csv"}


def _overwrite(path: Path, number: int) -> None:
    """In place, with the size and the time of what was there."""
    with suppress(FileNotFoundError):
        path.chmod(0o644)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "wb") as file:
        file.write(wafer_bytes(number))
        file.flush()
        os.utime(file.fileno(), ns=(10**18, 10**18))


def _has(store: Path, wanted: str) -> bool:
    return bool(rows(store, f"SELECT 1 FROM results WHERE source_sha256 = '{wanted}'"))  # noqa: S608
