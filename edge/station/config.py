"""A station's configuration file (TOML) -> settings; every mistake with its line and key.

``docs/station-reference.md`` lists the keys. Relative paths start at the folder of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from edge.errors import ModelError, UsageError
from edge.model.model_file import load
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder_settings import Done, FolderSettings
from edge.station.settings import Settings
from edge.system import shipped, toml_file
from edge.system.files import exists
from edge.system.typed import MismatchError, Place


def read(path: Path) -> Settings:
    """Read and check a configuration file.

    Raises:
        UsageError: what is wrong, with file, line and key.
        ModelError: it names a model file that is not there.
    """
    file = toml_file.read(path)
    _name_shipped(file.content)
    try:
        settings = file.decode(Settings)
    except UsageError as error:  # of several tables together
        raise UsageError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
    if not settings.folders and not settings.cameras:
        what = "is missing; a station needs a [[folder]] or a [[camera]]"
        raise file.wrong(("folder",), what)
    model = settings.model.file
    if model is not None and not exists(model):  # the exit code is that of all unusable model files
        what = f"is {model}: there is no such file; check the name: {shipped.known()}"
        raise ModelError(str(file.wrong(("model", "file"), what)))
    if settings.review.below:  # whose names only the model file knows
        try:
            settings.review.changed(load(model).review)
        except MismatchError as error:
            raise file.wrong(("review", *error.place), error.what) from None
    for place, problem in _problems(settings):
        raise file.wrong(place, f"is refused: {problem}")
    return settings


def _name_shipped(content: dict[str, Any]) -> None:
    """Put its path in the place of the name of a model file that ships."""
    model = content.get("model")
    if isinstance(model, dict) and (file := shipped.located(model.get("file"))):
        model["file"] = file


def _problems(settings: Settings) -> Iterator[tuple[Place, UsageError]]:
    """What the system or a library has to say against a value."""
    for number, folder in enumerate(settings.folders):
        for key, tried in _parts(folder):
            for top in folder.tops:
                try:
                    WatchedFolder(top, tried, frozenset())
                except UsageError as error:
                    yield ("folder", number, key), error
    for number, camera in enumerate(settings.cameras):
        try:
            camera.address()
        except UsageError as error:
            yield ("camera", number, "source"), error
    for number, sink in enumerate(settings.sinks):
        try:
            sink.make(settings.station.name)
        except UsageError as error:
            yield ("sink", number, sink.__struct_fields__[0]), error


def _parts(folder: FolderSettings) -> Iterator[tuple[str, FolderSettings]]:
    """The key to blame, and the folder with that and those before it alone."""
    plain = replace(folder, done=Done.KEEP, done_dir=None, quarantine=None)
    yield "paths", plain
    yield "quarantine", replace(plain, quarantine=folder.quarantine)
    yield "done_dir" if folder.done_dir else "done", replace(folder, quarantine=None)
