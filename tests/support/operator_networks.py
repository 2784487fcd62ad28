"""Networks that try every operator there is a kernel for, in all its ways; and inputs for them.

``k`` is TensorFlow's keras.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt


def strided_same(k: Any) -> Any:
    """SAME windows with odd rests, fused clamps, depth multiplier, uneven average windows."""
    wafer = x = k.Input((13, 11, 3), batch_size=1)
    x = k.layers.Conv2D(9, (5, 3), strides=(2, 1), padding="same", activation="relu6")(x)
    x = k.layers.MaxPooling2D((3, 2), strides=(2, 2), padding="same")(x)
    x = k.layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)(x)
    x = k.layers.Conv2D(7, 3, padding="same")(x)
    y = k.layers.AveragePooling2D(3, strides=2, padding="same")(x)
    mean = k.layers.GlobalAveragePooling2D()(x)
    return k.Model(wafer, [k.layers.Dense(5)(mean), k.layers.Flatten()(y)])


def strided_valid(k: Any) -> Any:
    """VALID windows, padding of its own, dilation, pools over what does not divide."""
    wafer = x = k.Input((17, 14, 2), batch_size=1)
    x = k.layers.ZeroPadding2D(((1, 2), (0, 3)))(x)
    x = k.layers.Conv2D(6, (2, 3), strides=(2, 1), activation="relu")(x)
    x = k.layers.Conv2D(8, 3, dilation_rate=2)(x)
    x = k.layers.DepthwiseConv2D((2, 3))(x)
    y = k.layers.MaxPooling2D((2, 3), strides=(1, 2))(x)
    z = k.layers.AveragePooling2D((2, 3), strides=(2, 3))(x)
    return k.Model(wafer, [k.layers.Flatten()(y), k.layers.Flatten()(z)])


def joined(k: Any) -> Any:
    """ADD, MUL and CONCATENATION along rows and channels; sums with a clamp."""
    wafer = k.Input((8, 8, 4), batch_size=1)
    conv = partial(k.layers.Conv2D, padding="same")
    a, b = conv(6, 3)(wafer), conv(6, 1, activation="relu")(wafer)
    total = k.layers.ReLU()(k.layers.Add()([a, b]))
    product = k.layers.Multiply()([k.layers.Add()([total, a]), b])
    wide = k.layers.Concatenate(axis=3)([total, product, conv(3, 3)(b)])
    tall = k.layers.Concatenate(axis=1)([conv(4, 1)(wide), conv(4, 3)(product)])
    largest = k.layers.GlobalMaxPooling2D()(tall)
    return k.Model(wafer, [k.layers.Flatten()(tall), k.layers.Dense(11)(largest)])


def dense_rows(k: Any) -> Any:
    """RESHAPE, and dense layers after each other with a clamp."""
    wafer = k.Input((6, 5, 2), batch_size=1)
    flat = k.layers.Flatten()(wafer)
    hidden = k.layers.Dense(37, activation="relu")(flat)
    image = k.layers.Conv2D(5, 1)(k.layers.Reshape((1, 1, 37))(hidden))
    return k.Model(wafer, [k.layers.Dense(9)(hidden), k.layers.Flatten()(image)])


def one_window(k: Any) -> Any:
    """A kernel as large as the image, and pools over all of it."""
    wafer = k.Input((7, 7, 2), batch_size=1)
    x = k.layers.Conv2D(12, 7, padding="same")(wafer)
    y = k.layers.AveragePooling2D(7)(x)
    z = k.layers.Conv2D(3, 7)(x)
    return k.Model(wafer, [k.layers.Flatten()(y), k.layers.Flatten()(z)])


#: Function and whether dense layers have a scale an output.
NETWORKS: Final = {
    "same": (strided_same, False),
    "valid": (strided_valid, False),
    "joined": (joined, False),
    "dense": (dense_rows, False),
    "dense per output": (dense_rows, True),
    "one window": (one_window, False),
}


def inputs(shape: tuple[int, ...], count: int) -> list[npt.NDArray[np.int8]]:
    """Noise, the ends of the range, and steps between them."""
    rng = np.random.default_rng(7)
    noise = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(count)]
    flat = [np.full(shape, value, np.int8) for value in (-128, -1, 0, 127)]
    ends = [rng.choice(np.asarray([-128, 127], np.int8), shape) for _ in range(4)]
    return [*noise, *flat, *ends]
