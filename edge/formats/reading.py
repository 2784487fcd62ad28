"""An open file in, its wafer maps or the reason why there is none out."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from edge.errors import InputError, InputKind
from edge.formats.by_rules import wafers_of
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.registry import (
    FAB_TEXTS,
    FORMATS,
    MAX_BYTES,
    SUFFIXES,
    Format,
    Source,
    by_content,
)
from edge.formats.unpacking import HEAD_BYTES
from edge.system.regular_file import check_regular, open_regular
from edge.wafer.wafermap import WaferMap

if TYPE_CHECKING:
    from edge.formats.container import PackedFile

#: Name of what comes through standard input.
STDIN: Final = "-"

#: Most bytes that are taken from there, and how many at a time.
MAX_STDIN: Final = 2**30
_PIECE: Final = 2**20

Item = WaferMap | InputError

_NOT_ALLOWED: Final = InputKind.PERMISSION, "no permission to read it; ask its owner (chmod +r)"
_OS_ERRORS: Final = {
    errno.ENOENT: (InputKind.MISSING, "no such file; check the name and the folder"),
    errno.ENOTDIR: (InputKind.MISSING, "no such file; a part of the path is not a folder"),
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.ELOOP: (InputKind.MISSING, "a symbolic link that leads back to itself; mend the link"),
    errno.ENAMETOOLONG: (InputKind.MISSING, "no such file; the name is too long to exist"),
    errno.ENXIO: (
        InputKind.UNSUPPORTED,
        "a pipe, socket or device, not a file; save it to a file",
    ),
    errno.EISDIR: (InputKind.UNSUPPORTED, "a folder, not a file; name the files in it"),
}


def read(path: str | Path, rules: Rules = NO_RULES) -> Iterator[Item]:
    """Read the wafer maps of one file, one after the other.

    Args:
        path: The file.
        rules: What passes in files of a fab that do not say so themselves.

    Yields:
        A ``WaferMap`` for each wafer. In a source of several wafers an ``InputError`` item stands
        for one wafer that cannot be used (its ``source`` is ``file[index]``); the others go on.

    Raises:
        InputError: the file as a whole cannot be used. Raised when the first item is asked for,
            or later where the damage only then comes to light. No other exception leaves here.
    """
    source = os.fspath(path)
    with _input_errors(source), _open(source) as file:
        status = os.fstat(file.fileno())
        check_status(status, source)
        head = file.read(HEAD_BYTES)
        yield from _read(file, head, status.st_size, source, rules)


def read_open(
    file: io.FileIO, head: bytes, size: int, source: str, rules: Rules = NO_RULES
) -> Iterator[Item]:
    """The same for a file that is open already.

    Args:
        file: Regular file, standing anywhere.
        head: Its first ``HEAD_BYTES`` bytes, or all where it has fewer.
        size: Of the whole file, in bytes.
        source: Its name for messages.
        rules: See ``read``.

    Raises:
        InputError: as ``read``.
    """
    with _input_errors(source):
        check_status(os.fstat(file.fileno()), source)
        yield from _read(file, head, size, source, rules)


def read_stdin(rules: Rules = NO_RULES) -> Iterator[Item]:
    """The wafer maps that come through standard input, to its end.

    Kept in a file without a name meanwhile: formats are told and read by seeking.

    Raises:
        InputError: as ``read``; closed, or more than ``MAX_STDIN`` bytes.
    """
    import tempfile

    if sys.stdin is None:
        raise InputError(STDIN, InputKind.MISSING, "standard input is closed; name a file")
    with _input_errors(STDIN), tempfile.TemporaryFile(buffering=0) as file:
        size = 0
        while piece := sys.stdin.buffer.read(_PIECE):
            size += len(piece)
            if size > MAX_STDIN:
                what = f"more than {MAX_STDIN >> 20} MiB; save it to a file and name that"
                raise InputError(STDIN, InputKind.TOO_LARGE, what)
            file.write(piece)
        file.seek(0)
        yield from read_open(file, file.read(HEAD_BYTES), size, STDIN, rules)


def count(path: str | Path) -> int:
    """Wafers in a file as its headers have it, for a progress bar; 1 where they do not say."""
    source = os.fspath(path)
    with contextlib.suppress(InputError), _input_errors(source), _open(source) as file:
        chosen = _choose(file.read(HEAD_BYTES), source)
        counted = getattr(import_module(chosen.module), "count", None)
        file.seek(0)
        return int(counted(file, source)) if counted else 1
    return 1


def examine(head: bytes, size: int, source: str) -> Format:
    """Which format reads a file, by its name, its first bytes and its size; no more is read.

    Args:
        head: Its first ``HEAD_BYTES`` bytes, or all where it has fewer.
        size: Of the whole file, in bytes.
        source: Its name.

    Raises:
        InputError: no format reads it, or it is too large for the one that would.
    """
    chosen = _choose(head, source)
    if size > chosen.max_bytes:
        what = f"{size / 2**20:,.0f} MiB"
        mend = f"a {chosen.name} file of at most {chosen.max_bytes // 2**20} MiB is read"
        raise InputError(source, InputKind.TOO_LARGE, f"{what}; {mend}")
    return chosen


def _read(file: io.FileIO, head: bytes, size: int, source: str, rules: Rules) -> Iterator[Item]:
    chosen = examine(head, size, source)
    if len(head) == size:
        whole = cast(Source, io.BytesIO(head))
    else:
        file.seek(0)
        whole = cast(Source, file)
    if chosen.holds_files or (chosen.may_hold_files and _holds_files(whole, source)):
        from edge.formats.container import read_files

        items = read_files(whole, head, source, partial(_read_packed, rules=rules))
    else:
        items = wafers_of(chosen, whole, source, rules)
    for item in items:
        _check_size(file, size, source)
        yield item
    _check_size(file, size, source)


def _holds_files(file: Source, source: str) -> bool:
    from edge.formats.container import is_of_files

    return is_of_files(file, source)


def _check_size(file: io.FileIO, size: int, source: str) -> None:
    """Refuse a file that somebody writes at the same time."""
    if (now := os.fstat(file.fileno()).st_size) != size:
        what = f"it had {size} bytes and has {now}: written while it was read"
        raise InputError(source, InputKind.UNREADABLE, f"{what}; name it again when it is whole")


def _read_packed(packed: PackedFile, rules: Rules) -> Iterator[Item]:
    chosen = _choose(packed.head, packed.source, packed.name)
    most = min(chosen.max_bytes, MAX_BYTES)
    whole = packed if chosen.streams else cast(Source, packed.whole(most))
    yield from wafers_of(chosen, whole, packed.source, rules)


@contextlib.contextmanager
def _input_errors(source: str) -> Iterator[None]:
    """Whatever goes wrong inside leaves as an ``InputError`` that names the source."""
    try:
        yield
    except OSError as error:
        raise os_error(error, source) from error
    except MemoryError as error:
        raise InputError(
            source, InputKind.TOO_LARGE, "not enough memory to read it; save it smaller"
        ) from error
    except (ValueError, ArithmeticError, EOFError, LookupError, struct.error) as error:
        raise InputError(
            source, InputKind.UNREADABLE, f"damaged ({error}); copy or export it again"
        ) from error


def os_error(error: OSError, source: str) -> InputError:
    """The operating system's refusal in the words of an ``InputError``."""
    kind, reason = _OS_ERRORS.get(
        error.errno or 0,
        (
            InputKind.UNREADABLE,
            f"cannot be read ({error.strerror or error}); check the disk or the network share",
        ),
    )
    return InputError(source, kind, reason)


def _open(source: str) -> io.FileIO:
    try:
        return open_regular(source)
    except FileNotFoundError:
        if os.path.islink(source):  # noqa: PTH114
            what = "a symbolic link to a file that does not exist; mend or remove the link"
            raise InputError(source, InputKind.MISSING, what) from None
        raise
    except ValueError as error:
        raise InputError(
            source, InputKind.MISSING, f"not a usable file name ({error}); check the name"
        ) from error


def check_status(status: os.stat_result, source: str) -> None:
    """Refuse what is not a regular file with something in it.

    Raises:
        InputError: a file of zero bytes.
        OSError: a folder, pipe, socket or device.
    """
    check_regular(status, source)
    if status.st_size == 0:
        what = "zero bytes; the export or copy did not finish, write it again"
        raise InputError(source, InputKind.EMPTY, what)


def _choose(head: bytes, source: str, name: str | None = None) -> Format:
    """The format of a file; its own name may be another than what it is called in messages."""
    if found := by_content(head):
        return found
    # What comes through standard input without a signature is text.
    name = source if name is None else name
    suffix = ".csv" if name == STDIN else os.path.splitext(name)[1].lower()  # noqa: PTH122
    for entry in FORMATS + FAB_TEXTS:
        if suffix not in entry.suffixes + entry.named:
            continue
        if entry.signature is None:
            return entry
        what = f"named {suffix}, but its content is not that of a {entry.name}"
        mend = "export it again or give it its true suffix"
        raise InputError(source, InputKind.UNREADABLE, f"{what}; {mend}")
    what = f"not a known wafer map format; known: {' '.join(sorted(SUFFIXES))}"
    raise InputError(source, InputKind.UNSUPPORTED, what)
