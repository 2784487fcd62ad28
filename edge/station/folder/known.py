"""What is known of files: by the store, and of those whose records are on their way there."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain

from edge.errors import OutputError
from edge.station.folder.dropped_file import DroppedFile
from edge.store.reader import StoreReader
from edge.store.taken import UNREADABLE, FileNote, Former, path_of, stamp_at

Notes = Mapping[str, FileNote | None]


class KnownFiles:
    """Used by the thread of the source whose files they are; ``kept`` by any."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        #: The latest note of each file that the store may not have, and how many are on the way.
        self._sent: dict[str, FileNote | None] = {}
        self._under_way: Counter[str] = Counter()
        #: Of those, the notes of files whose names are other files' by now.
        self._displaced: dict[str, list[FileNote]] = defaultdict(list)
        self._kept: deque[Iterable[str]] = deque()

    def sent(self, notes: Notes) -> None:
        """These notes go to the store with the next batch."""
        for path, note in notes.items():
            before = self._sent.get(path)
            if before is not None and note is not None and before.sha256 != note.sha256:
                self._displaced[path].append(before)
        self._sent.update(notes)
        self._under_way.update(notes.keys())

    def kept(self, paths: Iterable[str]) -> None:
        """The store has the notes of these files."""
        self._kept.append(paths)

    def notes(self, paths: Collection[str]) -> Notes:
        """What is remembered of files, by path."""
        self._settle()
        found: dict[str, FileNote | None] = {}
        if asked := [path for path in paths if path not in self._sent]:
            with suppress(OutputError):  # the store is in trouble: to take one twice does no harm
                found.update(self._reader.taken(asked))
        return {**found, **{path: self._sent[path] for path in paths if path in self._sent}}

    def recognise(self, files: Sequence[DroppedFile]) -> None:
        """Find the names that files had when they were taken before.

        It is the same file (inode, size, times), whose old name is gone or another file's. A name
        from which the station took a file itself counts no more; nor does one under which the same
        content is on its way to the store by now, where it will be taken for the wafer before.

        Args:
            files: Taken now, with their notes. Of one of many wafers all parts are known by the
                name that the first was known by.
        """
        self._settle()
        new = [file for file in files if not file.is_recognised]
        notes = {file.path: file.note for file in new}
        wanted = {note.stamp.inode for note in notes.values() if note is not None}
        candidates: dict[int, list[tuple[str, FileNote]]] = defaultdict(list)
        with suppress(OutputError):  # the store is in trouble: two records are better than none
            for noted, note in self._reader.with_inodes(wanted):
                path = path_of(noted)
                since = notes[path] if path in notes else self._sent.get(path, note)
                alike = since is not None and since.sha256 == note.sha256
                if since is note or path in notes or (since is not None and not alike):
                    candidates[note.stamp.inode].append((noted, note))
        displaced = ((path, note) for path, each in self._displaced.items() for note in each)
        for path, sent in chain(self._sent.items(), notes.items(), displaced):
            if sent is not None and sent.stamp.inode in wanted:
                candidates[sent.stamp.inode].append((path, sent))
        for file in new:
            file.is_recognised = True
            if file.note is not None:
                file.former = _former(file.path, file.note, candidates[file.note.stamp.inode])

    def _settle(self) -> None:
        while self._kept:
            for path in self._kept.popleft():
                self._under_way[path] -= 1
                if self._under_way[path] <= 0:
                    del self._under_way[path]
                    self._sent.pop(path, None)
                    self._displaced.pop(path, None)


def _former(path: str, note: FileNote, candidates: Iterable[tuple[str, FileNote]]) -> Former | None:
    for noted, before in candidates:
        old = path_of(noted)
        if old != path and note.may_be(before) and not _is_there(old, before):
            return Former(noted, before.file)
    return None


def _is_there(path: str, note: FileNote) -> bool:
    """Whether a name still is that of the file of a note."""
    stamp = stamp_at(path)
    return stamp is not None and (stamp is UNREADABLE or stamp.inode == note.stamp.inode)
