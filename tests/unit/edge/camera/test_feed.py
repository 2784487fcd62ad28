"""A feed over cameras that fail in every way a camera fails."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera import feed as camera_feed
from edge.camera import outage
from edge.camera.address import Address, SourceKind
from edge.camera.feed import Feed, FeedState
from edge.camera.frames import Frame, Image
from edge.errors import InputError, InputKind, UsageError

LIVE = Address(SourceKind.STREAM, "rtsp://a:hunter2@cam/1", "rtsp://cam/1")
RECORDING = Address(SourceKind.FILE, "/x/a.avi", "a.avi")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(outage, "LONGEST_DELAY", 0.05)


class Fake:
    """A capture that does what its script says: a number of images, then an end of some kind."""

    def __init__(
        self,
        images: int,
        then: Callable[[], Image | None] = lambda: None,
        every: float = 0.0,
        announced: int | None = None,
        rate: float | None = None,
    ) -> None:
        self.left = images
        self.then = then
        self.every = every
        self.announced = announced
        self.rate = rate
        self.closed = 0

    def read(self) -> Image | None:
        if not self.left:
            return self.then()
        time.sleep(self.every)
        self.left -= 1
        return np.zeros((2, 2, 3), np.uint8)

    def close(self) -> None:
        self.closed += 1


class Cameras:
    """Gives out captures one after the other; the last one again and again."""

    def __init__(self, *given: Fake | Exception | Callable[[], Fake]) -> None:
        self.given = list(given)
        self.opened = 0
        self.lock = threading.Lock()

    def __call__(self, address: Address) -> Fake:
        with self.lock:
            found = self.given[min(self.opened, len(self.given) - 1)]
            self.opened += 1
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, Fake) else found()


@contextmanager
def hanging() -> Iterator[Callable[[], None]]:
    """A read that hangs until the test is over."""
    over = threading.Event()

    def hang() -> None:
        over.wait(20)

    try:
        yield hang
    finally:
        over.set()


def collect(
    feed: Feed, enough: Callable[[list[Frame | None]], bool], limit: float = 5
) -> list[Frame | None]:
    stop = threading.Event()
    timer = threading.Timer(limit, stop.set)
    timer.start()
    got: list[Frame | None] = []
    try:
        for frame in feed.frames(stop):
            got.append(frame)
            if enough(got):
                stop.set()
    finally:
        timer.cancel()
    assert enough(got), f"not within {limit} s: {got}"
    return got


def frames_of(got: list[Frame | None]) -> list[Frame]:
    return [frame for frame in got if frame is not None]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


# Recordings


def test_a_recording_gives_every_frame_in_order_to_a_slow_reader() -> None:
    fake = Fake(40, announced=40)
    feed = Feed(RECORDING, open_capture=Cameras(fake))
    got = []
    for frame in feed.frames(threading.Event()):
        got.append(frame)
        time.sleep(0.002)
    assert [frame.number for frame in frames_of(got)] == list(range(40))
    assert (feed.received, feed.dropped, feed.reopened) == (40, 0, 0)
    assert feed.state is FeedState.ENDED
    assert feed.damage is None
    assert fake.closed == 1


def test_a_recording_that_cannot_be_opened_is_an_error() -> None:
    error = InputError("a.avi", InputKind.UNREADABLE, "cannot be opened")
    with pytest.raises(InputError, match="cannot be opened"):
        list(Feed(RECORDING, open_capture=Cameras(error)).frames(threading.Event()))


@pytest.mark.parametrize("way", ["short", "raises", "nothing"])
def test_a_damaged_recording_ends_with_a_message(
    caplog: pytest.LogCaptureFixture, way: str
) -> None:
    def breaks() -> Image | None:
        raise InputError("a.avi", InputKind.UNREADABLE, "an image cannot be decoded")

    fake = {
        "short": Fake(5, announced=40),
        "raises": Fake(5, then=breaks),
        "nothing": Fake(0),
    }[way]
    feed = Feed(RECORDING, open_capture=Cameras(fake))
    got = list(feed.frames(threading.Event()))
    assert len(got) == (0 if way == "nothing" else 5)
    assert feed.damage is not None
    assert any("a.avi" in line and "damaged" in line for line in lines(caplog))


# Live sources


def test_a_live_source_gives_the_newest_and_counts_what_it_drops() -> None:
    with hanging() as hang:
        feed = Feed(LIVE, open_capture=Cameras(Fake(30, hang, every=0.005)))
        stop = threading.Event()
        got = []
        for frame in feed.frames(stop):
            if frame is None:
                stop.set()
                continue
            got.append(frame)
            time.sleep(0.03)
        numbers = [frame.number for frame in got]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == 29
        assert feed.received == 30
        assert len(got) + feed.dropped == 30
        assert feed.dropped > 5
        assert all(a.at < b.at for a, b in itertools.pairwise(got))


def test_a_silent_camera_shows_as_none_every_tick() -> None:
    with hanging() as hang:
        feed = Feed(LIVE, tick=0.1, open_capture=Cameras(Fake(1, hang)))
        began = time.monotonic()
        got = collect(feed, lambda got: len(got) == 5)
        assert [frame is None for frame in got] == [False, True, True, True, True]
        assert 0.35 < time.monotonic() - began < 1.0
        assert feed.received == 1


def test_an_ended_stream_is_opened_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    cameras = Cameras(
        Fake(2), InputError("rtsp://cam/1", InputKind.UNREADABLE, "no"), Fake(2), Fake(10**6)
    )
    feed = Feed(LIVE, open_capture=cameras)
    collect(feed, lambda got: feed.reopened >= 2 and len(got) > 3)
    said = lines(caplog)
    assert [("lost" in line, "gives frames" in line) for line in said] == [
        (True, False),
        (False, True),
    ] * 2
    assert all("rtsp://cam/1" in line and "hunter2" not in line for line in said)


def test_a_camera_that_is_not_there_at_first_is_awaited_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    absent = InputError("rtsp://cam/1", InputKind.UNREADABLE, "no answer")
    cameras = Cameras(absent, absent, absent, absent, Fake(10**6, every=0.001))
    feed = Feed(LIVE, open_capture=cameras)
    states = []

    def enough(got: list[Frame | None]) -> bool:
        states.append(feed.state)
        return got[-1] is not None

    collect(feed, enough)
    said = lines(caplog)
    assert len(said) == 2
    assert "not reached: no answer" in said[0]
    assert "gives frames after" in said[1]
    assert feed.reopened == 0
    assert FeedState.RUNNING in states


def test_anything_a_driver_raises_is_a_loss_and_its_text_is_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cameras = Cameras(OSError("rtsp://a:hunter2@cam/1 is bad"), Fake(10**6, every=0.001))
    collect(Feed(LIVE, open_capture=cameras), lambda got: got[-1] is not None)
    assert "OSError" in caplog.text
    assert "hunter2" not in caplog.text


def test_what_can_never_work_is_not_tried_for_ever() -> None:
    cameras = Cameras(UsageError("picamera2 is not installed"))
    with pytest.raises(UsageError, match="picamera2"):
        list(Feed(LIVE, open_capture=cameras).frames(threading.Event()))
    assert cameras.opened == 1


def test_a_hanging_read_is_left_behind_and_never_heard_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    over = threading.Event()

    def comes_late() -> Image:
        over.wait(20)
        return np.full((2, 2, 3), 255, np.uint8)

    stuck = Fake(1, comes_late)
    feed = Feed(LIVE, patience=0.2, tick=0.1, open_capture=Cameras(stuck, Fake(10**6, every=0.01)))

    def enough(got: list[Frame | None]) -> bool:
        if feed.reopened:
            over.set()
        return feed.reopened == 1 and len(frames_of(got)) > 20

    try:
        got = collect(feed, enough)
    finally:
        over.set()
    assert all(frame.image.max() == 0 for frame in frames_of(got))
    assert stuck.closed == 1
    assert len(lines(caplog)) == 2


def test_only_a_few_hang_at_once(caplog: pytest.LogCaptureFixture) -> None:
    with hanging() as hang:
        cameras = Cameras(lambda: Fake(0, hang))
        feed = Feed(LIVE, patience=0.05, tick=0.1, open_capture=cameras)
        collect(feed, lambda got: len(got) == 15)
        assert cameras.opened == camera_feed.MOST_ABANDONED + 1
        assert feed.state is FeedState.ENDED
        assert sum("hang in the driver" in line for line in lines(caplog)) == 1
        assert len(lines(caplog)) == 2


def test_a_hanging_open_is_left_behind() -> None:
    with hanging() as hang:

        def opens_never() -> Fake:
            hang()
            return Fake(0)

        feed = Feed(
            LIVE,
            opening=0.2,
            tick=0.1,
            open_capture=Cameras(opens_never, Fake(10**6, every=0.01)),
        )
        collect(feed, lambda got: got[-1] is not None)


@pytest.mark.parametrize("where", ["read", "open", "wait"])
def test_stop_ends_it_at_once_even_when_the_camera_hangs(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "FIRST_DELAY", 30.0)
    monkeypatch.setattr(outage, "LONGEST_DELAY", 30.0)
    with hanging() as hang:

        def opens_never() -> Fake:
            hang()
            return Fake(0)

        given: dict[str, Fake | Exception | Callable[[], Fake]] = {
            "read": Fake(0, hang),
            "open": opens_never,
            "wait": InputError("x", InputKind.UNREADABLE, "no"),
        }
        feed = Feed(LIVE, open_capture=Cameras(given[where]))
        stop = threading.Event()
        set_at = []

        def set_stop() -> None:
            set_at.append(time.monotonic())
            stop.set()

        threading.Timer(0.3, set_stop).start()
        assert list(feed.frames(stop)) == []
        assert time.monotonic() - set_at[0] < 0.3


def test_leaving_the_loop_closes_the_camera() -> None:
    fake = Fake(10**6, every=0.001)
    frames = Feed(LIVE, open_capture=Cameras(fake)).frames(threading.Event())
    next(frames)
    del frames  # as a loop does that is left by break
    assert fake.closed == 1


def test_waiting_costs_next_to_nothing() -> None:
    with hanging() as hang:
        feed = Feed(LIVE, open_capture=Cameras(Fake(0, hang)))
        used = time.process_time()
        collect(feed, lambda got: len(got) == 4)
        assert time.process_time() - used < 0.1


@given(st.integers(1, 10**6))
def test_the_wait_doubles_up_to_a_limit(failures: int) -> None:
    longest = outage.longest_delay(failures)
    assert outage.FIRST_DELAY <= longest <= outage.LONGEST_DELAY
    assert longest <= outage.longest_delay(failures + 1) <= 2 * longest


def test_failures_are_forgotten_only_after_a_steady_while() -> None:
    away = outage.Outage("x")
    assert away.delay == 0
    away.note_loss()
    away.note_opened()
    now = time.monotonic()
    assert away.note_frame(now) is not None
    away.note_loss()
    assert away._failures == 2
    away.note_frame(now + outage.STEADY + 1)
    assert away.delay == 0


@pytest.mark.parametrize("setting", ["patience", "opening", "tick"])
def test_times_must_be_above_zero(setting: str) -> None:
    with pytest.raises(UsageError, match=setting):
        Feed(LIVE, **{setting: 0.0})  # type: ignore[arg-type]
