"""Which files of a watched folder count, and where they go."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import UsageError
from edge.station.putaway import Done
from edge.station.tops import FolderSettings, Top


def top(folder: Path, **settings: object) -> Top:
    return Top(str(folder), FolderSettings((str(folder),), **settings), frozenset())  # type: ignore[arg-type]


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


def test_patterns_match_the_name_or_the_path_in_the_folder(tmp_path: Path) -> None:
    watched = top(tmp_path, globs=("lot1/*", "*.csv"))
    names = ("lot1/w.png", "lot2/w.png", "lot2/w.csv")
    assert [watched.counts(str(tmp_path / name)) for name in names] == [True, False, True]


def test_files_keep_their_folder_where_they_go(tmp_path: Path) -> None:
    watched = top(tmp_path, done=Done.MOVE, quarantine=tmp_path / "bad")
    path = str(tmp_path / "lot" / "w.png")
    assert watched.place(path, bad=False) == tmp_path / "done" / "lot" / "w.png"
    assert watched.place(path, bad=True) == tmp_path / "bad" / "lot" / "w.png"
    assert top(tmp_path, done=Done.DELETE).place(path, bad=False) is None


@pytest.mark.parametrize("target", [".", ".."])
def test_files_cannot_go_where_nothing_would_be_taken_any_more(tmp_path: Path, target: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(UsageError, match="cannot be put there"):
        top(folder, done=Done.MOVE, done_dir=folder / target)
