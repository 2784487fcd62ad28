"""A station in a process of its own, and looking into what it recorded."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pytest

from tests.support.cli import command, environment

#: Long runs, by `make soak`; `make test` runs a short form of each.
SOAK: Final = bool(os.environ.get("WM_EDGE_SOAK"))

AnyDropper = TypeVar("AnyDropper", bound="Dropper")

#: Generous: the machine may be busy.
TIMEOUT: Final = 60.0


class Running:
    """``wm-edge`` at work until the block ends.

    Args:
        folder: Where it works.
        arguments: What stands behind the command.
        stdout: Where its results go; nowhere when not given.
        stderr: Where its messages go; into the file ``messages`` when not given.
        before: Called in the child before it becomes ``wm-edge`` (limits, rights).
        env: Changes to the environment.

    Attributes:
        process: The process.
        messages: File that its stderr goes to.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str | Path,
        stdout: int = subprocess.DEVNULL,
        stderr: int | None = None,
        before: Callable[[], None] | None = None,
        **env: str,
    ) -> None:
        self.messages = folder / "messages.txt"
        self._stdout, self._stderr = stdout, stderr
        self._before = before
        self._arguments = [*command(), *map(str, arguments)]
        self._env = environment(**env)
        self._folder = folder
        self._starts = 0
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._starts += 1
        with self.messages.open("ab") as messages:
            return subprocess.Popen(
                self._arguments,
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=self._stdout,
                stderr=messages if self._stderr is None else self._stderr,
                start_new_session=True,
                preexec_fn=self._before,  # noqa: PLW1509 - nothing but a system call
            )

    def again(self) -> None:
        """Start it anew after it ended."""
        self.process = self._start()

    def kill(self) -> None:
        """``kill -9`` for the station alone: helpers must notice by themselves."""
        self.process.kill()
        self.process.wait(TIMEOUT)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT)

    def said(self) -> str:
        """Everything it said so far."""
        return self.messages.read_text("utf-8", "replace")

    def wait_ready(self) -> None:
        """Wait until it takes wafers; its signal handlers are set by then."""
        wait_for(lambda: self.said().count("recording into ") == self._starts, "taking wafers")

    def children(self) -> list[int]:
        """Processes that it started and that run."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        threads = task.parent.parent.glob("*/children")
        return [int(number) for each in threads for number in each.read_text().split()]

    def __enter__(self) -> Running:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(TIMEOUT)


class Dropper:
    """A thread that drops files until the block ends, with the pauses of a busy tool.

    Args:
        seed: Of its choices.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _drop(self, number: int) -> None:
        """Drop what has this number; they come in order, from 0."""
        raise NotImplementedError

    def _run(self) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            self._drop(number)
            self._stop.wait(self._random.choice((0, 0.002, 0.01)))

    def __enter__(self: AnyDropper) -> AnyDropper:  # noqa: PYI019 - `Self` needs Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def wait_for(condition: Callable[[], Any], what: str, seconds: float = TIMEOUT) -> Any:
    """Wait until something holds; returns what the condition returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"after {seconds:.0f} s still not: {what}")


def rows(store: Path, query: str = "SELECT * FROM results ORDER BY id") -> list[dict[str, Any]]:
    """Rows of a store that a station may be writing; none where it is not made yet."""
    if not store.exists():
        return []
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(query)]
        except sqlite3.OperationalError:  # no tables yet
            return []


def drop(folder: Path, number: int, name: str = "") -> Path:
    """Put a wafer into a folder at one go: written under a hidden name, then renamed."""
    path = folder / (name or f"w{number}.csv")
    hidden = folder / f".{number}.tmp"
    hidden.write_bytes(wafer_bytes(number))
    return hidden.replace(path)


def digest(number: int) -> str:
    """SHA-256 of ``wafer_bytes``, as a record has it."""
    return hashlib.sha256(wafer_bytes(number)).hexdigest()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A file system of a few kilobytes; skips the test where none may be mounted.

    Args:
        folder: Where; is made.
        size: As ``mount`` takes it, for instance ``64k``.

    Yields:
        Gives it another size.
    """
    folder.mkdir()
    mounted = _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")

    def resize(wanted: str) -> None:
        assert _mount("-o", f"remount,size={wanted}", folder).returncode == 0

    try:
        yield resize
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _mount(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("mount") or "/bin/mount"
    return subprocess.run([program, *map(str, arguments)], capture_output=True, check=False)


def wafer_bytes(number: int, side: int = 24) -> bytes:
    """A wafer map as CSV, another one for each number; CSV shows when it is cut short."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    dies = np.where(x * x + y * y <= side * side / 4, 1, 0)
    dies[(dies == 1) & (rng.random((side, side)) < 0.15)] = 2
    return "\n".join(",".join(map(str, row)) for row in dies.tolist()).encode() + b"\n"


#: Content that is deadly to who reads it, see ``deadly``.
POISON: Final = b"POISON,1\n"

_DEADLY: Final = """
import hashlib, os, signal
sha256 = hashlib.sha256
def deadly(content=b"", **more):
    if {mark!r} in content:
        {act}
    return sha256(content, **more)
hashlib.sha256 = deadly
"""


def deadly(
    folder: Path, mark: str = "POISON", act: str = "os.kill(os.getpid(), signal.SIGKILL)"
) -> str:
    """Make something happen to every process that reads a file that begins so.

    As the kernel does it when the memory runs out, or a fault of a library.

    Args:
        folder: Where to write what is needed.
        mark: What the content holds.
        act: A line of Python.

    Returns:
        ``PYTHONPATH`` for the process and its helpers.
    """
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_DEADLY.format(mark=mark.encode(), act=act))
    return str(site)
