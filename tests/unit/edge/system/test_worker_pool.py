"""Work of several processes: in order, none lost, errors raised."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.system.worker_pool import DEPTH, Chunk, Worker, WorkerPool, serve, shutdown

FORKING = multiprocessing.get_context("fork")
OWN = os.getpid()


def squares(entries: list[int]) -> Iterator[tuple[int, bool]]:
    """Results, and whether this process made them; a worker dies at 13 and errs at -1."""
    own = os.getpid() == OWN
    for entry in entries:
        if entry == 13 and not own:
            os._exit(9)
        if entry == -1:
            raise ValueError("a defect")
        yield entry * entry, own


def _serve(connection: Connection, ours: Connection) -> None:
    ours.close()  # a fork has both ends
    serve(connection, squares)


def worker() -> Worker:
    ours, theirs = multiprocessing.Pipe()
    process = FORKING.Process(target=_serve, args=(theirs, ours))
    process.start()
    theirs.close()
    return Worker(ours, process.join)


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    made: list[Worker] = []
    yield made
    shutdown(made)
    assert not multiprocessing.active_children()


def chunks(entries: Iterable[int], size: int = 3) -> list[Chunk[int]]:
    entries = list(entries)
    return [Chunk(entries[start : start + size]) for start in range(0, len(entries), size)]


def worked(workers: list[Worker], work: Iterable[Chunk[int]]) -> list[tuple[int, bool]]:
    return list(WorkerPool(squares, workers).work(work))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_results_come_in_order(workers: list[Worker], count: int) -> None:
    workers.extend(worker() for _ in range(count))
    found = worked(workers, chunks(range(100, 200)))
    assert [result for result, _ in found] == [entry * entry for entry in range(100, 200)]
    assert all(own for _, own in found) == (count == 0)


@given(st.lists(st.tuples(st.lists(st.integers(20, 99), max_size=3), st.booleans()), max_size=9))
def test_streamed_work_is_done_here_in_its_place(work: list[tuple[list[int], bool]]) -> None:
    ours, theirs = multiprocessing.Pipe()
    # A worker within this process: it answers as soon as it is asked.
    answering = _Answering(ours, theirs)
    pool = WorkerPool(squares, [Worker(answering, lambda: None)])  # type: ignore[arg-type]
    found = list(pool.work(Chunk(entries, streamed=streamed) for entries, streamed in work))
    assert [result for result, _ in found] == [n * n for entries, _ in work for n in entries]
    assert (
        answering.asked
        == [entries for entries, streamed in work if not streamed][: len(answering.asked)]
    )
    ours.close()
    theirs.close()


class _Answering:
    """Our end of a pipe to a worker that has answered already."""

    def __init__(self, ours: Connection, theirs: Connection) -> None:
        self._ours, self._theirs = ours, theirs
        self.asked: list[list[int]] = []

    def send(self, entries: list[int]) -> None:
        self.asked.append(entries)
        self._theirs.send(list(squares(entries)))

    def recv(self) -> object:
        return self._ours.recv()

    def poll(self, timeout: float = 0.0) -> bool:
        return self._ours.poll()


@pytest.mark.parametrize("fatal", [0, 7])
def test_a_worker_that_is_killed_loses_nothing(workers: list[Worker], fatal: int) -> None:
    workers += [worker(), worker()]
    entries = [*range(100, 100 + fatal), 13, 13, 13, *range(200, 230)]
    found = worked(workers, chunks(entries))
    assert [result for result, _ in found] == [entry * entry for entry in entries]
    assert not all(worker.alive for worker in workers)


def test_an_error_of_a_worker_is_raised_here(workers: list[Worker]) -> None:
    workers.append(worker())
    with pytest.raises(ValueError, match="a defect"):
        worked(workers, chunks([1, 2, 3, -1, 4]))
    with pytest.raises(ValueError, match="a defect"):
        worked([], chunks([-1]))


def test_after_an_error_no_answer_is_taken_for_another(workers: list[Worker]) -> None:
    """What was still under way must not turn up as the result of the next work."""
    workers.append(worker())
    pool = WorkerPool(squares, workers)
    with pytest.raises(ValueError, match="a defect"):
        list(pool.work(chunks([-1, 5, 6, 7], size=1)))
    unfinished = pool.work(chunks(range(20, 40), size=1))
    next(unfinished)
    unfinished.close()
    assert [result for result, _ in pool.work(chunks([2, 3], size=1))] == [4, 9]


def test_workers_may_join_while_there_is_work(workers: list[Worker]) -> None:
    def growing() -> Iterator[Chunk[int]]:
        for number, chunk in enumerate(chunks(range(100, 200))):
            if number in {5, 10}:
                workers.append(worker())
            yield chunk

    found = worked(workers, growing())
    assert [result for result, _ in found] == [entry * entry for entry in range(100, 200)]
    assert all(own for _, own in found[:15])
    assert not all(own for _, own in found)


def test_no_more_is_under_way_than_the_workers_can_take(workers: list[Worker]) -> None:
    """Results of a folder of any size are not gathered in memory."""
    workers.append(worker())
    given_out = 0

    def counted() -> Iterator[Chunk[int]]:
        nonlocal given_out
        for chunk in chunks(range(100, 400), size=1):
            given_out += 1
            yield chunk

    for taken, _ in enumerate(WorkerPool(squares, workers).work(counted())):
        assert given_out - taken <= 2 * DEPTH + 1
