"""The parent's end of a worker: a process that is given tasks and tells what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from edge.system.child_process import ChildProcess
from train.search.task import Task
from train.search.worker import Event

#: A worker is ended after so many tasks: TensorFlow's memory grows with each, by 0.4 GB on WM-811K.
_MOST: Final = 4


class Died(Struct, frozen=True):
    """The process ended, and how."""

    why: str


class WorkerProcess:
    """A worker and the task that it has, if any.

    Args:
        data: The labelled set's file.
        threads: That TensorFlow may use; 0: as many as it likes.

    Attributes:
        task: What it has been given and has not ended.
    """

    def __init__(self, data: Path, threads: int = 0) -> None:
        self._data = data
        names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
        self._environment = dict.fromkeys(names, str(threads)) if threads else {}
        self.task: Any = None
        self._process: ChildProcess | None = None
        self._done = 0

    def give(self, task: Task, what: object) -> None:
        """Begin a task; ``what`` is kept in ``task``."""
        if self._process is None or self._process.is_over or self._done >= _MOST:
            self.close()
            self._start()
        self.task = what
        self._done += 1
        self.pipe.send(task)

    def leave(self) -> None:
        """Have it leave the task where it stands; it answers ``Stopped``, or what came before."""
        with suppress(OSError):  # it ended meanwhile, which is heard next
            self.pipe.send(None)

    def _start(self) -> None:
        self._process = ChildProcess("train.search.worker", self._environment)
        self.pipe = self._process.pipe
        self._done = 0
        self.pipe.send(self._data)

    def hear(self) -> Event | Died:
        """What it tells next; of one that has ended, why."""
        try:
            event: Event = self.pipe.recv()
        except (EOFError, OSError):
            return Died(self._ended())
        return event

    def _ended(self) -> str:
        """How the process ended, and the last it said."""
        process = self._process
        if process is None:
            return "it was ended"
        how = process.ended()
        self.close()
        return how

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.close()
            self._process = None


def listen(
    workers: Sequence[WorkerProcess], seconds: float | None
) -> Iterator[tuple[WorkerProcess, Event | Died]]:
    """What those who have a task tell, as soon as one does; nothing after so many seconds."""
    busy: dict[Any, WorkerProcess] = {one.pipe: one for one in workers if one.task is not None}
    for pipe in wait(list(busy), seconds):
        worker = busy[pipe]
        yield worker, worker.hear()
