"""The real TFLite Micro interpreter, asked in a process of its own.

Its wheel (``pip install 'wm-edge[firmware]'``) is built for Linux on x86-64 alone, and a second
TFLite runtime in one process crashes it; ``child`` is therefore run as a script.
"""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError, UsageError

_CHILD: Final = Path(__file__).with_name("child.py")
_WHEEL: Final = "tflite_micro"
#: Seconds for one request; generous, the machine may be busy.
_TIMEOUT: Final = 300.0


@dataclass(frozen=True)
class Runs:
    """TFLite Micro's version and outputs, int8 (wafers, ...) each, in the file's order."""

    version: str
    outputs: tuple[npt.NDArray[np.int8], ...]


def available() -> bool:
    """Whether the wheel can be imported here; does not import it."""
    return importlib.util.find_spec(_WHEEL) is not None


def require() -> None:
    """Insist on the wheel.

    Raises:
        UsageError: it is not installed.
    """
    if not available():
        raise UsageError(
            "--measure needs TFLite Micro's wheel in this environment: "
            "pip install 'wm-edge[firmware]' (Linux on x86-64); without it the size is estimated"
        )


def smallest_arena(content: bytes) -> tuple[int, str]:
    """Size of the smallest arena, and the version that it was found with.

    Returns:
        Bytes on this machine, whose pointers are twice a Cortex-M's; and the wheel's version.

    Raises:
        ModelError: TFLite Micro refuses the model whatever the size; with what it said.
    """
    answer, said = _ask({"model": np.frombuffer(content, np.uint8)})
    if not answer["arena"]:
        raise ModelError(f"TFLite Micro refuses this model: {said or 'it does not say why'}")
    return int(answer["arena"]), str(answer["version"])


def run(
    content: bytes,
    wafers: npt.NDArray[np.int8],
    outputs: int,
    *,
    arena: int = 0,
) -> Runs | None:
    """Run a network.

    Args:
        content: A bare ``.tflite``.
        wafers: int8 (wafers, rows, columns, planes).
        outputs: How many the network has.
        arena: Its bytes; 0 for more than enough.

    Returns:
        None where the tensors do not fit into the arena.

    Raises:
        ModelError: it cannot be run at all.
    """
    answer, _ = _ask(
        {
            "model": np.frombuffer(content, np.uint8),
            "wafers": wafers,
            "outputs": outputs,
            "arena": arena,
        }
    )
    if not answer["fits"]:
        return None
    return Runs(
        str(answer["version"]),
        tuple(answer[f"output{place}"] for place in range(outputs)),
    )


def _ask(request: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The child's answer, and the last line that it wrote to stderr."""
    packed = io.BytesIO()
    np.savez(packed, **request)
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(_CHILD)],
        input=packed.getvalue(),
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
    lines = done.stderr.decode("utf-8", "replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if done.returncode:
        raise ModelError(f"TFLite Micro cannot run this model (exit {done.returncode}): {said}")
    with np.load(io.BytesIO(done.stdout)) as answer:
        return dict(answer), said
