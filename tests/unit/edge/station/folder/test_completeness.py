"""When a file is looked at, and what follows; time is a number that the test turns on."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from edge.station.folder import completeness
from edge.station.folder.completeness import HELD, LATER, PATIENT, SOON, ArrivalTracker, Next
from edge.station.folder.intake import IntakeResult, State, WriterCheck
from edge.station.folder_settings import Patience
from edge.station.source import utc_now
from edge.store.taken import Stamp

A, B = Stamp(1, 10, 100), Stamp(2, 20, 100)

Pass = Callable[[float], None]


@pytest.fixture
def pass_(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Lets seconds pass."""
    now = [1000.0]
    monkeypatch.setattr(completeness.time, "monotonic", lambda: now[0])

    def pass_(seconds: float) -> None:
        now[0] += seconds

    return pass_


def attempt(state: State, stamp: Stamp | None = A, path: str = "w.png") -> IntakeResult:
    return IntakeResult(path, state, stamp)


def blind(_: str) -> bool:
    """Another machine's folder."""
    return False


def due(settling: ArrivalTracker) -> list[tuple[str, WriterCheck]]:
    return list(settling.due())


def test_a_new_file_is_due_at_once_and_once(pass_: Pass) -> None:
    settling = ArrivalTracker(Patience())
    for path in ("b", "a", "b"):
        settling.notice(path)
        pass_(0.001)
    assert due(settling) == [("b", WriterCheck.PROBE), ("a", WriterCheck.PROBE)]
    assert due(settling) == []
    assert len(settling) == 2, "it is waited for until it is judged or forgotten"


@pytest.mark.parametrize(
    ("state", "following"),
    [(State.TAKEN, Next.RECORD), (State.PART, Next.RECORD), (State.GONE, Next.FORGET)],
)
def test_what_is_sure_needs_no_patience(pass_: Pass, state: State, following: Next) -> None:
    settling = ArrivalTracker(Patience())
    settling.notice("w.png")
    assert settling.judge(attempt(state)) is following


def test_a_file_that_was_forgotten_meanwhile_stays_so(pass_: Pass) -> None:
    assert ArrivalTracker(Patience()).judge(attempt(State.TAKEN)) is Next.FORGET
    settling = ArrivalTracker(Patience())
    settling.notice("w.png")
    settling.forget("w.png")
    settling.forget("w.png")
    assert "w.png" not in settling
    assert due(settling) == []


def test_a_busy_file_is_looked_at_less_and_less_often(pass_: Pass) -> None:
    settling = ArrivalTracker(Patience())
    settling.notice("w.png")
    pauses = []
    for _ in range(30):
        assert [path for path, _ in due(settling)] == ["w.png"]
        assert settling.judge(attempt(State.BUSY)) is Next.WAIT
        pauses.append(settling.wait())
        pass_(settling.wait() + 1e-6)
    assert pauses[0] == pytest.approx(1.5 * SOON)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(LATER)
    pass_(PATIENT)
    due(settling)
    settling.judge(attempt(State.BUSY))
    assert LATER < settling.wait() <= 1
    settling.notice("w.png")
    assert due(settling), "somebody told us: now, not later"
    pass_(1)
    assert due(settling) == [], "and not a second time when the later look would have been"
    settling.judge(attempt(State.BUSY))
    assert settling.wait() == pytest.approx(1.5 * SOON), "it is written now: look often"


def test_that_a_file_is_held_open_is_said_once(pass_: Pass) -> None:
    settling = ArrivalTracker(Patience())
    settling.notice("w.png")
    assert not settling.is_held("w.png")
    pass_(HELD + 1)
    assert [settling.is_held("w.png") for _ in range(3)] == [True, False, False]


def test_where_nobody_can_tell_a_file_must_stay_the_same(pass_: Pass) -> None:
    settling = ArrivalTracker(Patience(looks=3, interval=0.5))
    settling.notice("w.png")
    trusts = []
    for stamp in (A, A, B, B, B, B):  # it changed after the second look
        [(_, trust)] = due(settling)
        trusts.append(trust)
        assert settling.judge(attempt(State.UNSURE, stamp)) is Next.WAIT
        assert settling.wait() == pytest.approx(0.5)
        pass_(0.5)
    assert trusts == [WriterCheck.PROBE] * 5 + [WriterCheck.STABLE]


def test_on_another_machine_a_file_is_not_opened_before_it_settled(pass_: Pass) -> None:
    settling = ArrivalTracker(Patience(looks=3, interval=0.5), blind)
    settling.notice("w.png")
    looks = []
    for stamp in (A, B, B, B):
        assert due(settling) == [("w.png", WriterCheck.SKIP)]
        looks.append(settling.needs_look("w.png", stamp))
        settling.postpone("w.png")
        assert due(settling) == []
        pass_(0.5)
    assert looks == [True, True, True, False]
    local = ArrivalTracker(Patience())
    local.notice("w.png")
    assert not local.needs_look("w.png", A)


def test_a_bad_file_is_given_time_from_its_last_change(pass_: Pass) -> None:
    settling = ArrivalTracker(Patience(bad=1.0))
    settling.notice("w.png")
    for stamp, seconds in ((A, 0.9), (B, 0.9), (B, 0.1)):
        assert due(settling)
        assert settling.judge(attempt(State.BAD, stamp)) is Next.WAIT
        assert settling.wait() == pytest.approx(0.25), "four looks in that time"
        pass_(max(seconds, 0.25))
    assert settling.judge(attempt(State.BAD, B)) is Next.RECORD


def test_a_file_that_cannot_be_opened_counts_as_bad_too(pass_: Pass) -> None:
    settling = ArrivalTracker(Patience(bad=2.0))
    settling.notice("w.png")
    assert settling.judge(attempt(State.BAD, None)) is Next.WAIT
    pass_(2)
    assert settling.judge(attempt(State.BAD, None)) is Next.RECORD
    assert ArrivalTracker(Patience(bad=0)).judge(attempt(State.BAD)) is Next.FORGET


def test_waiting_is_never_long_nor_negative(pass_: Pass) -> None:
    settling = ArrivalTracker(Patience(interval=3600))
    assert settling.wait() == 1
    settling.notice("w.png")
    pass_(5)
    assert settling.wait() == 0
    due(settling)
    settling.judge(attempt(State.UNSURE))
    assert settling.wait() == 1


def test_the_clock_on_the_wall_is_utc() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", utc_now())


def test_changes_elsewhere_do_not_shorten_the_wait(pass_: Pass) -> None:
    """Every event brings a look forward; three looks in a moment say nothing of a slow writer."""
    settling = ArrivalTracker(Patience(looks=3, interval=1.0), blind)
    settling.notice("w.png")
    for _ in range(15):
        assert due(settling) == [("w.png", WriterCheck.SKIP)]
        assert settling.needs_look("w.png", A)
        settling.postpone("w.png")
        pass_(0.1)
        settling.notice("w.png")
    pass_(0.6)
    assert due(settling)
    assert not settling.needs_look("w.png", A)


def test_a_file_that_changed_between_the_last_look_and_its_opening_waits_anew(pass_: Pass) -> None:
    settling = ArrivalTracker(Patience(looks=2, interval=1.0), blind)
    settling.notice("w.png")
    for _ in range(2):
        settling.needs_look("w.png", A)
        pass_(1.0)
    assert not settling.needs_look("w.png", A)
    assert settling.judge(attempt(State.TAKEN, B)._replace(sure=False)) is Next.WAIT
    assert settling.needs_look("w.png", B)


def test_a_settled_file_of_which_nobody_knows_waits_anew_when_it_changed(pass_: Pass) -> None:
    """In a backlog a file is opened long after the last look."""
    settling = ArrivalTracker(Patience(looks=2, interval=1.0))
    settling.notice("w.png")
    for _ in range(2):
        due(settling)
        assert settling.judge(attempt(State.UNSURE)) is Next.WAIT
        pass_(1.0)
    assert due(settling) == [("w.png", WriterCheck.STABLE)]
    assert settling.judge(attempt(State.TAKEN, B)._replace(sure=False)) is Next.WAIT
    assert settling.judge(attempt(State.TAKEN, A)) is Next.RECORD, "the system told"


def test_a_file_that_is_written_anew_after_every_die_is_taken_when_it_is_complete(
    pass_: Pass,
) -> None:
    settling = ArrivalTracker(Patience(complete=30.0))
    settling.notice("w.png")
    assert not settling.is_sure("w.png", A)
    for stamp, seconds in ((A, 29.0), (B, 29.0), (B, 1.0)):
        assert due(settling)
        assert settling.needs_look("w.png", stamp)
        settling.postpone("w.png")
        pass_(seconds)
        settling.notice("w.png")
    assert due(settling)
    assert not settling.needs_look("w.png", B)
    assert settling.judge(attempt(State.TAKEN, A)) is Next.WAIT, "changed in the last moment"
    settling.postpone("w.png")
    pass_(29.0)
    assert due(settling) == []
    pass_(1.0)
    assert due(settling), "it is not looked at every moment meanwhile"


def test_a_clock_that_counts_in_steps_of_two_seconds_is_waited_for(pass_: Pass) -> None:
    """FAT: what is overwritten within the same step shows nowhere."""
    fat, ext4 = Stamp(1, 4 * 10**9, 7, 4 * 10**9), Stamp(1, 4 * 10**9, 7, 4 * 10**9 + 1)
    settling = ArrivalTracker(Patience())
    settling.notice("w.png")
    assert settling.is_sure("w.png", ext4)
    assert not settling.is_sure("w.png", fat)
    assert settling.needs_look("w.png", fat)
    settling.postpone("w.png")
    pass_(2.0)
    assert not settling.needs_look("w.png", fat)
    assert settling.judge(attempt(State.TAKEN, fat)) is Next.RECORD
