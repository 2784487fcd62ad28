"""Which files of a watched folder count, and where they go."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from edge.errors import UsageError
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder_settings import Done, FolderSettings
from edge.system.beneath import Place


def top(folder: Path, **settings: object) -> WatchedFolder:
    return WatchedFolder(str(folder), FolderSettings((folder,), **settings), frozenset())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("w.png", True),
        ("lot/w.PNG", True),
        ("w.txt", False),
        ("w.png.part", False),
        (".w.png", False),
        (".staging/w.png", False),
        ("lot/.staging/w.png", False),
        ("done/w.png", False),
        ("bad/w.png", False),
        ("done-too/w.png", True),
    ],
)
def test_what_counts(tmp_path: Path, name: str, counts: bool) -> None:
    watched = top(tmp_path, done=Done.MOVE, quarantine=tmp_path / "bad")
    assert watched.counts(str(tmp_path / name)) is counts


def test_a_file_of_unknown_name_is_opened_once_in_each_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched, looked = top(tmp_path), list[str]()
    look = WatchedFolder._looked_into
    monkeypatch.setattr(
        WatchedFolder, "_looked_into", lambda *given: looked.append(given[1]) or look(*given)
    )
    path = tmp_path / "lot42.map"
    path.write_bytes(b"nothing of a fab")
    assert not any(watched.counts(str(path)) for _ in range(3))
    assert len(looked) == 3  # what was just written may be written again
    monkeypatch.setattr("edge.station.folder.watched_folder.FAT_STEP", -1)
    assert not any(watched.counts(str(path)) for _ in range(3))
    assert len(looked) == 4
    path.write_bytes(b"LOT:A\nRowData:01 02")
    assert all(watched.counts(str(path)) for _ in range(3))
    assert len(looked) == 5


def test_patterns_match_the_name_or_the_path_in_the_folder(tmp_path: Path) -> None:
    watched = top(tmp_path, globs=("lot1/*", "*.csv"))
    names = ("lot1/w.png", "lot2/w.png", "lot2/w.csv")
    assert [watched.counts(str(tmp_path / name)) for name in names] == [True, False, True]


def test_files_keep_their_folder_where_they_go(tmp_path: Path) -> None:
    watched = top(tmp_path, done=Done.MOVE, quarantine=tmp_path / "bad")
    path = str(tmp_path / "lot" / "w.png")
    assert watched.place(path, bad=False) == Place(str(tmp_path), "done/lot/w.png")
    assert watched.place(path, bad=True) == Place(str(tmp_path), "bad/lot/w.png")
    elsewhere = top(tmp_path / "in", quarantine=tmp_path / "bad")
    inner = str(tmp_path / "in" / "lot" / "w.png")
    assert elsewhere.place(inner, bad=True) == Place(str(tmp_path / "bad"), "lot/w.png")
    assert top(tmp_path, done=Done.DELETE).place(path, bad=False) is None


@pytest.mark.parametrize("target", [".", ".."])
def test_files_cannot_go_where_nothing_would_be_taken_any_more(tmp_path: Path, target: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(UsageError, match="cannot be put there"):
        top(folder, done=Done.MOVE, done_dir=folder / target)


def test_where_files_go_is_no_link_in_the_watched_folder(tmp_path: Path) -> None:
    """Who may write into it could lead the files anywhere."""
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "done").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="by a link, where none is followed"):
        top(folder, done=Done.MOVE)
    top(folder, done=Done.DELETE)
    named = top(folder, done=Done.MOVE, done_dir=elsewhere)
    assert named.place(str(folder / "w.png"), bad=False) == Place(str(elsewhere), "w.png")
    (tmp_path / "linked").symlink_to(folder)
    inside = top(tmp_path / "linked", done=Done.MOVE, done_dir=folder / "taken")
    assert inside.place(str(tmp_path / "linked" / "w.png"), bad=False) == Place(
        str(tmp_path / "linked"), "taken/w.png"
    )


def test_links_in_it_are_passed_over_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    for each in (folder / "lot", elsewhere):
        each.mkdir(parents=True)
        (each / "w.csv").touch()
    (folder / "x.csv").symlink_to(elsewhere / "w.csv")
    (folder / "x").symlink_to(elsewhere)
    (folder / "y").symlink_to(folder)
    watched = top(folder)
    for _ in range(2):
        assert list(watched.scan()) == [str(folder / "lot" / "w.csv")]
    assert not list(watched.scan(str(folder / "x")))
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"{folder}/x: is passed over: a link, which is not followed")


def test_a_tree_of_any_depth_is_gone_through(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Deeper than Python recurses, and deeper than the system takes a path."""
    here = os.open(tmp_path, os.O_RDONLY)
    wafers = 0
    for level in range(1500):
        os.mkdir("abc", dir_fd=here)
        there = os.open("abc", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
        if not level % 100:
            os.close(os.open("w.csv", os.O_CREAT | os.O_WRONLY, dir_fd=here))
            wafers += 1
    os.close(here)
    found = list(top(tmp_path).scan())
    assert len(str(tmp_path)) < 100
    assert wafers > len(found) >= 10, "what is too deep is passed over"
    assert "longer than the system takes" in caplog.text
    subprocess.run(["rm", "-rf", str(tmp_path)], check=True)
