"""What a station knows of a wafer: its pattern, how probable each is, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edge.classification.several import exactly
from edge.errors import UsageError
from edge.results.record import FAB_KEYS
from edge.system.text import percent, printable
from edge.verdict.familiarity import Embedding
from edge.verdict.rule import Reason, Verdict
from edge.wafer.wafermap import WaferMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from edge.classification.drawing import Drawing


class Prediction(NamedTuple):
    """What the model says of one wafer. A tuple, because it is made faster than a frozen dataclass.

    Two are equal where all is but ``latency_us``.

    Attributes:
        wafer_map: The wafer it is about.
        pattern: Most probable pattern; of several patterns a wafer all that are named, joined by
            ``+`` in their order, or ``none``.
        probabilities: Calibrated probability of each pattern, summing to 1; of several a wafer each
            for itself.
        verdict: Accept, or leave it to a person.
        reason: Why a person, or ``few-fails`` where no network was asked, or None.
        confidence: Chance that ``pattern`` is right, at the mix of patterns of the wafers that
            calibrated the model: what the thresholds of review look at. Of several patterns a wafer
            how sure that yes or no is which is least sure against its threshold.
        below: The threshold that ``confidence`` was held against, 0..1.
        unfamiliarity: Distance to the nearest class, in standard deviations of training wafers; 0
            where no network was asked.
        mixture: Probability that two patterns overlap, 0..1; 0 where no network was asked.
        model: Name and hash of the model file.
        symmetries: Number of views averaged: 1, or 8 with ``average_symmetries``.
        latency_us: Encoding, inference and decision, in microseconds (reading is not in it).
        embedding: The network's second output, int8 (size,); None where no network was asked.
        suggested: Own pattern that claims the wafer, empty for none; None where there are none.
        hint: What ``pattern`` usually points to, by the model file; empty where it does not say.
        patterns: Of several patterns a wafer, the probability of each that is named or in doubt;
            None where the model file names one.
    """

    wafer_map: WaferMap
    pattern: str
    probabilities: dict[str, float]
    verdict: Verdict
    reason: Reason | None
    confidence: float
    below: float
    unfamiliarity: float
    mixture: float
    model: str
    symmetries: int
    latency_us: int
    embedding: Embedding | None = None
    suggested: str | None = None
    hint: str = ""
    patterns: dict[str, float] | None = None

    @property
    def probability(self) -> float:
        """Probability of ``pattern``; of several patterns a wafer, that just these are there."""
        if self.patterns is not None:
            return exactly([*self.probabilities.values()])
        return self.probabilities[self.pattern]

    def as_record(self, top_k: int | None = None) -> dict[str, Any]:
        """JSON form: one flat object a wafer.

        Args:
            top_k: Keep only the most probable patterns in ``probabilities``; None keeps all.

        Raises:
            UsageError: not even one is to be kept.
        """
        probabilities = self.probabilities
        if top_k is not None:
            if top_k < 1:
                raise UsageError(f"top_k is {top_k}, must be from 1 up, or None for all")
            ranked = sorted(probabilities, key=probabilities.__getitem__, reverse=True)
            probabilities = {name: probabilities[name] for name in ranked[:top_k]}
        wafer_map = self.wafer_map
        record = {
            "source": wafer_map.source,
            "index": wafer_map.index,
            "lot": wafer_map.lot,
            "wafer": wafer_map.wafer,
            "pattern": self.pattern,
            "probability": round(self.probability, 6),
            "probabilities": {name: round(value, 6) for name, value in probabilities.items()},
            "verdict": self.verdict.value,
            "reason": self.reason.value if self.reason else None,
            "confidence": round(self.confidence, 6),
            "below": self.below,
            "unfamiliarity": round(self.unfamiliarity, 3),
            "mixture": round(self.mixture, 4),
            "dies": wafer_map.die_count,
            "fails": wafer_map.fail_count,
            "model": self.model,
            "symmetries": self.symmetries,
            "latency_us": self.latency_us,
        }
        if self.patterns is not None:
            record["patterns"] = {name: round(p, 6) for name, p in self.patterns.items()}
        if self.suggested is not None:
            record["suggested"] = self.suggested or None
        if wafer_map.legend is not None:
            record |= {key: getattr(wafer_map, key) for key in FAB_KEYS}
        return record

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the wafer and the probability of each pattern with matplotlib.

        Args:
            axes: Draw the map alone, here, under pattern and verdict: for sheets of many wafers.
                None makes a figure of its own, which ``plt.show()`` shows.

        Returns:
            The axes of the map; ``.figure.savefig("wafer.png")`` saves.

        Raises:
            ModuleNotFoundError: there is no matplotlib.
        """
        return self._drawing().plot(axes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Prediction):
            return False
        embeddings = np.asarray(self.embedding), np.asarray(other.embedding)
        mine, theirs = ((*one[:-5], one.suggested) for one in (self, other))
        return mine == theirs and np.array_equal(*embeddings)

    def __ne__(self, other: object) -> bool:  # a tuple has one of its own
        return not self == other

    def __hash__(self) -> int:
        return hash((self.wafer_map, self.pattern, self.model))

    def __repr__(self) -> str:
        return f"<Prediction {', '.join(filter(None, self._words()))}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self._drawing().html()

    def _repr_png_(self) -> bytes:
        """What a notebook keeps for whoever shows no HTML."""
        return self._drawing().png()

    def _drawing(self) -> Drawing:
        from edge.classification.drawing import Drawing  # OpenCV, where somebody looks

        dies, words = self.wafer_map.dies, self._words()
        return Drawing(dies, self.pattern, self.probabilities, self.verdict, words, self.hint)

    def _words(self) -> tuple[str, str, str]:
        """Pattern, verdict and wafer, each in a few words."""
        wafer = self.wafer_map
        source = f"{wafer.source}[{wafer.index}]" if wafer.index else wafer.source
        names = (source, wafer.lot and f"lot {wafer.lot}", wafer.wafer and f"wafer {wafer.wafer}")
        why = [*filter(None, [self.reason and self.reason.value, self.suggested])]
        return (
            f"{self.pattern} {percent(self.probability)} %",
            f"{self.verdict.value}: {' '.join(why)}" if why else self.verdict.value,
            printable(", ".join(filter(None, names))),
        )
