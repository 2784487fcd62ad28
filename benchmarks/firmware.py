"""The network as firmware runs it, beside the runtimes of this machine: speed, and equal answers.

Usage: ``python benchmarks/firmware.py [--quick] [--wafers N] [--json FILE]``, in the test
environment and a checkout. It needs gcc and make, and TFLite Micro's wheel (the extra ``firmware``)
for the lines that name it. Each subject runs in a process of its own, in turns, by CPU time; of its
rounds the quietest counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

#: Microseconds an inference; arguments: model file, runs.
LITERT = """
import sys, time
from ai_edge_litert.interpreter import Interpreter, OpResolverType
kind = getattr(OpResolverType, sys.argv[3])
interpreter = Interpreter(
    model_path=sys.argv[1], num_threads=1, experimental_op_resolver_type=kind
)
interpreter.allocate_tensors()
runs = int(sys.argv[2])
for _ in range(runs // 10 + 1):
    interpreter.invoke()
began = time.process_time()
for _ in range(runs):
    interpreter.invoke()
print((time.process_time() - began) / runs * 1e6)
"""

MICRO = """
import sys, time
from tflite_micro import runtime
interpreter = runtime.Interpreter.from_file(sys.argv[1])
runs = int(sys.argv[2])
for _ in range(runs // 10 + 1):
    interpreter.invoke()
began = time.process_time()
for _ in range(runs):
    interpreter.invoke()
print((time.process_time() - began) / runs * 1e6)
"""

C99_O2 = "c99 firmware, gcc -O2"
REFERENCE = "LiteRT, reference kernels"
MICRO_NAME = "TFLite Micro, reference kernels"
OPTIONS = {C99_O2: "-O2", "c99 firmware, gcc -O3 -march=native": "-O3 -march=native"}


@dataclass(frozen=True)
class Subject:
    """What is timed.

    Attributes:
        name: For the table.
        command: Of a process that prints microseconds; the number of inferences goes behind it.
        share: Of the inferences that a fast subject makes.
    """

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    share: float = 1.0


def subjects(top: Path) -> Iterator[Subject]:
    """Builds the firmware and names all subjects that can be had here."""
    from convert.firmware.export import export
    from edge.model.model_file import load
    from edge.system.shipped import firmware_path

    folder = top / "firmware"
    export(load(firmware_path()), folder, "c99")
    for place, (name, options) in enumerate(OPTIONS.items()):
        build = [f"BUILD=build{place}", f"CFLAGS={options}", "host"]
        subprocess.run(["make", "--silent", "CC=gcc", *build], cwd=folder, check=True)
        yield Subject(name, (str(folder / f"build{place}" / "wm_host"),))
    python, file = (sys.executable, "-c"), str(firmware_path())
    yield Subject(REFERENCE, (*python, LITERT, file), ("BUILTIN_REF",), 0.2)
    yield Subject("LiteRT, XNNPACK, one thread", (*python, LITERT, file), ("AUTO",))
    if util.find_spec("tflite_micro"):
        yield Subject(MICRO_NAME, (*python, MICRO, file), (), 0.2)


def microseconds(subject: Subject, runs: int) -> float:
    """Of one inference, by one process."""
    count = str(max(1, int(runs * subject.share)))
    done = subprocess.run(
        [*subject.command, count, *subject.after], capture_output=True, text=True, check=True
    )
    found = re.search(r"([\d.]+)(?: us an inference.*)?$", done.stdout.strip())
    if not found:
        raise RuntimeError(f"{subject.name}: no figure in {done.stdout!r}")
    return float(found[1])


def speeds(top: Path, rounds: int, runs: int) -> dict[str, float]:
    """Microseconds of each subject: the quietest of its rounds, taken in turns."""
    everyone = list(subjects(top))
    taken: dict[str, list[float]] = {subject.name: [] for subject in everyone}
    for _ in range(rounds):
        for subject in everyone:
            taken[subject.name].append(microseconds(subject, runs))
    return {name: min(values) for name, values in taken.items()}


Outputs = Callable[[Any], tuple[list[int], Any]]


def recorded(outputs: Outputs, into: list[tuple[list[int], Any]]) -> Outputs:
    """The same function, whose answers are kept."""

    def call(encoded: Any) -> tuple[list[int], Any]:
        found = outputs(encoded)
        into.append(found)
        return found

    return call


def answers(grids: Sequence[Any], kernels: str) -> tuple[list[Any], list[Any]]:
    """Predictions and outputs of LiteRT, ``fast`` or ``reference``, or of ``micro``."""
    from edge.classification.classifier import Classifier
    from edge.model.model_file import load
    from edge.model.runtime import Kernels
    from edge.system.shipped import firmware_path
    from edge.wafer.wafermap import WaferMap

    model = load(firmware_path())
    fast = Kernels.FAST if kernels == "fast" else Kernels.REFERENCE
    classifier = Classifier(model, kernels=fast)
    outputs: Outputs = classifier.outputs
    if kernels == "micro":
        given = iter(micro_outputs(model, grids))
        outputs = lambda _: next(given)  # noqa: E731
    kept: list[Any] = []
    # The verdict of all three is made by the same code, from outputs that differ.
    classifier.outputs = recorded(outputs, kept)  # type: ignore[method-assign]
    return [classifier.classify(WaferMap(dies)) for dies in grids], kept


def micro_outputs(model: Any, grids: Sequence[Any]) -> list[tuple[list[int], Any]]:
    """Logits and embedding that TFLite Micro gives for wafers."""
    import numpy as np

    from convert.firmware import model_source
    from convert.firmware.tflm import micro, source
    from edge.model import network
    from edge.wafer import encoding

    content = source.bare(model)
    wafers = np.stack([encoding.to_int8(encoding.encode(dies)) for dies in grids])
    ran = micro.run(content, wafers, 2)
    if ran is None:
        raise RuntimeError("TFLite Micro runs out of memory")
    logits, embedding = model_source.outputs_of(model, network.read(content))
    return [
        (row.tolist(), vector)
        for row, vector in zip(ran.outputs[logits], ran.outputs[embedding], strict=True)
    ]


def generated(count: int) -> list[Any]:
    """Wafers that the project draws: every pattern as often, on a round grid."""
    import numpy as np

    from edge.synth import round_grid
    from edge.wafer.patterns import PATTERNS
    from train.synth.sets import synthetic_set

    counts = dict.fromkeys(PATTERNS, -(-count // len(PATTERNS)))
    made = synthetic_set(counts, [round_grid(40, 40)], 0)
    order = np.random.default_rng(0).permutation(len(made))
    return [made.grid(int(place)) for place in order[:count]]


def real(count: int) -> list[Any]:
    """Wafers of WM-811K by chance, the same in every run; none where the file is not there.

    Only those that the network is asked about.
    """
    import numpy as np

    from edge.dataset import reading
    from edge.verdict.rule import MIN_FAILS
    from edge.wafer.wafermap import FAIL

    file = Path(os.environ.get("WM_EDGE_DATA", "")) / "wm811k.npz"
    if not os.environ.get("WM_EDGE_DATA") or not file.is_file():
        return []
    labelled = reading.load(file)
    order = np.random.default_rng(0).permutation(len(labelled))[:count]
    grids = (labelled.grid(int(place)) for place in order)
    return [dies for dies in grids if np.count_nonzero(dies == FAIL) >= MIN_FAILS]


def difference(grids: Sequence[Any], kernels: str) -> dict[str, Any]:
    """How the answers of ``fast`` or ``micro`` differ from the reference kernels'."""
    known, known_outputs = answers(grids, "reference")
    found, outputs = answers(grids, kernels)
    pairs = list(zip(known_outputs, outputs, strict=True))
    logits = Counter(
        max(abs(int(a) - int(b)) for a, b in zip(one[0], other[0], strict=True))
        for one, other in pairs
    )
    embedding = Counter(
        max(abs(int(a) - int(b)) for a, b in zip(one[1], other[1], strict=True))
        for one, other in pairs
    )
    both = list(zip(known, found, strict=True))
    return {
        "wafers": len(grids),
        "logit_steps": dict(sorted(logits.items())),
        "embedding_steps": dict(sorted(embedding.items())),
        "patterns": sum(one.pattern != other.pattern for one, other in both),
        "verdicts": sum(one.verdict != other.verdict for one, other in both),
        "reasons": sum(one.reason != other.reason for one, other in both),
    }


def show_speeds(taken: dict[str, float]) -> None:
    """A table: microseconds, and how many times those of the c99 firmware."""
    print(f"{'subject':<38} {'us an inference':>16} {'x c99 -O2':>10} {'x LiteRT ref.':>14}")
    for name, value in taken.items():
        ratios = f"{value / taken[C99_O2]:>10.2f} {value / taken[REFERENCE]:>14.2f}"
        print(f"{name:<38} {value:>16.1f} {ratios}")


def show_difference(name: str, found: dict[str, Any]) -> None:
    """Two lines: steps of the outputs, and what comes of them."""

    def steps(counts: dict[int, int]) -> str:
        return ", ".join(f"{step}: {count}" for step, count in counts.items())

    print(f"\n{name}, {found['wafers']} wafers; wafers by their largest difference in steps:")
    print(f"  logits {{{steps(found['logit_steps'])}}}", end="; ")
    print(f"embedding {{{steps(found['embedding_steps'])}}}")
    print(f"  another pattern {found['patterns']}", end=", ")
    print(f"verdict {found['verdicts']}, reason {found['reasons']}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small counts: does it run at all?")
    parser.add_argument("--wafers", type=int, default=1000, help="of each kind that are compared")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    chosen = parser.parse_args(arguments)
    rounds, runs, wafers = (1, 20, 18) if chosen.quick else (7, 500, chosen.wafers)
    print(f"{platform.machine()}, {os.cpu_count()} processors", end=", ")
    print(f"load {os.getloadavg()[0]:.1f} at the start; CPU time, quietest of {rounds} turns\n")
    with tempfile.TemporaryDirectory(prefix="wm-edge-firmware-") as name:
        taken = speeds(Path(name), rounds, runs)
    show_speeds(taken)
    kinds = {"fast": "XNNPACK"} | ({"micro": "TFLite Micro"} if MICRO_NAME in taken else {})
    differences: dict[str, Any] = {}
    for data, grids in (("generated", generated(wafers)), ("WM-811K", real(wafers))):
        for kernels, title in kinds.items() if grids else ():
            key = f"{title} against LiteRT's reference kernels, {data}"
            differences[key] = difference(grids, kernels)
            show_difference(key, differences[key])
    if chosen.json:
        report = {
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "microseconds": taken,
            "differences": differences,
        }
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
