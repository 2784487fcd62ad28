"""Files, folders and name patterns as one stream of wafer maps.

Nothing grows with the number of files: of a folder only its own list of names is kept (packed), of
the files that were named one by one their name.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.errors import InputError, InputKind
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.reading import STDIN, os_error, read, read_stdin
from edge.formats.reading import count as wafers_in
from edge.formats.registry import HIDDEN, SUFFIXES, begins_well, eligible, is_asked, is_visible
from edge.formats.unpacking import HEAD_BYTES
from edge.system.files import Identity
from edge.system.files import identity as _identity
from edge.system.name_list import NameList, natural
from edge.system.regular_file import open_regular
from edge.wafer.wafermap import WaferMap

if TYPE_CHECKING:
    from edge.formats.name_pattern import Names

_NONE: Final[frozenset[str]] = frozenset()

#: Suffixes of files that may hold several wafers; how many of them are opened to count these.
_SEVERAL: Final = (".npz", ".npy")
_MOST_OPENED: Final = 1000
_MOST_COUNTED: Final = 1_000_000


def expand(
    paths: Iterable[str | Path], *, exclude: str | Path | None = None
) -> Iterator[str | InputError]:
    """Name the files behind paths, folders and patterns.

    ``-`` is standard input, once. Folders are searched with everything below them: the files of a
    folder first, then its subfolders, each in natural order (``w2`` before ``w10``). In folders
    only names with a suffix of the registry's ``SUFFIXES`` count, and files that begin as those of
    a fab do; hidden and unfinished files (``.part``, ``.tmp``, ``~``) do not. A path that was named
    itself is passed on whatever its name is. Symbolic links are followed; each folder is entered
    once, each name in it comes once. A link under a name of its own is a file of its own.

    Args:
        paths: Files, folders or patterns such as ``lots/*/w?.png`` (``**`` for any depth).
        exclude: A file, existing or yet to come, that folders and patterns do not find: the one
            that results are written to.

    Yields:
        Names of files, which may still turn out unreadable (to make a ``Path`` of each costs time).
        An ``InputError`` stands for a folder that cannot be listed or holds nothing to read, and
        for a pattern that matches nothing.
    """
    seen = _Seen()
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        for name in _matches(os.fspath(path), exclude):
            if isinstance(name, InputError):
                yield name
            elif name != STDIN and os.path.isdir(name):  # noqa: PTH112
                yield from _folder(name, seen, exclude)
            elif seen.add_file(name):
                # A file of that name must not pass for standard input.
                plain = os.fspath(Path(name))
                yield plain if plain != STDIN or name == STDIN else os.path.abspath(name)  # noqa: PTH100


def read_items(
    found: Iterable[str | InputError], names: Names | None = None, rules: Rules = NO_RULES
) -> Iterator[WaferMap | InputError]:
    """Read files, as ``expand`` names them; errors stand for themselves.

    Args:
        found: The files.
        names: Gives wafers the lot and number that stand in a file's name.
        rules: What passes in files of a fab that do not say so themselves.

    Yields:
        A ``WaferMap`` for each wafer, an ``InputError`` for each wafer, file or folder that
        cannot be used. Nothing is raised on behalf of an input.
    """
    for item in found:
        if isinstance(item, InputError):
            yield item
            continue
        try:
            wafers = read_stdin(rules) if item == STDIN else read(item, rules)
            yield from names.apply(wafers, item) if names else wafers
        except InputError as error:
            yield error


def count(
    paths: Iterable[str | Path], limit: int = _MOST_COUNTED, *, exclude: str | Path | None = None
) -> int | None:
    """Number of items of ``expand``, or None beyond ``limit``; nothing is opened."""
    found = sum(1 for _ in islice(expand(paths, exclude=exclude), limit + 1))
    return found if found <= limit else None


def count_wafers(paths: Iterable[str | Path], *, exclude: str | Path | None = None) -> int | None:
    """Number of wafers behind ``paths`` for a progress bar, by the headers of the first files.

    None for more than a million files.
    """
    wafers = opened = 0
    for number, item in enumerate(expand(paths, exclude=exclude)):
        if number == _MOST_COUNTED:
            return None
        if isinstance(item, str) and item.lower().endswith(_SEVERAL) and opened < _MOST_OPENED:
            opened += 1
            wafers += wafers_in(item)
        else:
            wafers += 1
    return wafers


class _Seen:
    """What has been handed on: folders, and by folder the names given one by one.

    Folders go by identity, since a path may lead to them in many ways; files by their name in the
    folder.
    """

    def __init__(self) -> None:
        self._folders: set[Identity] = set()
        self._names: dict[Identity, set[str]] = {}

    def add_folder(self, folder: str) -> bool:
        """Note a folder; False if it was entered before."""
        identity = _identity(folder)
        if identity is None or identity in self._folders:
            return identity is None
        self._folders.add(identity)
        return True

    def add_file(self, path: str) -> bool:
        """Note a file that was named; False if it was handed on before."""
        folder, name = os.path.split(path)
        identity = _identity(folder or os.curdir)
        if identity is None:
            return True  # missing: the reader says so
        if identity in self._folders and os.path.lexists(path) and counts(name, path):
            return False
        names = self._names.setdefault(identity, set())
        known = name in names
        names.add(name)
        return not known

    def named_in(self, folder: str) -> AbstractSet[str]:
        """Names in a folder that were given one by one before."""
        identity = _identity(folder)
        return _NONE if identity is None else self._names.get(identity, _NONE)


def _matches(path: str, exclude: str | Path | None) -> Iterator[str | InputError]:
    if not glob.has_magic(path) or os.path.lexists(path):
        yield path
        return
    try:
        found = sorted(glob.glob(path, recursive=True), key=natural)  # noqa: PTH207
    except RecursionError:
        text = "too many folders in one another for `**`; name the folder, it is searched whole"
        yield InputError(path, InputKind.TOO_LARGE, text)
        return
    if output := _identity(exclude):
        found = [name for name in found if _identity(name) != output]
    yield from found
    if not found:
        yield InputError(path, InputKind.MISSING, "no file matches this pattern; check the folder")


def _folder(top: str, seen: _Seen, exclude: str | Path | None) -> Iterator[str | InputError]:
    waiting = [top]
    empty = True
    while waiting:
        name = waiting.pop()
        if not seen.add_folder(name):
            empty = False  # it has been handed on under another name
            continue
        try:
            files, folders, skipped = _listing(name, seen.named_in(name), _identity(exclude))
        except OSError as error:
            empty = False
            yield os_error(error, name)
            continue
        empty = empty and not len(files) and not skipped
        before = os.fspath(Path(name, "_"))[:-1]  # as ``Path`` writes it, once for all
        for file in files:
            yield before + file
        waiting.extend(os.path.join(name, folder) for folder in reversed(folders))  # noqa: PTH118
    if empty:
        yield InputError(
            top,
            InputKind.EMPTY,
            f"no wafer map in this folder; looked for {' '.join(sorted(SUFFIXES))}",
        )


def _listing(
    folder: str, named: AbstractSet[str], output: Identity | None
) -> tuple[NameList, list[str], int]:
    """Names of a folder's files and subfolders in natural order, and how many were named before."""
    files = NameList()
    folders: list[str] = []
    skipped = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(HIDDEN):
                continue
            if _is_folder(entry):
                folders.append(entry.name)
            elif (output and _is_output(entry, output)) or not counts(entry.name, entry.path):
                continue
            elif entry.name in named:
                skipped += 1
            else:
                files.add(entry.name)
    folders.sort(key=natural)
    return files, folders, skipped


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads back to itself; as a file it gets its error record
        return False


def _is_output(entry: os.DirEntry[str], output: Identity) -> bool:
    """Whether results are written to this file. Asks the disk only if its number matches."""
    if not entry.is_symlink() and entry.inode() != output[1]:
        return False
    return _identity(entry.path) == output


def counts(name: str, path: str) -> bool:
    """Whether a folder's file counts, by its name or else by what it begins with."""
    return is_visible(name) and (not is_asked(name) or _begins_well(name, path))


def _begins_well(name: str, path: str) -> bool:
    try:
        with open_regular(path) as file:
            return begins_well(name, file.read(HEAD_BYTES))
    except OSError:  # what cannot be looked at gets its error record where its name is one of ours
        return eligible(name)
