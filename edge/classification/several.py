"""Several patterns a wafer: what of a network's outputs is a name, a doubt and a confidence.

Each pattern is a yes or no of its own, with a probability of its own. Of decisions that are not
independent given the wafer, products of these are an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.classification.network_output import NetworkOutput, OutputReader
from edge.model.metadata import Outputs
from edge.verdict.familiarity import Embedding
from edge.wafer.patterns import PatternSet

if TYPE_CHECKING:
    from edge.model.model_file import ModelFile

#: From this probability on a pattern is named.
NAMED: Final = 0.5

#: Numbers that a byte has.
_BYTES: Final = range(-128, 128)

#: Beyond these the logistic function is 0 or 1.
_FAR: Final = 60.0


class Decided(NamedTuple):
    """What follows from the probabilities of a wafer.

    Attributes:
        pattern: The label: all that is named.
        patterns: Probability of each that is named or in doubt: less sure to be absent than its
            threshold asks for.
        least: The pattern whose yes or no is least sure against its threshold.
        confidence: How sure it is, 0.5..1.
        hint: What those that are named usually point to.
    """

    pattern: str
    patterns: dict[str, float]
    least: str
    confidence: float
    hint: str


class SeveralReader(OutputReader):
    """Reads the outputs of one model file, by tables: an int8 logit has 256 values."""

    def __init__(self, model: ModelFile) -> None:
        super().__init__(model)
        output, numbers = model.metadata.output, model.metadata.outputs or Outputs((), ())
        self._tables = [
            [_logistic(scale * output.scale * (byte - output.zero_point) + bias) for byte in _BYTES]
            for scale, bias in zip(numbers.scale, numbers.bias, strict=True)
        ]

    def read(self, logits: list[int], embedding: Embedding) -> NetworkOutput:
        """What int8 logits and embedding (size,) of one wafer say."""
        shares = [table[logit + 128] for table, logit in zip(self._tables, logits, strict=True)]
        return _output(shares, self._familiarity.measure(embedding)[0], embedding)

    def joined(self, views: Sequence[NetworkOutput]) -> NetworkOutput:
        """The mean of several views of one wafer."""
        columns = zip(*(view.probabilities for view in views), strict=True)
        means = [math.fsum(shares) / len(views) for shares in columns]
        far = math.fsum(view.unfamiliarity for view in views) / len(views)
        return _output(means, far, views[0].embedding)


def _output(
    shares: list[float], unfamiliarity: float, embedding: Embedding | None
) -> NetworkOutput:
    """Confidence is that of the least sure yes or no."""
    confidence = min(max(share, 1 - share) for share in shares)
    return NetworkOutput(shares, confidence, unfamiliarity, at_least_two(shares), embedding)


def _logistic(value: float) -> float:
    """0..1."""
    return 1 / (1 + math.exp(-value)) if -_FAR < value < _FAR else float(value > 0)


def decide(
    patterns: PatternSet, probabilities: Mapping[str, float], below: Mapping[str, float]
) -> Decided:
    """Name what is there.

    Args:
        patterns: Of the model file.
        probabilities: Of each.
        below: Smallest confidence of each yes or no that is accepted.
    """
    named = [name for name in patterns if probabilities[name] >= NAMED]
    confidence = {name: max(p, 1 - p) for name, p in probabilities.items()}
    least = min(patterns, key=lambda name: (confidence[name] - below[name], confidence[name]))
    told = {
        name: probabilities[name]
        for name in patterns
        if name in named or confidence[name] < below[name]
    }
    hint = "; ".join(patterns.hints[name] for name in named if name in patterns.hints)
    return Decided(patterns.joined(named), told, least, confidence[least], hint)


def exactly(probabilities: Sequence[float]) -> float:
    """Probability that just those are there that are named."""
    return math.prod(max(p, 1 - p) for p in probabilities)


def at_least_two(probabilities: Sequence[float]) -> float:
    """Probability that two or more are there."""
    none = math.prod(1 - p for p in probabilities)
    one = math.fsum(
        p * math.prod(1 - other for k, other in enumerate(probabilities) if k != place)
        for place, p in enumerate(probabilities)
    )
    return min(1.0, max(0.0, 1 - none - one))
