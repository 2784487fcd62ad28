"""A file through standard input."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from typing import Final

from edge.errors import InputError, InputKind
from edge.formats.reading import HEAD_BYTES, STDIN, os_error, read_open
from edge.wafer.wafermap import WaferMap

#: Most bytes that are taken, and how many at a time.
MAX_STDIN: Final = 2**30
_PIECE: Final = 2**20


def read_stdin() -> Iterator[WaferMap | InputError]:
    """The wafer maps that come through standard input, to its end.

    Kept in a file without a name meanwhile: formats are told and read by seeking.

    Raises:
        InputError: as ``edge.formats.reading.read``; closed, or more than ``MAX_STDIN`` bytes.
    """
    if sys.stdin is None:
        raise InputError(STDIN, InputKind.MISSING, "standard input is closed; name a file")
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            size = 0
            while piece := sys.stdin.buffer.read(_PIECE):
                size += len(piece)
                if size > MAX_STDIN:
                    raise InputError(
                        STDIN,
                        InputKind.TOO_LARGE,
                        f"more than {MAX_STDIN >> 20} MiB; save it to a file and name that",
                    )
                file.write(piece)
            file.seek(0)
            yield from read_open(file, file.read(HEAD_BYTES), size, STDIN)
    except OSError as error:
        raise os_error(error, STDIN) from error
