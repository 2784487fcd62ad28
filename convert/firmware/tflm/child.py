"""TFLite Micro's interpreter at work, as a script in a process of its own; see ``micro``.

It imports nothing of this package: two TFLite runtimes in one process crash it. The request is an
``.npz`` on stdin and so is the answer on stdout.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, Final

import numpy as np

#: TFLite Micro rounds what it takes to this; smaller steps would find nothing.
STEP: Final = 16
FIRST: Final = 1 << 16
LARGEST: Final = 1 << 26


def interpreter(content: bytes, arena: int) -> Any:
    """An interpreter with so many bytes of arena; None where they are too few."""
    from tflite_micro import runtime

    try:
        return runtime.Interpreter.from_bytes(content, arena_size=arena)
    except RuntimeError:
        return None


def smallest(content: bytes) -> int:
    """Bytes of the smallest arena that the tensors fit into; 0 where none is large enough."""
    enough = FIRST
    while interpreter(content, enough) is None:
        enough *= 2
        if enough > LARGEST:
            return 0
    short = 0
    while enough - short > STEP:
        middle = (enough + short) // 2 // STEP * STEP
        if interpreter(content, middle) is None:
            short = middle
        else:
            enough = middle
    return enough


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Do what was asked: ``smallest``, or the outputs of ``wafers`` in an ``arena``."""
    import tflite_micro

    content = request["model"].tobytes()
    answer: dict[str, Any] = {"version": tflite_micro.__version__}
    if "wafers" not in request:
        return {**answer, "arena": smallest(content)}
    network = interpreter(content, int(request["arena"]) or LARGEST)
    if network is None:
        return {**answer, "fits": False}
    outputs: list[list[Any]] = []
    for wafer in request["wafers"]:
        network.set_input(wafer[np.newaxis], 0)
        network.invoke()
        outputs.append([network.get_output(place) for place in range(int(request["outputs"]))])
    return {
        **answer,
        "fits": True,
        **{f"output{place}": np.concatenate(one) for place, one in enumerate(zip(*outputs))},  # noqa: B905 - all have as many
    }


def main() -> None:
    """Answer one request. What native code prints goes to stderr, not between the answer."""
    with os.fdopen(os.dup(1), "wb") as stdout:
        os.dup2(2, 1)
        with np.load(io.BytesIO(sys.stdin.buffer.read())) as request:
            answer = run(dict(request))
        buffer = io.BytesIO()
        np.savez(buffer, **answer)
        stdout.write(buffer.getvalue())


if __name__ == "__main__":
    main()
