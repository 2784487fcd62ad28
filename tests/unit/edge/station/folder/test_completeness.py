"""When a file is looked at, and what follows; time is a number that the test turns on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.station.folder.completeness import HELD, LATER, PATIENT, Completeness
from edge.station.folder.dropped_file import SOON, DroppedFile, DroppedFiles, FileState
from edge.station.folder.intake import IntakeResult, IntakeState, WriterCheck
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder_settings import FolderSettings
from edge.store.taken import Stamp

A, B = Stamp(1, 10, 100), Stamp(2, 20, 100)

Pass = Callable[[float], None]


@pytest.fixture
def pass_(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Lets seconds pass."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def pass_(seconds: float) -> None:
        now[0] += seconds

    return pass_


def blind(_: str) -> bool:
    """Another machine's folder."""
    return False


class Waiting:
    """A file that is waited for, and what a source asks of it."""

    def __init__(self, tells: Callable[[str], bool] = lambda _: True, **told: Any) -> None:
        settings = FolderSettings((Path("/in"),), **told)
        self.files = DroppedFiles(tells)
        self.completeness = Completeness(settings)
        folder = WatchedFolder("/in", settings, frozenset())
        self.file: DroppedFile = self.files.add("/in/w.png", folder)

    def notice(self) -> None:
        self.files.notice(self.file)

    def due(self) -> list[WriterCheck]:
        return [self.completeness.check(file) for file in self.files.due()]

    def needs_look(self, stamp: Stamp) -> bool:
        """Whether it is looked at once more before it is opened."""
        pause = self.completeness.wait_before(self.file, stamp)
        if pause:
            self.files.postpone(self.file, pause)
        return bool(pause)

    def is_kept(self, state: IntakeState, stamp: Stamp | None = A, *, sure: bool = True) -> bool:
        """Whether its records are kept after an attempt."""
        result = IntakeResult(self.file.path, state, stamp, sure=sure)
        pause = self.completeness.wait_after(self.file, result)
        if pause:
            self.files.postpone(self.file, pause)
        return not pause

    def wait(self) -> float:
        return self.files.wait()


@pytest.mark.parametrize("state", [IntakeState.TAKEN, IntakeState.PART])
def test_what_is_sure_needs_no_patience(pass_: Pass, state: IntakeState) -> None:
    assert Waiting().is_kept(state)


def test_a_busy_file_is_looked_at_less_and_less_often(pass_: Pass) -> None:
    waiting = Waiting()
    pauses = []
    for _ in range(30):
        assert waiting.due()
        assert not waiting.is_kept(IntakeState.BUSY)
        pauses.append(waiting.wait())
        pass_(waiting.wait() + 1e-6)
    assert pauses[0] == pytest.approx(1.5 * SOON)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(LATER)
    pass_(PATIENT)
    waiting.due()
    waiting.is_kept(IntakeState.BUSY)
    assert LATER < waiting.wait() <= 1
    waiting.notice()
    assert waiting.due(), "somebody told us: now, not later"
    pass_(1)
    assert waiting.due() == [], "and not a second time when the later look would have been"
    waiting.is_kept(IntakeState.BUSY)
    assert waiting.wait() == pytest.approx(1.5 * SOON), "it is written now: look often"


def test_that_a_file_is_held_open_is_said_once(
    pass_: Pass, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = Waiting()
    waiting.is_kept(IntakeState.BUSY)
    assert not caplog.records
    pass_(HELD + 1)
    for _ in range(3):
        waiting.is_kept(IntakeState.BUSY)
    assert [record.getMessage() for record in caplog.records] == [
        "/in/w.png: somebody holds it open for writing"
    ]


def test_that_nobody_tells_who_writes_a_file_is_said_once(
    pass_: Pass, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = Waiting(stable_polls=3, stable_interval=0.5)
    waiting.is_kept(IntakeState.UNSURE, None)
    assert not caplog.records, "no descriptor is left: that is no news of the file"
    for _ in range(2):
        waiting.is_kept(IntakeState.UNSURE)
    [said] = [record.getMessage() for record in caplog.records]
    assert "when they have not changed for 1.0 s" in said


def test_where_nobody_can_tell_a_file_must_stay_the_same(pass_: Pass) -> None:
    waiting = Waiting(stable_polls=3, stable_interval=0.5)
    checks = []
    for stamp in (A, A, B, B, B, B):  # it changed after the second look
        checks += waiting.due()
        assert not waiting.is_kept(IntakeState.UNSURE, stamp)
        assert waiting.wait() == pytest.approx(0.5)
        pass_(0.5)
    assert checks == [WriterCheck.PROBE] * 5 + [WriterCheck.STABLE]


def test_on_another_machine_a_file_is_not_opened_before_it_settled(pass_: Pass) -> None:
    waiting = Waiting(blind, stable_polls=3, stable_interval=0.5)
    looks = []
    for stamp in (A, B, B, B):
        assert waiting.due() == [WriterCheck.SKIP]
        looks.append(waiting.needs_look(stamp))
        assert waiting.due() == []
        pass_(0.5)
    assert looks == [True, True, True, False]
    assert not Waiting().needs_look(A)


def test_a_bad_file_is_given_time_from_its_last_change(pass_: Pass) -> None:
    waiting = Waiting(bad_after=1.0)
    for stamp, seconds in ((A, 0.9), (B, 0.9), (B, 0.1)):
        assert waiting.due()
        assert not waiting.is_kept(IntakeState.BAD, stamp)
        assert waiting.wait() == pytest.approx(0.25), "four looks in that time"
        pass_(max(seconds, 0.25))
    assert waiting.is_kept(IntakeState.BAD, B)


def test_a_file_that_cannot_be_opened_counts_as_bad_too(pass_: Pass) -> None:
    waiting = Waiting(bad_after=2.0)
    assert not waiting.is_kept(IntakeState.BAD, None)
    pass_(2)
    assert waiting.is_kept(IntakeState.BAD, None)
    assert Waiting(bad_after=0).is_kept(IntakeState.BAD)


def test_changes_elsewhere_do_not_shorten_the_wait(pass_: Pass) -> None:
    """Every event brings a look forward; three looks in a moment say nothing of a slow writer."""
    waiting = Waiting(blind, stable_polls=3, stable_interval=1.0)
    for _ in range(15):
        assert waiting.due() == [WriterCheck.SKIP]
        assert waiting.needs_look(A)
        pass_(0.1)
        waiting.notice()
    pass_(0.6)
    assert waiting.due()
    assert not waiting.needs_look(A)


def test_a_file_that_changed_between_the_last_look_and_its_opening_waits_anew(pass_: Pass) -> None:
    waiting = Waiting(blind, stable_polls=2, stable_interval=1.0)
    for _ in range(2):
        waiting.needs_look(A)
        pass_(1.0)
    assert not waiting.needs_look(A)
    assert not waiting.is_kept(IntakeState.TAKEN, B, sure=False)
    assert waiting.needs_look(B)


def test_a_settled_file_of_which_nobody_knows_waits_anew_when_it_changed(pass_: Pass) -> None:
    """In a backlog a file is opened long after the last look."""
    waiting = Waiting(stable_polls=2, stable_interval=1.0)
    for _ in range(2):
        waiting.due()
        assert not waiting.is_kept(IntakeState.UNSURE)
        pass_(1.0)
    assert waiting.due() == [WriterCheck.STABLE]
    assert not waiting.is_kept(IntakeState.TAKEN, B, sure=False)
    assert waiting.is_kept(IntakeState.TAKEN, A), "the system told"


def test_a_file_that_is_written_anew_after_every_die_is_taken_when_it_is_complete(
    pass_: Pass,
) -> None:
    waiting = Waiting(complete_after=30.0)
    assert not waiting.completeness.is_sure(waiting.file, A)
    for stamp, seconds in ((A, 29.0), (B, 29.0), (B, 1.0)):
        assert waiting.due()
        assert waiting.needs_look(stamp)
        pass_(seconds)
        waiting.notice()
    assert waiting.due()
    assert not waiting.needs_look(B)
    assert not waiting.is_kept(IntakeState.TAKEN, A), "changed in the last moment"
    pass_(29.0)
    assert waiting.due() == []
    pass_(1.0)
    assert waiting.due(), "it is not looked at every moment meanwhile"


def test_a_clock_that_counts_in_steps_of_two_seconds_is_waited_for(pass_: Pass) -> None:
    """FAT: what is overwritten within the same step shows nowhere."""
    fat, ext4 = Stamp(1, 4 * 10**9, 7, 4 * 10**9), Stamp(1, 4 * 10**9, 7, 4 * 10**9 + 1)
    waiting = Waiting()
    assert waiting.completeness.is_sure(waiting.file, ext4)
    assert not waiting.completeness.is_sure(waiting.file, fat)
    assert waiting.needs_look(fat)
    pass_(2.0)
    assert not waiting.needs_look(fat)
    assert waiting.is_kept(IntakeState.TAKEN, fat)


def test_a_file_that_changed_while_it_was_read_is_looked_at_at_once(pass_: Pass) -> None:
    waiting = Waiting(stable_interval=3600)
    assert waiting.due()
    waiting.files.enter(waiting.file, FileState.IN_FLIGHT)
    waiting.notice()
    assert waiting.due() == [], "it is not handed out twice"
    assert not waiting.is_kept(IntakeState.UNSURE)
    assert waiting.due() == [WriterCheck.PROBE]
