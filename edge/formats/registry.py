"""The registry of wafer map formats: which reader takes which file.

A format is one module with a function ``read(file, source)`` plus one line in ``FORMATS``. The
content decides first (``signature``), the suffix second, so that a mislabelled file is still read
or gets an error that names the mismatch. A module is imported when the first file of its format
comes by: a station that reads only ``.npy`` never pays for OpenCV.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: Largest file that a format which needs the whole file in memory accepts.
MAX_BYTES: Final = 256 * 2**20


@dataclass(frozen=True)
class Format:
    """One line of the registry.

    Attributes:
        name: For messages.
        module: Imported on first use; has ``read(file, source)``.
        suffixes: Lower case, with the dot; a folder scan picks these up.
        signature: Matched against the first ``HEAD_BYTES`` bytes; None for formats without one.
        named: Suffixes of files that are read where they are named, and passed over in folders.
        max_bytes: Larger files are refused unread.
    """

    name: str
    module: str
    suffixes: tuple[str, ...]
    signature: re.Pattern[bytes] | None = None
    named: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES


#: In order of signature matching; the more specific signature comes first.
FORMATS: Final = (
    Format(
        "picture",
        "edge.formats.picture.reader",
        (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"),
        re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|BM.{4}\0{4}|II[*+]\0|MM\0[*+]", re.DOTALL),
    ),
    Format("NumPy array", "edge.formats.npy", (".npy",), re.compile(rb"\x93NUMPY")),
    Format(
        "labelled set",
        "edge.formats.labelled_set",
        (".npz",),
        re.compile(rb"PK\x03\x04|PK\x05\x06"),
        max_bytes=4 * 2**30,  # what may be unpacked of one, see edge.formats.archive: it streams
    ),
    Format("grid of numbers", "edge.formats.text_grid", (".csv", ".tsv"), named=(".txt",)),
)

#: What a folder scan picks up.
SUFFIXES: Final = frozenset(suffix for entry in FORMATS for suffix in entry.suffixes)
