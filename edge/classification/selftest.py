"""Known wafers with known answers: does this file, on this machine, compute what convert saw?

A changed weight, a wrong zero point or a broken kernel gives other outputs, whatever the metadata
say of themselves. The wafers are drawn by a formula, so nothing but the answers is stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from edge.model.metadata import SelfTest
from edge.wafer import encoding
from edge.wafer.encoding import Encoded
from edge.wafer.probes import PROBES, probe

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier

#: Steps of the int8 logits by which sound kernels (XNNPACK, builtin, reference) may differ.
TOLERANCE: Final = 3

#: So many steps of the embedding count as one of the logits: whitening stretches the rounding of
#: all layers before it. Builtin and reference kernels stay within 25 steps of XNNPACK.
COARSER: Final = 10


def answers(
    classifier: Classifier, change: Callable[[Encoded], Encoded] = lambda encoded: encoded
) -> SelfTest:
    """The metadata's section: logits and embedding of each probe, int8; of a changed input, too."""
    encoded = [encoding.encode(probe(n), classifier.size) for n in range(PROBES)]
    outputs = [classifier.outputs(change(one)) for one in encoded]
    return SelfTest(
        [logits for logits, _ in outputs], [embedding.tolist() for _, embedding in outputs]
    )


def largest_difference(classifier: Classifier) -> int:
    """Largest difference of any output of any probe from what convert wrote.

    In steps of the int8 logits; those of the embedding count a tenth, rounded up.
    """
    known = classifier.model.metadata.selftest
    found = answers(classifier)
    logits, embedding = (
        int(np.abs(np.asarray(one, np.int64) - np.asarray(two, np.int64)).max())
        for one, two in ((found.logits, known.logits), (found.embedding, known.embedding))
    )
    return max(logits, math.ceil(embedding / COARSER))
