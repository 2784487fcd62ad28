"""The registry of wafer map formats: which reader takes which file.

A format is one module with a function ``read(file, source)`` plus one line in ``FORMATS``. The
content decides first (``signature``), the suffix second, so that a mislabelled file is still read
or gets an error that names the mismatch. A module is imported when the first file of its format
comes by: a station that reads only ``.npy`` never pays for OpenCV.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol

from edge.formats.unpacking import SIGNATURE, unpacked_head

#: Largest file that a format which needs the whole file in memory accepts.
MAX_BYTES: Final = 256 * 2**20


class Source(Protocol):
    """An open regular file as a format's reader sees it: binary and seekable."""

    def read(self, size: int = -1, /) -> bytes:
        """Next ``size`` bytes, or all that are left."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to an offset."""

    def tell(self) -> int:
        """Current offset."""


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
        is_fab: The module has ``read_maps``, see ``edge.formats.fab``, instead of ``read``.
        is_picture: A recipe may say what its colours mean: ``read`` of the module takes a palette.
        asks: Where the signature fits, ``is_format`` of the module has the last word.
        streams: Read once from the beginning to the end, and no wafer given before.
        holds_files: It holds other files: the module has ``read_files``, see
            ``edge.formats.container``, instead of ``read``.
        may_hold_files: It begins like an archive of other files, and may be one.
    """

    name: str
    module: str
    suffixes: tuple[str, ...]
    signature: re.Pattern[bytes] | None = None
    named: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES
    is_fab: bool = False
    is_picture: bool = False
    asks: bool = False
    streams: bool = False
    holds_files: bool = False
    may_hold_files: bool = False


#: Suffixes of files that hold others.
ARCHIVES: Final = (".zip", ".tar", ".tgz", ".tbz", ".tbz2", ".txz")

#: In order of signature matching; the more specific signature comes first.
FORMATS: Final = (
    Format(
        "picture",
        "edge.formats.picture.reader",
        (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"),
        re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|BM.{4}\0{4}|II[*+]\0|MM\0[*+]", re.DOTALL),
        is_picture=True,
    ),
    Format("NumPy array", "edge.formats.npy", (".npy",), re.compile(rb"\x93NUMPY")),
    Format(
        "labelled set",
        "edge.formats.labelled_set",
        (".npz",),
        # A zip whose first file is an array; its name begins at byte 30.
        re.compile(rb"PK\x03\x04.{26}[^\0\s]{1,255}?\.npy|PK\x05\x06", re.DOTALL),
        max_bytes=4 * 2**30,  # what may be unpacked of one, see edge.formats.archive: it streams
        may_hold_files=True,
    ),
    Format(
        "compressed file or archive",
        "edge.formats.container",
        ARCHIVES,
        SIGNATURE,
        max_bytes=64 * 2**30,  # it streams
        holds_files=True,
    ),
    Format(
        "STDF",
        "edge.formats.fab.stdf",
        (".stdf",),
        re.compile(rb"(?:\x02\0|\0\x02)\0\n|FAR:A[^\w\s]"),  # the latter refused by its name
        max_bytes=64 * 2**30,
        is_fab=True,
        streams=True,
    ),
    Format("grid of numbers", "edge.formats.text_grid", (".csv", ".tsv"), named=(".txt",)),
)

#: Texts of fabs, told by what stands in their beginning as ``plain`` gives it, wherever it stands.
FAB_TEXTS: Final = (
    Format(
        "SINF",
        "edge.formats.fab.sinf",
        (".sinf",),
        re.compile(rb"(?:[Rr]ow[Dd]ata|ROWDATA)[ \t]*:"),
        is_fab=True,
    ),
    Format(
        "KLARF",
        "edge.formats.fab.klarf",
        (".klarf", ".kla"),
        re.compile(rb"[Ff](?i:ile(?:version\s+1[\s.]+\d|record\b))"),
        is_fab=True,
    ),
    Format(
        "E142",
        "edge.formats.fab.e142",
        (".e142",),
        re.compile(rb"[Mm](?:ap|AP)(?:[Dd](?:ata|ATA)|[Ss]?[\s>])"),
        is_fab=True,
        asks=True,
    ),
    Format(
        "G85",
        "edge.formats.fab.g85",
        (".g85",),
        re.compile(rb"[Bb](?:in|IN)(?:[Cc](?:ode|ODE)|[Tt](?:ype|YPE)|[Qq](?:uality|UALITY))?\b"),
        is_fab=True,
        asks=True,
    ),
    Format(
        "IBIS",
        "edge.formats.fab.ibis",
        (),
        re.compile(rb"(?:IBIS_WAFER_DATA|ibis_wafer_data)\b"),
        is_fab=True,
    ),
    Format(
        "list of dies",
        "edge.formats.fab.die_list",
        (),
        re.compile(rb"\[MAP\][ \t]*:\s*[-+]?\d"),
        is_fab=True,
    ),
    # The ones below match nearly every text: the module has the word, and they come last.
    Format(
        "table of dies",
        "edge.formats.fab.die_table",
        (),
        re.compile(rb"[A-Za-z][\w .()/]{0,31}\"?[ \t]*[,;\t ]"),
        is_fab=True,
        asks=True,
    ),
    Format(
        "text map",
        "edge.formats.fab.text_map",
        (),
        re.compile(rb"[A-Za-z._~][A-Za-z._~][A-Za-z._~]"),
        is_fab=True,
        asks=True,
    ),
)

#: What a folder scan picks up by its name alone.
SUFFIXES: Final = frozenset(suffix for entry in FORMATS + FAB_TEXTS for suffix in entry.suffixes)

#: Suffixes of grids that tables of counts, which lie beside maps, have as well.
_TABLES: Final = (".csv", ".tsv")

#: Behind one of these, a compressed file of that name is as well.
COMPRESSED: Final = (".gz", ".bz2", ".xz")

#: Beginnings and ends of names under which other programs write unfinished files.
HIDDEN: Final = "."
UNFINISHED: Final = (".part", ".tmp", "~")

_MARK: Final = b"\xef\xbb\xbf"
#: What grids of numbers consist of: they pay for nothing else than looking for more than that.
_NUMBERS: Final = b"0123456789 ,;\t\n"
#: Up to the end where it has none of its own: else each beginning would be a search to there.
_COMMENT: Final = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_TO_LF: Final = bytes.maketrans(b"\r", b"\n")


def plain(head: bytes) -> bytes:
    """The beginning of a text as signatures see it: as if in ASCII, with LF as its line end."""
    return head.removeprefix(_MARK).translate(_TO_LF, b"\0\xff\xfe")


def by_content(head: bytes) -> Format | None:
    """The format of a file by its first bytes; None where these do not say."""
    for entry in FORMATS:
        if entry.signature and entry.signature.match(head):
            return entry
    text = plain(head)
    if not text.translate(None, _NUMBERS):
        return None
    if text.lstrip().startswith(b"<"):  # names of another format in one say nothing
        text = _COMMENT.sub(b"", text)
    for entry in FAB_TEXTS:
        if entry.signature and entry.signature.search(text):
            if entry.asks and not import_module(entry.module).is_format(text):
                continue
            return entry
    return None


def is_fab(head: bytes) -> bool:
    """Whether a file of a fab, compressed or not, begins like this."""
    found = by_content(head)
    if found is not None and found.holds_files:
        found = by_content(unpacked_head(head))
    return found is not None and found.is_fab


def eligible(name: str) -> bool:
    """Whether a folder's file counts by its name alone."""
    if not is_visible(name):
        return False
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    if suffix.lower() in COMPRESSED:
        suffix = os.path.splitext(stem)[1]  # noqa: PTH122
    return suffix.lower() in SUFFIXES


def is_asked(name: str) -> bool:
    """Whether it takes a file's beginning to know whether it counts in a folder."""
    return not eligible(name) or name.lower().endswith(_TABLES)


def begins_well(name: str, head: bytes) -> bool:
    """Whether such a file counts: it is one of a fab, or a grid that is no table of counts."""
    if not eligible(name):
        return is_fab(head)
    if not re.match(rb"[^\r\n]*[A-Za-z]", head) or by_content(head):
        return True
    return not import_module("edge.formats.fab.wafer_list").names_of(head)


def is_visible(name: str) -> bool:
    """Whether a name is neither hidden nor that of an unfinished file."""
    return not (name.startswith(HIDDEN) or name.endswith(UNFINISHED))
