"""A Raspberry Pi camera on the ribbon cable, by way of the ``picamera2`` package."""

from __future__ import annotations

from typing import Any, Final

from edge.camera.address import Address
from edge.camera.frames import Image, as_bgr
from edge.errors import UsageError

#: (width, height) in pixels. Every sensor of the Pi's cameras gives it at 30 frames a second.
SIZE: Final = (1280, 720)

#: picamera2 names formats by the bytes of a word: "RGB888" is blue, green, red in memory.
_BGR: Final = "RGB888"

#: One is shown, one is filled: with more, the newest would wait behind older ones.
_BUFFERS: Final = 2

_NOT_INSTALLED: Final = (
    "picamera2 is not installed for this Python; on Raspberry Pi OS run `sudo apt install "
    "python3-picamera2` and make the virtual environment with `python3 -m venv "
    "--system-site-packages`, or name a USB camera (0) or a stream"
)


class PicameraCapture:
    """An open Raspberry Pi camera (a ``Capture``)."""

    #: A camera announces no number of images, and has no clock of its own.
    announced: int | None = None
    rate: float | None = None

    def __init__(self, address: Address) -> None:
        """Open and start the first camera.

        Raises:
            UsageError: ``picamera2`` is not installed.
            InputError: there is no camera, or another program uses it.
        """
        self._address = address
        self._camera: Any = None
        try:
            from picamera2 import Picamera2  # type: ignore[import-not-found]
        except ImportError as error:
            raise UsageError(_NOT_INSTALLED) from error
        try:
            self._camera = Picamera2()
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": SIZE, "format": _BGR}, buffer_count=_BUFFERS
                )
            )
            self._camera.start()
        except (RuntimeError, IndexError, OSError) as error:  # IndexError: no camera at all
            self.close()
            raise address.unreadable(
                f"cannot be opened ({error}): check the ribbon cable, that `rpicam-hello "
                "--list-cameras` shows it and that no other program uses it"
            ) from error

    def read(self) -> Image | None:
        """Wait for the next image (see ``Capture``)."""
        try:
            image = self._camera.capture_array("main")
        except (RuntimeError, OSError) as error:
            raise self._address.unreadable(f"gives no image ({error})") from error
        return as_bgr(image, self._address.shown)

    def close(self) -> None:
        """Stop the camera and let go of it."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()  # stops it first
