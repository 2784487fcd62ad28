"""1,000 files of SEMI G85 with 5,000 dies each: how long does reading them take?

Usage: ``python benchmarks/g85.py``; exit code 1 when the bar is missed. It is held against CPU
time, which hardly changes when the machine has other work; the seconds by the clock stand beside.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from edge.formats.fab import g85
from edge.formats.fab.fab_map import Code, FabMap, Meaning
from edge.formats.reading import read

FILES, SIDE, BAR = 1000, 80, 5.0
#: A way to write bins each: a character, two hexadecimal digits, three decimal ones.
BINS = {"Ascii": ("1", "A"), "HexaDecimal": ("00", "0A"), "Decimal": ("1", "10")}


def main() -> int:
    """Write, read twice, judge the faster."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    draws = np.random.default_rng(0).random((SIDE, SIDE)) < 0.1
    codes = np.where(y**2 + x**2 < (SIDE / 2) ** 2, draws, -1).astype(np.int16)
    missed = False
    for kind, (passing, failing) in BINS.items():
        legend = (Code(passing, Meaning.PASS), Code(failing, Meaning.FAIL))
        fab = FabMap(codes, legend, lot="L", wafer="W")
        with tempfile.TemporaryDirectory() as top:
            paths = [Path(top) / f"{number}.xml" for number in range(FILES)]
            for path in paths:
                with path.open("wb") as file:
                    g85.write([fab], file)
            runs = []
            for _ in range(2):
                began, cpu = time.perf_counter(), time.process_time()
                dies = sum(int((wafer.dies > 0).sum()) for path in paths for wafer in read(path))
                runs.append((time.process_time() - cpu, time.perf_counter() - began))
        used, took = min(runs)
        missed |= used > BAR
        verdict = "FAIL" if used > BAR else "pass"
        print(
            f"{kind:<11} {dies // FILES} dies  CPU {used:.2f} s <= {BAR:g} {verdict}  {took:.2f} s"
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
