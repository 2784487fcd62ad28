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
from edge.model.model_file import ModelFile
from edge.model.runtime import Kernels
from edge.model.wheels import Backend


def main() -> None:
    """Start the runtime with the model file, run the self-test, answer."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # how it ends is all that is asked for
    with Connection(int(sys.argv[1])) as pipe, suppress(OSError):
        pipe.send(steps_off(*pipe.recv()))


def steps_off(model: ModelFile, backend: Backend, kernels: Kernels) -> int:
    """By how much more than is allowed the self-test is off.

    0 where the runtime raises: it will in the process that asks as well, which can say it. So it is
    of a draft, whose self-test holds nothing but zeros until conversion has asked the network.
    """
    with suppress(Exception):
        classifier = Classifier(model, backend=backend, kernels=kernels)
        if any(map(any, model.metadata.selftest.logits)):
            return max(0, largest_difference(classifier) - TOLERANCE)
    return 0
