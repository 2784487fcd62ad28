"""The benchmark: every subject in a process of its own, all of them in turn, round by round."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from edge.bench import machine, peak
from edge.bench.figures import Peak, Report, Row
from edge.bench.process import Child, ChildError
from edge.bench.ratios import ratios
from edge.bench.subject import Subject, SubjectKind
from edge.dataset.drawn import SEED, drawn
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, ModelError, RuntimeUnavailableError, UsageError
from edge.model import float_network
from edge.model.model_file import ModelFile
from edge.model.runtime import installed
from edge.model.wheels import Backend
from edge.system.files import exists
from edge.verdict.rule import MIN_FAILS

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    ``seconds`` for the latency of a subject in all its ``rounds``, processes that are started once
    more, and numbers of threads for the wafers a second.
    """

    seconds: float = 5.0
    rounds: int = 10
    cold_starts: int = 3
    threads: tuple[int, ...] = (1, 2, 4)

    @property
    def rate_seconds(self) -> float:
        """Time for the wafers a second, each number of threads."""
        return self.seconds / 5


#: Wafers taken from a labelled set.
SAMPLE: Final = 64

QUICK: Final = Plan(seconds=0.8, rounds=4, cold_starts=2)


class _Live:
    """A subject at work: its child while it lives, its figures as far as they are there."""

    def __init__(self, subject: Subject, wafers: Path) -> None:
        self.subject = subject
        self.row = Row(subject.name, subject.kind)
        self._wafers = wafers
        self._child: Child | None = None
        self._starts: list[float] = []

    def take(self, step: Callable[[], None]) -> None:
        """Take one of the steps below; what goes wrong in it ends this subject and no other."""
        try:
            step()
        except ChildError as error:
            self.row = self.row.failed(str(error))
            self.close()

    def start(self) -> None:
        """Start the child that stays."""
        self._child = Child(self.subject, self._wafers)
        self.row = replace(self.row, version=self._child.version)

    def round(self, seconds: float) -> None:
        """Medians of the stages over so much time."""
        for stage, value in self._ask("round", seconds=seconds).items():
            self.row.rounds_us.setdefault(stage, []).append(value)

    def finish(self) -> None:
        """What the child knows after all rounds."""
        self.row = replace(self.row, **self._ask("finish"))

    def rate(self, threads: int, seconds: float) -> None:
        """Wafers a second of so many threads."""
        rate = self._ask("rate", threads=threads, seconds=seconds)
        self.row.wafers_per_second[str(threads)] = rate

    def start_again(self) -> None:
        """One more cold start; the first one found cold disks and is not counted."""
        with Child(self.subject, self._wafers) as child:
            self._starts.append(child.cold_start)
        self.row = replace(self.row, cold_start_ms=1000 * median(self._starts))

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _ask(self, do: str, **arguments: float) -> Any:
        if self._child is None:
            raise ChildError("its process has ended")
        return self._child.ask(do, **arguments)


def bench(
    model_file: ModelFile,
    *,
    float_path: Path | None = None,
    run: Path | None = None,
    labelled: LabelledSet | None = None,
    backend: Backend | None = None,
    plan: Plan | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure a model file and what it is held against.

    Args:
        model_file: The int8 network.
        float_path: The same network as a float ``.tflite``; None for ``<stem>.float.tflite``
            beside the model file where there is one.
        run: Run folder of the float Keras network.
        labelled: Wafers to take a sample of; None draws simple ones.
        backend: Only this runtime; None for every one that is installed.
        plan: How much is measured.
        progress: Called with the steps done and in all.

    Returns:
        Figures; subjects that failed have a row that says why.

    Raises:
        RuntimeUnavailableError: no TFLite runtime is installed.
        ModelError: ``float_path`` does not exist.
        UsageError: ``run`` has no network.
        DataError: ``labelled`` holds no wafer with dies.
    """
    plan = plan or Plan()
    # Before the work: the load afterwards is our own.
    about_machine = machine.describe()
    used = drawn() if labelled is None else sample(labelled)
    subjects = _subjects(model_file, float_path, run, backend)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wm-edge-bench-")))
        path = folder / "wafers.npz"
        used.save(path)
        lives = [_Live(subject, path) for subject in subjects]
        ceiling = _Live(Subject(SubjectKind.PEAK, backend=Backend.LITERT.value), path)
        for live in [*lives, ceiling]:
            stack.callback(live.close)
        _measure(lives, ceiling, plan, progress)
    at_best = ceiling.row.rounds_us.get("invoke", [])
    reason = None if at_best else ceiling.row.failure or "nothing ran that could be held against it"
    best = Peak(peak.MACS, at_best, reason)
    rows, warnings = _finished([live.row for live in lives], best)
    settings = {
        **asdict(plan),
        "threads": list(plan.threads),
        "wafers": len(used),
        "wafers_from": "drawn" if labelled is None else "data",
        "wafers_sha256": used.sha256(),
    }
    return Report(about_machine, _about(model_file), settings, best, rows, ratios(rows), warnings)


def sample(labelled: LabelledSet) -> LabelledSet:
    """At most ``SAMPLE`` wafers that the network is asked about, by chance, but always the same.

    Raises:
        DataError: there is none.
    """
    order = np.random.default_rng(SEED).permutation(len(labelled))
    asked = order[labelled.fail_counts()[order] >= MIN_FAILS]
    if not len(asked):
        raise DataError(
            f"no wafer with {MIN_FAILS} failing dies or more, which the network is asked about, "
            "to measure on; give another --data"
        )
    return labelled.select(asked[:SAMPLE])


def _subjects(
    model_file: ModelFile, float_path: Path | None, run: Path | None, backend: Backend | None
) -> list[Subject]:
    versions = installed()
    backends = [backend] if backend else [name for name in Backend if versions[name]]
    if not backends:
        raise RuntimeUnavailableError(
            "no TFLite runtime is installed; mend: pip install ai-edge-litert"
        )
    if float_path is not None and not exists(float_path):
        raise ModelError(f"{float_path}: cannot be read (no such file); check --float")
    if run is not None and not exists(run / "model.keras"):
        raise UsageError(f"{run}: no model.keras in it; `wm-edge train` makes a run folder")
    beside = float_network.beside(model_file.path)
    if float_path is None and exists(beside):
        float_path = beside
    count = len(model_file.patterns)
    found = [Subject(SubjectKind.INT8, model_file.path, name.value) for name in backends]
    if float_path is not None:
        found += [Subject(SubjectKind.FLOAT, float_path, name.value, count) for name in backends]
    if run is not None:
        found.append(Subject(SubjectKind.KERAS, run, patterns=count))
    return found


def _measure(lives: Sequence[_Live], ceiling: _Live, plan: Plan, progress: Progress | None) -> None:
    """Everything that takes time. The order within a step is that of the subjects."""
    everything = [*lives, ceiling]
    seconds = plan.seconds / plan.rounds
    steps: list[tuple[_Live, Callable[[], None]]] = [(live, live.start) for live in everything]
    steps += plan.rounds * [(live, partial(live.round, seconds)) for live in everything]
    steps += [(live, live.finish) for live in lives]
    steps += [
        (live, partial(live.rate, threads, plan.rate_seconds))
        for threads in plan.threads
        for live in lives
        # Keras spreads one prediction over all cores: more threads would measure the scheduler.
        if threads == 1 or live.subject.kind is not SubjectKind.KERAS
    ]
    steps += plan.cold_starts * [(live, live.start_again) for live in lives]
    for done, (live, step) in enumerate(steps):
        if progress:
            progress(done, len(steps))
        # A peak that nothing is held against is not worth the time.
        idle = live is ceiling and all(other.row.failure is not None for other in lives)
        if live.row.failure is None and not idle:
            live.take(step)
    if progress:
        progress(len(steps), len(steps))


def _finished(rows: Sequence[Row], best: Peak) -> tuple[list[Row], list[str]]:
    """Rows with what follows from their MACs, and warnings."""
    macs = {row.kind: row.macs for row in rows if row.macs}
    warnings = []
    if len(set(macs.values())) > 1:
        warnings.append(
            f"the float network has {macs[SubjectKind.FLOAT] / 1e6:.2f} million "
            f"multiply-accumulates, the model file {macs[SubjectKind.INT8] / 1e6:.2f}: not the "
            "same network, its ratios say nothing of int8; give the one that the model file was "
            "made of with --float"
        )
    # A runtime that does not tell, and Keras, have the MACs of the network that they run.
    fallback = macs.get(SubjectKind.INT8)
    finished = [
        row.with_macs(row.macs or macs.get(row.kind, macs.get(SubjectKind.FLOAT, fallback)), best)
        for row in rows
    ]
    return finished, warnings


def _about(model_file: ModelFile) -> dict[str, Any]:
    return {
        "path": str(model_file.path),
        "name": model_file.name,
        "sha256": model_file.sha256,
        "bytes": len(model_file.content),
    }
