"""Many files on several processor cores: reading, encoding and inference side by side.

Threads gain nothing here: a wafer takes 0.2 ms, mostly Python, and waiting for the interpreter's
lock costs more than the second core brings. So workers are forked before any runtime starts; they
are handed chunks of file names and hand records back (``edge.system.worker_pool``).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from edge.classification.classifier import Classifier
from edge.classification.pipeline import Item, classify_items
from edge.errors import InputError
from edge.formats import paths as files
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.reading import STDIN
from edge.formats.registry import ARCHIVES
from edge.system.worker_pool import Chunk, Worker, WorkerPool, cores, serve, shutdown

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from edge.formats.name_pattern import Names
    from edge.results.record import Record

#: Files handed over at a time, and the most characters in their names (a pipe holds 64 kB).
CHUNK: Final = 32
CHUNK_CHARACTERS: Final = 8192

#: Runs of fewer files are over before a second process has started.
WORTHWHILE: Final = 500

#: Files that may hold any number of wafers are streamed by this process; arrays from this size on.
STREAMED: Final = (".npz", *ARCHIVES)
STACK_BYTES: Final = 2**20

Make = Callable[[], Classifier]
Read = Callable[[Iterable[str | InputError]], Iterator[Item]]
Entry: TypeAlias = "str | Record"


def processes_for(paths: Iterable[str | Path], *, exclude: str | Path | None = None) -> int:
    """How many processes suit these inputs: one for few files, else one a core, at most four."""
    if cores() == 1:
        return 1
    many = _many_in_a_folder(paths) or files.count(paths, WORTHWHILE, exclude=exclude) is None
    return cores() if many else 1


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
        pool: WorkerPool[Entry, Record] = WorkerPool(
            lambda entries: _classify(entries, own, top_k, read), workers
        )
        yield from pool.work(_chunks(files.expand(paths, exclude=exclude)))
    finally:
        shutdown(workers)


def _classify(
    entries: list[Entry], own: Classifier, top_k: int | None, read: Read
) -> Iterator[Record]:
    for entry in entries:
        if isinstance(entry, str):
            yield from classify_items(read([entry]), own, top_k)
        else:
            yield entry


def _chunks(items: Iterable[str | InputError]) -> Iterator[Chunk[Entry]]:
    chunk: Chunk[Entry] = Chunk([])
    characters = 0
    for item in items:
        entry: Entry = item.as_record() if isinstance(item, InputError) else item
        if isinstance(entry, str) and _is_streamed(entry):
            yield chunk
            yield Chunk([entry], streamed=True)
            chunk, characters = Chunk([]), 0
            continue
        chunk.entries.append(entry)
        characters += len(entry)
        if len(chunk.entries) == CHUNK or characters > CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = Chunk([]), 0
    yield chunk


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
