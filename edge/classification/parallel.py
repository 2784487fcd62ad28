"""Many files on several processor cores: reading, encoding and inference side by side.

Threads gain nothing here: a wafer takes 0.2 ms, mostly Python, and waiting for the interpreter's
lock costs more than the second core brings. So workers are forked before any runtime starts; they
are handed chunks of file names and hand records back (``edge.system.worker_pool``). A file of any
number of wafers is read here, and its maps are handed over in blocks, for columns.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from edge.classification.block import Columns, classify_block, predictions
from edge.classification.classifier import Classifier
from edge.classification.pipeline import BLOCK, Item, blocks, classify_items, records_of
from edge.errors import InputError
from edge.formats import paths as files
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.reading import STDIN
from edge.formats.reading import count as wafers_in
from edge.formats.registry import ARCHIVES
from edge.system.worker_pool import Chunk, Worker, WorkerPool, cores, serve, shutdown

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from edge.formats.name_pattern import Names
    from edge.results.record import Record

#: Files or maps handed over at a time, and the most characters in their names (a pipe holds 64 kB).
CHUNK: Final = 64
CHUNK_CHARACTERS: Final = 8192

#: Runs of fewer files are over before a second process has started.
WORTHWHILE: Final = 500

#: Files that may hold any number of wafers are read by this process; arrays from this size on, and
#: archives of this size are worth several processes.
STREAMED: Final = (".npz", *ARCHIVES)
STACK_BYTES: Final = 2**20

#: Most bytes of an answer on a block, about, and of what a wafer has in it beside probabilities and
#: embedding.
ANSWER_BYTES: Final = 2**15
WAFER_BYTES: Final = 128

Make = Callable[[], Classifier]
Read = Callable[[Iterable[str | InputError]], Iterator[Item]]


class Block(NamedTuple):
    """Maps that lie end to end: uint8 (N,) and their sides, int (wafers, 2)."""

    dies: npt.NDArray[np.uint8]
    shapes: npt.NDArray[np.int64]


Entry: TypeAlias = "str | InputError | Block"
Outcome: TypeAlias = "Record | Columns"


def processes_for(paths: Iterable[str | Path], *, exclude: str | Path | None = None) -> int:
    """How many processes suit these inputs: one for few files, else one a core, at most four."""
    if cores() == 1:
        return 1
    many = _many_in_a_folder(paths) or files.count(paths, WORTHWHILE, exclude=exclude) is None
    return cores() if many or any(_holds_many(os.fspath(path)) for path in paths) else 1


def _holds_many(path: str) -> bool:
    """Whether a file that was named says, or by its size lets think, that it has many wafers."""
    if path == STDIN or not _is_streamed(path):
        return False
    with suppress(OSError, ValueError):
        large = path.lower().endswith(ARCHIVES) and os.stat(path).st_size > STACK_BYTES  # noqa: PTH116
        return large or wafers_in(path) > WORTHWHILE
    return False


def _many_in_a_folder(paths: Iterable[str | Path]) -> bool:
    """A first look that neither sorts nor stops at anything: the usual case is one large folder."""
    for path in paths:
        with suppress(OSError, ValueError), os.scandir(path) as entries:
            if sum(1 for _ in islice(entries, 2 * WORTHWHILE)) == 2 * WORTHWHILE:
                return True
    return False


def classify_paths(
    paths: Iterable[str | Path],
    make: Make,
    *,
    processes: int = 1,
    top_k: int | None = None,
    exclude: str | Path | None = None,
    names: Names | None = None,
    rules: Rules = NO_RULES,
) -> Generator[Record, None, None]:
    """Read and classify everything behind paths, folders and patterns.

    Args:
        paths: As for ``edge.formats.paths.expand``.
        make: Builds a classifier; called once in every process, after it was forked.
        processes: How many work side by side, this one included.
        top_k: See ``Prediction.as_record``.
        exclude: As for ``edge.formats.paths.expand``.
        names: Gives wafers the lot and number that stand in a file's name.
        rules: What passes in files of a fab that do not say so themselves.

    Yields:
        One record a wafer or unusable input, in the order of ``paths``.
    """
    read = partial(files.read_items, names=names, rules=rules)
    if processes == 1 or not hasattr(os, "fork"):
        items = read(files.expand(paths, exclude=exclude))
        yield from classify_items(items, make(), top_k)
        return
    workers: list[Worker] = []
    try:
        for _ in range(processes - 1):
            workers.append(_fork(make, top_k, read, workers))
        own = make()
        pool: WorkerPool[Entry, Outcome] = WorkerPool(
            lambda entries: _classify(entries, own, top_k, read), workers
        )
        chunks = _Chunks(read, own)
        for outcome in pool.work(chunks.of(files.expand(paths, exclude=exclude))):
            if isinstance(outcome, Columns):
                yield from chunks.records(outcome, top_k)
            else:
                yield outcome
    finally:
        shutdown(workers)


def _classify(
    entries: list[Entry], own: Classifier, top_k: int | None, read: Read
) -> Iterator[Outcome]:
    for block in (each for each in entries if isinstance(each, Block)):
        yield classify_block(own, *block)
    # A chunk has either blocks or files.
    files_there = [each for each in entries if not isinstance(each, Block)]
    yield from classify_items(read(files_there), own, top_k)


class _Chunks:
    """Work for the pool, and what belongs to the blocks among it.

    Args:
        read: Reads a file.
        own: Whose answers come back.
    """

    def __init__(self, read: Read, own: Classifier) -> None:
        self._read = read
        self._own = own
        self._in_columns = not own.model.patterns.is_several
        bytes_each = 8 * len(own.model.labels) + own.model.metadata.embedding.size + WAFER_BYTES
        # Answers that wait in a pipe must leave room, or both ends would wait for each other.
        self._most = max(1, min(BLOCK, ANSWER_BYTES // bytes_each))
        self._waiting: deque[list[Item]] = deque()

    def of(self, items: Iterable[str | InputError]) -> Iterator[Chunk[Entry]]:
        """The chunks of these files."""
        chunk: Chunk[Entry] = Chunk([])
        characters = 0
        for item in items:
            if self._in_columns and isinstance(item, str) and _is_streamed(item):
                yield chunk
                yield from map(self._block, blocks(self._read([item]), self._most))
                chunk, characters = Chunk([]), 0
                continue
            chunk.entries.append(item)
            characters += len(item) if isinstance(item, str) else 0
            if len(chunk.entries) == CHUNK or characters > CHUNK_CHARACTERS:
                yield chunk
                chunk, characters = Chunk([]), 0
        yield chunk

    def records(self, columns: Columns, top_k: int | None) -> list[Record]:
        """The records of the block that came first of those that are under way."""
        items = self._waiting.popleft()
        maps = [item for item in items if not isinstance(item, InputError)]
        return records_of(items, predictions(columns, maps, self._own.model.patterns.hints), top_k)

    def _block(self, items: list[Item]) -> Chunk[Entry]:
        self._waiting.append(items)
        maps = [item.dies for item in items if not isinstance(item, InputError)]
        shapes = np.asarray([dies.shape for dies in maps], np.int64).reshape(-1, 2)
        dies = np.concatenate([np.zeros(0, np.uint8), *(dies.ravel() for dies in maps)])
        return Chunk([Block(dies, shapes)])


def _is_streamed(path: str) -> bool:
    """Whether a file may hold any number of wafers, or is one that no worker has."""
    if path.lower().endswith(".npy"):
        with suppress(OSError, ValueError):
            return os.stat(path).st_size > STACK_BYTES  # noqa: PTH116 (hot path)
    return path.lower().endswith(STREAMED) or path == STDIN


def _fork(make: Make, top_k: int | None, read: Read, others: list[Worker]) -> Worker:
    import multiprocessing  # slow to load, and one file needs none of it

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    # A worker ends when this process's end of its pipe is gone, so no other may hold a copy of it.
    copies = [ours, *(other.connection for other in others)]
    process = context.Process(target=_serve, args=(theirs, copies, make, top_k, read), daemon=True)
    process.start()
    theirs.close()

    def stop() -> None:
        process.join(timeout=1)
        process.kill()

    return Worker(ours, stop)


def _serve(
    connection: Connection,
    copies: list[Connection],
    make: Make,
    top_k: int | None,
    read: Read,
) -> None:
    import logging  # slow to load, too

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    logging.getLogger("edge.own").setLevel(logging.ERROR)  # and says what pattern files lack
    for copy in copies:
        copy.close()
    own = make()
    serve(connection, lambda entries: _classify(entries, own, top_k, read))
