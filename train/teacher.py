"""A finished network that answers each wafer as another is shown it: knowledge distillation.

What it says of the very view, turned as it is and odd wafers among them, is part of the target (G.
Hinton et al., Distilling the Knowledge in a Neural Network, 2015; L. Beyer et al., Knowledge
distillation: A good teacher is patient and consistent, CVPR 2022, on why the same view).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edge.dataset.folds import fold_path
from edge.dataset.labelled_set import LabelledSet
from edge.dataset.out_of_fold import OutOfFold
from edge.dataset.out_of_fold import load as load_folds
from edge.errors import DataError, UsageError
from edge.evaluation import metrics
from edge.system.typed import decode
from edge.wafer.patterns import PatternSet
from train.recipe import Recipe
from train.run import Run

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class NetworkTeacher:
    """The network of a finished run; ``sha256`` is that of its ``model.keras``."""

    run: Run
    sha256: str
    networks: int = 1

    @classmethod
    def read(cls, folder: Path) -> NetworkTeacher:
        """Find the network; it is loaded when it is first asked.

        Raises:
            DataError: no run folder, or one that is not finished.
        """
        run = Run.open(folder)
        if not run.finished:
            raise DataError(f"{folder}: the teacher's training is not finished; --resume goes on")
        return cls(run, hashlib.sha256(run.model_path.read_bytes()).hexdigest())

    def check(self, labelled: LabelledSet, recipe: Recipe) -> None:
        """Refuse a network of other wafers, or of the same divided otherwise.

        It would have seen wafers that judge the one it teaches.

        Raises:
            DataError: it was trained on another set, or on another split.
            UsageError: it takes wafers in another encoding.
        """
        path, config = self.run.path, self.run.config
        if not self.run.was_trained_on(labelled):
            raise DataError(
                f"{path}: the teacher was trained on {config.get('data')} with other wafers or "
                "another split, so it may know those that judge; train one on the same file"
            )
        known = self._patterns
        if (known.names, known.kind) != (labelled.patterns.names, labelled.patterns.kind):
            raise DataError(f"{path}: the teacher knows other patterns, or in another order")
        if (own := self.run.recipe.encoding) is not recipe.encoding:
            raise UsageError(
                f"{path}: the teacher takes the encoding {own.value!r}, recipe {recipe.name} makes "
                f"{recipe.encoding.value!r}; take a teacher of the same"
            )

    def says(self, shown: Floats, offsets: npt.NDArray[np.float64], temperature: float) -> Floats:
        """What the network under training shall say of wafers.

        Args:
            shown: Encoded wafers as they are shown (W, side, side, planes), 0..1.
            offsets: See ``train.teaching.Teaching.lesson``.
            temperature: See ``train.recipe.Teacher``.

        Returns:
            Probabilities (W, classes): of several patterns a wafer that of each.
        """
        logits = np.asarray(self._network.predict_on_batch(shown)) + offsets
        shares = metrics.sigmoid if self._patterns.is_several else metrics.softmax
        return shares(logits / temperature).astype(np.float32)

    @cached_property
    def _patterns(self) -> PatternSet:
        """Of its run; read once, for it is asked about every batch."""
        return decode(PatternSet, self.run.config.get("patterns"))

    @cached_property
    def _network(self) -> keras.Model:
        return self.run.load_model()


def read(folder: Path) -> NetworkTeacher | OutOfFold:
    """Who teaches: the network of a run folder, or those of a folder of folds.

    Raises:
        DataError: it is neither, or not finished.
    """
    is_run = (folder / "config.json").exists()
    return NetworkTeacher.read(folder) if is_run else load_folds(folder)


def first_fold(folder: Path, count: int) -> Path:
    """The first run folder of a folder of folds, whose networks teach those of so many folds.

    Each has not seen its fold's wafers either, so that what its pupil says of them is no memory.

    Raises:
        UsageError: one network for all, or another number of folds.
    """
    if (folder / "config.json").exists():
        raise UsageError(
            f"{folder} is one network, which has seen the wafers of each fold; give --folds a "
            "folder of folds of the same set as --teacher"
        )
    if (found := load_folds(folder).networks) != count:
        raise UsageError(f"{folder} holds {found} folds; give --folds {found}, or other teachers")
    return fold_path(folder, 1)
