"""Messages: what goes in comes out, and what cannot be is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from edge.serial import messages
from edge.serial.messages import ErrorCode
from edge.verdict.rule import Reason
from edge.wafer.wafermap import DieGrid

GRIDS = npst.arrays(
    np.uint8,
    npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.integers(0, 2),
)


def answer(pattern: int = 1, reason: int = 0, confidence: float = 0.5, classes: int = 2) -> bytes:
    head = struct.pack("<BBBxIIIffff", pattern, reason, classes, 9, 4, 70, confidence, 0, 3, 0)
    return head + struct.pack(f"<{classes}f{classes}b", *[0.5] * classes, *[-128] * classes)


@given(GRIDS)
def test_a_packed_map_says_every_die_once(dies: DieGrid) -> None:
    packed = messages.pack_map(dies)
    assert struct.unpack_from("<HH", packed) == dies.shape
    states = [byte >> shift & 3 for byte in packed[4:] for shift in (0, 2, 4, 6)]
    assert states[: dies.size] == dies.reshape(-1).tolist()
    assert not any(states[dies.size :])
    assert len(packed) == 4 + (dies.size + 3) // 4


def test_a_view_of_a_map_is_packed_as_it_is_seen() -> None:
    dies = np.asarray([[0, 1, 2], [2, 2, 1]], np.uint8)
    assert messages.pack_map(dies.T) == messages.pack_map(np.ascontiguousarray(dies.T))


def test_an_answer_is_read() -> None:
    assert messages.unpack_answer(answer(reason=5)).reason is Reason.FEW_FAILS
    read = messages.unpack_answer(answer(reason=2))
    assert (read.pattern, read.reason, read.dies, read.fails) == (1, Reason.MIXED, 9, 4)
    assert (read.micros, read.confidence, read.unfamiliarity) == (70, 0.5, 3)
    assert read.probabilities == (0.5, 0.5)
    assert read.logits == (-128, -128)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (answer()[:10], "too short"),
        (answer()[:-1], "does not fit 2 classes"),
        (answer() + b"x", "does not fit 2 classes"),
        (answer(pattern=2), "out of range"),
        (answer(reason=6), "out of range"),
        (answer(confidence=float("nan")), "out of range"),
        (answer(classes=0), "out of range"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(payload: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        messages.unpack_answer(payload)


def test_hello_is_read_and_refused_where_it_is_cut_off() -> None:
    packed = struct.pack("<HHB32s", 300, 500, 1, bytes(range(32)))
    packed += b"\x01m\x02fw\x03Loc"
    hello = messages.unpack_hello(packed)
    assert (hello.max_side, hello.silence_ms, hello.model) == (300, 500, "m")
    assert (hello.firmware, hello.labels) == ("fw", ("Loc",))
    assert hello.sha256 == bytes(range(32)).hex()
    for end in range(len(packed)):
        with pytest.raises(ValueError, match="hello"):
            messages.unpack_hello(packed[:end])


def test_errors_have_the_names_of_the_protocol() -> None:
    assert messages.unpack_error(b"\x01\x02").label == "bad-crc"
    assert {code.label for code in ErrorCode} >= {"truncated", "timeout", "no-dies", "overflow"}
    for payload in (b"\x00\x02", b"\x63\x02", b"\x01", b""):
        with pytest.raises(ValueError, match=r"error|ErrorCode"):
            messages.unpack_error(payload)
