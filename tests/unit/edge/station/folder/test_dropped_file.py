"""Where a dropped file stands: one object a file, and every change of its state."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.station.folder.dropped_file import DroppedFile, DroppedFiles, FileState
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder_settings import FolderSettings
from edge.station.source import utc_now

Pass = Callable[[float], None]


@pytest.fixture
def pass_(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Lets seconds pass."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def pass_(seconds: float) -> None:
        now[0] += seconds

    return pass_


@pytest.fixture
def folder(tmp_path: Path) -> WatchedFolder:
    return WatchedFolder(str(tmp_path), FolderSettings((tmp_path,)), frozenset())


def due(files: DroppedFiles) -> list[str]:
    return [file.path for file in files.due()]


def stuck(files: DroppedFiles, folder: WatchedFolder, name: str = "w.png") -> DroppedFile:
    file = files.add(f"{folder.name}/{name}", folder)
    due(files)
    files.enter(file, FileState.RECORDED)
    files.stick(file, 60)
    return file


def test_a_new_file_is_due_at_once_and_once(pass_: Pass, folder: WatchedFolder) -> None:
    files = DroppedFiles()
    for path in ("b", "a"):
        files.add(path, folder)
        files.notice(files["b"])
    assert due(files) == ["b", "a"]
    assert due(files) == []
    assert files.waiting == files.under_way == 2, "until it is known what becomes of them"


def test_nothing_is_left_of_a_file_that_is_done(pass_: Pass, folder: WatchedFolder) -> None:
    files = DroppedFiles()
    file = files.add("a", folder)
    file.target = "done/a"
    files.targets.add(file.target)
    files.finish(file)
    assert (files.get("a"), files.targets, files.under_way) == (None, set(), 0)
    assert file.state is FileState.DONE
    assert due(files) == []


@pytest.mark.parametrize("state", [FileState.IN_FLIGHT, FileState.RECORDED])
def test_what_happens_to_a_file_that_is_recorded_makes_it_another(
    pass_: Pass, folder: WatchedFolder, state: FileState
) -> None:
    files = DroppedFiles()
    file = files.add("a", folder)
    due(files)
    files.enter(file, state)
    files.notice(file)
    assert due(files) == []
    pass_(1)
    files.finish(file)
    assert due(files) == ["a"]
    assert files["a"] is not file
    assert files["a"].seen > file.seen


def test_a_file_that_is_recorded_is_not_waited_for(folder: WatchedFolder) -> None:
    files = DroppedFiles()
    file = files.add("a", folder)
    due(files)
    files.enter(file, FileState.RECORDED)
    assert (files.waiting, files.under_way) == (0, 1)


def test_a_file_that_cannot_be_put_away_is_tried_again_after_a_while(
    pass_: Pass, folder: WatchedFolder
) -> None:
    files = DroppedFiles()
    file = stuck(files, folder)
    files.notice(file)
    assert due(files) == [], "the attempt itself is a change"
    assert (files.waiting, files.under_way, files.stuck) == (0, 0, [file.path])
    pass_(60)
    assert due(files) == [file.path]


def test_a_file_that_somebody_took_away_is_stuck_no_more(folder: WatchedFolder) -> None:
    files = DroppedFiles()
    there, gone = stuck(files, folder), stuck(files, folder, "gone.png")
    Path(there.path).touch()
    files.forget_gone()
    assert files.stuck == [there.path]
    assert gone.state is FileState.DONE


def test_waiting_is_never_long_nor_negative(pass_: Pass, folder: WatchedFolder) -> None:
    files = DroppedFiles()
    assert files.wait() == 1
    file = files.add("a", folder)
    pass_(5)
    assert files.wait() == 0
    due(files)
    files.postpone(file, 3600)
    assert files.wait() == 1


def test_the_clock_on_the_wall_is_utc() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", utc_now())
