"""The door: files, arrays and arguments in; wafer maps, predictions and the command's results out.

For scripts and notebooks: ``wm_edge.classify("wafer.png")``; docs/python.md has more. A name is
loaded when it is used, so that ``wm-edge --help`` answers at once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from edge import __version__ as __version__
    from edge.classification.block import classify_block as classify_block
    from edge.classification.classifier import Classifier as Classifier
    from edge.classification.prediction import Prediction as Prediction
    from edge.errors import InputError as InputError
    from edge.errors import InputKind as InputKind
    from edge.errors import ModelError as ModelError
    from edge.errors import WmEdgeError as WmEdgeError
    from edge.model.model_file import ModelFile as ModelFile
    from edge.model.model_file import load as load
    from edge.verdict.rule import Reason as Reason
    from edge.verdict.rule import ReviewRule as ReviewRule
    from edge.verdict.rule import Verdict as Verdict
    from edge.wafer.wafermap import WaferMap as WaferMap
    from wm_edge.functions import classify as classify
    from wm_edge.functions import read as read

_NAMES: Final = {
    "edge": ("__version__",),
    "edge.classification.block": ("classify_block",),
    "edge.classification.classifier": ("Classifier",),
    "edge.classification.prediction": ("Prediction",),
    "edge.errors": ("InputError", "InputKind", "ModelError", "WmEdgeError"),
    "edge.model.model_file": ("ModelFile", "load"),
    "edge.verdict.rule": ("Reason", "ReviewRule", "Verdict"),
    "edge.wafer.wafermap": ("WaferMap",),
    "wm_edge.functions": ("classify", "read"),
}
_HOMES: Final = {name: home for home, names in _NAMES.items() for name in names}

__all__ = [*_HOMES]  # noqa: PLE0604 - all are texts

if not TYPE_CHECKING:  # a checker knows the names above, and complains of others

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            message = f"module 'wm_edge' has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=sys.modules[__name__])
        from importlib import import_module

        from wm_edge.hidden import hidden

        if why := hidden("edge"):
            raise ImportError(why)
        found = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted(_HOMES)
