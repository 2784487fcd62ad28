"""The child's answers, and what becomes of a child that fails, dies or keeps silent."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.bench.child import FEWEST, Session, peak_memory
from edge.bench.process import Child, ChildError
from edge.bench.runners import Runner, Sample
from edge.bench.subject import Subject, SubjectKind
from edge.dataset.drawn import drawn
from edge.wafer.wafermap import WaferMap

PEAK = Subject(SubjectKind.PEAK, backend="litert")


class Scripted(Runner):
    """Takes 1000, 2000, 3000 ... nanoseconds."""

    version = "1"

    def __init__(self) -> None:
        self.steps: list[int] = []

    def classify(self, wafer_map: WaferMap) -> object:
        return None

    def sample(self, wafers: Sequence[WaferMap], step: int) -> Sample:
        self.steps.append(step)
        return {"invoke": 1000 * len(self.steps)}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "wafers.npz"
    drawn().save(path)
    return path


def test_a_round_gives_medians_and_the_end_percentiles_of_all_rounds() -> None:
    session = Session(PEAK, Scripted(), [])
    assert session.round(0) == {"invoke": 2.0}
    assert session.round(0) == {"invoke": 5.0}
    assert FEWEST == 3
    found = session.finish()
    assert found["latency_us"]["invoke"]["p50"] == pytest.approx(3.5)
    assert found["latency_us"]["invoke"]["p99"] == pytest.approx(5.95)
    assert found["macs"] is None, "nothing was loaded that has any"


def test_every_step_takes_the_next_wafers() -> None:
    runner = Scripted()
    Session(PEAK, runner, []).round(0.001)
    assert runner.steps == list(range(1, len(runner.steps) + 1))


def test_memory_is_that_of_this_process() -> None:
    found = peak_memory()
    assert found is not None
    assert 10e6 < found < 100e9


def test_a_real_child_measures_and_ends(path: Path) -> None:
    with Child(PEAK, path) as child:
        assert child.version
        assert child.cold_start > 0
        assert child.ask("round", seconds=0.01)["invoke"] > 0
        assert child.ask("rate", threads=2, seconds=0.01) > 0
        assert child.ask("finish")["macs"] > 0
    assert child._process.process.returncode is not None


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (
            Subject(SubjectKind.INT8, Path("absent.tflite"), "litert"),
            "absent.tflite: cannot be read",
        ),
        (Subject(SubjectKind.FLOAT, Path("absent.tflite"), "litert"), "check --float"),
        (Subject(SubjectKind.FLOAT, Path(__file__), "litert"), "not a TFLite model"),
        (Subject(SubjectKind.FLOAT, Path(__file__).parent, "litert"), "a folder, not a file"),
        (Subject(SubjectKind.INT8, Path("absent.tflite"), "abacus"), "abacus"),
    ],
)
def test_a_subject_that_cannot_be_run_says_why(path: Path, subject: Subject, reason: str) -> None:
    with pytest.raises(ChildError, match=reason):
        Child(subject, path)


def test_a_float_file_that_takes_no_wafers_is_refused(path: Path, tmp_path: Path) -> None:
    from edge.bench import peak

    other = tmp_path / "other.tflite"
    other.write_bytes(peak.network())
    with pytest.raises(ChildError, match=r"takes int8 \[1, 32, 32, 128\]"):
        Child(Subject(SubjectKind.FLOAT, other, "litert"), path)


def test_a_killed_child_is_told_from_one_that_fails(path: Path) -> None:
    with Child(PEAK, path) as child:
        os.kill(child._process.process.pid, signal.SIGKILL)
        with pytest.raises(ChildError, match=r"signal 9 \(Killed\)"):
            child.ask("round", seconds=0.01)


def test_a_silent_child_is_given_up(path: Path) -> None:
    with Child(PEAK, path) as child:
        os.kill(child._process.process.pid, signal.SIGSTOP)
        child._patience = 0.05
        with pytest.raises(ChildError, match=r"no answer within 0.15 s"):
            child.ask("round", seconds=0.1)
