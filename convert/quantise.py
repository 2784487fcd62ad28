"""Float Keras network -> bare int8 ``.tflite``, calibrated on real training wafers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge.dataset.encoded_set import encoded, some_of_each
from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError
from edge.system.native_log import silence_native_output
from edge.wafer import encoding

if TYPE_CHECKING:
    import keras

#: Calibration wafers a class: enough for the ranges to settle, few enough to take seconds.
PER_CLASS = 40


@dataclass(frozen=True)
class Calibration:
    """The wafers that set the activation ranges: uint8 (K, size, size, 2).

    ``indices`` are their places (K,) in the training part, ``manifest`` is what JSON says of them.
    """

    indices: npt.NDArray[np.intp]
    planes: npt.NDArray[np.uint8]
    manifest: dict[str, Any]


def thinned(planes: npt.NDArray[np.uint8], most: int) -> npt.NDArray[np.uint8]:
    """At most so many of the wafers, from all over: they come sorted by class."""
    return planes[:: -(-len(planes) // most)]


def calibration_set(
    train_part: LabelledSet,
    seed: int = 0,
    per_class: int = PER_CLASS,
    size: int = encoding.SIZE,
) -> Calibration:
    """Choose calibration wafers: the same number of each class, from the training part only.

    Of several patterns a wafer, of each combination.

    Raises:
        DataError: no wafer spans the input range 0..255 (the input scale could not be right).
    """
    rng = np.random.default_rng(seed)
    classes, names = train_part.strata(), train_part.patterns.names
    if train_part.patterns.is_several:
        names = tuple(np.unique(train_part.labels).tolist())
    chosen = some_of_each(classes, len(names), per_class, rng)
    indices = np.concatenate(chosen)
    wafers = train_part.select(indices)
    planes = encoded(wafers, size).planes
    if planes.min() != 0 or planes.max() != 255:
        raise DataError(
            "the calibration wafers do not reach both ends of the input range, so the input scale "
            "would not be 1/255; calibrate on real wafers"
        )
    manifest = {
        "part": "train",
        "seed": seed,
        "wafers": len(indices),
        "per_class": {name: len(found) for name, found in zip(names, chosen, strict=True)},
        "fingerprints": [f"{print_:016x}" for print_ in wafers.fingerprints().tolist()],
    }
    return Calibration(indices, planes, manifest)


def to_float_tflite(model: keras.Model) -> bytes:
    """The network as a bare ``.tflite`` of float32: what int8 is compared with at a station."""
    import tensorflow as tf

    with silence_native_output():
        content: bytes = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    return content


def quantise(
    model: keras.Model,
    calibration: Calibration,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> bytes:
    """Convert to full int8: weights, activations, input and output.

    ``progress`` is told how many of the calibration wafers have been run.

    Returns:
        A bare ``.tflite`` without metadata.
    """
    import tensorflow as tf

    def wafers() -> Iterator[list[npt.NDArray[np.float32]]]:
        for done, planes in enumerate(calibration.planes, 1):
            yield [encoding.to_shares(planes[np.newaxis])]
            progress(done, len(calibration.planes))

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = wafers
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    # TensorFlow Lite Micro refuses per-channel dense layers; ours has one, of few outputs.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001
    with silence_native_output():
        content: bytes = converter.convert()
    return content
