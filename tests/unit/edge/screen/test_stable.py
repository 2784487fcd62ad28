"""One map for each wafer, out of many frames."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from edge.screen.refusal import Refusal, RejectReason
from edge.screen.stable import Stable, digest_of, grows
from edge.wafer.wafermap import DieGrid
from tests.support.screens import cropped, disc

A, B = disc(20, 20, seed=1), disc(20, 20, seed=2)
AWAY = Refusal(RejectReason.NO_WAFER, "nothing there")
BLUR = Refusal(RejectReason.BLUR, "a hand")

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


# A wafer that is drawn die by die


def drawn(*kept: int) -> list[DieGrid]:
    """A as it looks when so many of its last dies are not there yet, cropped as the reader does."""
    maps = []
    for missing in kept:
        dies = A.copy()
        dies.flat[np.flatnonzero(A)[len(np.flatnonzero(A)) - missing :]] = 0
        maps.append(cropped(dies))
    return maps


def given_over(stable: Stable, frames: Iterable[DieGrid | Refusal]) -> list[tuple[int, int]]:
    """Dies of each wafer that is given, and the second it is given in; ten frames a second."""
    found = []
    for number, seen in enumerate(frames):
        dies = stable.feed(seen, number / 10)
        if dies is not None:
            found.append((np.count_nonzero(dies), number // 10))
    return found


ALL = np.count_nonzero(A)


def test_a_map_that_only_grows_is_given_when_it_is_complete() -> None:
    frames = [dies for dies in drawn(9, 8, 3, 1, 0) for _ in range(12)] + [A] * 100
    assert given_over(Stable(3, 5.0), frames) == [(ALL, 9)]
    assert len(given_over(Stable(3), frames)) == 5


@pytest.mark.parametrize("then", [[AWAY] * 3, [B] * 3])
def test_what_follows_says_that_a_wafer_was_complete(then: list[DieGrid | Refusal]) -> None:
    frames = [dies for dies in drawn(2, 1, 0) for _ in range(5)]
    stable = Stable(3, 60.0)
    assert given_over(stable, frames + then) == [(ALL, 1)]
    end = stable.end()
    assert (end is None) == (then[0] is AWAY)


def test_a_prober_that_starts_anew_has_finished_the_wafer_before() -> None:
    """The same map again, of which only the first dies can be seen as a wafer: that is another."""
    begun = Refusal(RejectReason.UNCLEAR_GRID, "20 dies")
    one = [dies for dies in drawn(2, 1, 0) for _ in range(5)]
    assert given_over(Stable(3, 2.0), [*one, *[begun] * 30]) == [(ALL, 3)]
    assert given_over(Stable(3, 2.0), [*one, *[AWAY] * 3, *[begun] * 9, *one, *[A] * 30]) == [
        (ALL, 1),
        (ALL, 5),
    ]


def test_a_wafer_that_lacks_dies_for_a_while_is_no_other() -> None:
    """A row that is lost in the frame looks like a flat."""
    lacking = drawn(9)
    stable = Stable(3)
    assert given_over(stable, [A, A, A, *lacking * 9, A, A, A]) == [(ALL, 0)]
    assert given_over(stable, [*[AWAY] * 3, *lacking * 3]) == [(ALL - 9, 0)]
    assert given_over(Stable(3, 60.0), [A, A, A, *lacking * 9, *[AWAY] * 3]) == [(ALL, 1)]


def test_a_die_that_changes_is_no_growth() -> None:
    flipped = A.copy()
    flipped[10, 10] = 3 - flipped[10, 10]
    assert grows(*drawn(3, 0))
    assert not grows(*drawn(0, 3))
    assert not grows(A, A)
    assert not grows(drawn(1)[0], flipped)


def test_a_wafer_that_went_on_growing_is_counted_as_late() -> None:
    stable = Stable(3, 0.5)
    assert len(given_over(stable, [dies for dies in drawn(2, 1, 0) for _ in range(12)])) == 3
    assert stable.late == 2


def test_the_end_leaves_a_wafer_that_is_still_drawn() -> None:
    stable = Stable(2, 9.0)
    given_over(stable, [A, A])
    assert stable.end(grown=False) is not None
    given_over(stable, [AWAY, AWAY, *[dies for dies in drawn(1, 0) for _ in range(2)]])
    assert stable.end(grown=False) is None
    assert stable.end() is not None


def test_a_wafer_of_an_earlier_run_is_known() -> None:
    stable = Stable(2, 9.0, digest_of(A))
    assert given_over(stable, [A, A]) == []
    assert stable.known
    assert given_over(stable, [AWAY, AWAY]) == []
    assert given_over(stable, [A, A, AWAY, AWAY]) == [(ALL, 0)]
