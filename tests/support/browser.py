"""A real headless Chromium, spoken to over its DevTools pipe: no driver, no port, no network."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.parts import PROGRAMS

#: Seconds for one answer; a machine may be busy.
TIMEOUT: Final = 60.0

#: What Chromium reads from and writes to with ``--remote-debugging-pipe``.
_CHILD_READS, _CHILD_WRITES = 3, 4


def find() -> str | None:
    """The browser's program, or None where there is none."""
    return next((path for path in map(shutil.which, PROGRAMS["chromium"]) if path), None)


@dataclass(frozen=True)
class Visit:
    """What a page did while it was open.

    Attributes:
        requests: Address of everything it asked for, itself first.
        complaints: What stood in the console, and exceptions.
        answer: What the script returned.
        screenshot: PNG of the whole page.
    """

    requests: list[str]
    complaints: list[str]
    answer: Any
    screenshot: bytes


class Browser:
    """A running browser; one visit after the other."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._number = 0
        self._buffer = b""
        self._events: list[dict[str, Any]] = []

    def visit(self, page: Path, width: int, height: int, script: str) -> Visit:
        """Open a file with a window of this size, run a script in it, take its picture."""
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = {"targetId": target, "flatten": True}
        session = self._call("Target.attachToTarget", attached)["sessionId"]
        self._events.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable", {}, session)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", size, session)
        self._call("Page.navigate", {"url": page.resolve().as_uri()}, session)
        self._wait_for("Page.loadEventFired")
        run = {"expression": script, "returnByValue": True, "awaitPromise": True}
        answer = self._call("Runtime.evaluate", run, session)
        assert "exceptionDetails" not in answer, answer
        picture = {"format": "png", "captureBeyondViewport": True}
        shot = self._call("Page.captureScreenshot", picture, session)
        self._call("Target.closeTarget", {"targetId": target})
        return Visit(
            [
                event["params"]["request"]["url"]
                for event in self._events
                if event["method"] == "Network.requestWillBeSent"
            ],
            [
                json.dumps(event["params"])
                for event in self._events
                if event["method"]
                in {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
            ],
            answer["result"].get("value"),
            base64.b64decode(shot["data"]),
        )

    def _call(self, method: str, params: dict[str, Any], session: str | None = None) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            found = self._receive()
            if found.get("id") == self._number:
                assert "error" not in found, (method, found["error"])
                return found["result"]
            if "method" in found:
                self._events.append(found)

    def _wait_for(self, method: str) -> None:
        while not any(event["method"] == method for event in self._events):
            found = self._receive()
            if "method" in found:
                self._events.append(found)

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + TIMEOUT
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"the browser said nothing for {TIMEOUT:g} s"
            piece = os.read(self._read, 1 << 16)
            assert piece, "the browser ended"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def browser(program: str, profile: Path) -> Iterator[Browser]:
    """Run a browser with a profile folder of its own, without any network."""
    to_child, our_write = os.pipe()
    our_read, from_child = os.pipe()

    def place() -> None:
        # Moved out of the way first: the two may already be 3 and 4, in either order.
        reads, writes = (fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (to_child, from_child))
        os.dup2(reads, _CHILD_READS)
        os.dup2(writes, _CHILD_WRITES)

    process = subprocess.Popen(
        [
            program,
            "--headless=new",
            "--no-sandbox",  # root may not have one, and the page is our own
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--hide-scrollbars",
            # Every name leads nowhere.
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
        ],
        preexec_fn=place,  # noqa: PLW1509 - it takes no lock that a thread could hold
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_child)
    os.close(from_child)
    try:
        yield Browser(our_write, our_read)
    finally:
        os.close(our_write)
        os.close(our_read)
        process.terminate()
        process.wait(timeout=TIMEOUT)
