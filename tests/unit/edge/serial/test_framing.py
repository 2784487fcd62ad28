"""Framing: good frames are found whatever stands around them, by Python and by C alike."""

from __future__ import annotations

import ctypes
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.serial.framing import ESCAPE, FLAG, MAX_PAYLOAD, Parser, SerialFrame, _stuff, encode
from tests.support.compilers import STATION, build, compiler

#: Bytes as a line brings them, rich in those that mean something.
NOISE = st.lists(
    st.one_of(st.sampled_from([FLAG, ESCAPE, FLAG ^ 0x20, ESCAPE ^ 0x20, 1]), st.integers(0, 255)),
    max_size=60,
).map(bytes)
FRAMES = st.builds(SerialFrame, st.integers(0, 255), st.integers(0, 0xFFFF), NOISE)

#: Of the C parser's events: a whole frame, or one with something wrong.
BYTE, WHOLE = 2, 3


class Header(ctypes.Structure):
    """``frame_header``."""

    _fields_ = (
        ("version", ctypes.c_uint8),
        ("type", ctypes.c_uint8),
        ("sequence", ctypes.c_uint16),
        ("length", ctypes.c_uint16),
    )


class State(ctypes.Structure):
    """``frame_parser``."""

    _fields_ = (
        ("header", Header),
        ("byte", ctypes.c_uint8),
        ("escaped", ctypes.c_uint8),
        ("crc", ctypes.c_uint32),
        ("received", ctypes.c_uint32),
    )


@dataclass(frozen=True)
class Library:
    """The C side."""

    c: ctypes.CDLL

    def crc(self, first: bytes, rest: bytes) -> int:
        part = self.c.frame_crc(0, first, ctypes.c_size_t(len(first)))
        found = self.c.frame_crc(ctypes.c_uint32(part), rest, ctypes.c_size_t(len(rest)))
        return found & 0xFFFFFFFF

    def frames(self, line: bytes) -> Iterator[SerialFrame]:
        state = State()
        self.c.frame_parser_reset(ctypes.byref(state))
        payload = bytearray()
        for byte in line:
            event = self.c.frame_parse(ctypes.byref(state), ctypes.c_uint8(byte))
            if byte == FLAG:
                if event == WHOLE:
                    head = state.header
                    yield SerialFrame(head.type, head.sequence, bytes(payload), head.version)
                payload.clear()
            elif event == BYTE:
                payload.append(state.byte)

    def encoded(self, frame: SerialFrame) -> bytes:
        written = bytearray()

        @ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)
        def output(data: ctypes.Array[ctypes.c_uint8], count: int) -> None:
            written.extend(data[:count])

        writer = (ctypes.c_uint8 * 64)()  # larger than frame_writer is anywhere
        header = Header(frame.version, frame.kind, frame.sequence, len(frame.payload))
        self.c.frame_begin(writer, output, ctypes.byref(header))
        self.c.frame_put(writer, frame.payload, ctypes.c_size_t(len(frame.payload)))
        self.c.frame_end(writer)
        return bytes(written)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """``frame.c`` as a shared library."""
    path: Path = tmp_path_factory.mktemp("frame") / "frame.so"
    build(path, [STATION / "frame.c"], cc=compiler(), flags=["-shared", "-fPIC"])
    c = ctypes.CDLL(str(path))
    c.frame_crc.restype = ctypes.c_uint32
    return Library(c)


def parsed(line: bytes, pieces: int = 1) -> list[SerialFrame]:
    parser = Parser()
    size = max(1, len(line) // pieces)
    found: list[SerialFrame] = []
    for start in range(0, len(line), size):
        found += parser.feed(line[start : start + size])
    return found


def appear_in_order(wanted: list[SerialFrame], found: list[SerialFrame]) -> bool:
    rest = iter(found)
    return all(frame in rest for frame in wanted)


@given(st.lists(st.tuples(NOISE, FRAMES), max_size=5), NOISE, st.integers(1, 50))
def test_good_frames_between_any_bytes_are_found(
    line: list[tuple[bytes, SerialFrame]], end: bytes, pieces: int
) -> None:
    wanted = [frame for _, frame in line]
    sent = b"".join(noise + encode(frame) for noise, frame in line) + end
    assert appear_in_order(wanted, parsed(sent, pieces))


@given(FRAMES, st.integers(0), st.integers(1, 255), FRAMES)
def test_a_changed_byte_loses_one_frame_and_no_other(
    spoilt: SerialFrame, where: int, change: int, good: SerialFrame
) -> None:
    sent = bytearray(encode(spoilt))
    sent[where % len(sent)] ^= change
    found = parsed(bytes(sent) + encode(good))
    assert found[-1] == good
    # A byte that turns into a flag next to another flag changes nothing.
    assert all(frame in (spoilt, good) for frame in found)


@given(FRAMES, st.integers(1), FRAMES)
def test_a_truncated_frame_does_not_swallow_the_next(
    short: SerialFrame, missing: int, good: SerialFrame
) -> None:
    sent = encode(short)
    parser = Parser()
    # Its last flag alone is not missed: the next frame's first one ends it as well.
    kept = sent[: -2 - missing % (len(sent) - 2)]
    found = parser.feed(kept + encode(good))
    assert found == [good]


def test_a_line_that_never_stops_takes_no_memory() -> None:
    parser = Parser()
    for _ in range(64):
        assert parser.feed(bytes(65536)) == []
    assert len(parser._stuffed) <= 2 * (MAX_PAYLOAD + 10)
    good = SerialFrame(1, 2, b"abc")
    # Its last bytes are no frame, whatever they look like.
    assert parser.feed(encode(good)[1:]) == []
    assert parser.feed(encode(good)) == [good]
    assert parser.damaged == 1


def test_a_frame_that_is_not_as_long_as_it_says_is_refused(library: Library) -> None:
    for length in (0, 2, 4, 0xFFFF):
        body = struct.pack("<BBHH", 1, 2, 3, length) + b"abc"
        line = b"\x7e" + _stuff(body + struct.pack("<I", zlib.crc32(body))) + b"\x7e"
        assert parsed(line) == list(library.frames(line)) == []


def test_a_payload_that_no_length_field_can_say_is_refused() -> None:
    assert parsed(encode(SerialFrame(1, 1, bytes([FLAG]) * MAX_PAYLOAD)))[0].payload[-1] == FLAG
    with pytest.raises(ValueError, match="at most 65535 bytes, this has 65536"):
        encode(SerialFrame(1, 1, bytes(MAX_PAYLOAD + 1)))


@given(NOISE, NOISE)
def test_c_and_python_agree_on_the_crc(library: Library, first: bytes, rest: bytes) -> None:
    assert library.crc(first, rest) == zlib.crc32(first + rest)


def test_the_crc_has_the_check_value_of_its_catalogue(library: Library) -> None:
    assert library.crc(b"1234", b"56789") == 0xCBF43926


@given(FRAMES)
def test_c_and_python_write_the_same_bytes(library: Library, frame: SerialFrame) -> None:
    assert library.encoded(frame) == encode(frame)


@given(st.lists(st.one_of(NOISE, FRAMES.map(encode)), max_size=6).map(b"".join))
def test_c_and_python_find_the_same_frames(library: Library, line: bytes) -> None:
    known = [frame for frame in parsed(line) if frame.version == 1]
    assert list(library.frames(line)) == known
