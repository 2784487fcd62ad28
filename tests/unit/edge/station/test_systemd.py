"""Telling systemd: over a real socket, as often as it wants."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.station import systemd as notify
from edge.station.systemd import Notifier

Environment = pytest.MonkeyPatch


@pytest.fixture(params=["path", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Environment
) -> Iterator[socket.socket]:
    """What systemd listens on."""
    address = str(tmp_path / "n") if request.param == "path" else f"@wm-edge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.replace("@", "\0"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)
        yield listening


def said(systemd: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return found


def test_ready_and_stopping(systemd: socket.socket) -> None:
    notifier = Notifier()
    notifier.ready("taking wafers")
    notifier.alive("nobody wants to know")
    notifier.stopping()
    assert said(systemd) == ["READY=1\nSTATUS=taking wafers", "STOPPING=1"]


def test_two_signs_of_life_in_the_time_allowed(
    systemd: socket.socket, monkeypatch: Environment
) -> None:
    now = [100.0]
    monkeypatch.setattr(notify.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    notifier = Notifier()
    signs = []
    for _ in range(40):  # half a second each
        now[0] += 0.5
        notifier.alive(f"at {now[0]}")
        signs += said(systemd)
    assert signs == [f"WATCHDOG=1\nSTATUS=at {100 + 5.0 * number}" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("address", [None, "", "/nowhere/at/all"])
@pytest.mark.parametrize("watchdog", ["", "soon", "0", "-5"])
def test_nobody_has_to_listen(monkeypatch: Environment, address: str | None, watchdog: str) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", watchdog)
    notifier = Notifier()
    notifier.ready("")
    notifier.alive("")
    notifier.stopping()
