"""A text file that a station appends to: whole records alone, each once, whatever is killed when.

A batch of records is written at one go and, by policy, forced onto the disk; the store then notes
the file's length. After a crash the store's note may lag behind: what stands beyond it is looked
through, whole records are counted as kept, and half a record is cut off.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edge.errors import OutputError
from edge.results.record import Record, number_of
from edge.store.names import Cursor
from edge.system.choice import Choice
from edge.system.files import identity
from edge.system.text import printable
from edge.wafer.patterns import PatternSet

_log = logging.getLogger(__name__)

#: What a file system says that cannot force anything onto a disk (pipes, devices).
_NO_FSYNC: Final = (errno.EINVAL, errno.ENOTSUP, errno.EROFS)


#: In the place of a descriptor.
_CLOSED: Final = -1

#: Bytes by which a file is recognised; more than any header has.
_BEGINNING: Final = 32 * 1024


class Fsync(Choice):
    """When a file is forced onto the disk."""

    #: After every batch: survives a power cut.
    ALWAYS = "always"
    #: When the operating system sees fit: survives a crash of the station, not a power cut.
    NEVER = "never"


@dataclass(frozen=True)
class Lines:
    """How records are written as lines.

    Attributes:
        line: Makes a record a line, with its end.
        header: What an empty file begins with.
        before_id: What a record begins with; its ``id`` follows.
        after_id: What follows the ``id``.
        any_header: Begins the headers of all versions and patterns, where they differ.
        is_quoted: A cell in quotes may hold line ends.
    """

    line: Callable[[Record], bytes]
    header: bytes = b""
    before_id: bytes = b""
    after_id: bytes = b","
    any_header: bytes = b""
    is_quoted: bool = False

    def identity(self, line: bytes) -> str | None:
        """The ``id`` of a whole record; None for half a record or something else."""
        if not line.startswith(self.before_id):
            return None
        rest = line[len(self.before_id) :]
        return rest.partition(self.after_id)[0].decode("ascii", "replace")

    def begins(self, start: bytes) -> bool:
        """Whether a file may be ours, by its first bytes; it may have none, or half a header."""
        first = self.header or self.before_id
        return start[: len(first)] == first[: len(start)]

    def is_of_before(self, start: bytes) -> bool:
        """Whether a file has other columns, of an earlier version or other patterns."""
        known = bool(self.any_header) and start.startswith(self.any_header)
        return known and not self.begins(start)

    def is_whole(self, line: bytes) -> bool:
        """Whether the record ends where this line ends."""
        return not self.is_quoted or line.count(b'"') % 2 == 0


class AppendSink:
    """Records appended to a text file; see ``DurableSink`` for what its methods promise.

    Args:
        kind: First part of the sink's name.
        path: The file; made if it does not exist.
        lines: How records are written.
        fsync: When the file is forced onto the disk.
    """

    def __init__(self, kind: str, path: Path, lines: Lines, fsync: Fsync) -> None:
        self.name = f"{kind}:{os.path.abspath(path)}"  # noqa: PTH100 - a link stays a link
        self._path = path
        self._lines = lines
        self._fsync = fsync
        self._descriptor = _CLOSED
        self._length = 0
        self._regular = True

    def open(self, mark: Cursor) -> Cursor:
        """Open the file and see how far it really has come."""
        self.close()
        with self._as_output_errors():
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o666)
            status = os.fstat(self._descriptor)
            self._regular = stat.S_ISREG(status.st_mode)
            self._length = status.st_size
            if not self._regular:
                return mark
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.close()
                raise OutputError(
                    f"{self._path}: another station appends to it; give each a file of its own"
                ) from None
            mark = self._recovered(mark)
            if self._lines.is_of_before(os.pread(self._descriptor, _BEGINNING, 0)):
                self._set_aside()
                return self.open(replace(mark, offset=0))
            if not self._length:
                self._write(self._lines.header)
            return replace(mark, offset=self._length)

    def send(self, records: Sequence[Record]) -> Cursor:
        """Append records, all or none."""
        with self._as_output_errors():
            if self._descriptor == _CLOSED:
                raise OutputError(f"{self._path}: is not open")
            if self._was_replaced():
                self.open(Cursor(0, 0))
            self._write(b"".join(map(self._lines.line, records)))
            return Cursor(number_of(records[-1]), self._length)

    def idle(self, seconds: float) -> None:
        """Nothing to keep alive."""

    def close(self) -> None:
        """Close the file, which unlocks it."""
        if self._descriptor != _CLOSED:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = _CLOSED

    def _recovered(self, mark: Cursor) -> Cursor:
        """Look through what stands beyond the mark, or through all of a file that was cut back."""
        shrunk = self._length < mark.offset
        whole = 0 if shrunk else mark.offset
        found = []
        # The same descriptor: to close another one of this file would let go of the lock.
        with os.fdopen(self._descriptor, "rb", closefd=False) as file:
            start = file.read(_BEGINNING)
            if not (self._lines.begins(start) or self._lines.is_of_before(start)):
                why = f"{self._path}: begins like another kind or version of file"
                raise OutputError(f"{why}; choose another name")
            file.seek(whole)
            record = b""
            for line in file:
                record += line
                if not line.endswith(b"\n") or not self._lines.is_whole(record):
                    continue
                whole += len(record)
                number = mark.names.number(self._lines.identity(record) or "")
                record = b""
                if number is not None:
                    found.append(number)
        if whole < self._length:
            os.ftruncate(self._descriptor, whole)
            self._length = whole
        delivered = max(found) if shrunk and found else max(mark.delivered, *found, 0)
        return replace(mark, delivered=delivered, offset=whole)

    def _set_aside(self) -> None:
        """A file with other columns is whole as it is; what comes is of another form."""
        when = time.strftime("%Y%m%dT%H%M%S")
        kept = self._path.with_name(f"{self._path.stem}-until-{when}{self._path.suffix}")
        os.link(self._path, kept)  # does not replace anything
        self._path.unlink()
        _log.warning(
            "%s: was written by an earlier version, or with a model file of other patterns, and "
            "has other columns; it is %s now, and a new file is begun",
            printable(str(self._path)),
            printable(kept.name),
        )

    def _was_replaced(self) -> bool:
        """Whether the name now stands for another file, or for none, or the file was emptied.

        By ``logrotate``, which can do it in place (``copytruncate``), or an operator.
        """
        ours = os.fstat(self._descriptor)
        emptied = self._regular and ours.st_size < self._length
        return emptied or identity(self._path) != (ours.st_dev, ours.st_ino)

    def _write(self, content: bytes) -> None:
        written = 0
        try:
            while written < len(content):
                written += os.write(self._descriptor, content[written:])
            if self._fsync is Fsync.ALWAYS:
                self._force(self._descriptor)
        except OSError:
            if self._regular:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, self._length)
            raise
        self._length += written

    @staticmethod
    def _force(descriptor: int) -> None:
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FSYNC:
                raise

    @contextlib.contextmanager
    def _as_output_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from error


def _json(_patterns: PatternSet) -> Lines:
    from edge.results.jsonl import encode

    return Lines(
        lambda record: f"{encode(record)}\n".encode(), before_id=b'{"id": "', after_id=b'"'
    )


def _csv(patterns: PatternSet) -> Lines:
    from edge.results.csv import Rows, station_columns

    rows = Rows(station_columns(patterns))
    return Lines(
        lambda record: f"{rows.row(record)}\n".encode(),
        header=f"{rows.header()}\n".encode(),
        any_header=b"id,source,index,",
        is_quoted=True,
    )


#: By the kind of sink.
LINES: Final[Mapping[str, Callable[[PatternSet], Lines]]] = {"jsonl": _json, "csv": _csv}
