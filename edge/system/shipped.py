"""The model files that ship, by their names: those that lie in the package's own folder.

A bare name stands for one of them wherever a model file is named; a file of one's own that has the
same name is meant where it is written as a path, ``./wm811k``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: Dropping a model file in makes its name known.
FOLDER: Final = Path(__file__).parents[1] / "models"
_SUFFIX: Final = ".tflite"

#: What every verb uses unless told, and what a microcontroller gets where it ships.
DEFAULT: Final = "wm811k"
MICRO: Final = "wm811k-micro"


def names() -> tuple[str, ...]:
    """Those that ship, the default first."""
    found = (file.stem for file in FOLDER.glob(f"*{_SUFFIX}"))
    # One with a dot is a float network beside a model file.
    return tuple(sorted((n for n in found if "." not in n), key=lambda n: (n != DEFAULT, n)))


def shipped_path(name: str = DEFAULT) -> Path:
    """Where the model file of a name lies."""
    return FOLDER / f"{name}{_SUFFIX}"


def located(text: object) -> Path | None:
    """The model file that is meant by a bare name; None where the text is a path."""
    return shipped_path(text) if isinstance(text, str) and text in names() else None


def paths() -> list[Path]:
    """Where they lie, the default first."""
    return [shipped_path(name) for name in names() or (DEFAULT,)]


def firmware_path() -> Path:
    """What a microcontroller gets unless told otherwise."""
    return shipped_path(MICRO if MICRO in names() else DEFAULT)


def known() -> str:
    """What else may be named, for whoever named what is not there."""
    return f"a path, or one that ships: {', '.join(names()) or 'none does'}"
