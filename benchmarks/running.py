"""A station at work on this machine: latency, throughput, memory and rest, each beside its bar.

Usage: ``python benchmarks/running.py [--quick]``, in the test environment (it needs psutil) and a
checkout; the camera's figure needs ffmpeg. Latencies are those of a whole station in a process of
its own, from the end of the write (or of the frame) to the record on the disk, by one clock.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from edge.screen.stable import digest_of
from tests.support.cli import command
from tests.support.screens import Look, View, disc, draw, film
from tests.support.station import Running, rows, wafer_bytes, wait_for
from tests.support.video import free_port


@dataclass(frozen=True)
class Figure:
    """One line: what, how much of which unit, and the bar it is held against."""

    name: str
    value: float
    unit: str
    bar: float
    at_least: bool = False

    @property
    def passed(self) -> bool:
        """Whether the bar is met."""
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "pass" if self.passed else "FAIL"
        return f"{self.name:<66} {self.value:>8.2f} {self.unit:<4} {sign} {self.bar:g}  {verdict}"


def folder_figures(top: Path, files: int) -> Iterator[Figure]:
    """10 files a second into a watched folder; rest and memory before and after."""
    wafers, store = top / "wafers", top / "folder.sqlite"
    wafers.mkdir()
    written: dict[str, float] = {}
    with Running(top, "watch", wafers, "--store", store, "--quiet") as station:
        process = psutil.Process(station.process.pid)
        time.sleep(3)
        before = sum(process.cpu_times()[:2])
        time.sleep(10)
        idle = 10 * (sum(process.cpu_times()[:2]) - before)
        for number in range(files):
            content = wafer_bytes(number)
            (wafers / f"w{number}.csv").write_bytes(content)
            written[hashlib.sha256(content).hexdigest()] = time.time()
            time.sleep(0.1)
        wait_for(lambda: len(rows(store)) == files, "all recorded")
        resident = process.memory_info().rss / 1e6
    found = sorted(1000 * (recorded_at(row) - written[row["source_sha256"]]) for row in rows(store))
    p95 = found[int(0.95 * len(found))]
    yield Figure(f"folder to record, p95 of {files} files, 10 a second", p95, "ms", 300)
    yield Figure("the same, median", statistics.median(found), "ms", 300)
    yield Figure("idle", idle, "%", 1)
    yield Figure("resident", resident, "MB", 150)


def throughput(top: Path, files: int, rounds: int) -> Iterator[Figure]:
    """A folder of pictures by `watch --once` and by `classify`, in turns, whole processes."""
    made = top / "many"
    generate = (*command(), "dataset", "synth", "--per-class", str(files // 9), "--out", str(made))
    subprocess.run(generate, check=True, stderr=subprocess.DEVNULL)
    count = sum(1 for _ in made.rglob("*.png"))
    ratios = []
    largest = 0
    for turn in range(rounds):
        store, lines = top / f"{turn}.sqlite", top / f"{turn}.jsonl"
        watch, peak = timed(
            *command(), "watch", str(made), "--once", "--quiet", "--store", str(store)
        )
        classify, _ = timed(*command(), "classify", str(made), "--quiet", "--output", str(lines))
        ratios.append(classify / watch)
        largest = max(largest, peak)
    name = f"watch / classify, wafers a second, {count:,} pictures"
    yield Figure(name, statistics.median(ratios), "x", 0.6, at_least=True)
    yield Figure("resident during it, all processes", largest / 1e6, "MB", 150)


def timed(*arguments: str) -> tuple[float, int]:
    """Seconds of a process, and its largest resident set with its children's."""
    begun = time.perf_counter()
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    largest = 0
    while process.poll() is None:
        try:
            looked = psutil.Process(process.pid)
            everyone = [looked, *looked.children(recursive=True)]
            largest = max(largest, sum(each.memory_info().rss for each in everyone))
        except psutil.Error:
            continue
        time.sleep(0.05)
    return time.perf_counter() - begun, largest


def camera(top: Path, wafers: int) -> Iterator[Figure]:
    """Another wafer every second at 640x480, 30 frames a second over TCP; the station on one core.

    The clock starts when the third frame that shows the wafer is handed to the encoder.
    """
    port = free_port()
    encoder = ("ffmpeg", "-nostdin", "-loglevel", "quiet", "-f", "rawvideo", "-pix_fmt", "bgr24")
    encoder += ("-s", "640x480", "-r", "30", "-i", "pipe:0", "-an", "-threads", "1")
    encoder += ("-c:v", "mjpeg", "-q:v", "3", "-huffman", "default", "-f", "mpjpeg")
    encoder += ("-flush_packets", "1", f"tcp://127.0.0.1:{port}?listen=1")
    look, view = Look(12, 12, gap=2), View(keystone=(0.04, 0), rotation=1.5, noise=2.0)
    maps = [disc(26, 26, fails=0.1, seed=number) for number in range(wafers)]
    seen = [[film(draw(dies, look), view, seed) for seed in range(5)] for dies in maps]
    third: dict[str, float] = {}
    store = top / "camera.sqlite"
    with subprocess.Popen(encoder, stdin=subprocess.PIPE) as ffmpeg:
        arguments = ("camera", f"tcp://127.0.0.1:{port}", "--store", store, "--quiet")
        arguments += ("--complete-after", "0")
        with Running(top, *arguments) as station:
            psutil.Process(station.process.pid).cpu_affinity([0])
            assert ffmpeg.stdin is not None  # noqa: S101
            due = time.monotonic()
            for number, frames in enumerate(seen):
                # The first wafer stands there until the stream was opened.
                for index in range(300 if number == 0 else 30):
                    if index == 2:
                        third[digest_of(maps[number])] = time.time()
                    ffmpeg.stdin.write(frames[index % 5].tobytes())
                    due += 1 / 30
                    time.sleep(max(0, due - time.monotonic()))
            wait_for(lambda: len(rows(store)) >= wafers, "all wafers recorded", 20)
        ffmpeg.kill()
    found = [1000 * (recorded_at(row) - third[row["source_sha256"]]) for row in rows(store)[1:]]
    name = f"camera to record, p95 of {len(found)} wafers, after the 3rd frame"
    yield Figure(name, sorted(found)[int(0.95 * len(found))], "ms", 150)
    yield Figure("the same, median", statistics.median(found), "ms", 150)


def recorded_at(row: dict[str, str]) -> float:
    """When a row was recorded, seconds since 1970."""
    return datetime.fromisoformat(row["recorded_at"].replace("Z", "+00:00")).timestamp()


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small counts: does it run at all?")
    quick = parser.parse_args().quick
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {load:.1f} at the start\n")
    passed = True
    with tempfile.TemporaryDirectory(prefix="wm-edge-running-") as name:
        top = Path(name)
        parts = [
            folder_figures(top, 20 if quick else 300),
            throughput(top, 900 if quick else 10_000, 1 if quick else 3),
        ]
        if shutil.which("ffmpeg"):
            parts.append(camera(top, 5 if quick else 30))
        for part in parts:
            for figure in part:
                print(figure, flush=True)
                passed = passed and figure.passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
