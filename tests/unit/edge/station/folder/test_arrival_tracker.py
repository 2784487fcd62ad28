"""From a name that comes up to a file that is due: each once, whatever happens to it meanwhile."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.station.folder import file_disposal
from edge.station.folder.arrival_tracker import ArrivalTracker
from edge.station.folder.arrivals import Arrivals
from edge.station.folder.completeness import Completeness
from edge.station.folder.dropped_file import DroppedFiles, FileState
from edge.station.folder.file_disposal import FileDisposal
from edge.station.folder.known import KnownFiles
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder_settings import Done, FolderSettings
from edge.station.heartbeat import Heartbeat
from edge.store.taken import FileNote, stamp_at


class Source:
    """What a source has around its tracker; nothing is known of any file but by ``notes``."""

    def __init__(self, top: Path) -> None:
        settings = FolderSettings((top,), done=Done.MOVE)
        self.folder = WatchedFolder(str(top), settings, frozenset())
        self.files = DroppedFiles()
        self.arrivals = Arrivals([self.folder])
        self.disposal = FileDisposal(settings, [self.folder], self.files)
        self.notes: dict[str, FileNote] = {}
        known = SimpleNamespace(
            notes=lambda paths: {p: self.notes[p] for p in paths if p in self.notes}
        )
        self.tracker = ArrivalTracker(
            self.arrivals,
            cast(KnownFiles, known),
            self.files,
            Completeness(settings),
            self.disposal,
            Heartbeat(60),
        )

    def _notes_of(self, paths: Iterable[str]) -> dict[str, FileNote]:
        return {path: self.notes[path] for path in paths if path in self.notes}

    def due(self) -> list[str]:
        return [entry.path for entry in self.tracker.due(threading.Event())]

    def recorded(self, path: Path) -> None:
        """It was taken and is recorded; it is to be moved."""
        file = self.files[str(path)]
        stamp = stamp_at(str(path))
        assert stamp is not None
        file.note = self.notes[str(path)] = FileNote(
            stamp, path.name, "", str(path.parent / "done")
        )
        self.files.enter(file, FileState.RECORDED)
        self.disposal.kept([file])

    def changed(self, path: Path) -> None:
        self.arrivals._on_change(self.folder, {str(path)})


@pytest.fixture
def wafer(tmp_path: Path) -> Path:
    path = tmp_path / "w.csv"
    path.write_text("1")
    return path


def full(*_: object) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_is_due_once_and_when_it_changed(tmp_path: Path, wafer: Path) -> None:
    source = Source(tmp_path)
    assert source.due() == [str(wafer)]
    source.changed(wafer)
    assert source.due() == [], "it is at who reads it"
    source.files.finish(source.files[str(wafer)])
    assert source.due() == [str(wafer)]


def test_a_file_that_waited_is_looked_at_before_it_is_taken_again(
    tmp_path: Path, wafer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(tmp_path)
    assert source.due() == [str(wafer)]
    source.files.postpone(source.files[str(wafer)], 0)
    monkeypatch.setattr(WatchedFolder, "trouble", "the folder was closed to this user")
    assert source.due() == [], "no file in it is bad"
    assert not source.files.under_way


def test_what_was_taken_in_this_state_is_not_due(tmp_path: Path, wafer: Path) -> None:
    source = Source(tmp_path)
    stamp = stamp_at(str(wafer))
    assert stamp is not None
    source.notes[str(wafer)] = FileNote(stamp)
    assert source.due() == []
    wafer.write_text("2")
    source.changed(wafer)
    assert source.due() == [str(wafer)]


def test_a_file_that_cannot_be_put_away_is_left_alone_until_it_is_another(
    tmp_path: Path, wafer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(tmp_path)
    assert source.due() == [str(wafer)]
    source.recorded(wafer)
    monkeypatch.setattr(file_disposal, "put_away", full)
    assert source.due() == []
    assert source.files.stuck == [str(wafer)]
    wafer.chmod(0o600)  # to be hidden and given back changes the same
    source.changed(wafer)
    assert source.due() == []
    assert source.files.stuck == [str(wafer)]
    wafer.write_text("another")
    source.changed(wafer)
    monkeypatch.setattr(file_disposal, "put_away", lambda *_: None)
    assert source.due() == [str(wafer)]
    assert not source.files.stuck


def test_a_file_that_an_earlier_run_had_in_hand_is_put_away(tmp_path: Path, wafer: Path) -> None:
    source = Source(tmp_path)
    stamp = stamp_at(str(wafer))
    assert stamp is not None
    source.notes[str(wafer)] = FileNote(stamp, wafer.name, "", str(tmp_path / "done" / "w.csv"))
    assert source.due() == []
    assert os.listdir(tmp_path) == ["done"]  # noqa: PTH208
    assert source.disposal.news().taken[str(wafer)] is None
