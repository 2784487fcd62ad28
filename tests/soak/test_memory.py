"""A station at work for long: its memory does not grow, and it stays small."""

from __future__ import annotations

import re
import time
import urllib.request
from pathlib import Path

import psutil

from tests.support.station import SOAK, Running, rows, wafer_bytes, wait_for

SECONDS = 600 if SOAK else 10
FILES_A_SECOND = 20

#: Resident bytes in all, and growth after the first tenth of the time.
MOST = 150 * 10**6
GROWTH = 4 * 10**6


def resident(process: psutil.Process) -> int:
    everyone = [process, *process.children(recursive=True)]
    return int(sum(each.memory_info().rss for each in everyone))


def test_memory_stays_flat(tmp_path: Path) -> None:
    folder, store = tmp_path / "wafers", tmp_path / "results.sqlite"
    folder.mkdir()
    arguments = ("watch", folder, "--store", store, "--jsonl", tmp_path / "results.jsonl")
    with Running(tmp_path, *arguments, "--done", "delete", "--metrics", "0") as station:
        url = wait_for(lambda: re.search(r"http://\S+/metrics", station.said()), "metrics")[0]
        process = psutil.Process(station.process.pid)
        begun = time.monotonic()
        samples: list[tuple[float, int]] = []
        number = 0
        while (now := time.monotonic() - begun) < SECONDS:
            if number < now * FILES_A_SECOND:
                content = wafer_bytes(number) if number % 10 else b"no wafer map\n"
                (folder / f"w{number}.csv").write_bytes(content)
                number += 1
            else:
                time.sleep(0.01)
            if now > len(samples) * SECONDS / 100:
                samples.append((now, resident(process)))
                with urllib.request.urlopen(url, timeout=10) as answer:
                    assert b"wm_edge_wafers_total" in answer.read()
        good = sum(1 for one in range(number) if one % 10)
        wait_for(lambda: len(rows(store)) == good, "all wafers recorded")
        assert station.stop() == 0, station.said()
    settled = [size for when, size in samples if when > SECONDS / 10]
    begin, end = settled[: len(settled) // 4], settled[-len(settled) // 4 :]
    assert max(settled) < MOST
    assert sum(end) / len(end) - sum(begin) / len(begin) < GROWTH, settled
