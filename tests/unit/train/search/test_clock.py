"""When a search's hours are over, and what is kept of them for the finalists."""

from __future__ import annotations

import pytest

from train.search import clock
from train.search.clock import Clock


class Now:
    """A clock that stands until it is put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr(clock.time, "monotonic", lambda: self.seconds)


class Half:
    """Work that is half done."""

    share = 0.5


def test_trials_leave_the_finalists_the_time_that_they_will_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = Now(monkeypatch)
    found = Clock(20, 4, hours=2, jobs=2, stage=lambda *_: None)
    now.seconds += 3000
    assert not found.trials_over()
    found.trained(600)
    found.trained(1000)  # four of 800 s, two at once: 1,600 s
    now.seconds = 1000 + 7200 - 1601
    assert not found.trials_over()
    now.seconds += 2
    assert found.trials_over()
    assert not found.over()
    now.seconds = 1000 + 7200
    assert found.over()


def test_finalists_get_half_of_the_hours_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = Now(monkeypatch)
    found = Clock(20, 9, hours=1, jobs=1, stage=lambda *_: None)
    found.trained(1700)
    now.seconds += 1799
    assert not found.trials_over()
    now.seconds += 2
    assert found.trials_over()


def test_without_hours_it_is_never_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = Now(monkeypatch)
    found = Clock(20, 9, hours=None, jobs=1, stage=lambda *_: None)
    found.trained(1e6)
    now.seconds += 1e9
    assert not found.over()
    assert not found.trials_over()


def test_how_far_it_is_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = Now(monkeypatch), list[tuple[str, int, int]]()
    found = Clock(4, 1, hours=10, jobs=1, stage=lambda *stage: told.append(stage))
    found.show([Half()])
    assert found.left == ""
    now.seconds += 1200
    found.ended()
    found.show([Half(), Half()])
    assert told == [("searching", 50, 400), ("searching", 200, 400)]
    assert found.left == "; about 60 min to go"
    now.seconds += 1200 * 5
    assert found.left == "; about 6.0 h to go"
    now.seconds += 28_080  # 12 minutes before its hours are over
    assert found.left == "; about 12 min to go"
