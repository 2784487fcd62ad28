"""One file -> its records, if it is complete.

What is hashed, what is looked at and what is classified are the same bytes: the file is opened
once, and one that changes meanwhile is left for later.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Final, NamedTuple

from edge.classification.classifier import Classifier
from edge.errors import InputError, InputKind
from edge.formats.name_pattern import Names
from edge.formats.reading import examine, os_error, read_open
from edge.formats.unpacking import HEAD_BYTES
from edge.results.record import Record
from edge.station.folder.deaths import Slot
from edge.station.folder.live_rules import LiveRules
from edge.station.source import result
from edge.store.taken import Stamp, stamp_of
from edge.system.beneath import NOT_THERE, place_in
from edge.system.birth import born_ns
from edge.system.descriptors import are_used_up
from edge.system.open_writers import Writer, writer_of
from edge.wafer.wafermap import WaferMap

#: Records handed on at a time of a file that holds many wafers.
BLOCK: Final = 256

#: The disk's or the machine's fault, not the file's: it is neither remembered nor moved.
_PASSING: Final = (OSError, MemoryError)

_PIECE: Final = 2**20


class WriterCheck(str, Enum):
    """How far a file is believed to be complete before it is opened."""

    #: Ask whether somebody writes it; where nobody can tell, wait.
    PROBE = "probe"
    #: It has not changed for long enough; still do not take it while somebody writes it.
    STABLE = "stable"
    #: The same, on a file system where nobody can be asked.
    SKIP = "skip"


class Entry(NamedTuple):
    """A file to take.

    Attributes:
        path: The file, absolute.
        check: How far it is believed to be complete.
        top: The watched folder that it is in; no link below that is followed.
    """

    path: str
    check: WriterCheck
    top: str


class IntakeState(str, Enum):
    """What came of an attempt."""

    #: Classified; the records are complete.
    TAKEN = "taken"
    #: Classified in part: more records of the same file follow.
    PART = "part"
    #: Somebody writes it.
    BUSY = "busy"
    #: Nobody can tell whether somebody writes it; without a stamp: no descriptor is left.
    UNSURE = "unsure"
    #: Cannot be read; the last record says why.
    BAD = "bad"
    #: Not there any more.
    GONE = "gone"


class IntakeResult(NamedTuple):
    """What came of trying to take a file.

    Attributes:
        path: The file.
        state: What came of it.
        stamp: The state the file was in, where it could be looked at.
        records: One a wafer or unreadable wafer, with ``source_sha256``.
        sure: Whether the system told that nobody writes it.
        born_ns: When it was made; 0 where the system does not tell.
    """

    path: str
    state: IntakeState
    stamp: Stamp | None = None
    records: list[Record] = []  # noqa: RUF012 - never changed in place
    sure: bool = True
    born_ns: int = 0


class FileIntake:
    """Takes files with a classifier of its own."""

    def __init__(
        self,
        classifier: Classifier,
        names: Names | None = None,
        slot: Slot | None = None,
        rules: LiveRules | None = None,
    ) -> None:
        self._slot = slot
        self._classifier = classifier
        self._names = names
        self._rules = rules or LiveRules()

    def take_all(self, entries: Iterable[Entry]) -> Iterator[IntakeResult]:
        """Take files one after the other."""
        try:
            for entry in entries:
                yield from self.take(entry)
        finally:
            if self._slot is not None:
                self._slot.clear()

    def take(self, entry: Entry) -> Iterator[IntakeResult]:
        """Take one file.

        Yields:
            Any number of ``PART`` and then one of the other states. Nothing is raised on behalf
            of the file.
        """
        path = entry.path
        try:
            descriptor = place_in(entry.top, path).open()
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in NOT_THERE:
                yield IntakeResult(path, IntakeState.GONE)
                return
            if are_used_up(error):
                yield IntakeResult(path, IntakeState.UNSURE)
                return
            reason = os_error(error if isinstance(error, OSError) else OSError(str(error)), path)
            yield bad(path, None, reason, "")
            return
        try:
            yield from self._take_open(descriptor, path, entry.check)
        finally:
            os.close(descriptor)

    def _take_open(self, descriptor: int, path: str, check: WriterCheck) -> Iterator[IntakeResult]:
        status = os.fstat(descriptor)
        before = stamp_of(status)
        if not stat.S_ISREG(status.st_mode):
            # A device never ends, and what is read from a pipe is gone.
            text = "is a pipe, a device or a folder, not a file; take it out of the folder"
            yield bad(path, before, InputError(path, InputKind.UNSUPPORTED, text), "")
            return
        writer = Writer.NONE if check is WriterCheck.SKIP else writer_of(descriptor)
        if writer is Writer.OPEN or (writer is Writer.UNKNOWN and check is WriterCheck.PROBE):
            yield IntakeResult(
                path, IntakeState.BUSY if writer is Writer.OPEN else IntakeState.UNSURE, before
            )
            return
        if self._slot is not None:
            self._slot.note(path, before)
        sure = writer is Writer.NONE and check is not WriterCheck.SKIP
        digest = ""
        records: list[Record] = []
        try:
            # A reader may close its file; the descriptor is still to be looked at.
            file = io.FileIO(descriptor, closefd=False)
            head = file.read(HEAD_BYTES)
            if len(head) < before.size:  # what is refused need not be hashed for hours
                self._examine(head, before.size, path)
            digest = _hashed(file, head, before.size)
            items = read_open(file, head, before.size, path, self._rules.now())
            for item in self._names.apply(items, path) if self._names else items:
                if len(records) == BLOCK:
                    if stamp_of(os.fstat(descriptor)) != before:
                        yield IntakeResult(path, IntakeState.BUSY, before)
                        return
                    yield IntakeResult(
                        path, IntakeState.PART, before, records, sure, born_ns(descriptor)
                    )
                    records = []
                records.append(self._record(item, digest))
        except Exception as error:  # noqa: BLE001 - no file must end the station
            waits = are_used_up(error)
            if waits or stamp_of(os.fstat(descriptor)) == before:
                failed = _failed(path, before, error, digest, records)
                yield IntakeResult(path, IntakeState.UNSURE) if waits else failed
                return
        born = born_ns(descriptor)
        state = IntakeState.BUSY if stamp_of(os.fstat(descriptor)) != before else IntakeState.TAKEN
        yield IntakeResult(path, state, before, records, sure, born)

    def _examine(self, head: bytes, size: int, path: str) -> None:
        try:
            examine(head, size, path)
        except InputError as error:
            raise self._names.told(error, path) if self._names else error from None

    def _record(self, item: WaferMap | InputError, digest: str) -> Record:
        if isinstance(item, InputError):
            if are_used_up(item):
                raise item
            return {**item.as_record(), "source_sha256": digest}
        return result(self._classifier, item, digest)


def _failed(
    path: str, stamp: Stamp, error: Exception, digest: str, records: list[Record]
) -> IntakeResult:
    """A file that something went wrong with; what the disk or the machine did is not its fault."""
    passing = isinstance(error, _PASSING) or isinstance(error.__cause__, _PASSING)
    if isinstance(error, OSError):
        error = os_error(error, path)
    elif not isinstance(error, InputError):  # one that upsets the classifier stops no other
        text = f"upset wm-edge ({type(error).__name__}: {error}); please report it with the file"
        error = InputError(path, InputKind.UNREADABLE, text)
    return bad(path, None if passing else stamp, error, digest, records)


def bad(
    path: str, stamp: Stamp | None, error: InputError, digest: str, records: Sequence[Record] = ()
) -> IntakeResult:
    """A file that cannot be taken; without a stamp that is not the file's fault.

    ``records`` are what could be read of it.
    """
    record = {**error.as_record(), "source_sha256": digest}
    return IntakeResult(path, IntakeState.BAD, stamp, [*records, record])


def _hashed(file: io.FileIO, head: bytes, size: int) -> str:
    """SHA-256 of a file of which the first bytes have been read; of one that grows, no more."""
    digest = hashlib.sha256(head)
    left = size - len(head)
    while left > 0 and (piece := file.read(min(_PIECE, left))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()
