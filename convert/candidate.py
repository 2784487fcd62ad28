"""A network as it would ship, for whoever chooses among networks: no test part is asked."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convert import attempt
from convert.conversion_data import asked
from convert.embedding import with_embedding
from convert.firmware.tflm.arena import Arena, arena_of
from convert.metadata import Source, of_run, short
from convert.quantise import Calibration, calibration_set, quantise
from convert.run_folder import read_config
from edge.dataset.labelled_set import LabelledSet
from edge.evaluation import metrics
from edge.model import flatbuffer
from edge.model.model_file import ModelFile, attach
from edge.wafer.probes import PROBES

if TYPE_CHECKING:
    import keras


class Candidates:
    """Quantises networks as ``wm-edge convert`` does; what that one adds after parity is missing.

    Args:
        train_part: Calibrates, by the wafers that ``convert`` would take.
    """

    def __init__(self, train_part: LabelledSet) -> None:
        self._train = train_part
        self._asked = asked(train_part)
        self._calibration = cache(self._calibrated)

    def _calibrated(self, seed: int, size: int) -> Calibration:
        return calibration_set(self._asked, seed, size=size)

    def bare(self, network: keras.Model, seed: int = 0) -> bytes:
        """A network quantised alike, as a bare ``.tflite``."""
        return quantise(network, self._calibration(seed, int(network.input_shape[1])))

    @staticmethod
    def arena(drafted: ModelFile) -> Arena:
        """What TFLite Micro sets aside for it, measured where its wheel is installed."""
        return arena_of(drafted.network, flatbuffer.read(drafted.network))

    @staticmethod
    def expected_bytes(drafted: ModelFile) -> int:
        """What a draft will have once it is judged: what parity adds is drawn by chance.

        The file that ships has 0.3 % more.
        """
        rng, document = np.random.default_rng(0), drafted.document
        patterns, size = drafted.patterns, drafted.metadata.embedding.size
        scores = metrics.score(rng.integers(1, 500, (len(patterns),) * 2), patterns.names)
        figures = {"float": short(scores.as_dict()), "int8": short(scores.as_dict())}

        def numbers(*shape: int, digits: int = 4) -> list[Any]:
            drawn: list[Any] = rng.normal(0, 1, shape).round(digits).tolist()
            return drawn

        each = dict(zip(patterns, numbers(len(patterns)), strict=True))
        document["review"] |= {"below": each, "log_prior": each}
        document["review"]["unfamiliar"] = {
            "above": 1.0,
            "means": numbers(len(patterns), size, digits=2),
        }
        document["review"]["mixed"] = {
            "above": 1.0,
            "weights": numbers(size, digits=3),
            "bias": 1.0,
        }
        document["selftest"] = {
            "logits": rng.integers(-128, 128, (PROBES, len(patterns))).tolist(),
            "embedding": rng.integers(-128, 128, (PROBES, size)).tolist(),
        }
        document["accuracy"] = {**figures, "review": {"accepted_precision": each}}
        return len(attach(drafted.network, document))

    def draft(self, plain: keras.Model, run: Path) -> ModelFile:
        """The model file of a float network with plain layers, trained or not.

        Args:
            plain: Takes encoded wafers and gives a logit a pattern.
            run: Its run folder; ``config.json`` is enough.

        Raises:
            ModelError: the converter's output is not what a station can trust.
            DataError: no run folder, or no wafers to calibrate on.
            UsageError: no station has the encoding.
        """
        config = read_config(run)
        calibration = self._calibration(config.recipe.seed, int(plain.input_shape[1]))
        classes = self._asked.class_indices()[calibration.indices]
        network = with_embedding(plain, calibration.planes, classes)
        source = Source(run, config.recipe.name, config.data, [])
        known = of_run(source, config, self._train, calibration, network.count_params(), b"")
        bare = quantise(network, calibration)
        return attempt.draft(bare, known, self._train.patterns, run / "draft.tflite")[0]
