"""One map for each wafer, out of many frames."""

from __future__ import annotations

import numpy as np
import pytest

from edge.screen import Gate, Refusal
from edge.screen.stable import Stable
from edge.wafermap import DieGrid
from tests.support.screens import disc

A, B = disc(20, 20, seed=1), disc(20, 20, seed=2)
AWAY = Refusal(Gate.NO_WAFER, "nothing there")
BLUR = Refusal(Gate.BLUR, "a hand")

NAMES = {"a": A, "b": B, "-": AWAY, "~": BLUR}


def given(stable: Stable, frames: str) -> str:
    """The wafers given, one letter each, in the place of the frame in which they were given."""
    return "".join(_letter(stable.feed(NAMES[frame])) for frame in frames)


def _letter(dies: DieGrid | None) -> str:
    if dies is None:
        return "."
    return "a" if np.array_equal(dies, A) else "b"


@pytest.mark.parametrize(
    ("frames", "events"),
    [
        ("aaa", "..a"),
        ("aaaaaaa", "..a...."),
        ("aabaaa", ".....a"),
        ("abababab", "........"),
        ("aaabbb", "..a..b"),
        ("aaabbbaaa", "..a..b..a"),
        ("aaabaaa", "..a...."),
        ("a~a~~a", ".....a"),
        ("a-aa", "...a"),
        ("aaa---aaa", "..a.....a"),
        ("aaa--aaa", "..a....."),
        ("aaa-~-~-aaa", "..a.......a"),
        ("aaa~~~~aaa", "..a......."),
        ("aaa--a--aaa", "..a........"),
        ("aaa---a~aa", "..a......a"),
        ("aaa---bbb", "..a.....b"),
        ("aa---a", "......"),
    ],
)
def test_each_wafer_is_given_once(frames: str, events: str) -> None:
    assert given(Stable(), frames) == events


def test_one_frame_is_enough_where_asked_for() -> None:
    assert given(Stable(1), "aabba-a") == "a.b.a.a"


def test_a_map_that_may_still_change_is_waited_for() -> None:
    stable = Stable()
    waiting = []
    for frame in "aaaa~b-":
        stable.feed(NAMES[frame])
        waiting.append(stable.waiting)
    assert waiting == [True, True, False, False, False, True, False]


def test_the_map_given_is_not_the_callers_buffer() -> None:
    stable, buffer = Stable(2), A.copy()
    stable.feed(buffer)
    event = stable.feed(buffer)
    assert event is not None
    buffer[:] = 0
    np.testing.assert_array_equal(event, A)


def test_at_least_one_frame() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Stable(0)
