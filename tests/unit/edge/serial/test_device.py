"""A session with a device whose line loses, damages and delays."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from edge.classification.pipeline import classify_items
from edge.errors import DeviceError, InputError, InputKind, ModelError
from edge.model.model_file import ModelFile
from edge.serial.device import Device, Patience
from edge.serial.framing import Parser, SerialFrame, encode
from edge.serial.messages import ErrorCode, MessageKind
from edge.wafer.wafermap import WaferMap

#: What becomes of a request: its number among all, and what a sound device would answer.
Fate = Callable[[int, SerialFrame, bytes], bytes]

WAFER = WaferMap(np.asarray([[0, 1, 2], [2, 1, 2]], np.uint8), "w.npy")


def sound(_: int, __: SerialFrame, answer: bytes) -> bytes:
    return answer


@dataclass
class Line:
    """A device in memory that knows every map by heart, behind a line with a fate."""

    model: ModelFile
    fate: Fate = sound
    wafer: WaferMap = WAFER
    sent: list[SerialFrame] = field(default_factory=list)
    waiting: bytes = b""

    def read(self, seconds: float) -> bytes:
        received, self.waiting = self.waiting, b""
        if not received:
            time.sleep(min(seconds, 0.01))
        return received

    def needs(self, count: int) -> float:
        return 0.0

    def write(self, data: bytes, seconds: float) -> None:
        for request in Parser().feed(data):
            self.sent.append(request)
            answer = encode(self._answer(request))
            self.waiting += self.fate(len(self.sent), request, answer)

    def close(self) -> None:
        pass

    def _answer(self, request: SerialFrame) -> SerialFrame:
        labels = self.model.labels
        if request.kind == MessageKind.HELLO:
            payload = struct.pack("<HHB", 300, 500, len(labels)) + bytes.fromhex(self.model.sha256)
            for text in ("model", "firmware", *labels):
                payload += bytes([len(text)]) + text.encode()
            return SerialFrame(MessageKind.HELLO_ANSWER, request.sequence, payload)
        counts = struct.pack("<III", self.wafer.die_count, self.wafer.fail_count, 1234)
        figures = struct.pack("<4f9f9b", 0.9, 0.851, 3, 0.25, 0, 1, *[0] * 7, *[0] * 9)
        payload = bytes([1, 0, len(labels), 0]) + counts + figures
        return SerialFrame(MessageKind.CLASSIFY_ANSWER, request.sequence, payload)


def error(code: ErrorCode, sequence: int) -> bytes:
    return encode(
        SerialFrame(MessageKind.ERROR_ANSWER, sequence, bytes([code, MessageKind.CLASSIFY]))
    )


def device(line: Line, retries: int = 2) -> Device:
    return Device(line, Patience(seconds=0.05, retries=retries))


def test_an_answer_becomes_the_record_of_classify(shipped: ModelFile) -> None:
    asked = device(Line(shipped))
    asked.check_model(shipped)
    (record,) = classify_items([WAFER], asked, top_k=1)
    assert record == {
        "source": "w.npy", "index": 0, "lot": None, "wafer": None,
        "pattern": "Donut", "probability": 1.0, "probabilities": {"Donut": 1.0},
        "verdict": "accept", "reason": None, "confidence": 0.9, "below": 0.851,
        "unfamiliarity": 3.0, "mixture": 0.25, "dies": 5, "fails": 3,
        "model": shipped.name, "symmetries": 1, "latency_us": 1234,
    }  # fmt: skip


def test_a_pattern_in_too_few_fails_is_not_taken_from_older_firmware(shipped: ModelFile) -> None:
    clear = WaferMap(np.asarray([[0, 1, 1], [1, 1, 2]], np.uint8), "w.npy")
    with pytest.raises(InputError, match=r"Donut in 1 failing dies.*older wm-edge"):
        device(Line(shipped, wafer=clear)).classify(clear)


class SlowLine(Line):
    """It needs at most 2 ms a byte, so that a hello alone takes longer than the patience."""

    def needs(self, count: int) -> float:
        return count * 0.002

    def read(self, seconds: float) -> bytes:
        time.sleep(min(seconds, 0.6 * self.needs(20)))  # the machine may be slower still
        received, self.waiting = self.waiting[:20], self.waiting[20:]
        return received


def test_an_answer_may_take_the_line_longer_than_the_patience(shipped: ModelFile) -> None:
    assert len(device(SlowLine(shipped), retries=0).hello.labels) == 9


def test_a_line_that_never_stops_is_given_up(
    shipped: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.serial.device._LONGEST", 50)
    noise = SlowLine(shipped, lambda *_: bytes(100_000))
    with pytest.raises(DeviceError, match="does not answer"):
        device(noise, retries=0)


@pytest.mark.parametrize("code", [ErrorCode.BAD_CRC, ErrorCode.TRUNCATED, ErrorCode.TIMEOUT])
def test_what_the_line_damages_is_sent_again(shipped: ModelFile, code: ErrorCode) -> None:
    def fate(number: int, request: SerialFrame, answer: bytes) -> bytes:
        return error(code, request.sequence) if number in {2, 3} else answer

    asked = device(line := Line(shipped, fate))
    assert asked.classify(WAFER).pattern == "Donut"
    assert asked.retried == 2
    assert len({request.sequence for request in line.sent}) == 4
    assert len({request.payload for request in line.sent[1:]}) == 1


def test_lost_damaged_and_late_answers_are_asked_for_again(shipped: ModelFile) -> None:
    late = b""

    def fate(number: int, request: SerialFrame, answer: bytes) -> bytes:
        nonlocal late
        if number == 2:
            late = answer
            return b""
        if number == 3:
            return late + answer[:-3] + b"\x00" + answer[-2:]
        return late + answer

    asked = device(line := Line(shipped, fate))
    assert asked.classify(WAFER).pattern == "Donut"
    assert len(line.sent) == 4


def test_a_wafer_that_never_gets_through_is_an_error_and_the_others_go_on(
    shipped: ModelFile,
) -> None:
    def fate(number: int, request: SerialFrame, answer: bytes) -> bytes:
        return b"" if 2 <= number <= 4 else answer

    records = list(classify_items([WAFER, WAFER], device(Line(shipped, fate)), block=1))
    assert records[0]["kind"] == "device"
    assert "no answer in 0.05 s" in records[0]["error"]
    assert records[1]["pattern"] == "Donut"


def test_what_the_device_refuses_is_not_sent_again(shipped: ModelFile) -> None:
    def fate(number: int, request: SerialFrame, answer: bytes) -> bytes:
        return answer if number == 1 else error(ErrorCode.BAD_STATE, request.sequence)

    asked = device(line := Line(shipped, fate))
    with pytest.raises(InputError, match="refuses this map: bad-state") as caught:
        asked.classify(WAFER)
    assert caught.value.kind is InputKind.DEVICE
    assert len(line.sent) == 2


def test_a_map_over_the_limit_is_not_even_sent(shipped: ModelFile) -> None:
    asked = device(line := Line(shipped))
    with pytest.raises(InputError, match="301 x 2 dies; the device takes at most 300") as caught:
        asked.classify(replace(WAFER, dies=np.ones((301, 2), np.uint8)))
    assert caught.value.kind is InputKind.TOO_LARGE
    assert len(line.sent) == 1


def test_a_device_that_counts_wrongly_is_not_believed(shipped: ModelFile) -> None:
    other = replace(WAFER, dies=np.ones((3, 3), np.uint8))
    with pytest.raises(InputError, match="counted 5 dies and 3 fails, the map has 9 and 0"):
        device(Line(shipped)).classify(other)


def test_another_model_is_refused_and_the_mend_named(shipped: ModelFile) -> None:
    asked = device(Line(shipped))
    asked.check_model(shipped)
    other = replace(shipped, content=shipped.content + b"x")
    with pytest.raises(ModelError, match=r"export-firmware.*--model"):
        asked.check_model(other)
    assert asked.check_model(other, shipped) is shipped


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        (lambda number, request, answer: b"", "does not answer"),
        (lambda number, request, answer: encode(request), "a message of type 1"),
        (lambda number, request, answer: b"\xff" * 40, "does not answer"),
        (
            lambda number, request, answer: error(ErrorCode.BAD_VERSION, request.sequence),
            "bad-version.*different versions",
        ),
        (
            lambda number, request, answer: encode(
                SerialFrame(MessageKind.HELLO_ANSWER, request.sequence)
            ),
            "nonsense",
        ),
    ],
)
def test_what_is_no_station_is_refused(shipped: ModelFile, fate: Fate, words: str) -> None:
    with pytest.raises(DeviceError, match=words):
        device(Line(shipped, fate))


def test_numbers_go_round_and_are_never_0(shipped: ModelFile) -> None:
    asked = device(line := Line(shipped))
    asked._sequence = 0xFFFE
    asked.classify(WAFER)
    asked.classify(WAFER)
    assert [request.sequence for request in line.sent] == [1, 0xFFFF, 1]
