"""What each training wafer is taught: its label, or also what other networks say of it.

Soft labels (G. Hinton et al., Distilling the Knowledge in a Neural Network, 2015) of the networks
of a cross-validation: each wafer's is that of the one that did not see its lot, so it is no memory
of the label. They belong to the wafer, however it is turned. Wafers that no fold holds, synthetic
ones for instance, are taught their label alone. Or those of one network, which answers whatever is
shown, as it is shown (``train.teacher``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.dataset import out_of_fold
from edge.dataset.labelled_set import LabelledSet, Part
from edge.dataset.out_of_fold import OutOfFold
from edge.errors import UsageError
from edge.evaluation import metrics
from train.recipe import Recipe
from train.suspects import Suspects
from train.teacher import NetworkTeacher
from train.teacher import read as read_teacher

Floats = npt.NDArray[np.float32]

#: Key in a run's ``config.json`` -> option of ``wm-edge train`` that gives the folder of folds.
OPTIONS: Final = {"teacher": "--teacher", "suspects": "--from-folds"}


@dataclass(frozen=True)
class Lesson:
    """What an epoch teaches.

    Attributes:
        targets: Probabilities (W, classes).
        weights: How much each wafer counts (W,); None: all alike.
        says: What a network says of wafers as they are shown, probabilities; None: nobody is asked.
        share: Of a target that is what it says.
    """

    targets: Floats
    weights: Floats | None = None
    says: Callable[[Floats], Floats] | None = None
    share: float = 0.0

    def told(self, shown: Floats, targets: Floats) -> Floats:
        """The targets (W, classes) of wafers that are shown so, once the network was asked."""
        if not self.says:
            return targets
        return np.float32(self.share) * self.says(shown) + np.float32(1 - self.share) * targets


def label_lesson(
    classes: npt.NDArray[np.intp],
    count: int,
    smoothing: float,
    hot: npt.NDArray[np.bool_] | None = None,
) -> Lesson:
    """The labels alone: a share ``smoothing`` of each target is spread over what it might be.

    That is ``count`` classes; of each of several patterns (``hot``, see ``EncodedSet``) yes and no.
    """
    if hot is not None:
        return Lesson(hot.astype(np.float32) * (1 - smoothing) + smoothing / 2)
    targets = np.eye(count, dtype=np.float32) * (1 - smoothing) + smoothing / count
    return Lesson(targets[classes])


@dataclass(frozen=True)
class Teaching:
    """What a training learns from, by key of ``OPTIONS``: the folders, and the folds they hold.

    ``network`` stands in the place of a teacher's folds where one answers what is shown.
    """

    folders: dict[str, Path]
    found: dict[str, OutOfFold]
    network: NetworkTeacher | None = None

    @classmethod
    def read(cls, teacher: Path | None, from_folds: Path | None) -> Teaching:
        """Read what there is to learn from.

        Args:
            teacher: A run folder, or a folder of folds; or None.
            from_folds: A folder of folds; or None.

        Raises:
            DataError: no such folder, or what it holds is not finished.
        """
        given = dict(zip(OPTIONS, (teacher, from_folds), strict=True))
        folders = {key: folder for key, folder in given.items() if folder}
        found, network = dict[str, OutOfFold](), None
        if teacher:
            said = read_teacher(teacher)
            if isinstance(said, NetworkTeacher):
                network = said
            else:
                found["teacher"] = said
        if from_folds:
            found["suspects"] = out_of_fold.load(from_folds)
        return cls(folders, found, network)

    def check(self, labelled: LabelledSet, recipe: Recipe) -> None:
        """Refuse teachers of other wafers, and a recipe that asks for what was not given.

        Args:
            labelled: The divided set.
            recipe: What the training goes by.

        Raises:
            DataError: wafers of the train part stand in no fold; as ``NetworkTeacher.check``.
            UsageError: the recipe weighs suspects, and nobody says which they are.
        """
        for key, found in self.found.items():
            found.check_covers(labelled.part(Part.TRAIN), self.folders[key])
        if self.network:
            self.network.check(labelled, recipe)
        if recipe.suspects.weight < 1 and "suspects" not in self.found:
            what = f"recipe {recipe.name}: suspects.weight is {recipe.suspects.weight:g}"
            raise UsageError(f"{what}; say with --from-folds which folds they are of")

    def config(self) -> dict[str, Any]:
        """What a run keeps of it in its ``config.json``."""
        return {
            key: {
                "name": self.folders[key].resolve().name,
                "sha256": found.sha256,
                "networks": found.networks,
            }
            for key, found in self._sources.items()
        }

    @property
    def _sources(self) -> dict[str, OutOfFold | NetworkTeacher]:
        return {**self.found, **({"teacher": self.network} if self.network else {})}

    def check_resumed(self, config: dict[str, Any], run: Path) -> None:
        """Refuse to go on with a run that has learnt from something else.

        Raises:
            UsageError: other folds, none where there were some, or some where there were none.
        """
        for key, option in OPTIONS.items():
            kept, now = config.get(key), self._sources.get(key)
            was = kept if isinstance(kept, dict) else {}
            if was.get("sha256") != (now.sha256 if now else None):
                said = f"with {option} {was.get('name')}" if was else f"without {option}"
                raise UsageError(f"{run} was started {said}; resume it so, or start another run")

    def told(self, recipe: Recipe) -> Iterator[str]:
        """What will be taught, in words."""
        share = recipe.teacher.share
        if self.network:
            yield (
                f"targets: {100 * share:.0f} % what {self.network.run.path} says of each wafer as "
                f"it is shown, {100 * (1 - share):.0f} % its label"
            )
        if found := self.found.get("teacher"):
            yield (
                f"targets: {100 * share:.0f} % what {found.networks} networks said that had not "
                f"seen the wafer's lot, {100 * (1 - share):.0f} % its label"
            )
        if found := self.found.get("suspects"):
            count, weight = len(Suspects.of(found).places), recipe.suspects.weight
            nothing = "; as much as all others" if weight == 1 else ""
            yield f"{count:,} likely mislabelled wafers count {weight:g}{nothing}"

    def lesson(
        self,
        prepared: LabelledSet,
        recipe: Recipe,
        offsets: npt.NDArray[np.float64],
    ) -> Lesson:
        """What is taught of each wafer of a prepared train part.

        Args:
            prepared: Training wafers with whatever was added to them.
            recipe: Shares and weights.
            offsets: What the finished network's logits will be moved down by (classes,): the
                network under training is taught what it shall say then.
        """
        hot = prepared.hot() if prepared.patterns.is_several else None
        count, smoothing = len(prepared.patterns), recipe.optimise.label_smoothing
        plain = label_lesson(prepared.strata(), count, smoothing, hot)
        targets, weights = plain.targets, None
        prints = prepared.fingerprints() if self.found else np.empty(0, np.uint64)
        if found := self.found.get("teacher"):
            places = found.places(prints)
            known, share = places >= 0, recipe.teacher.share
            logits = (found.logits[places[known]] + offsets) / recipe.teacher.temperature
            targets[known] = share * metrics.softmax(logits) + (1 - share) * targets[known]
        if found := self.found.get("suspects"):
            doubted = np.isin(prints, found.fingerprint[Suspects.of(found).places])
            weights = np.where(doubted, recipe.suspects.weight, 1.0).astype(np.float32)
        lesson = Lesson(targets, weights)
        if not (network := self.network):
            return lesson
        asked = partial(network.says, offsets=offsets, temperature=recipe.teacher.temperature)
        return replace(lesson, says=asked, share=recipe.teacher.share)
