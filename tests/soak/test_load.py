"""Many files from several writers at once: whole contents alone are recorded, none is missed."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.station import SOAK, Running, rows, small_disk, wafer_bytes, wait_for

#: Modification time of files whose tools set it.
STAMP = 10**18

FILES = 10_000 if SOAK else 600
WRITERS = 4


class Writer(threading.Thread):
    """Drops its share of the files in every way that tools do.

    Attributes:
        final: What each file held in the end.
        ever: Hash of every content that was whole for a moment.
    """

    def __init__(self, folder: Path, number: int, count: int) -> None:
        super().__init__()
        self.final: dict[str, str] = {}
        self.ever: set[str] = set()
        self._folder = folder / f"lot{number}"
        self._numbers = range(number, count, WRITERS)
        self._random = random.Random(number)

    def run(self) -> None:
        for number in self._numbers:
            self._folder.mkdir(exist_ok=True)
            path = self._folder / f"w{number}.csv"
            content = wafer_bytes(number)
            way = self._random.random()
            if way < 0.1:
                self._slowly(path, content)
            elif way < 0.4:
                partial = path.with_name(f".{path.name}.tmp")
                partial.write_bytes(content)
                partial.rename(path)
            elif way < 0.5:  # another wafer under the same name, written over the first
                path.write_bytes(wafer_bytes(number + 1_000_000))
                self._remember(path, wafer_bytes(number + 1_000_000))
                if self._random.random() < 0.5:
                    time.sleep(0.01)
                self._slowly(path, content)
            elif way < 0.6:  # the same by renaming another file over it
                path.write_bytes(wafer_bytes(number + 1_000_000))
                self._remember(path, wafer_bytes(number + 1_000_000))
                partial = path.with_suffix(".part")
                partial.write_bytes(content)
                partial.replace(path)
            elif way < 0.7:
                self._with_the_same_stamp(path, number, content)
            else:
                path.write_bytes(content)
            self._remember(path, content)

    def _with_the_same_stamp(self, path: Path, number: int, content: bytes) -> None:
        """Another wafer written over the first, of its size and time: cp -p, tar, FAT's clock."""
        first = wafer_bytes(number + 1_000_000)
        assert len(first) == len(content)
        for each in (first, content):
            with suppress(FileNotFoundError), path.open("r+b" if path.exists() else "wb") as file:
                file.write(each)
                file.flush()
                os.utime(file.fileno(), ns=(STAMP, STAMP))
            self._remember(path, first)
            time.sleep(self._random.choice((0.0, 0.02, 0.2)))
        if not path.exists():  # taken and deleted meanwhile
            path.write_bytes(content)

    def _remember(self, path: Path, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()
        self.final[str(path)] = digest
        self.ever.add(digest)

    def _slowly(self, path: Path, content: bytes) -> None:
        third = content.index(b"\n", len(content) // 3) + 1
        with path.open("wb", buffering=0) as file:
            for piece in (content[:third], content[third:-1], content[-1:]):
                file.write(piece)
                time.sleep(self._random.choice((0.0, 0.02, 0.2)))


@pytest.mark.parametrize("done", ["keep", "delete"])
def test_every_file_of_several_writers(tmp_path: Path, done: str) -> None:
    folder, store, outside = tmp_path / "wafers", tmp_path / "results.sqlite", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "reference.csv").write_bytes(wafer_bytes(5_000_000))
    (folder / "linked").symlink_to(outside, target_is_directory=True)
    (folder / "linked.csv").symlink_to(outside / "reference.csv")
    with ExitStack() as stack:
        arguments = ("watch", folder, "--store", store, "--done", done)
        station = stack.enter_context(Running(tmp_path, *arguments))
        station.wait_ready()
        writers = [Writer(folder, number, FILES) for number in range(WRITERS)]
        if os.geteuid() == 0:  # a file system of its own, mounted while the station runs
            stack.enter_context(small_disk(folder / "lot0", "64m"))
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        wanted = {digest for writer in writers for digest in writer.final.values()}
        ever = {digest for writer in writers for digest in writer.ever}

        def recorded() -> set[str]:
            return {row["source_sha256"] for row in rows(store, "SELECT * FROM results")}

        wait_for(lambda: wanted <= recorded(), "all wafers recorded")
        if done == "delete":
            wait_for(
                lambda: not [path for path in folder.rglob("*.csv") if not path.is_symlink()],
                "all files deleted",
            )
        assert station.stop() == 0, station.said()
    assert max(Counter(row["source_sha256"] for row in rows(store)).values()) == 1
    assert recorded() <= ever
    assert not rows(store, "SELECT * FROM errors")
    assert (outside / "reference.csv").read_bytes() == wafer_bytes(5_000_000)
