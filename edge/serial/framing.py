"""Bytes on a serial line <-> frames; the twin of ``firmware_examples/station/frame.c``.

On the line a frame is FLAG, stuffed body, FLAG. The body is version u8, type u8, sequence u16,
length u16, payload, CRC-32 (IEEE 802.3, what ``zlib.crc32`` computes); numbers are little-endian.
FLAG never stands inside a body: it and ESCAPE are sent as ESCAPE and the byte with one bit turned
over. So whatever was on the line before, the FLAG that opens a frame opens it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
FLAG: Final = 0x7E
ESCAPE: Final = 0x7D
TURNED: Final = 0x20

#: Bytes of a payload that the length field can say.
MAX_PAYLOAD: Final = 0xFFFF

_HEADER: Final = struct.Struct("<BBHH")
_CRC: Final = struct.Struct("<I")
_FLAG: Final = bytes([FLAG])
_ESCAPE: Final = bytes([ESCAPE])
_STUFFED_FLAG: Final = bytes([ESCAPE, FLAG ^ TURNED])
_STUFFED_ESCAPE: Final = bytes([ESCAPE, ESCAPE ^ TURNED])
#: No body is longer than this before its stuffing is taken out; what is, is noise.
_MAX_STUFFED: Final = 2 * (_HEADER.size + MAX_PAYLOAD + _CRC.size)


@dataclass(frozen=True)
class SerialFrame:
    """One message.

    Attributes:
        kind: Type of the message, 0..255 (see ``edge.serial.messages``).
        sequence: 0..65535; an answer carries that of its request.
        payload: At most ``MAX_PAYLOAD`` bytes.
        version: Of the protocol, 0..255.
    """

    kind: int
    sequence: int
    payload: bytes = b""
    version: int = VERSION


def encode(frame: SerialFrame) -> bytes:
    """The bytes of a frame on the line, flags included.

    Raises:
        ValueError: the payload is longer than ``MAX_PAYLOAD``.
    """
    if len(frame.payload) > MAX_PAYLOAD:
        raise ValueError(
            f"a payload has at most {MAX_PAYLOAD} bytes, this has {len(frame.payload)}"
        )
    body = _HEADER.pack(frame.version, frame.kind, frame.sequence, len(frame.payload))
    body += frame.payload
    body += _CRC.pack(zlib.crc32(body))
    return _FLAG + _stuff(body) + _FLAG


def _stuff(body: bytes) -> bytes:
    return body.replace(_ESCAPE, _STUFFED_ESCAPE).replace(_FLAG, _STUFFED_FLAG)


class Parser:
    """Finds the frames in a stream of bytes that come in pieces of any size.

    Keeps at most what lies between two flags, and no more of that than a frame can have.

    Attributes:
        damaged: Pieces between two flags that were no whole frame with a right CRC.
    """

    def __init__(self) -> None:
        self._stuffed = bytearray()
        self._too_long = False
        self.damaged = 0

    def feed(self, received: bytes) -> list[SerialFrame]:
        """The frames that end in bytes from the line, in order; of any version."""
        *ended, rest = received.split(_FLAG)
        frames = []
        for piece in ended:
            self._keep(piece)
            frame = self._end()
            if frame is not None:
                frames.append(frame)
        self._keep(rest)
        return frames

    def _keep(self, piece: bytes) -> None:
        if len(self._stuffed) + len(piece) > _MAX_STUFFED:
            self._too_long = True
            self._stuffed.clear()
        if not self._too_long:
            self._stuffed += piece

    def _end(self) -> SerialFrame | None:
        """What the bytes up to a flag are."""
        stuffed, too_long = bytes(self._stuffed), self._too_long
        self._stuffed.clear()
        self._too_long = False
        if not stuffed and not too_long:
            return None  # two flags in a row: nothing was lost
        frame = None if too_long else _decode(stuffed)
        self.damaged += frame is None
        return frame


def _decode(stuffed: bytes) -> SerialFrame | None:
    body = _unstuff(stuffed)
    if body is None or len(body) < _HEADER.size + _CRC.size:
        return None
    version, kind, sequence, length = _HEADER.unpack_from(body)
    payload = body[_HEADER.size : -_CRC.size]
    (crc,) = _CRC.unpack_from(body, len(body) - _CRC.size)
    if crc != zlib.crc32(body[: -_CRC.size]) or len(payload) != length:
        return None
    return SerialFrame(kind, sequence, payload, version)


def _unstuff(stuffed: bytes) -> bytes | None:
    """None where it ends within an escape."""
    body = bytearray()
    turned = 0
    for byte in stuffed:
        if byte == ESCAPE and not turned:
            turned = TURNED
            continue
        body.append(byte ^ turned)
        turned = 0
    return None if turned else bytes(body)
