"""A lowered network in, all files of a firmware out: one module a target."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from convert.firmware.rounding import Rounding
    from edge.model.model_file import ModelFile

#: Name of each target -> its module, which has ``generate``.
TARGETS: Final = {"c99": "convert.firmware.targets.c99", "tflm": "convert.firmware.targets.tflm"}


@dataclass(frozen=True)
class Firmware:
    """What is written, and what a person may want to know of it.

    Attributes:
        files: Content of each file, by its path inside the folder.
        figures: By what they say.
        doubts: What will not work as it is.
    """

    files: Mapping[str, bytes]
    figures: Mapping[str, int] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


class Target(Protocol):
    """A module of this package."""

    def generate(self, model: ModelFile, *choices: Rounding) -> Firmware:
        """All files of a firmware.

        ``choices``: whose bytes the kernels give, for a target that has kernels of its own.

        Raises:
            ModelError: the model needs something that this target has not.
        """


def load(name: str) -> Target:
    """The target of a name in ``TARGETS``."""
    target: Target = importlib.import_module(TARGETS[name])  # type: ignore[assignment]
    return target
