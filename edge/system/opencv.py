"""OpenCV, kept from printing: what it says of a file or an address, the error says better."""

from __future__ import annotations

from typing import Any


def silence(opencv: Any) -> None:
    """Let OpenCV's own log say nothing; the function's place differs between its versions."""
    if hasattr(opencv, "setLogLevel"):  # OpenCV 4
        opencv.setLogLevel(0)
    else:
        opencv.utils.logging.setLogLevel(opencv.utils.logging.LOG_LEVEL_SILENT)
