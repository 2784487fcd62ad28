"""What the kernel tells of a folder: all of it, and nothing of what a link leads to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.station.folder.inotify import _OVERFLOW, Listener
from tests.unit.edge.conftest import Mount


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


@pytest.fixture
def listener(folder: Path) -> Iterator[Listener]:
    with closing(Listener(str(folder), recursive=True)) as listener:
        yield listener


def told(listener: Listener, folder: Path) -> set[str]:
    listener.wait(0.2)
    return {os.path.relpath(path, folder) for path in listener.read()}


def test_files_that_come_change_and_are_moved_in(folder: Path, listener: Listener) -> None:
    assert told(listener, folder) == set()
    (folder / "a.csv").touch()
    assert told(listener, folder) == {"a.csv"}
    (folder / "a.csv").write_text("1")
    assert told(listener, folder) == {"a.csv"}
    (folder / "a.csv").chmod(0o600)
    assert told(listener, folder) == {"a.csv"}
    (folder / "a.csv").rename(folder / "b.csv")
    assert told(listener, folder) == {"b.csv"}
    (folder / "b.csv").unlink()
    (folder / "caf\udce9.csv").touch()
    assert "caf\udce9.csv" in told(listener, folder)


def test_folders_that_come_are_listened_to_with_all_in_them(
    folder: Path, listener: Listener
) -> None:
    deep = folder.parent / "lot" / "a" / "b"
    deep.mkdir(parents=True)
    (folder.parent / "lot").rename(folder / "lot")
    (folder / "new").mkdir()
    assert told(listener, folder) == {"lot", "new"}
    (folder / "lot" / "a" / "b" / "w.csv").touch()
    (folder / "new" / "w.csv").touch()
    assert told(listener, folder) == {"lot/a/b/w.csv", "new/w.csv"}


def test_a_folder_that_is_moved_is_known_by_its_new_name(folder: Path, listener: Listener) -> None:
    (folder / "lot" / "a").mkdir(parents=True)
    told(listener, folder)
    (folder / "lot").rename(folder / "lot2")
    told(listener, folder)
    (folder / "lot2" / "a" / "w.csv").touch()
    assert told(listener, folder) == {"lot2/a/w.csv"}
    (folder / "lot2").rename(folder.parent / "away")
    told(listener, folder)
    (folder.parent / "away" / "a" / "v.csv").touch()
    assert told(listener, folder) == set()
    (folder.parent / "away").rename(folder / "back")
    told(listener, folder)
    (folder / "back" / "a" / "u.csv").touch()
    assert told(listener, folder) == {"back/a/u.csv"}


@pytest.mark.parametrize("late", [False, True])
def test_what_a_link_leads_to_is_not_listened_to(folder: Path, late: bool) -> None:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    if not late:
        (folder / "x").symlink_to(elsewhere)
    with closing(Listener(str(folder), recursive=True)) as listener:
        if late:
            (folder / "x").symlink_to(elsewhere)
            told(listener, folder)
        (elsewhere / "w.csv").touch()
        assert told(listener, folder) == set()
    (folder.parent / "linked").symlink_to(folder)
    with closing(Listener(str(folder.parent / "linked"), recursive=True)) as listener:
        (folder / "w.csv").touch()
        assert told(listener, folder.parent) == {"linked/w.csv"}, "the folder itself may be one"


def test_what_is_mounted_later_is_listened_to(
    folder: Path, listener: Listener, mount: Mount
) -> None:
    told(listener, folder)
    mount("tmpfs", folder / "disk")
    told(listener, folder)
    assert listener.missed, "somebody looks through it"
    (folder / "disk" / "lot").mkdir()
    told(listener, folder)
    (folder / "disk" / "lot" / "w.csv").touch()
    assert told(listener, folder) == {"disk/lot/w.csv"}
    subprocess.run(["umount", str(folder / "disk")], check=True)
    told(listener, folder)
    (folder / "disk" / "v.csv").touch()
    assert told(listener, folder) == {"disk/v.csv"}
    assert not listener.is_over


def test_what_is_left_out(folder: Path) -> None:
    for name in ("done", ".hidden", "lot"):
        (folder / name).mkdir()
    leave_out = [str(folder / "done")]
    with closing(Listener(str(folder), recursive=True, leave_out=leave_out)) as listener:
        (folder / ".late").mkdir()
        for name in ("done", ".hidden", ".late", "lot"):
            (folder / name / "w.csv").touch()
        assert told(listener, folder) == {"lot/w.csv"}
    with closing(Listener(str(folder), recursive=False)) as listener:
        (folder / "lot" / "v.csv").touch()
        (folder / "new").mkdir()
        (folder / "w.csv").touch()
        assert told(listener, folder) == {"w.csv"}


def test_when_the_kernel_dropped_something_folders_are_looked_for(
    folder: Path, listener: Listener
) -> None:
    (folder / "lot").mkdir()
    with closing(Listener(str(folder), recursive=True)) as other:
        other._happened(-1, _OVERFLOW, "", set())
        assert other.missed
    listener._names.clear()  # as if what was told of the folder had been dropped
    told(listener, folder)
    listener._happened(-1, _OVERFLOW, "", set())
    (folder / "lot" / "w.csv").touch()
    assert told(listener, folder) == {"lot/w.csv"}


@pytest.mark.parametrize("away", [True, False])
def test_it_is_over_when_the_folder_is_gone_or_another_one(folder: Path, away: bool) -> None:
    with closing(Listener(str(folder), recursive=True)) as listener:
        if away:
            folder.rename(folder.parent / "away")
        else:
            folder.rmdir()
        told(listener, folder)
        assert listener.is_over
    with pytest.raises(FileNotFoundError):
        Listener(str(folder), recursive=True)


def test_a_tree_of_any_depth(folder: Path) -> None:
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("abc", dir_fd=here)
        there = os.open("abc", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(here)
    with closing(Listener(str(folder), recursive=True)) as listener:
        (folder / "abc" / "w.csv").touch()
        assert told(listener, folder) == {"abc/w.csv"}
        subprocess.run(["rm", "-rf", folder / "abc"], check=True)
        told(listener, folder)
        assert len(listener._names) == 1
