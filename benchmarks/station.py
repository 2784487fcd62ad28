"""Speed and memory of the station on this machine, each figure beside its bar, in one run.

Every figure is a ratio of two things that were measured in turn (A B A B ...), so that a busy or
slow machine changes both alike. Usage: ``python benchmarks/station.py [--quick] [--json FILE]``.

This process imports nothing but the standard library: a child's peak memory counts from its fork,
when it is still a copy of this process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import Any

#: What a station imports before it has classified anything: the least any such tool can take.
BARE_IMPORTS = "import numpy, cv2, ai_edge_litert.interpreter"

#: Draws wafers on a round grid and writes them; arguments: wafers, side, file or folder.
GENERATE = """
import sys
from pathlib import Path
import numpy as np
from edge.wafer.patterns import PATTERNS
from edge.synth import round_grid
from train.synth.sets import synthetic_set
from train.synth.pictures import Layout, save_pictures
wafers, side, out = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
drawn = min(wafers, 2000)
counts = dict.fromkeys(PATTERNS, -(-drawn // len(PATTERNS)))
made = synthetic_set(counts, [round_grid(side, side)], 0)
# A picture without a single passing die is refused: its white could mean pass or fail.
readable = [index for index in range(len(made)) if 1 in made.grid(index)]
order = np.random.default_rng(0).permutation(readable)
made = made.select(order[np.arange(wafers) % len(order)])
if out.suffix == ".npz":
    made.save(out)
else:
    save_pictures(made, out, layout=Layout.FLAT)
"""

#: Wafers a second of the bare interpreter; arguments: model file, runs.
INVOKE = """
import json, sys, time
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
for _ in range(100):
    interpreter.invoke()
runs = int(sys.argv[2])
wall, cpu = time.perf_counter(), time.process_time()
for _ in range(runs):
    interpreter.invoke()
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))
"""

#: Two models in turns; arguments: model files, blocks, runs a block. Seconds of each block.
INVOKE_IN_TURNS = """
import json, sys, time
from ai_edge_litert.interpreter import Interpreter
both = []
for path in sys.argv[1:3]:
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    both.append((interpreter, []))
for _ in range(int(sys.argv[3])):
    for interpreter, blocks in both:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(int(sys.argv[4])):
            interpreter.invoke()
        blocks.append((time.perf_counter() - wall, time.process_time() - cpu))
print(json.dumps([blocks for _, blocks in both]))
"""

#: seed-final with weights by chance, quantised as ``wm-edge convert`` does; argument: file.
QUANTISE_SEED = """
import sys
from pathlib import Path
from convert.quantise import calibration_set, quantise
from edge.wafer.patterns import PATTERNS
from train.network.networks import build
from edge.synth import typical_grids
from train.synth.sets import synthetic_set
wafers = synthetic_set(dict.fromkeys(PATTERNS, 40), typical_grids(), 0)
Path(sys.argv[1]).write_bytes(quantise(build("seed-final"), calibration_set(wafers)))
"""

SHIPPED = "from edge.system.shipped import paths; print(*paths(), sep='\\n')"

#: Times of seed-final's that an inference of each that ships may take.
INVOKE_BARS = {"wm811k": 4.0, "wm811k-micro": 1.2}


@dataclass(frozen=True)
class Counts:
    """How much is measured.

    Attributes:
        starts: Processes of each kind for the start-up figures.
        folder: Pictures in the folder.
        rounds: Rounds over the folder.
        few: The smaller run for memory.
        many: The larger run for memory.
        blocks: Rounds of invocations when two models are compared.
    """

    starts: int = 15
    folder: int = 10_000
    rounds: int = 3
    few: int = 1_000
    many: int = 100_000
    blocks: int = 60


QUICK = Counts(starts=2, folder=200, rounds=1, few=50, many=400, blocks=3)


@dataclass(frozen=True)
class Used:
    """What a finished process took.

    Attributes:
        wall: Seconds.
        cpu: Seconds of user and system time.
        peak: Largest resident set in bytes.
        stdout: What it printed.
    """

    wall: float
    cpu: float
    peak: int
    stdout: str


@dataclass(frozen=True)
class Figure:
    """One line of the report.

    Attributes:
        name: What was measured.
        value: The figure that is compared with the bar.
        cpu: The same by CPU time, where that makes sense; it hardly changes on a busy machine.
        bar: What ``value`` must not exceed, or reach.
        at_least: Whether the bar must be reached rather than not exceeded.
        detail: The two measurements behind the ratio, for people.
        raw: The same for programs.
    """

    name: str
    value: float
    bar: float
    detail: str
    cpu: float | None = None
    at_least: bool = False
    unit: str = "x"
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the bar is met."""
        return self.value >= self.bar if self.at_least else self.value <= self.bar


class Bench:
    """Measures in a scratch folder.

    Args:
        folder: Empty; bytecode, wafers and results go there.
        counts: How much to measure.
    """

    def __init__(self, folder: Path, counts: Counts) -> None:
        self.folder = folder
        self.counts = counts
        script = Path(sys.executable).with_name("wm-edge")
        start = "from edge.cli.main import main; main()"
        self.command = [str(script)] if script.exists() else [sys.executable, "-c", start]
        # Compiled once and kept, as after any install, but not in the checkout.
        self.env = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.models = self.python(SHIPPED).stdout.splitlines()
        self.model = self.models[0]

    def run(self, command: Sequence[str | Path], allowed: tuple[int, ...] = (0,)) -> Used:
        """Run a process to its end and say what it took."""
        began = time.perf_counter()
        with tempfile.TemporaryFile("w+", dir=self.folder) as out:
            child = subprocess.Popen(
                [str(part) for part in command],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            printed = out.read()
        if child.returncode not in allowed:
            raise SystemExit(f"exit code {child.returncode}: {' '.join(map(str, command))}")
        return Used(wall, usage.ru_utime + usage.ru_stime, 1024 * usage.ru_maxrss, printed)

    def python(self, code: str, *arguments: str | Path | int) -> Used:
        """Run a piece of Python."""
        return self.run([sys.executable, "-c", code, *map(str, arguments)])

    def classify(self, *arguments: str | Path) -> Used:
        """``wm-edge classify`` into a file."""
        output = self.folder / "results.jsonl"
        return self.run(
            [*self.command, "classify", *arguments, "--output", output, "--overwrite", "--quiet"]
        )

    def in_turns(
        self, one: Callable[[], Used], other: Callable[[], Used], rounds: int
    ) -> tuple[list[Used], list[Used]]:
        """Both once to warm up, then in turns."""
        one(), other()
        pairs = [(one(), other()) for _ in range(rounds)]
        return [a for a, _ in pairs], [b for _, b in pairs]

    def figures(self) -> Iterator[Figure]:
        """All figures, each as soon as it is there."""
        pictures = self.folder / "pictures"
        self.python(GENERATE, self.counts.folder, 64, pictures)
        yield self.help()
        yield self.cold(next(iter(sorted(pictures.iterdir()))))
        yield from self.rate(pictures)
        yield from self.memory_of_pictures(pictures)
        yield from self.memory_of_a_set()
        if util.find_spec("tensorflow"):
            yield from self.against_seed()
        yield installed_size()

    def help(self) -> Figure:
        """``wm-edge --help`` against importing click."""
        return self._starts(
            "wm-edge --help / import click",
            lambda: self.run([*self.command, "--help"]),
            lambda: self.python("import click"),
            bar=1.6,
        )

    def cold(self, picture: Path) -> Figure:
        """One picture against importing what it takes."""
        return self._starts(
            "classify one picture, cold / bare imports",
            lambda: self.run([*self.command, "classify", picture]),
            lambda: self.python(BARE_IMPORTS),
            bar=2.0,
        )

    def _starts(
        self, name: str, one: Callable[[], Used], other: Callable[[], Used], bar: float
    ) -> Figure:
        ours, theirs = self.in_turns(one, other, self.counts.starts)
        a, b = (statistics.median(used.wall for used in many) for many in (ours, theirs))
        c, d = (statistics.median(used.cpu for used in many) for many in (ours, theirs))
        return Figure(
            name,
            a / b,
            bar,
            f"{1000 * a:.0f} ms / {1000 * b:.0f} ms",
            cpu=c / d,
            raw={"seconds": [a, b], "cpu_seconds": [c, d]},
        )

    def rate(self, pictures: Path) -> Iterator[Figure]:
        """A folder, start-up included, against nothing but ``invoke`` of the same model."""
        wafers = self.counts.folder
        self.classify(pictures)
        whole: list[Used] = []
        bare: list[list[float]] = []
        for _ in range(self.counts.rounds):
            whole.append(self.classify(pictures))
            bare.append(json.loads(self.python(INVOKE, self.model, wafers).stdout))
        a, b = wafers / median(u.wall for u in whole), wafers / median(t[0] for t in bare)
        c, d = wafers / median(u.cpu for u in whole), wafers / median(t[1] for t in bare)
        yield Figure(
            f"folder of {wafers:,} pictures of 64x64 / invoke",
            a / b,
            0.5,
            f"{a:,.0f} / {b:,.0f} wafers/s (CPU {c:,.0f} / {d:,.0f})",
            cpu=c / d,
            at_least=True,
            raw={"wafers_per_second": [a, b], "wafers_per_cpu_second": [c, d]},
        )

    def memory_of_pictures(self, pictures: Path) -> Iterator[Figure]:
        """Few and many pictures (hard links to the same ones)."""
        names = sorted(pictures.iterdir())
        peaks = []
        for count in (self.counts.few, self.counts.many):
            folder = self.folder / f"linked-{count}"
            folder.mkdir()
            for number in range(count):
                os.link(names[number % len(names)], folder / f"{number:06d}.png")
            peaks.append(self.classify(folder).peak)
        yield from self._memory("pictures", peaks)

    def memory_of_a_set(self) -> Iterator[Figure]:
        """Few and many wafers in one labelled set."""
        peaks = []
        for count in (self.counts.few, self.counts.many):
            path = self.folder / f"{count}.npz"
            self.python(GENERATE, count, 40, path)
            peaks.append(self.classify(path).peak)
        yield from self._memory("wafers of a labelled set", peaks)

    def _memory(self, what: str, peaks: list[int]) -> Iterator[Figure]:
        few, many = peaks
        yield Figure(
            f"peak memory of {self.counts.many:,} {what}",
            many / 1e6,
            200,
            f"{many / 1e6:.0f} MB",
            unit="MB",
            raw={"bytes": many},
        )
        yield Figure(
            f"the same / that of {self.counts.few:,}",
            many / few,
            1.1,
            f"{many / 1e6:.0f} MB / {few / 1e6:.0f} MB",
            raw={"bytes": [many, few]},
        )

    def against_seed(self) -> Iterator[Figure]:
        """``invoke`` of each model that ships against seed-final's, in one process."""
        seed = self.folder / "seed-final.tflite"
        self.python(QUANTISE_SEED, seed)
        for model in self.models:
            done = self.python(INVOKE_IN_TURNS, model, seed, self.counts.blocks, 100)
            ours, theirs = json.loads(done.stdout)
            # The quietest block of each: what disturbs only ever adds.
            a, b = (min(wall for wall, _ in blocks) / 100 for blocks in (ours, theirs))
            c, d = (min(cpu for _, cpu in blocks) / 100 for blocks in (ours, theirs))
            name = Path(model).stem
            yield Figure(
                f"invoke of {name} / of seed-final",
                a / b,
                INVOKE_BARS.get(name, 4.0),
                f"{1e6 * a:.0f} µs / {1e6 * b:.0f} µs",
                cpu=c / d,
                raw={"seconds": [a, b], "cpu_seconds": [c, d]},
            )


def median(values: Iterator[float]) -> float:
    """Median of a generator."""
    return statistics.median(values)


def installed_size() -> Figure:
    """The files of wm-edge and of everything that a station install brings."""
    sizes = {name: _size(name) for name in sorted(_closure("wm-edge"))}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    total = sum(sizes.values()) / 1e6
    listed = ", ".join(f"{name} {sizes[name] / 1e6:.0f}" for name in largest)
    return Figure("installed size", total, 300, f"{total:.0f} MB ({listed})", unit="MB", raw=sizes)


def _closure(name: str, found: set[str] | None = None) -> set[str]:
    """A distribution and what it requires without extras, as far as it is installed."""
    found = set() if found is None else found
    try:
        required = metadata.distribution(name).requires or []
    except metadata.PackageNotFoundError:
        return found
    found.add(name)
    for line in required:
        named = re.match(r"[A-Za-z0-9._-]+", line)
        if named and "extra ==" not in line:
            other = re.sub(r"[-_.]+", "-", named[0]).lower()
            if other not in found:
                _closure(other, found)
    return found


def _size(name: str) -> int:
    distribution = metadata.distribution(name)
    files = [Path(str(distribution.locate_file(entry))) for entry in distribution.files or []]
    if name == "wm-edge":  # an editable install lists none of its modules
        root = Path(__file__).parents[1]
        files += [path for top in ("edge", "train", "convert") for path in root.glob(f"{top}/**/*")]
    return sum(path.stat().st_size for path in set(files) if path.is_file())


def line(figure: Figure) -> str:
    """A line of the table."""
    sign = ">=" if figure.at_least else "<="
    digits = 0 if figure.unit == "MB" else 2
    cpu = f"{figure.cpu:.2f} x" if figure.cpu is not None else ""
    return (
        f"{figure.name:<52} {figure.value:>6.{digits}f} {figure.unit:<2} {cpu:>7}  "
        f"{sign} {figure.bar:g} {figure.unit:<2}  {'pass' if figure.passed else 'FAIL':<5} "
        f"{figure.detail}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small counts: does it run at all?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    chosen = parser.parse_args(arguments)
    counts = QUICK if chosen.quick else Counts()
    figures = []
    print(
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
    )
    print(f"load {os.getloadavg()[0]:.1f} at the start; whole processes, medians of turns\n")
    print(f"{'figure':<52} {'ratio':>9} {'by CPU':>7}  {'bar':<9}")
    with tempfile.TemporaryDirectory(prefix="wm-edge-benchmark-") as folder:
        for figure in Bench(Path(folder), counts).figures():
            figures.append(figure)
            print(line(figure), flush=True)
    if chosen.json:
        report = {
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "counts": asdict(counts),
            "figures": [{**asdict(figure), "passed": figure.passed} for figure in figures],
        }
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return 0 if all(figure.passed for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
