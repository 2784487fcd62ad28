"""Items from sources -> a device -> records, with the keys that ``wm-edge classify`` writes."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Final

from edge.classification.pipeline import Item
from edge.classification.prediction import Prediction
from edge.errors import InputError
from edge.results.record import Record, error_record
from edge.serial.device import Device
from edge.serial.messages import Answer
from edge.verdict.rule import Verdict
from edge.wafer.wafermap import WaferMap

#: What a device's float32 figures are good for.
_DIGITS: Final = 6


def classify_items(
    items: Iterable[Item], device: Device, model: str, top_k: int | None = None
) -> Generator[Record, None, None]:
    """Have a stream classified by a device, one record an item, in order.

    Args:
        items: Wafer maps, and errors standing for inputs that could not be read.
        device: Does the work.
        model: Name of its model for the records.
        top_k: See ``Prediction.as_record``.

    Raises:
        DeviceError: the line is gone; the wafers before have their records.
    """
    for item in items:
        try:
            if isinstance(item, InputError):
                yield error_record(item)
                continue
            answer = device.classify(item)
        except InputError as error:
            yield error_record(error)
            continue
        yield prediction(item, answer, device.hello.labels, model).as_record(top_k)


def prediction(
    wafer_map: WaferMap, answer: Answer, labels: tuple[str, ...], model: str
) -> Prediction:
    """What a device says of a wafer, as if it had been classified here.

    Args:
        wafer_map: The wafer.
        answer: What the device says.
        labels: Its patterns, in the order of its figures.
        model: Name of its model.
    """
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
        model,
        1,
        answer.micros,
    )
