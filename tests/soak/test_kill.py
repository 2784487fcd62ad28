"""``kill -9`` at any moment: every wafer is in the store once, and in every file once."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.station import SOAK, Dropper, Running, rows, wafer_bytes, wait_for

KILLS = 200 if SOAK else 8


class Writers(Dropper):
    """Drops files in the ways that tools do; remembers what every file held."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(seed)
        self.dropped: dict[str, bytes] = {}
        self._folder = folder

    def _drop(self, number: int) -> None:
        # A third of the wafers have one and the same map: they are told apart by their names.
        content = wafer_bytes(number if number % 3 else 0)
        path = self._folder / f"w{number}.csv"
        way = self._random.choice((self._at_once, self._renamed, self._slowly))
        way(path, content)
        self.dropped[path.name] = content

    @staticmethod
    def _at_once(path: Path, content: bytes) -> None:
        path.write_bytes(content)

    @staticmethod
    def _renamed(path: Path, content: bytes) -> None:
        partial = path.with_suffix(".part")
        partial.write_bytes(content)
        partial.rename(path)

    @staticmethod
    def _slowly(path: Path, content: bytes) -> None:
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(content), len(content) // 3 + 1):
                file.write(content[start : start + len(content) // 3 + 1])
                time.sleep(0.002)


@pytest.mark.parametrize("done", ["keep", "delete", "move"])
def test_every_wafer_once_whatever_is_killed_when(tmp_path: Path, done: str) -> None:
    folder, store = tmp_path / "wafers", tmp_path / "results.sqlite"
    folder.mkdir()
    lines, table = tmp_path / "results.jsonl", tmp_path / "results.csv"
    arguments = ("watch", folder, "--store", store, "--jsonl", lines, "--csv", table)
    chance = random.Random(1)
    kills = max(1, KILLS // 2 if done == "keep" else KILLS // 4)
    with Running(tmp_path, *arguments, "--done", done, "--quiet") as station:
        with Writers(folder, seed=2) as writers:
            for _ in range(kills):
                time.sleep(chance.uniform(0.05, 1.2))
                station.kill()
                station.again()
        # The last process has come so far that it hears an order to stop once it has this one.
        writers.dropped["last.csv"] = wafer_bytes(10**6)
        (folder / "last.csv").write_bytes(wafer_bytes(10**6))
        wanted = Counter(
            (name, hashlib.sha256(content).hexdigest()) for name, content in writers.dropped.items()
        )
        wait_for(lambda: len(rows(store)) >= len(wanted), "all wafers recorded")
        wait_for(lambda: lines.read_bytes().count(b"\n") >= len(wanted), "all lines appended")
        assert station.stop() == 0, station.said()
    assert Counter((row["file"], row["source_sha256"]) for row in rows(store)) == wanted
    assert not rows(store, "SELECT * FROM errors")
    assert not rows(store, "SELECT * FROM repeats")
    appended = [json.loads(line) for line in lines.read_text().splitlines()]
    assert Counter((line["file"], line["source_sha256"]) for line in appended) == wanted
    assert Counter(line.split(",")[0] for line in table.read_text().splitlines()[1:]) == Counter(
        line["id"] for line in appended
    )
    left = {path.name for path in folder.rglob("*.csv")}
    assert left == (set() if done == "delete" else set(writers.dropped))
