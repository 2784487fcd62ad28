"""What frames mean; the twin of ``firmware_examples/station/message.h``."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np

from edge.verdict.rule import REASONS, Reason
from edge.wafer.wafermap import DieGrid

DIES_PER_BYTE: Final = 4


#: Bytes of a text that a device sends.
_LONGEST: Final = 255

_SIDES: Final = struct.Struct("<HH")
_HELLO: Final = struct.Struct("<HHB32s")
_RESULT: Final = struct.Struct("<BBBxIIIffff")
_ERROR: Final = struct.Struct("<BB")


class MessageKind(IntEnum):
    """Types of messages; an answer has the top bit set."""

    HELLO = 0x01
    CLASSIFY = 0x02
    HELLO_ANSWER = 0x81
    CLASSIFY_ANSWER = 0x82
    ERROR_ANSWER = 0xFF


class ErrorCode(IntEnum):
    """Why a device did not do what a request asked for."""

    BAD_CRC = 1
    TRUNCATED = 2
    TIMEOUT = 3
    BAD_SIZE = 4
    BAD_STATE = 5
    NO_DIES = 6
    UNKNOWN_TYPE = 7
    OVERFLOW = 8
    BAD_VERSION = 9

    @property
    def label(self) -> str:
        """As messages say it: ``bad-crc``."""
        return self.name.lower().replace("_", "-")


#: The line's fault: the same request again may well arrive whole.
LINE_ERRORS: Final = frozenset({ErrorCode.BAD_CRC, ErrorCode.TRUNCATED, ErrorCode.TIMEOUT})


@dataclass(frozen=True)
class Hello:
    """What a device says of itself.

    Attributes:
        max_side: Longest side of a map that it takes, in dies.
        silence_ms: How long the line may be silent within a frame, in milliseconds.
        sha256: Of the model file that its firmware was made from, hex digits.
        model: That file's name.
        firmware: Name and version of the firmware.
        labels: Its patterns, in the order of its figures.
    """

    max_side: int
    silence_ms: int
    sha256: str
    model: str
    firmware: str
    labels: tuple[str, ...]


class Answer(NamedTuple):
    """What a device says of one wafer.

    Attributes:
        pattern: Place of the most probable pattern in ``Hello.labels``.
        reason: Why a person should look, or ``few-fails`` where no network was asked, or None.
        dies: Dies that it counted.
        fails: Failing ones among them.
        micros: How long it took, in microseconds, without the transfer.
        confidence: Chance that ``pattern`` is right, 0..1.
        below: The threshold that ``confidence`` was held against, 0..1.
        unfamiliarity: Distance to the nearest class, in standard deviations.
        mixture: Probability that two patterns overlap, 0..1.
        probabilities: One a pattern, 0..1.
        logits: The network's raw output, one a pattern, -128..127.
    """

    pattern: int
    reason: Reason | None
    dies: int
    fails: int
    micros: int
    confidence: float
    below: float
    unfamiliarity: float
    mixture: float
    probabilities: tuple[float, ...]
    logits: tuple[int, ...]


def pack_map(dies: DieGrid) -> bytes:
    """Payload of a classify request for a map, uint8 (rows, columns), sides up to 65535."""
    flat = dies.reshape(-1)
    quads = np.zeros(-(-flat.size // DIES_PER_BYTE) * DIES_PER_BYTE, np.uint8)
    quads[: flat.size] = flat
    quads = quads.reshape(-1, DIES_PER_BYTE) << np.arange(0, 8, 2, dtype=np.uint8)
    return _SIDES.pack(*dies.shape) + np.bitwise_or.reduce(quads, axis=1).tobytes()


def unpack_hello(payload: bytes) -> Hello:
    """Read a hello answer; a ``ValueError`` where it is none."""
    if len(payload) < _HELLO.size:
        raise ValueError(f"a hello of {len(payload)} bytes is too short")
    max_side, silence_ms, classes, sha256 = _HELLO.unpack_from(payload)
    texts = _texts(payload[_HELLO.size :])
    if len(texts) != 2 + classes:
        raise ValueError(f"a hello of {classes} classes has {len(texts)} texts")
    return Hello(max_side, silence_ms, sha256.hex(), texts[0], texts[1], tuple(texts[2:]))


def cut(text: str) -> str:
    """A text as a device sends it: at most 255 bytes, whatever letter that ends in."""
    return text.encode()[:_LONGEST].decode("utf-8", "replace")


def _texts(packed: bytes) -> list[str]:
    texts = []
    while packed:
        end = 1 + packed[0]
        if len(packed) < end:
            raise ValueError("a text of a hello is cut off")
        texts.append(packed[1:end].decode("utf-8", "replace"))
        packed = packed[end:]
    return texts


def unpack_answer(payload: bytes) -> Answer:
    """Read a classify answer; a ``ValueError`` where it is none, or says what cannot be."""
    if len(payload) < _RESULT.size:
        raise ValueError(f"an answer of {len(payload)} bytes is too short")
    pattern, reason, classes, *counts_and_figures = _RESULT.unpack_from(payload)
    rest = struct.Struct(f"<{classes}f{classes}b")
    if len(payload) != _RESULT.size + rest.size:
        raise ValueError(f"an answer of {len(payload)} bytes does not fit {classes} classes")
    values = rest.unpack_from(payload, _RESULT.size)
    finite = all(map(math.isfinite, (*counts_and_figures, *values)))
    if pattern >= classes or reason >= len(REASONS) or not finite:
        raise ValueError("an answer's pattern, reason or figures are out of range")
    lists = values[:classes], values[classes:]
    return Answer._make([pattern, REASONS[reason], *counts_and_figures, *lists])


def unpack_error(payload: bytes) -> ErrorCode:
    """Read an error answer; a ``ValueError`` where it is none, or its code is unknown."""
    if len(payload) != _ERROR.size:
        raise ValueError(f"an error answer has {_ERROR.size} bytes, this has {len(payload)}")
    return ErrorCode(payload[0])
