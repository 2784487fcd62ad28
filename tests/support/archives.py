"""Zip archives that lie about themselves."""

from __future__ import annotations

import struct


def many_members(count: int, start: bytes = b"") -> bytes:
    """An archive whose ZIP64 record names a table of contents that its plain end record hides.

    Args:
        count: Members in the table.
        start: Bytes before the archive.
    """
    local = start + struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0x21, 0, 0, 0, 1, 0) + b"a"
    fields = (20, 20, 0, 0, 0, 0x21, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0)
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields)
    table = b"".join(entry + b"%08x" % number for number in range(count))
    where = len(local) + len(table)
    whole = (44, 45, 45, 0, 0, count, count, len(table), len(local))
    return b"".join(
        [
            local,
            table,
            struct.pack("<4sQ2H2L4Q", b"PK\6\6", *whole),
            struct.pack("<4sLQL", b"PK\6\7", 0, where, 1),
            struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 64, 0, 0),
        ]
    )
