"""A session with a device: requests, answers, and what to do when one does not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from edge.classification.prediction import Prediction
from edge.errors import DeviceError, InputError, InputKind, ModelError
from edge.model.model_file import ModelFile
from edge.serial.framing import MAX_PAYLOAD, VERSION, Parser, SerialFrame, encode
from edge.serial.link import Link
from edge.serial.messages import (
    LINE_ERRORS,
    Answer,
    ErrorCode,
    MessageKind,
    cut,
    pack_map,
    unpack_answer,
    unpack_error,
    unpack_hello,
)
from edge.verdict.rule import MIN_FAILS, Verdict
from edge.wafer.patterns import WM811K
from edge.wafer.wafermap import WaferMap

_Answer = TypeVar("_Answer")

_SEQUENCES: Final = 0x10000

#: Bytes of an answer that the patience is prolonged for; more is noise.
_LONGEST: Final = 2 * MAX_PAYLOAD

#: What a device's float32 figures are good for.
_DIGITS: Final = 6


@dataclass(frozen=True)
class Patience:
    """How long and how often a device is asked.

    Attributes:
        seconds: For the answer, beyond the time that the two are on the line; also for sending the
            request. More than 0.
        retries: Further attempts, from 0 up.
    """

    seconds: float = 10.0
    retries: int = 3


class _Refused(Exception):  # noqa: N818 - not an error of the program
    """The device understood the request and will not do it."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.label)
        self.code = code


class _NoAnswer(Exception):  # noqa: N818
    """No attempt brought an answer; its text says what the last one brought."""


class Device:
    """A device that speaks the protocol. Says hello when it is made.

    Args:
        link: The line to it; closed by whoever opened it.
        patience: How long and how often it is asked.

    Attributes:
        hello: What it says of itself.
        retried: Requests that had to be sent again so far.

    Raises:
        DeviceError: nothing that speaks the protocol answers.
    """

    def __init__(self, link: Link, patience: Patience | None = None) -> None:
        self._link = link
        self._patience = patience or Patience()
        self._parser = Parser()
        self._sequence = 0
        self.retried = 0
        try:
            self.hello = self._ask(MessageKind.HELLO, b"", MessageKind.HELLO_ANSWER, unpack_hello)
        except _NoAnswer as error:
            raise DeviceError(
                f"the device does not answer ({error}); check the port, its speed (--baud) and "
                "that the station firmware runs"
            ) from None
        except _Refused as error:
            raise DeviceError(
                f"the device refuses to talk ({error}); its firmware and this wm-edge are of "
                "different versions: export the firmware again and flash it"
            ) from None
        self._model, self._labels = self.hello.model, self.hello.labels  # in predictions
        self._hints: dict[str, str] = {}
        # Of its labels; which one it is, the model file says.
        self._none = WM811K.none if WM811K.none in self.hello.labels else None

    def check_model(self, *models: ModelFile) -> ModelFile:
        """The one of these model files that its firmware was made from.

        Raises:
            ModelError: it was made from another.
        """
        said = self.hello.sha256, self.hello.labels
        held = {(one.sha256, tuple(map(cut, one.labels))): one for one in models}
        model = held.get(said)
        if model is None:
            known = ", ".join(f"{one.path} is {one.name}" for one in models)
            raise ModelError(
                f"the device holds another model: {self.hello.model} "
                f"(sha256 {self.hello.sha256[:12]}), {known}; flash the firmware that `wm-edge "
                "export-firmware` makes from this file, or name the device's file with --model"
            )
        self._model, self._labels = model.name, model.labels
        self._hints = model.patterns.hints
        self._none = model.patterns.none
        return model

    def classify(self, wafer_map: WaferMap) -> Prediction:
        """Have one wafer classified, as if that had been done here.

        Raises:
            InputError: the map is larger than the device takes, it refuses it or does not answer.
            DeviceError: the line is gone, or what answers does not speak the protocol.
        """
        rows, columns = wafer_map.dies.shape
        if max(rows, columns) > self.hello.max_side:
            raise InputError(
                wafer_map.source,
                InputKind.TOO_LARGE,
                f"{rows} x {columns} dies; the device takes at most {self.hello.max_side} a side, "
                "classify it with `wm-edge classify`",
            )
        try:
            answer = self._ask(
                MessageKind.CLASSIFY,
                pack_map(wafer_map.dies),
                MessageKind.CLASSIFY_ANSWER,
                unpack_answer,
            )
        except _NoAnswer as error:
            raise InputError(
                wafer_map.source,
                InputKind.DEVICE,
                f"the device did not classify it ({error}); check the line, then send it again",
            ) from None
        except _Refused as error:
            raise InputError(
                wafer_map.source, InputKind.DEVICE, f"the device refuses this map: {error}"
            ) from None
        self._check(answer, wafer_map)
        labels = self._labels
        return Prediction(
            wafer_map,
            labels[answer.pattern],
            dict(zip(labels, answer.probabilities, strict=True)),
            answer.reason.verdict if answer.reason else Verdict.ACCEPT,
            answer.reason,
            answer.confidence,
            round(answer.below, _DIGITS),
            answer.unfamiliarity,
            answer.mixture,
            self._model,
            1,
            answer.micros,
            hint=self._hints.get(labels[answer.pattern], ""),
        )

    def _check(self, answer: Answer, wafer_map: WaferMap) -> None:
        """The CRC saw to the line; this sees to the device's memory."""
        counted = (answer.dies, answer.fails)
        if counted != (wafer_map.die_count, wafer_map.fail_count):
            raise InputError(
                wafer_map.source,
                InputKind.DEVICE,
                f"the device counted {answer.dies} dies and {answer.fails} fails, the map has "
                f"{wafer_map.die_count} and {wafer_map.fail_count}; its answer is not to be used, "
                "check its firmware",
            )
        if len(answer.probabilities) != len(self.hello.labels):
            raise DeviceError(
                f"the device's answer has {len(answer.probabilities)} patterns, its hello has "
                f"{len(self.hello.labels)}; flash its firmware again"
            )
        pattern, none = self._labels[answer.pattern], self._none
        if answer.fails < MIN_FAILS and none is not None and pattern != none:
            raise InputError(
                wafer_map.source,
                InputKind.DEVICE,
                f"the device sees {pattern} in {answer.fails} failing dies, which is {none}: its "
                "firmware is of an older wm-edge; export it again and flash it",
            )

    def _ask(
        self,
        kind: MessageKind,
        payload: bytes,
        expected: MessageKind,
        unpack: Callable[[bytes], _Answer],
    ) -> _Answer:
        """Send a request until it is answered, each time under a new number."""
        reason = ""
        for attempt in range(self._patience.retries + 1):
            self.retried += attempt > 0
            try:
                frame = self._attempt(kind, payload)
            except TimeoutError as error:
                reason = str(error)
                continue
            try:
                if frame.kind == expected:
                    return unpack(frame.payload)
                code = (
                    unpack_error(frame.payload) if frame.kind == MessageKind.ERROR_ANSWER else None
                )
            except ValueError as error:
                raise DeviceError(f"the device talks nonsense: {error}; flash it again") from error
            if code is None:
                raise DeviceError(f"the device answers with a message of type {frame.kind}")
            if code not in LINE_ERRORS:
                raise _Refused(code)
            reason = f"its last word was {code.label}"
        raise _NoAnswer(reason)

    def _attempt(self, kind: MessageKind, payload: bytes) -> SerialFrame:
        """One request and its answer; a ``TimeoutError`` where none came."""
        # 0 is what a device answers with that has not read the number.
        self._sequence = self._sequence % (_SEQUENCES - 1) + 1
        request = encode(SerialFrame(kind, self._sequence, payload))
        # What is written may still be on its way: a slow line gets the time that it needs.
        patience = self._patience.seconds + self._link.needs(len(request))
        self._link.write(request, patience)
        deadline, count = time.monotonic() + patience, 0
        # A long answer, as a hello of many names, may take a slow line longer than the patience.
        while (left := deadline + self._link.needs(min(count, _LONGEST)) - time.monotonic()) > 0:
            received = self._link.read(left)
            count += len(received)
            for frame in self._parser.feed(received):
                # An answer to an attempt that was given up carries that one's number.
                if frame.sequence == self._sequence and frame.version == VERSION:
                    return frame
        raise TimeoutError(f"no answer in {self._patience.seconds:g} s")
