"""Everything a conversion works on, prepared once: wafers by part, encoded, and the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from convert.embedding import PER_CLASS
from convert.quantise import Calibration, calibration_set
from edge.dataset.encoded_set import EncodedSet, encoded, some_of_each
from edge.dataset.labelled_set import LabelledSet, Part
from edge.errors import DataError
from edge.verdict.rule import MIN_FAILS
from edge.wafer import encoding
from edge.wafer.patterns import Pattern, PatternSet

if TYPE_CHECKING:
    import keras

#: Patterns that leave no room for another one.
_ALONE: Final = (Pattern.NEAR_FULL.value, Pattern.RANDOM.value)


Planes = npt.NDArray[np.uint8]

#: Training wafers a class through the station's code, for the class means of the embedding; and
#: wafers with two patterns made of them.
MEANS_PER_CLASS = 400
MIXTURES = 3000


@dataclass(frozen=True)
class ConversionData:
    """What a conversion works on.

    Attributes:
        train: Wafers of the train part, at most ``PER_CLASS`` a class; like those of the val part
            such as the network is asked about.
        val: The val part: fits temperature and thresholds.
        test: The test part: judges.
        scattered: Wafers with one pattern and the scatter of another wafer, made of the train
            part's, uint8 (W, size, size, 2).
        mixtures: Wafers with two patterns, made alike.
        calibration: Training wafers that set the activation ranges.
    """

    train: EncodedSet
    val: EncodedSet
    test: EncodedSet
    scattered: Planes
    mixtures: Planes
    calibration: Calibration

    @property
    def patterns(self) -> PatternSet:
        """What the classes are."""
        return self.train.patterns

    @classmethod
    def of(
        cls,
        labelled: LabelledSet,
        size: int,
        seed: int,
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> ConversionData:
        """Encode a split labelled set; ``progress`` is told how far each part is.

        Raises:
            DataError: a part without wafers.
        """
        rng = np.random.default_rng(seed)
        parts = {part: labelled.part(part) for part in Part}
        for part in (Part.TRAIN, Part.VAL):
            parts[part] = asked(parts[part])
        for part, why in (
            (Part.TRAIN, "calibration takes wafers that trained"),
            (Part.VAL, "temperature and thresholds are fitted on it"),
            (Part.TEST, "parity is judged on wafers that trained nothing"),
        ):
            if not len(parts[part]):
                raise DataError(
                    f"the {part} part is empty, wafers with fewer than {MIN_FAILS} failing dies "
                    f"apart: {why}"
                )
        train = parts[Part.TRAIN]
        calibration = calibration_set(train, seed, size=size)
        parts[Part.TRAIN] = training_sample(train, rng)
        sample, val, test = (
            encoded(parts[part], size, partial(progress, f"encoding the {part} part"))
            for part in Part
        )
        return cls(
            sample,
            val,
            test,
            *overlaid(sample, MIXTURES, rng),
            calibration,
        )


def asked(labelled: LabelledSet) -> LabelledSet:
    """The wafers that the network is asked about: what it says of the others decides nothing."""
    asked = labelled.fail_counts() >= MIN_FAILS
    return labelled if asked.all() else labelled.select(asked)


def training_sample(train: LabelledSet, rng: np.random.Generator) -> LabelledSet:
    """At most ``PER_CLASS`` wafers of each pattern, by chance: what the embedding is made by.

    Of several patterns a wafer, of each combination.
    """
    several = train.patterns.is_several
    count = len(np.unique(train.labels)) if several else len(train.patterns)
    some = some_of_each(train.strata(), count, PER_CLASS, rng)
    return train.select(np.concatenate(some))


def float_outputs(network: keras.Model, planes: Planes) -> npt.NDArray[np.float32]:
    """Logits (W, patterns) of the float network, the first of its outputs."""
    chunks = [
        network.predict(encoding.to_shares(planes[at : at + 2048]), batch_size=512, verbose=0)
        for at in range(0, len(planes), 2048)
    ]
    return np.concatenate([chunk[0] if isinstance(chunk, list) else chunk for chunk in chunks])


def overlaid(
    sample: EncodedSet,
    count: int,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Wafers laid over each other: the failing share of each cell is the larger of the two.

    Args:
        sample: Encoded training wafers.
        count: How many of each to make.
        rng: Source of chance.

    Returns:
        Wafers with one pattern under the scatter of a wafer without, and wafers with two, uint8
        (count, size, size, 2) each, on the die grid of the first wafer: so the detector learns that
        scatter is no second pattern. Classes that are missing give no such wafers.
    """
    planes, known = sample.planes, sample.patterns
    own = {name: np.flatnonzero(sample.classes == index) for index, name in enumerate(known)}
    plain = planes[:0] if known.none is None else own.pop(known.none)
    patterns = [mine for name, mine in own.items() if name not in _ALONE and len(mine)]

    def pairs(*, two: bool) -> Iterator[npt.NDArray[np.uint8]]:
        for _ in range(count):
            first, second = rng.choice(len(patterns), 2, replace=False)
            below = patterns[second] if two else plain
            yield _laid_over(planes[rng.choice(patterns[first])], planes[rng.choice(below)])

    enough = len(patterns) > 1
    single = np.stack(list(pairs(two=False))) if enough and len(plain) else planes[:0]
    return single, np.stack(list(pairs(two=True))) if enough else planes[:0]


def _laid_over(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """Both wafers' failing shares on the die grid of the first."""
    fails, dies = second[..., 0].astype(float), second[..., 1]
    share = np.divide(fails, dies, out=np.zeros_like(fails), where=dies > 0)
    made = first.copy()
    made[..., 0] = np.maximum(made[..., 0], np.rint(share * first[..., 1]).astype(np.uint8))
    return made
