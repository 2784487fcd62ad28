"""Write a firmware into a folder."""

from __future__ import annotations

from pathlib import Path

from convert.firmware.rounding import Rounding
from convert.firmware.targets import Firmware, load
from edge.errors import OutputError, UsageError
from edge.model.model_file import ModelFile
from edge.system.files import write_bytes


def export(
    model: ModelFile,
    place: Path,
    target: str,
    *,
    overwrite: bool = False,
    rounding: Rounding | None = None,
) -> Firmware:
    """Make a firmware of a model file and write it.

    Args:
        model: A checked model file.
        place: The folder; made where it is not there.
        target: A name in ``convert.firmware.targets.TARGETS``.
        overwrite: Write into a folder that holds something already; other files stay.
        rounding: Whose bytes the kernels give; None for the target's own, of which tflm has but
            one.

    Raises:
        UsageError: the folder holds something and ``overwrite`` is False, or it is a file; or the
            model file names several patterns a wafer.
        ModelError: the model needs something that the target has not; names it.
        OutputError: a file cannot be written.
    """
    model.require_exclusive("a firmware")
    _check(place, overwrite=overwrite)
    choices = () if rounding is None else (rounding,)
    firmware = load(target).generate(model, *choices)
    for name, content in firmware.files.items():
        file = place / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{file.parent}: cannot be made ({error.strerror})") from error
        write_bytes(file, content)
    return firmware


def _check(place: Path, *, overwrite: bool) -> None:
    try:
        if place.exists() and not place.is_dir():
            raise UsageError(f"{place}: not a folder; choose another name")
        if not overwrite and place.is_dir() and any(place.iterdir()):
            raise UsageError(f"{place}: not empty; choose another folder or pass --overwrite")
    except OSError as error:
        raise OutputError(f"{place}: cannot be looked at ({error.strerror})") from error
