"""Work spread over several processes, its results in order.

This process hands chunks of work to its helpers and works on chunks of its own whenever they have
enough to do. A helper that is killed loses nothing: its chunk is worked on here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, Generic, TypeVar

#: Chunks a helper has before it, so that it never waits.
DEPTH: Final = 2

#: Seconds after which a helper that does not answer is taken for dead.
PATIENCE: Final = 60.0

Entry = TypeVar("Entry")
Outcome = TypeVar("Outcome")
Work = Callable[[list[Entry]], Iterable[Outcome]]


@dataclass
class Worker:
    """A process that takes chunks and hands their results back.

    Attributes:
        connection: Our end of its pipe.
        stop: Ends the process and waits for its end.
        waiting: Chunks that it has before it.
        alive: False once its pipe broke.
    """

    connection: Connection
    stop: Callable[[], None]
    waiting: int = 0
    alive: bool = True


@dataclass
class Chunk(Generic[Entry]):
    """Some work.

    Attributes:
        entries: What to work on.
        streamed: True for work whose results do not fit into memory: it is done here, alone.
    """

    entries: list[Entry]
    streamed: bool = False


@dataclass
class _Handed(Generic[Entry, Outcome]):
    entries: list[Entry]
    helper: Worker | None
    outcomes: list[Outcome]


class WorkerPool(Generic[Entry, Outcome]):
    """This process and its helpers.

    Args:
        own: Does the work in this process.
        helpers: Other processes that do the same; may be none, and may be added to.
    """

    def __init__(self, own: Work[Entry, Outcome], helpers: Sequence[Worker]) -> None:
        self._own = own
        self._helpers = helpers

    def work(self, chunks: Iterable[Chunk[Entry]]) -> Generator[Outcome, None, None]:
        """Results of all chunks, in order.

        Raises:
            Exception: what the work raised, in whichever process.
        """
        pending: deque[_Handed[Entry, Outcome]] = deque()
        try:
            for chunk in chunks:
                if chunk.streamed:
                    while pending:
                        yield from self._outcomes(pending.popleft())
                    yield from self._own(chunk.entries)
                    continue
                pending.append(self._hand_over(chunk.entries))
                while pending and (len(pending) > self._most or _ready(pending[0])):
                    yield from self._outcomes(pending.popleft())
            while pending:
                yield from self._outcomes(pending.popleft())
        finally:
            # An answer that nobody waits for any more must not be taken for the next one's.
            for handed in pending:
                if handed.helper is not None:
                    handed.helper.alive = False

    @property
    def _most(self) -> int:
        """Chunks under way at once; helpers may join while there is work."""
        return (len(self._helpers) + 1) * DEPTH

    def _hand_over(self, entries: list[Entry]) -> _Handed[Entry, Outcome]:
        for helper in self._helpers:
            if helper.alive and helper.waiting < DEPTH:
                try:
                    helper.connection.send(entries)
                except OSError:
                    helper.alive = False
                    continue
                helper.waiting += 1
                return _Handed(entries, helper, [])
        return _Handed(entries, None, list(self._own(entries)))

    def _outcomes(self, handed: _Handed[Entry, Outcome]) -> Iterable[Outcome]:
        helper = handed.helper
        if helper is None:
            return handed.outcomes
        with suppress(EOFError, OSError):
            if helper.alive and helper.connection.poll(PATIENCE):
                answer: list[Outcome] | BaseException = helper.connection.recv()
                helper.waiting -= 1
                if isinstance(answer, BaseException):
                    raise answer
                return answer
        # The helper was killed (memory, an operator) or hangs: its work is not lost.
        helper.alive = False
        return self._own(handed.entries)


def _ready(handed: _Handed[Any, Any]) -> bool:
    helper = handed.helper
    return helper is None or not helper.alive or helper.connection.poll()


def shutdown(helpers: Iterable[Worker]) -> None:
    """End helpers: all are told before one is waited for."""
    helpers = list(helpers)
    for helper in helpers:
        helper.connection.close()
    for helper in helpers:
        helper.stop()


def serve(connection: Connection, work: Work[Any, Any]) -> None:
    """What a helper does until the other end of its pipe is gone."""
    with suppress(EOFError, OSError):
        while True:
            entries = connection.recv()
            try:
                connection.send(list(work(entries)))
            except (ValueError, ArithmeticError, LookupError, TypeError) as error:
                connection.send(error)
