"""The run folder: everything one training leaves behind.

==================  ==========================================================================
``model.keras``     float network, of the best epoch or the last, as the recipe says
``config.json``     recipe, data fingerprint, tool versions
``history.json``    one entry an epoch
``metrics.json``    figures on the val part with confidence intervals
``curves.png``      loss and macro recall over the epochs
``confusion.png``   confusion matrix of the val part; of several patterns a wafer
                    ``recalls.png``: how many of each are named, rightly and wrongly
``checkpoint/``     the state to resume from; removed when the run is finished
==================  ==========================================================================
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Any

from edge.dataset.labelled_set import LabelledSet
from edge.errors import DataError, UsageError, why
from edge.model.training import Origin
from edge.system.files import exists, replacing
from edge.system.regular_file import read_text
from edge.system.typed import MismatchError, decode
from train.recipe import Recipe, from_dict

if TYPE_CHECKING:
    import keras

    from edge.evaluation.several import AnyScores
    from train.average import WeightAverage

History = list[dict[str, float]]


@dataclass(frozen=True)
class Run:
    """A run folder at ``path``."""

    path: Path

    @property
    def model_path(self) -> Path:
        """The float network."""
        return self.path / "model.keras"

    @property
    def _checkpoint(self) -> Path:
        return self.path / "checkpoint"

    @classmethod
    def create(cls, path: Path, config: dict[str, Any]) -> Run:
        """Start a new run.

        Raises:
            UsageError: the folder holds a run already.
        """
        cls.check_new(path)
        run = cls(path)
        path.mkdir(parents=True, exist_ok=True)
        run.write_json("config.json", config)
        return run

    @staticmethod
    def check_new(path: Path) -> None:
        """Refuse a folder for a new run.

        Raises:
            UsageError: it holds a run already.
        """
        if (path / "config.json").exists():
            raise UsageError(
                f"{path} holds a run already; pass --resume to go on with it, or another --out"
            )

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open an existing run.

        Raises:
            DataError: there is none.
        """
        if not exists(path / "config.json"):
            raise DataError(f"{path}: not a run folder (no config.json); `wm-edge train` makes one")
        return cls(path)

    @property
    def config(self) -> dict[str, Any]:
        """The content of ``config.json``.

        Raises:
            DataError: it cannot be read or is no JSON object.
        """
        path = self.path / "config.json"
        try:
            return decode(dict[str, Any], self.read_json(path.name))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read ({why(error)}); the run is damaged") from error

    def was_trained_on(self, labelled: LabelledSet) -> bool:
        """Whether it was trained on these wafers, divided so.

        Raises:
            DataError: as ``config``.
        """
        config, keys = self.config, ("data_sha256", "parts_sha256")
        return [config.get(key) for key in keys] == [labelled.sha256(), labelled.parts_sha256()]

    @property
    def recipe(self) -> Recipe:
        """The recipe it was made with."""
        return from_dict(self.config["recipe"], str(self.path / "config.json"))

    @property
    def origin(self) -> Origin | None:
        """The network that it started from; None: it began from nothing.

        Raises:
            DataError: it cannot be read, or is none.
        """
        try:
            found = self.config.get("from")
            return None if found is None else decode(Origin, found)
        except MismatchError as error:
            where = self.path / "config.json"
            raise DataError(f"{where}: from.{error}; the run is damaged") from error

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a whole checkpoint to go on from."""
        return bool(self._checkpoints())

    def _checkpoints(self) -> list[Path]:
        folder = self._checkpoint
        found = folder.iterdir() if folder.is_dir() else ()
        return [entry for entry in found if entry.name.isdecimal()]

    @property
    def finished(self) -> bool:
        """Whether the training came to its end."""
        return (self.path / "metrics.json").is_file()

    @property
    def history(self) -> History:
        """One entry an epoch, of a run that is finished or was interrupted."""
        if self.finished:
            return decode(History, self.read_json("history.json"))
        newest = self._newest()
        return decode(History, json.loads(read_text(newest / "history.json"))) if newest else []

    def _newest(self) -> Path | None:
        """The newest whole checkpoint."""
        return max(self._checkpoints(), key=lambda entry: int(entry.name), default=None)

    def save_model(self, model: keras.Model) -> None:
        """Keep this network instead of an earlier one."""
        # A folder that nobody else may enter: Keras opens files by their names.
        with TemporaryDirectory(dir=self._made_checkpoint()) as folder:
            partial = Path(folder, "model.keras")
            model.save(partial)
            partial.replace(self.model_path)

    def load_model(self) -> keras.Model:
        """The network with the weights that were kept.

        Raises:
            DataError: the run has not got that far, or the file is damaged.
        """
        import keras

        if not exists(self.model_path):
            raise DataError(f"{self.path}: no model.keras yet; finish the training first")
        try:
            return keras.models.load_model(self.model_path, compile=False)
        except Exception as error:  # Keras lets through whatever zipfile, h5py and json raise
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{self.model_path}: cannot be loaded ({reason})") from error

    def save_checkpoint(self, model: keras.Model, average: WeightAverage, history: History) -> None:
        """Keep everything that --resume needs. A kill at any moment leaves a whole one behind."""
        number = len(history)
        folder = Path(mkdtemp(dir=self._made_checkpoint()))
        model.save(folder / "model.keras")
        average.save(folder / "average.npz")
        (folder / "history.json").write_text(json.dumps(history))
        folder.rename(self._checkpoint / str(number))
        for old in self._checkpoint.iterdir():
            if old.name != str(number):
                shutil.rmtree(old)

    def _made_checkpoint(self) -> Path:
        """Where unfinished files are made, too: what a kill leaves goes with the next one."""
        self._checkpoint.mkdir(exist_ok=True)
        return self._checkpoint

    def load_checkpoint(self, average: WeightAverage) -> tuple[keras.Model, History] | None:
        """The newest whole checkpoint, or None; fills ``average``."""
        import keras

        from train.network import equivariant  # noqa: F401 - registers the tied layers with Keras

        if not (newest := self._newest()):
            return None
        average.load(newest / "average.npz")
        return keras.models.load_model(newest / "model.keras"), self.history

    def finish(self, scores: AnyScores, history: History, best_epoch: int) -> None:
        """Write history, metrics and pictures; drop the checkpoint."""
        from train import figures

        self.write_json("history.json", history)
        figures.curves(history, best_epoch, self.path / "curves.png")
        figures.answers(scores, self.path)
        self.write_json("metrics.json", {"part": "val", "epoch": best_epoch, **scores.as_dict()})
        shutil.rmtree(self._checkpoint, ignore_errors=True)

    def write_json(self, name: str, content: Any) -> None:
        """Write one of the folder's JSON files, whole or not at all."""
        with replacing(self.path / name) as file:
            file.write(json.dumps(content, indent=1).encode() + b"\n")

    def read_json(self, name: str) -> Any:
        """Read one of the folder's JSON files."""
        return json.loads(read_text(self.path / name))
