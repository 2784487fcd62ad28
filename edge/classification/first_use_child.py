"""The process in which a runtime is used for the first time on a machine.

Its first argument is a pipe, which says what to run; the answer is by how much more than is allowed
the self-test was off.
"""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

from edge.classification.classifier import Classifier
from edge.classification.selftest import TOLERANCE, largest_difference


def main() -> None:
    """Start the runtime with the model file, run the self-test, answer."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # how it ends is all that is asked for
    with Connection(int(sys.argv[1])) as pipe, suppress(OSError):
        model, backend, kernels = pipe.recv()
        off = 0
        # What it raises it raises in the process that asks as well, which can say it.
        with suppress(Exception):
            differs = largest_difference(Classifier(model, backend=backend, kernels=kernels))
            off = max(0, differs - TOLERANCE)
        pipe.send(off)
