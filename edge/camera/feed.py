"""Frames from a camera that never dies quietly, or from a recording.

    capture thread --(newest frame, or a few of a recording)--> ``Feed.frames``

The capture thread opens the source again by itself. One that hangs in a driver cannot be ended;
``Feed.frames`` leaves it behind and starts another. The number of a thread tells it whether it is
still the present one.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from edge.camera import capture as captures
from edge.camera.address import Address
from edge.camera.capture import Capture
from edge.camera.frames import Frame, Image
from edge.camera.outage import FeedState, Outage, shortfall
from edge.errors import InputError, UsageError, WmEdgeError

__all__ = ["Feed", "FeedState"]

#: Threads that may hang in a driver at once; each holds memory and perhaps the device.
MOST_ABANDONED: Final = 3

#: Frames of a recording that are decoded ahead.
AHEAD: Final = 4

#: Seconds between looks at ``stop``, and that a source gets at the end to be closed.
_GLANCE: Final = 0.1


class Feed:
    """The frames of one source.

    The counters and the state may be read by any thread.

    Attributes:
        address: The source.
        received: Frames that the source gave, dropped ones included.
        dropped: Frames of a live source that were overwritten before anybody asked for them.
        reopened: Times the source was opened again after a loss.
        state: How the feed is doing.
        damage: What is wrong with a recording that ended too early; None while nothing is.
    """

    def __init__(
        self,
        address: Address,
        *,
        patience: float = 10.0,
        opening: float | None = None,
        tick: float = 0.5,
        open_capture: Callable[[Address], Capture] | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            address: The source.
            patience: Seconds without a frame after which a live source is opened again.
            opening: Seconds that opening may take; by default ``patience``, but at least 10: some
                streams take 5 s.
            tick: Seconds without a frame after which ``frames`` says so with a None.
            open_capture: Opens the source; by default ``capture.open_capture`` with time limits
                that end a read before ``patience`` does.

        Raises:
            UsageError: a time is not above 0.
        """
        opening = max(patience, captures.OPENING) if opening is None else opening
        if not (patience > 0 and opening > 0 and tick > 0):
            raise UsageError(
                f"patience {patience} s, opening {opening} s, tick {tick} s: each must be above 0"
            )
        self.address = address
        self.received = self.dropped = self.reopened = 0
        self.damage: str | None = None
        self._patience = patience
        self._opening = opening
        self._tick = tick
        self._open = open_capture or functools.partial(
            captures.open_capture, opening=0.9 * opening, reading=0.9 * patience
        )
        self._live = address.live
        self._changed = threading.Condition()  # guards what is below, and the counters
        self.state = FeedState.ENDED
        self._waiting: deque[Frame] = deque()
        self._error: WmEdgeError | None = None
        self._number = 0
        self._current: int | None = None
        self._thread: threading.Thread | None = None
        self._abandoned: list[threading.Thread] = []
        self._said_full = False
        self._deadline: float | None = None
        self._outage = Outage(address.shown)
        self._before = 0

    def frames(self, stop: threading.Event) -> Iterator[Frame | None]:
        """Give frames until ``stop`` is set or a recording is over.

        One caller at a time. A recording gives every frame in order; a live source the newest, each
        once, and never ends by itself.

        Args:
            stop: Ends the iterator within 0.3 s, even when the camera hangs.

        Yields:
            A frame, or None when there was none for about ``tick`` seconds.

        Raises:
            InputError: a recording cannot be opened.
            UsageError: the source can never be opened on this machine.
        """
        self._begin()
        try:
            due = time.monotonic() + self._tick
            while not stop.is_set():
                self._leave_hanging_thread()
                with self._changed:
                    frame = self._waiting.popleft() if self._waiting else None
                    if frame is not None:
                        self._changed.notify_all()  # there is room for the next
                    elif self.state is FeedState.ENDED:
                        break
                    elif (rest := due - time.monotonic()) > 0:
                        self._changed.wait(min(rest, _GLANCE))
                        continue
                yield frame
                due = time.monotonic() + self._tick
            if self._error and not stop.is_set():
                raise self._error
        finally:
            self._finish()

    def _begin(self) -> None:
        with self._changed:
            self.state = FeedState.CONNECTING
            self._error = self.damage = None
            self._outage = Outage(self.address.shown)
            self._before = self.received
            self._waiting.clear()
            self._start_thread()

    def _finish(self) -> None:
        with self._changed:
            self._current = None
            self._deadline = None
            self.state = FeedState.ENDED
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_GLANCE)

    def _start_thread(self) -> None:
        self._number += 1
        self._current = self._number
        self._deadline = None
        self._thread = captures.start_thread(
            functools.partial(self._capture, self._number), f"camera-{self._number}"
        )

    def _leave_hanging_thread(self) -> None:
        """Start another capture thread when the present one gave nothing for too long."""
        with self._changed:
            if self._deadline is None or time.monotonic() < self._deadline:
                return
            self.state = FeedState.LOST
            lost = self._outage.note_loss()
            self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
            full = len(self._abandoned) >= MOST_ABANDONED
            say_full = full and not self._said_full
            self._said_full = full
            if full:  # the present one stays: should it come back, its frames count
                self._deadline = time.monotonic() + self._patience
            else:
                self._abandoned += [self._thread] if self._thread else []
                self._start_thread()
        if lost:
            self._outage.say_lost("it does not answer, or gives no frame")
        if say_full:
            self._outage.say_hanging(MOST_ABANDONED + 1)

    def _capture(self, me: int) -> None:
        """The capture thread: open, read, and again, as long as it is the present one."""
        while self._may_open(me):
            try:
                reason = self._read_all(me)
            except UsageError as error:
                self._end(me, error)
            except InputError as error:
                self._give_up(me, error)
            except Exception as error:  # noqa: BLE001 - whatever a driver raises is a lost camera
                self._give_up(me, captures.failure(self.address, error))
            else:
                if reason:
                    self._lose(me, reason)

    def _read_all(self, me: int) -> str | None:
        """Hand on images until there are no more or nobody wants them; says why one is lost."""
        with contextlib.closing(self._open(self.address)) as capture:
            if not self._note_opened(me):
                return None
            while (image := capture.read()) is not None:
                if not self._deliver(me, image, capture.rate):
                    return None
            announced = capture.announced
        if self._live:
            return "it gives no more frames"
        if missing := shortfall(self.received - self._before, announced):
            self._damaged(me, missing)
        self._end(me, None)
        return None

    def _may_open(self, me: int) -> bool:
        """Wait as long as the failures so far ask for; False when the thread is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._current != me, self._outage.delay)
            return self._expect(me, self._opening)

    def _note_opened(self, me: int) -> bool:
        with self._changed:
            if self._current == me:
                self.reopened += self._outage.note_opened()
            return self._expect(me, self._patience)

    def _expect(self, me: int, patience: float) -> bool:
        """Whether the thread is the present one; if so, its time for the next step runs anew."""
        if self._current != me:
            return False
        if self._live:
            self._deadline = time.monotonic() + patience
        return True

    def _deliver(self, me: int, image: Image, rate: float | None) -> bool:
        now = time.monotonic()
        with self._changed:
            if not self._live:
                self._changed.wait_for(lambda: self._current != me or len(self._waiting) < AHEAD)
            if not self._expect(me, self._patience):
                return False
            if self._live and self._waiting:
                self._waiting.clear()
                self.dropped += 1
            moment = self.received / rate if rate else now
            self._waiting.append(Frame(image, self.received, now, moment))
            self.received += 1
            self.state = FeedState.RUNNING
            away = self._outage.note_frame(now)
            self._changed.notify_all()
        if away is not None:
            self._outage.say_back(away)
        return True

    def _give_up(self, me: int, error: InputError) -> None:
        """A live source is lost; a recording is damaged, or was never one."""
        if self._live:
            self._lose(me, error.reason)
        elif self.received > self._before:
            self._damaged(me, error.reason)
            self._end(me, None)
        else:
            self._end(me, error)

    def _lose(self, me: int, reason: str) -> None:
        with self._changed:
            if self._current != me:
                return
            self._deadline = None
            self.state = FeedState.LOST
            lost = self._outage.note_loss()
        if lost:
            self._outage.say_lost(reason)

    def _damaged(self, me: int, what: str) -> None:
        if self._current == me:
            self.damage = self._outage.say_damaged(what)

    def _end(self, me: int, error: WmEdgeError | None) -> None:
        with self._changed:
            if self._current == me:
                self._current = None
                self._deadline = None
                self._error = error
                self.state = FeedState.ENDED
                self._changed.notify_all()
