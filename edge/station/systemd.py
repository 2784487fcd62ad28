"""Telling systemd how the station is (the protocol of sd_notify(3))."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import Final

_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"
_WATCHED: Final = "WATCHDOG_PID"


class Notifier:
    """Sends states to whoever started the station, where somebody wants to know."""

    def __init__(self) -> None:
        self._address = os.environ.get(_SOCKET, "")
        if self._address.startswith("@"):  # an abstract socket
            self._address = f"\0{self._address[1:]}"
        #: Open from the start: a station that has no descriptor left must not count as dead.
        self._unix = None
        if self._address:
            with contextlib.suppress(OSError):
                self._unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        mine = os.environ.get(_WATCHED, str(os.getpid())) == str(os.getpid())
        wanted = os.environ.get(_WATCHDOG, "0") if mine else "0"
        #: Two signs of life in the time allowed.
        self._interval = int(wanted) / 2e6 if wanted.isdigit() and int(wanted) else None
        self._last = time.monotonic()

    def ready(self, status: str) -> None:
        """The station works."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self, status: str) -> None:
        """A sign of life, as often as one is wanted."""
        if self._interval is not None and time.monotonic() - self._last >= self._interval:
            self._last = time.monotonic()
            self._send(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        """The station was told to stop."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._unix is not None:
            with contextlib.suppress(OSError):
                self._unix.sendto(message.encode(), self._address)
