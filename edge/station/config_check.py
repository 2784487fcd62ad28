"""What a station would do, tried without taking anything: ``wm-edge station --check``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from edge.camera.address import without_secrets
from edge.classification.classifier import Classifier
from edge.errors import UsageError
from edge.model.model_file import ModelFile, load
from edge.sinks.settings import FileSettings, StoreSettings
from edge.station.folder.watched_folder import WatchedFolder, is_there
from edge.station.folder_settings import Done, FolderSettings
from edge.station.settings import Settings, camera_names, listen_on
from edge.station.station import classifier_arguments
from edge.store.schema import is_store
from edge.system.files import exists
from edge.system.text import printable

#: Names that a name pattern is tried on.
TRIED: Final = 100


def examine(settings: Settings) -> Iterator[str]:
    """Try what a station would do, without taking anything: for ``--check``.

    Yields:
        A line for each part that works, or that will have to be waited for.

    Raises:
        WmEdgeError: a part that cannot work.
    """
    model = load(settings.model.file)
    yield from _model(model, settings)
    store = settings.station.store
    _writable(store, "[station] store")
    _store(store, "[station] store")
    yield f"store    {store}"
    for sink in settings.sinks:
        if isinstance(sink, FileSettings):
            _writable(sink.file, "[[sink]] file")
        if isinstance(sink, StoreSettings):
            _store(sink.file, "[[sink]] file")
        name = sink.make(settings.station.name).name
        yield f"sink     {without_secrets(name) if '://' in name else name}"
    for folder in settings.folders:
        for top in folder.tops:
            there = is_there(top)
            if there and (folder.quarantine or folder.done is not Done.KEEP):
                _writable(Path(top) / "a file", "[[folder]] paths")
            note = "" if there else " (not there now; it would be waited for)"
            yield f"folder   {top}{note}"
            yield from _names(top, folder)
        yield from _recipes(folder)
    for camera, name in zip(settings.cameras, camera_names(settings.cameras), strict=True):
        try:
            camera.reader()
        except UsageError as error:
            raise UsageError(f"[[camera]] recipe: {error}") from None
        shown = camera.address().shown
        yield f"camera   {name}" + (f" ({shown})" if camera.name else "")
    if settings.station.metrics is not None:
        yield "metrics  http://{}:{}/metrics".format(*listen_on(settings.station.metrics))


def _model(model: ModelFile, settings: Settings) -> Iterator[str]:
    classifier = Classifier(**classifier_arguments(model, settings))
    runtime = classifier.runtime
    yield f"model    {model.name} on {runtime.backend} {runtime.version}"
    if settings.patterns:
        own = printable(", ".join(classifier.own_patterns)) or "none yet"
        yield f"patterns {settings.patterns.folder}: {own}"


def _recipes(folder: FolderSettings) -> Iterator[str]:
    """The recipes of a watched folder, where it has any; what is wrong with them is raised."""
    recipes = folder.rules().recipes
    if folder.recipes is not None:
        called = printable(", ".join(name for name, _ in recipes)) or "none yet"
        yield f"recipes  {folder.recipes}: {called}"


def _names(top: str, folder: FolderSettings) -> Iterator[str]:
    """What the name pattern finds in the names that are there, or in the one given to try."""
    names = folder.names()
    if names is None:
        return
    tried = (
        list(islice(WatchedFolder(top, folder, frozenset()).scan(), TRIED))
        if Path(top).is_dir()
        else []
    )
    if folder.name_sample:
        yield f"         {printable(folder.name_sample)}: {names.read(folder.name_sample)}"
    elif not tried:
        yield '         no file to try the name pattern on; name_sample = "..." gives a name'
    if not tried:
        return
    found = [(path, names.read(path)) for path in tried]
    fitting = [(path, named) for path, named in found if named]
    if not fitting:
        raise UsageError(
            f"{tried[0]}: does not fit the name pattern {folder.name_pattern}"
            + (f", nor does any other of {len(tried)} files" if tried[1:] else "")
            + "; mend name_pattern"
        )
    path, named = fitting[0]
    yield f"         {printable(path)}: {named}"
    if odd := next((path for path, named in found if named is None), None):
        yield f"         {printable(odd)}: does not fit ({len(fitting)} of {len(tried)} files do)"


def _writable(file: Path, what: str) -> None:
    folder = file.parent
    if not folder.is_dir():
        raise UsageError(f"{what}: {file}: there is no folder {folder}; make it")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(
            f"{what}: {file}: this user may not write in {folder}; give it the right (chown)"
        )
    if exists(file) and not os.access(file, os.R_OK | os.W_OK):
        raise UsageError(
            f"{what}: {file}: this user may not read and write it; give it the right (chown)"
        )


def _store(file: Path, what: str) -> None:
    """Not opened as a database: that leaves files of this user beside it."""
    if file.is_file() and file.stat().st_size and not is_store(file):
        raise UsageError(f"{what}: {file}: is something else than a store; choose another name")
