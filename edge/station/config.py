"""A station's configuration file (TOML) -> settings; every mistake with its line and key.

``docs/station-reference.md`` lists the keys. Relative paths start at the folder of the file.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edge.errors import ModelError, UsageError
from edge.formats.name_pattern import NamePattern
from edge.model.backend import Backend
from edge.model.runtime import Kernels
from edge.sinks.durable_sink import KINDS
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.settings import (
    COMPLETE_AFTER,
    CameraSettings,
    Done,
    FolderSettings,
    ModelSettings,
    Patience,
    Settings,
    SinkSettings,
    listen_on,
)
from edge.store.rows import Same
from edge.store.wafer_maps import ALWAYS, KEPT, KeepMaps
from edge.system import toml_file
from edge.system.files import exists
from edge.system.toml_file import Table
from edge.verdict.rule import Costs
from edge.wafer.patterns import PATTERNS, pattern_named

#: Sinks whose target is a file.
FILES: Final = ("store", "jsonl", "csv")


def read(path: Path) -> Settings:
    """Read and check a configuration file.

    Raises:
        UsageError: what is wrong, with file, line and key.
    """
    return _settings(toml_file.read(path))


def _settings(top: Table) -> Settings:
    station = top.table("station")
    name = station.text("name", "")
    store = station.path("store")
    if store is None:
        raise station.missing("store", "name the SQLite file that records everything")
    metrics = station.any("metrics", None, listen_on, "[HOST:]PORT, for instance 9105")
    same = Same(station.choice("same", "name", [str(each) for each in Same]))
    keep_maps = station.any("keep_maps", ALWAYS, KeepMaps.parse, KEPT)
    folders = tuple(_folder(table) for table in top.tables("folder"))
    cameras = tuple(_camera(table) for table in top.tables("camera"))
    sinks = tuple(_sink(table, name) for table in top.tables("sink"))
    model = _model(top.table("model"), top.table("review"))
    if not folders and not cameras:
        raise top.missing("folder", "a station needs a [[folder]] or a [[camera]]")
    station.done()
    top.done()
    name = name or socket.gethostname()
    try:
        return Settings(store, name, model, folders, cameras, sinks, metrics, same, keep_maps)
    except UsageError as error:
        raise UsageError(f"{top.file}: {error}") from None


def _folder(table: Table) -> FolderSettings:
    for key, needed, value, said in (
        ("done_dir", "done", Done.MOVE, 'done = "move"'),
        ("poll_interval", "polling", True, "polling = true"),
    ):
        if key in table.content and table.content.get(needed) != value:
            raise table.wrong(key, f"says nothing without {said}")
    patience = Patience(
        looks=table.whole("stable_polls", 2, 100) or 3,
        interval=table.number("stable_interval", 0.5, 0.05, 3600),
        bad=table.number("bad_after", 2.0, 0, 3600),
        complete=table.number("complete_after", 0.0, 0, 86_400),
    )
    polling = table.flag("polling", default=False)
    interval = table.number("poll_interval", 1.0, 0.05, 3600)
    pattern, sample = _name_pattern(table)
    paths = table.paths("paths")
    if not paths:
        raise table.missing("paths", "list the folders to watch")
    found = FolderSettings(
        tops=tuple(map(str, paths)),
        recursive=table.flag("recursive", default=True),
        globs=table.texts("globs"),
        name_pattern=pattern,
        name_sample=sample,
        polling=interval if polling else None,
        done=Done(table.choice("done", "keep", [str(each) for each in Done])),
        done_dir=table.path("done_dir"),
        quarantine=table.path("quarantine"),
        patience=patience,
    )
    table.done()
    for key, settings in (
        ("paths", replace(found, done=Done.KEEP, quarantine=None)),
        ("quarantine", replace(found, done=Done.KEEP)),
        ("done_dir" if found.done_dir else "done", replace(found, quarantine=None)),
    ):
        try:
            for top in found.tops:
                WatchedFolder(top, settings, frozenset())
        except UsageError as error:
            raise table.wrong(key, f"is refused: {error}") from None
    return found


def _name_pattern(table: Table) -> tuple[str, str]:
    """The pattern, and a name that it must fit."""
    text, sample = table.text("name_pattern", ""), table.text("name_sample", "")
    if not text:
        if sample:
            raise table.wrong("name_sample", "says nothing without name_pattern")
        return "", ""
    try:
        pattern = NamePattern(text)
    except ValueError as error:
        raise table.wrong("name_pattern", f"is {text!r}: {error}") from None
    if sample and pattern.match(sample) is None:
        raise table.wrong("name_sample", f"is {sample!r}, which does not fit {text}; mend one")
    return text, sample


def _camera(table: Table) -> CameraSettings:
    source = str(table.any("source", "", _source, "a text, or the number of a camera", secret=True))
    if not source:
        raise table.missing("source", "name a device, a video file or a URL")
    if "password" in table.content:
        raise table.wrong("password", "does not belong here; write it into a file: password_file")
    found = CameraSettings(
        source=source,
        recipe=table.path("recipe"),
        stable=table.whole("stable", 1, 1000) or 3,
        patience=table.number("patience", 10.0, 0.5, 3600),
        complete_after=table.number("complete_after", COMPLETE_AFTER, 0, 86400),
        name=table.any("name", "", _name, "a text of characters that can be printed"),
        username=table.text("username", "", secret=True),
        password_file=table.path("password_file"),
    )
    table.done()
    try:
        found.address()
    except UsageError as error:
        raise table.wrong("source", f"is refused: {error}") from None
    return found


def _sink(table: Table, station: str) -> SinkSettings:
    kind = table.choice("kind", "", list(KINDS))
    options: dict[str, Any] = {}
    if kind in FILES:
        file = table.path("file")
        if file is None:
            raise table.missing("file", f"a {kind} sink needs one")
        target = str(file)
        if kind != "store":
            options["fsync"] = table.choice("fsync", "always", ["always", "never"])
    else:
        target = table.text("url", "", secret=True)
        if not target:
            raise table.missing("url", f"a {kind} sink needs one")
        if station:
            options["station"] = station
    table.done()
    try:
        KINDS[kind].make(target, **options)
    except UsageError as error:
        raise table.wrong("file" if kind in FILES else "url", f"is refused: {error}") from error
    return SinkSettings(kind, target, options)


def _model(model: Table, review: Table) -> ModelSettings:
    backends = [str(each) for each in Backend]
    backend = model.choice("backend", "", ["", *backends])
    found = ModelSettings(
        file=_model_file(model),
        backend=Backend(backend) if backend else None,
        kernels=Kernels(model.choice("kernels", "fast", [str(each) for each in Kernels])),
        average_symmetries=model.flag("average_symmetries", default=False),
        below=tuple(_below(review)),
        costs=review.any("costs", None, _costs, "[escape, false alarm, review], numbers from 0 up"),
        unfamiliar_above=review.optional("unfamiliar_above", 0, 1e9),
        mixed_above=review.optional("mixed_above", 0, 1),
    )
    model.done()
    review.done()
    return found


def _model_file(table: Table) -> Path | None:
    path = table.path("file")
    if path is not None and not exists(path):  # the exit code is that of all unusable model files
        what = f"is {path}: there is no such file; check the name"
        raise ModelError(str(table.wrong("file", what)))
    return path


def _below(review: Table) -> list[dict[str, float]]:
    table = review.table("below")
    found = []
    everywhere = table.optional("all", 0, 1)
    if everywhere is not None:
        found.append(dict.fromkeys(PATTERNS, everywhere))
    named: dict[str, float] = {}
    for key in list(table.content):
        pattern = pattern_named(key)
        if pattern in named:
            raise table.wrong(key, f"is {pattern} once more; keep one of them")
        value = table.optional(key, 0, 1) if pattern else None
        if pattern and value is not None:
            named[pattern] = value
    table.done(f"known: all, {', '.join(PATTERNS)}")
    return [*found, *({pattern: value} for pattern, value in named.items())]


def _source(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError(value)
    return str(value)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(value)
    return value.strip()


def _costs(value: Any) -> Costs:
    if not isinstance(value, list):  # a text, too, is a row of things
        raise TypeError(value)
    costs = Costs(*map(float, value))
    if not all(0 <= one < float("inf") for one in (costs.escape, costs.false_alarm, costs.review)):
        raise ValueError(value)
    return costs
