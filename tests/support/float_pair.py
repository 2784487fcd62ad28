"""A small network as float TFLite and as a whole model file, with what a report needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import to_builtins

from convert.quantise import Calibration, quantise, to_float_tflite
from edge.classification import selftest
from edge.classification.classifier import Classifier
from edge.model import flatbuffer
from edge.model import model_file as model
from edge.model.model_file import ModelFile
from edge.system.native_log import silence_native_output
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from edge.wafer.probes import PROBES
from tests.support.wafers import small_set

#: Coordinates of the embedding.
_SIZE: Final = 12


@dataclass(frozen=True)
class FloatPair:
    """Attributes: float_content (bare ``.tflite``), model (its int8 form with metadata)."""

    float_content: bytes
    model: ModelFile

    def write(self, folder: Path) -> Path:
        """The two files as ``wm-edge convert`` names them; the path of the model file."""
        path = folder / "small.tflite"
        path.write_bytes(self.model.content)
        (folder / "small.float.tflite").write_bytes(self.float_content)
        return path


@lru_cache(maxsize=1)
def float_pair() -> FloatPair:
    """An untrained network: bad answers, many of them close, so that int8 changes some."""
    import tensorflow as tf

    with silence_native_output():
        keras = tf.keras
        keras.utils.set_random_seed(3)
        wafer = keras.Input((encoding.SIZE, encoding.SIZE, encoding.PLANES), name="wafer")
        found = keras.layers.Conv2D(8, 5, strides=4, activation="relu", name="stem")(wafer)
        found = keras.layers.Conv2D(_SIZE, 3, strides=2, activation="relu", name="body")(found)
        mean = keras.layers.GlobalAveragePooling2D(name="mean")(found)
        logits = keras.layers.Dense(len(PATTERNS), name="logits")(mean)
        embedding = keras.layers.GlobalMaxPooling2D(name="embedding")(found)
        keras_model = keras.Model(wafer, [logits, embedding])
        wafers = small_set(2)
        planes = np.stack([encoding.encode(wafers.grid(index)) for index in range(len(wafers))])
        float_content = to_float_tflite(keras_model)
        bare = quantise(keras_model, Calibration(np.arange(len(planes)), planes, {}))
    return FloatPair(float_content, _model_file(bare))


def _model_file(bare: bytes) -> ModelFile:
    """The int8 network with the metadata of the model that ships, as far as they fit."""
    inside = flatbuffer.read(bare)
    scales = {
        inside.tensors[index].shape[-1]: {
            "scale": float(inside.tensors[index].scale),
            "zero_point": inside.tensors[index].zero_point,
        }
        for index in inside.outputs
    }
    shipped = model.load().document
    metadata = {
        **{key: value for key, value in shipped.items() if key not in {"accuracy", "network"}},
        "name": "small",
        "temperature": 0.5,
        "output": scales[len(PATTERNS)],
        "embedding": {**scales[_SIZE], "size": _SIZE},
        "review": {
            "below": dict.fromkeys(PATTERNS, 0.15),
            "frequency": dict.fromkeys(PATTERNS, 0.0),
            "objective": {"precision": 0.9},
            "min_dies": 50,
            "unfamiliar": {"above": 1000.0, "means": [[0.0] * _SIZE] * len(PATTERNS)},
            "mixed": {"above": 1.0, "weights": [0.0] * _SIZE, "bias": 0.0},
        },
        "selftest": {
            "logits": [[0] * len(PATTERNS)] * PROBES,
            "embedding": [[0] * _SIZE] * PROBES,
        },
    }
    draft = ModelFile.of(Path("small.tflite"), bare, metadata)
    metadata["selftest"] = to_builtins(selftest.answers(Classifier(draft)))
    return ModelFile.of(Path("small.tflite"), bare, metadata)
