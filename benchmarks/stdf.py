"""STDF as a tester writes it, with tests and without: read at what rate, in how much memory?

Usage: ``python benchmarks/stdf.py [--quick]``; exit code 1 when a bar is missed. Beside the rate by
the clock stands that by CPU time, which hardly changes when the machine has other work.
"""

from __future__ import annotations

import argparse
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

RATE = 100
MEMORY = 100
#: Wafers, dies a side of each, and tests a part: 200 MB, and 34 MB of nothing but results.
LOTS = (25, 40, 66), (25, 200, 0)
QUICK = (2, 10, 5), (2, 10, 0)


def record(kind: int, sub: int, content: bytes) -> bytes:
    """One record."""
    return struct.pack("<HBB", len(content), kind, sub) + content


def write(path: Path, wafers: int, side: int, tests: int) -> None:
    """A lot of which each part has its PIR, a result with limits a test, and its PRR."""
    name = b"\x18Leakage current at 85 C \0"
    limits = struct.pack("<BbbbffB", 0x0E, 0, 0, 0, -1.0, 1.0, 1) + b"A" + b"\x05%7.3f" * 3
    results = b"".join(
        record(15, 10, struct.pack("<IBBBBf", test, 1, 0, 0, 0, 0.25) + b"\0" + name + limits)
        for test in range(tests)
    )
    with path.open("wb") as file:
        file.write(record(0, 10, b"\2\4"))
        mir = struct.pack("<IIB3sH1s", 0, 0, 1, b"   ", 0, b" ") + b"\x03LOT\x03DEV\0\0"
        file.write(record(1, 10, mir))
        for wafer in range(wafers):
            file.write(record(2, 10, struct.pack("<BBI", 1, 255, 0) + b"\x02%02d" % wafer))
            for place in range(side * side):
                y, x = divmod(place, side)
                file.write(record(5, 10, b"\1\1") + results)
                flags = 8 * (place % 7 == 0)
                prr = struct.pack("<BBBHHHhhI", 1, 1, flags, tests, 1 + flags, 1, x, y, 9)
                file.write(record(5, 20, prr + b"\x04part\0\0"))
            file.write(record(2, 20, struct.pack("<BBI5I", 1, 255, 0, side * side, 0, 0, 0, 0)))
        file.write(record(1, 20, bytes(4)))


def measure(path: Path) -> None:
    """Read the file; print seconds by the clock, by CPU time, peak memory in MB, wafers."""
    from edge.formats.reading import read

    began, cpu = time.perf_counter(), time.process_time()
    wafers = sum(1 for _ in read(path))
    took = time.perf_counter() - began, time.process_time() - cpu
    print(*took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, wafers)


def main() -> int:
    """Judge a lot of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small file; does it run at all?")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.read:
        measure(chosen.read)
        return 0
    missed = [judge(*lot) for lot in (QUICK if chosen.quick else LOTS)]
    return int(any(missed))


def judge(wafers: int, side: int, tests: int) -> bool:
    """Write, read three times in processes of their own; whether a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lot.stdf")
        write(path, wafers, side, tests)
        size = path.stat().st_size / 1e6
        command = [sys.executable, __file__, "--read", str(path)]
        runs = [
            [float(each) for each in subprocess.run(command, stdout=subprocess.PIPE, check=True)
             .stdout.split()]
            for _ in range(3)
        ]  # fmt: skip
    clock, cpu, memory = (min(run[column] for run in runs) for column in range(3))
    print(f"{size:.1f} MB, {runs[0][3]:.0f} wafers, {tests} tests a part")
    print(f"{size / clock:.0f} MB/s by the clock, {size / cpu:.0f} by CPU time (bar {RATE})")
    print(f"{memory:.0f} MB at most (bar {MEMORY})")
    return size / cpu < RATE or memory > MEMORY


if __name__ == "__main__":
    sys.exit(main())
