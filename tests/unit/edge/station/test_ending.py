"""An order to stop is obeyed in time, whatever the main thread hangs in."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge.station.ending import LATEST
from tests.support.cli import environment

#: What operators and systemd are promised, seconds.
PROMISED = 5.0


@contextmanager
def started(work: str) -> Iterator[subprocess.Popen[str]]:
    code = f"""
import signal, threading
from edge.station.ending import signals
stop = threading.Event()
with signals(stop):
    print("ready", flush=True)
    {work}
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks(number: signal.Signals) -> None:
    with started("assert stop.wait(60)") as process:
        process.send_signal(number)
        assert process.communicate(timeout=PROMISED) == ("True\n", None)
        assert process.returncode == 0


def test_a_main_thread_that_hangs_is_ended() -> None:
    # Waiting for a lock is a call to the system that signals do not end, like waiting for a disk.
    with started("lock = threading.Lock(); lock.acquire(); lock.acquire()") as process:
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PROMISED + 1) == 0
        assert LATEST - 0.5 < time.monotonic() - before < PROMISED + 0.5


def test_other_signals_are_left_alone() -> None:
    work = (
        "signal.signal(signal.SIGUSR1, lambda *_: None); signal.raise_signal(signal.SIGUSR1); "
        "print(stop.wait(1))"
    )
    with started(work) as process:
        assert process.communicate(timeout=2 * PROMISED)[0] == "False\nTrue\n"
