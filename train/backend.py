"""The library that Keras computes with while a network is trained: TensorFlow, JAX or PyTorch.

``KERAS_BACKEND`` chooses it, else Keras's own ``keras.json``, else it is TensorFlow. Conversion
runs on TensorFlow whatever trained.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.system import native_log

#: As Keras and Python call them.
BACKENDS: Final = ("tensorflow", "jax", "torch")


def chosen() -> str:
    """The one that Keras runs on, or would if it were loaded.

    Raises:
        UsageError: it is none that trains.
    """
    loaded: Any = sys.modules.get("keras")
    name = loaded.backend.backend() if loaded else os.environ.get("KERAS_BACKEND") or _configured()
    if name not in BACKENDS:
        what = f"Keras is set to run on {name!r} (KERAS_BACKEND, or its keras.json)"
        raise UsageError(f"{what}; a training runs on {', '.join(BACKENDS)}")
    return name


def installed() -> str:
    """The chosen one, which is there.

    Raises:
        UsageError: it is none that trains, or another than TensorFlow that is not installed.
    """
    name = chosen()
    if name != BACKENDS[0] and importlib.util.find_spec(name) is None:
        mend = f"pip install 'wm-edge[train-{name}]', or choose another one with KERAS_BACKEND"
        raise UsageError(f"Keras is set to run on {name}, which is not installed; mend: {mend}")
    return name


def _configured() -> str:
    """What ``keras.json`` says, which Keras passes over where it cannot be read."""
    home = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser())
    try:
        said = json.loads((home / "keras.json").read_text("utf-8"))
        return str(said["backend"])
    except (OSError, ValueError, LookupError, TypeError):
        return BACKENDS[0]


def load() -> None:
    """Import it and Keras: seconds, so after all that can be refused without.

    Raises:
        UsageError: it is none that trains.
        ImportError: one cannot be loaded.
    """
    native_log.load(chosen(), "keras")


def versions() -> dict[str, str]:
    """Of it and of Keras, for ``config.json``."""
    loaded = {name: importlib.import_module(name) for name in (chosen(), "keras")}
    return {name: str(module.__version__) for name, module in loaded.items()}


def check_same(path: Path, config: dict[str, Any]) -> None:
    """Refuse to resume a run on another one: its optimiser and its chance would be others.

    Args:
        path: The run folder.
        config: The content of its ``config.json``.

    Raises:
        UsageError: it was started on another; says on which.
    """
    tools = config.get("tools")
    began = next((name for name in BACKENDS if isinstance(tools, dict) and name in tools), None)
    if began and began != chosen():
        what = f"{path} was started on {began}, and Keras runs on {chosen()} now"
        raise UsageError(f"{what}; resume with KERAS_BACKEND={began}")


def array(tensor: Any) -> npt.NDArray[Any]:
    """A copy as numpy of whatever the backend computes, with or without gradients."""
    from keras import ops

    return np.array(ops.convert_to_numpy(tensor))
