"""The process that trains: tasks come in by a pipe, what becomes of them goes out.

Its first argument is the pipe. It ends when the other end does, whatever it does by then: a task's
run folder is whole at any moment.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from msgspec import Struct

from edge.dataset.reading import load
from edge.dataset.split import ensure_parts
from edge.errors import WmEdgeError
from edge.system import native_log
from train.search.cost import Cost
from train.search.task import Int8, RefusedError, Task, Told, Workbench


class Epoch(Struct, frozen=True):
    """An epoch is over: its number and macro recall on the val part, of the float network."""

    number: int
    recall: float


class Refused(Struct, frozen=True):
    """The network is not trained, and why."""

    why: str


class Failed(Struct, frozen=True):
    """The task cannot be done, and why."""

    why: str


class Stopped(Struct, frozen=True):
    """The task was left where it stood, as was asked."""


#: What a worker tells; ``None`` when it is ready for its first task.
Event = Cost | Epoch | Int8 | Refused | Failed | Stopped | None


class _StopError(Exception):
    """Leave the task where it stands."""


class _Inbox:
    """What the other end sends, heard while a task is done: a task, or None to leave it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._leave = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                said = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(0)  # whoever asked is gone, and Keras would go on for an epoch
            if said is None:
                self._leave = True
            else:
                self._tasks.put(said)

    def tasks(self) -> Iterator[Task]:
        """One after the other."""
        while True:
            task = self._tasks.get()
            self._leave = False
            yield task

    def check(self, *_: Any) -> None:
        """A stage's progress."""
        if self._leave:
            raise _StopError


def main() -> None:
    """Serve until the other end of the pipe is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asked
    with Connection(int(sys.argv[1])) as pipe:
        data: Path = pipe.recv()
        inbox = _Inbox(pipe)
        native_log.load("tensorflow", "keras")
        import keras

        bench = Workbench(data, ensure_parts(load(data), lambda _: None))
        pipe.send(None)
        for task in inbox.tasks():
            pipe.send(_done(bench, task, pipe, inbox))
            # Networks of earlier tasks would stay in memory.
            keras.backend.clear_session()
            gc.collect()


def _done(bench: Workbench, task: Task, pipe: Connection, inbox: _Inbox) -> Event:
    """What came of a task; meanwhile its cost and epochs are told."""

    def epoch(number: int, recall: float) -> None:
        pipe.send(Epoch(number, recall))
        inbox.check()

    try:
        return bench.do(task, Told(pipe.send, epoch, inbox.check))
    except _StopError:
        return Stopped()
    except RefusedError as error:
        return Refused(str(error))
    except WmEdgeError as error:
        return Failed(str(error))
    except Exception as error:  # noqa: BLE001 - whatever Keras raises is this recipe's result
        return Failed(f"{type(error).__name__}: {error}"[:500])
