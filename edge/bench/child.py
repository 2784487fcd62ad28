"""The process that a subject runs in.

Its first argument is a pipe, which says what to run and on which wafers. The process answers after
its first verdict, and then to every command, a method of ``Session`` and its arguments. It ends
when the other end does. An answer is what was asked for and why there is none, one of them None.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.bench.runners import Runner, make
from edge.bench.subject import PERCENTILES, Subject
from edge.dataset import reading
from edge.errors import ModelError
from edge.system.text import printable
from edge.wafer.wafermap import WaferMap

#: Share of a round that is run and not counted: another process had the caches before.
WARM_UP: Final = 0.1
#: Wafers of a round, however slow.
FEWEST: Final = 3

STATUS: Final = Path("/proc/self/status")


def main() -> None:
    """Serve one subject until the other end of the pipe is gone."""
    with Connection(int(sys.argv[1])) as pipe, suppress(OSError):
        # Whatever a runtime, Keras or a damaged file raises is this subject's result.
        try:
            subject, path = pipe.recv()
            labelled = reading.load(path)
            wafers = [labelled.wafer_map(index) for index in range(len(labelled))]
            runner = make(subject)
            runner.classify(wafers[0])
            pipe.send((runner.version, None))
            session = Session(subject, runner, wafers)
            while True:
                do, arguments = pipe.recv()
                pipe.send((getattr(session, do)(**arguments), None))
        except Exception as error:  # noqa: BLE001
            text = " ".join(str(error).split())
            pipe.send((None, printable(f"{type(error).__name__}: {text}")[:500]))


class Session:
    """Answers commands about one subject, on at least one wafer.

    Further threads get runners of their own, made of the same subject.
    """

    def __init__(self, subject: Subject, runner: Runner, wafers: Sequence[WaferMap]) -> None:
        self._subject = subject
        self._wafers = wafers
        self._runners = [runner]
        self._step = 0
        self._samples: dict[str, list[int]] = {}

    def round(self, seconds: float) -> dict[str, float]:
        """Time all stages for a while; median of each in microseconds."""
        began = time.perf_counter()
        while time.perf_counter() - began < WARM_UP * seconds:
            self._sample()
        taken: dict[str, list[int]] = {}
        count = 0
        while count < FEWEST or time.perf_counter() - began < seconds:
            for stage, took in self._sample().items():
                taken.setdefault(stage, []).append(took)
            count += 1
        for stage, values in taken.items():
            self._samples.setdefault(stage, []).extend(values)
        return {stage: float(np.median(values)) / 1000 for stage, values in taken.items()}

    def finish(self) -> dict[str, Any]:
        """Members of ``edge.bench.figures.Row``: what is known after all rounds."""
        # Memory first: looking into the network takes some.
        memory = peak_memory()
        return {
            "latency_us": {
                stage: {f"p{p}": float(np.percentile(values, p)) / 1000 for p in PERCENTILES}
                for stage, values in self._samples.items()
            },
            "peak_memory_mb": memory / 1e6 if memory else None,
            "macs": macs(self._runners[0].network),
        }

    def rate(self, threads: int, seconds: float) -> float:
        """Wafers a second of several runners, one a thread."""
        while len(self._runners) < threads:
            self._runners.append(make(self._subject))
        start = threading.Barrier(threads + 1)

        def work(runner: Runner) -> int:
            done = 0
            start.wait()
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                runner.classify(self._wafers[done % len(self._wafers)])
                done += 1
            return done

        with ThreadPoolExecutor(threads) as pool:
            counts = [pool.submit(work, runner) for runner in self._runners[:threads]]
            start.wait()
            began = time.perf_counter()
            wafers = sum(count.result() for count in counts)
        return wafers / (time.perf_counter() - began)

    def _sample(self) -> dict[str, int]:
        self._step += 1
        return self._runners[0].sample(self._wafers, self._step)


def peak_memory() -> int | None:
    """Largest resident set of this process in bytes, or None where the system does not tell.

    Read from ``VmHWM``: ``ru_maxrss`` counts from the fork, when it was a copy of its parent.
    """
    try:
        text = STATUS.read_text("ascii", "replace")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return None


def macs(content: bytes) -> int | None:
    """Multiply-accumulates of one inference; None where it has no such file."""
    from edge.model import flatbuffer

    try:
        return flatbuffer.read(content).macs
    except ModelError:  # Keras' own format, or no schema: the figures do without it
        return None
