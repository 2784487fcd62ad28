"""The order to stop: SIGTERM and SIGINT end a station in time, whatever hangs."""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from edge.system.open_writers import leases_harmless

_log = logging.getLogger(__name__)

#: Seconds after the order by which a station that hangs (a share, a disk) is ended from outside.
#: What it has not recorded by then is taken anew by the next run.
LATEST: Final = 4.5

_ORDERS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop a station; called in the main thread.

    A signal's handler runs in the main thread, which may hang in a call to the system: so the
    interpreter is told to note signals in a pipe, and a thread of its own reads that.

    Args:
        stop: Set by the first signal. A block that has not ended ``LATEST`` seconds later ends
            with the process, exit code 0.
    """
    leases_harmless()
    noted, note = os.pipe()
    os.set_blocking(note, False)
    threading.Thread(target=_obey, args=(noted, stop), name="signals", daemon=True).start()
    before = {number: signal.signal(number, lambda *_: None) for number in _ORDERS}
    told = signal.set_wakeup_fd(note, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(told)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(note)


def _obey(noted: int, stop: threading.Event) -> None:
    """Wait for an order and then for the end of the block, which closes the pipe."""
    ready = select.poll()
    ready.register(noted, select.POLLIN)
    latest: float | None = None
    while ready.poll(None if latest is None else max(0.0, 1000 * (latest - time.monotonic()))):
        numbers = os.read(noted, 64)
        if not numbers:
            os.close(noted)
            return
        if latest is None and any(number in _ORDERS for number in numbers):
            latest = time.monotonic() + LATEST
            stop.set()
    _log.error("something hangs and keeps the station from ending; it is ended all the same")
    time.sleep(0.1)  # for the thread that hands the message on
    os._exit(0)
