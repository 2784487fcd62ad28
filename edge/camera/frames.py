"""What a camera hands on: frames, and the words for how they are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind

#: Larger images are refused: in BGR one of them takes 120 MB.
MAX_PIXELS: Final = 40_000_000

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """One frame of a camera or recording.

    Attributes:
        image: uint8 (height, width, 3), BGR. Nobody else writes into it.
        number: Frames that the source has given before this one, since the process started
            (dropped ones are counted), from 0.
        at: When it was received, in seconds of ``time.monotonic()``.
        moment: When it was shown, in seconds by the source's own clock: that of a recording goes by
            its frame rate, however fast it is looked at; for a live source the same as ``at``.
    """

    image: Image
    number: int
    at: float
    moment: float


def as_bgr(image: Any, shown: str) -> Image:
    """Turn what a camera gave into 8-bit BGR.

    Args:
        image: (height, width) or (height, width, 1) grey, (height, width, 3) BGR or
            (height, width, 4) BGRA.
        shown: The source, for the message.

    Returns:
        uint8 (height, width, 3), C-contiguous; the same array where nothing is to be done.

    Raises:
        InputError: more than 40 megapixels, not 8 bits a value, or another number of channels.
    """
    height, width = image.shape[:2]
    channels = 1 if image.ndim == 2 else image.shape[2]
    check_size(width, height, shown)
    if image.dtype != np.uint8 or channels not in {1, 3, 4} or not image.size:
        raise InputError(
            shown,
            InputKind.UNSUPPORTED,
            f"gives images of {width} x {height} pixels with {channels} values of type "
            f"{image.dtype} each; set the camera to 8-bit colour or grey",
        )
    if channels == 3:
        return cast(Image, np.ascontiguousarray(image))
    import cv2

    code = cv2.COLOR_GRAY2BGR if channels == 1 else cv2.COLOR_BGRA2BGR
    return cast(Image, cv2.cvtColor(np.ascontiguousarray(image), code))


def check_size(width: int, height: int, shown: str) -> None:
    """Refuse images that would fill the memory.

    Raises:
        InputError: more than 40 megapixels.
    """
    if width * height > MAX_PIXELS:
        raise InputError(
            shown,
            InputKind.TOO_LARGE,
            f"gives images of {width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} "
            "megapixels; set the camera to a lower resolution",
        )
