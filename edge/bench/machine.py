"""What a figure depends on besides the model file: processor, Python and libraries."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from edge import __version__
from edge.model.runtime import installed

#: Where Linux says what the processor is: x86 in the first, a Raspberry Pi's board in the second.
CPU_INFO: Final = Path("/proc/cpuinfo")
BOARD: Final = Path("/proc/device-tree/model")

LIBRARIES: Final = ("numpy", "opencv-python-headless", "keras")


def describe() -> dict[str, Any]:
    """Processor, processors that may be used, load, system, Python and versions."""
    versions = {name: _version(name) for name in LIBRARIES}
    versions |= {str(backend): version for backend, version in installed().items()}
    return {
        "cpu": cpu_model(),
        "processors": processors(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "wm-edge": __version__,
        "versions": {name: version for name, version in versions.items() if version},
    }


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """The processor's name, or the board's, or the architecture where the system tells neither."""
    for line in _text(CPU_INFO).splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return " ".join(value.split())
    return _text(BOARD).strip("\0\n ") or platform.machine()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
