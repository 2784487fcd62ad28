"""Putting files away: never a newer one, never over another one."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from edge.station.folder import put_away as putaway
from edge.station.folder import tree
from edge.station.folder.dropped_file import DroppedFiles
from edge.station.folder.file_disposal import FileDisposal
from edge.station.folder.put_away import HIDDEN, put_away, restore
from edge.station.folder.watched_folder import WatchedFolder
from edge.station.folder_settings import Done, FolderSettings
from edge.store.taken import Stamp, stamp_of
from edge.system.beneath import Place, place_in
from edge.system.open_writers import leases_harmless

#: Names that are as long as a file system takes them.
LONG = ("x" * 255, "é" * 125 + ".png", "x." + "y" * 253)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def file(path: Path, content: str = "taken") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def at(path: Path) -> Place:
    return place_in("/", str(path))


def away(path: Path, stamp: Stamp, target: Path | None) -> bool:
    """Puts a file away; whether it is gone from where it was."""
    return put_away(at(path), stamp, target and at(target)) is not None


def given_back(folder: Path) -> list[str]:
    """Names of what a crash had left hidden."""
    found = tree.walk(str(folder), also=HIDDEN)
    return [name for path in found if HIDDEN in path for name in restore(at(Path(path)))]


def stamp(path: Path) -> Stamp:
    return stamp_of(path.stat())


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_file_is_deleted(folder: Path) -> None:
    path = file(folder / "w1.png")
    assert put_away(at(path), stamp(path), None) == ""
    assert content(folder) == {}


@pytest.mark.parametrize("name", ["w1.png", "w1", "caf\udce9.png", "two\nlines.png", *LONG])
def test_a_file_is_moved_and_another_one_there_is_kept(folder: Path, name: str) -> None:
    path = file(folder / name)
    target = folder / "done" / "lot1" / name
    before = stamp(path)
    assert away(path, before, target)
    assert stamp(target).same_but_for_ctime(before)
    for number in (2, 3):
        away(file(path, f"taken {number}"), stamp(path), target)
        end = f"-{number}{target.suffix}" if len(target.suffix) < 9 else f"-{number}"
        [moved] = (one for one in target.parent.iterdir() if one.name.endswith(end))
        assert moved.read_text() == f"taken {number}"
        assert name.startswith(moved.name.removesuffix(end))
    assert target.read_text() == "taken"
    assert [one.name for one in folder.iterdir()] == ["done"]


@pytest.mark.parametrize("move", [False, True])
def test_a_newer_file_under_the_name_stays(folder: Path, move: bool) -> None:
    path = file(folder / "w1.png")
    taken = stamp(path)
    os.replace(file(folder / "new", "newer"), path)  # noqa: PTH105
    assert not away(path, taken, folder / "done" / "w1.png" if move else None)
    assert content(folder) == {"w1.png": "newer"}


def test_a_file_that_is_gone_is_nothing_to_put_away(folder: Path) -> None:
    assert not away(folder / "w1.png", Stamp(1, 2, 3), None)


def test_a_file_that_somebody_writes_stays(folder: Path) -> None:
    path = file(folder / "w1.png")
    with path.open("r+") as writer:
        assert not away(path, stamp(path), None)
        writer.write("more")
    assert content(folder) == {"w1.png": "moren"}


@pytest.mark.parametrize("move", [False, True])
def test_a_newer_file_with_the_time_of_the_older_one_stays(folder: Path, move: bool) -> None:
    """``cp -p`` and ``tar`` set the time, and write into the file that is there."""
    path = file(folder / "w1.png", "older")
    os.utime(path, ns=(10**18, 10**18))
    taken = stamp(path)
    file(path, "newer")
    os.utime(path, ns=(10**18, 10**18))
    assert stamp(path).same_but_for_ctime(taken)
    assert not away(path, taken, folder / "done" / "w1.png" if move else None)
    assert content(folder) == {"w1.png": "newer"}


def test_what_comes_while_the_file_is_hidden_keeps_the_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(folder / "w1.png", "second")

    def look(*_: object) -> bool:
        assert not path.exists()
        file(path, "third")
        return False

    monkeypatch.setattr(putaway, "_is_the_one", look)
    assert not away(path, stamp(path), None)
    assert content(folder) == {"w1.png": "third", "w1-2.png": "second"}


def test_what_cannot_be_moved_is_where_it_was(folder: Path) -> None:
    path = file(folder / "w1.png")
    obstacle = file(folder / "done")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        away(path, stamp(path), obstacle / "w1.png")
    assert content(folder) == {"done": "taken", "w1.png": "taken"}


@pytest.mark.parametrize("long", LONG)
def test_leftovers_of_a_crash_get_their_names_back(folder: Path, long: str) -> None:
    file(folder / f"{HIDDEN}.w1.png", "old")
    file(folder / "w1.png", "new")
    file(folder / "lot" / f"{HIDDEN}.w3.png")
    file(folder / "lot" / HIDDEN / long, "long")
    assert sorted(given_back(folder)) == sorted(
        str(folder / name) for name in ("w1-2.png", "lot/w3.png", f"lot/{long}")
    )
    assert content(folder) == {
        "w1.png": "new",
        "w1-2.png": "old",
        "lot/w3.png": "taken",
        f"lot/{long}": "long",
    }
    assert not (folder / "lot" / HIDDEN).exists()


def killed_after(step: Callable[..., None]) -> Callable[..., None]:
    def killed(*names: Any, **more: Any) -> None:
        step(*names, **more)
        raise KeyboardInterrupt  # no part of put_away listens to it

    return killed


@pytest.mark.parametrize("name", ["w1.png", *LONG])
def test_killed_at_any_step_a_file_comes_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Without the store, by what stands in the folder alone."""
    path = file(folder / "lot" / name)
    target = folder / "done" / name
    for step in ("link", "rename", "unlink"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, killed_after(getattr(os, step)))
            with pytest.raises(KeyboardInterrupt):
                away(path, stamp(path), target)
        given_back(folder)
        assert set(content(folder).values()) == {"taken"}
        if not path.exists():  # it had been moved already
            assert step == "unlink"
            target.rename(path)
    assert away(path, stamp(path), target)
    assert set(content(folder)) == {f"done/{name}"}


@pytest.mark.parametrize("name", ["w1.png", *LONG])
@pytest.mark.parametrize("outside", ["lot", "done"])
def test_no_link_leads_out_of_the_folder_whenever_it_is_laid(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, outside: str
) -> None:
    path = file(folder / "lot" / name)
    before = stamp(path)
    elsewhere = folder.parent / "elsewhere"
    file(elsewhere / name, "somebody's own")
    (elsewhere / "done").mkdir()
    if outside == "lot":
        path.parent.rename(folder / "away")
    (folder / outside).symlink_to(elsewhere)
    try:
        assert not away(path, before, folder / "done" / name)
    except NotADirectoryError:
        assert outside == "done"
    assert content(elsewhere) == {name: "somebody's own"}
    assert "taken" in content(folder).values()


@pytest.mark.parametrize("name", [f"{HIDDEN}.w1.png", HIDDEN])
def test_a_link_under_a_hidden_name_leads_nowhere(folder: Path, name: str) -> None:
    elsewhere = folder.parent / "elsewhere"
    file(elsewhere / LONG[0], "somebody's own")
    (folder / name).symlink_to(elsewhere)
    for taken in ("w1.png", LONG[0]):
        path = file(folder / taken)
        with contextlib.suppress(OSError):
            away(path, stamp(path), None)
    given_back(folder)
    assert content(elsewhere) == {LONG[0]: "somebody's own"}


def test_a_link_laid_where_a_copy_is_made_leads_nowhere(
    folder: Path, other_file_system: Path
) -> None:
    victim = file(folder.parent / "victim", "the station's own")
    (other_file_system / ".w1.png.part").symlink_to(victim)
    (other_file_system / "w1.png").symlink_to(victim)
    path = file(folder / "w1.png")
    assert away(path, stamp(path), other_file_system / "w1.png")
    assert victim.read_text() == "the station's own"
    assert (other_file_system / "w1-2.png").read_text() == "taken"


def test_who_waits_to_write_gets_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened in the moment in which the file is hidden, it is the next wafer, not lost."""
    leases_harmless()
    path = file(folder / "w1.png")
    rename, writers = os.rename, []

    def write() -> None:
        with path.open("w") as writer:
            writer.write("newer")

    def waiting(*names: Any, **more: Any) -> None:
        if not writers:
            writers.append(threading.Thread(target=write))
            writers[0].start()
            time.sleep(0.1)  # it waits in open()
        rename(*names, **more)

    monkeypatch.setattr(os, "rename", waiting)
    assert not away(path, stamp(path), None)
    writers[0].join(10)
    assert content(folder) == {"w1.png": "newer"}


def test_a_leftover_is_not_overwritten_by_the_next_file(folder: Path) -> None:
    """Giving back may have failed (no permission then); the leftover was never recorded."""
    path = file(folder / "w1.png")
    file(folder / f"{HIDDEN}.w1.png", "leftover")
    assert away(path, stamp(path), None)
    assert "leftover" in content(folder).values()


def test_without_hard_links_nothing_is_overwritten_either(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    file(folder / "w1.png", "there")
    path = file(folder / "lot" / "w1.png")
    assert away(path, stamp(path), folder / "w1.png")
    assert content(folder) == {"w1.png": "there", "w1-2.png": "taken"}


def test_to_another_file_system(folder: Path, other_file_system: Path) -> None:
    target = file(other_file_system / "w1.png", "there")
    path = file(folder / "w1.png")
    changed = path.stat().st_mtime_ns
    assert away(path, stamp(path), target)
    assert content(folder) == {}
    assert content(other_file_system) == {"w1.png": "there", "w1-2.png": "taken"}
    assert (other_file_system / "w1-2.png").stat().st_mtime_ns == changed


@pytest.fixture
def other_file_system(tmp_path: Path) -> Iterator[Path]:
    shared = Path("/dev/shm")  # noqa: S108
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    with TemporaryDirectory(dir=shared) as made:
        yield Path(made)


def test_killed_between_the_two_steps_of_a_move(folder: Path) -> None:
    """The file stands under both names then: it must not come out as two."""
    path = file(folder / "w1.png")
    target = folder / "done" / "w1.png"
    target.parent.mkdir()
    os.link(path, target)
    os.rename(path, folder / f"{HIDDEN}.w1.png")  # noqa: PTH104
    assert given_back(folder) == [str(path)]
    settings = FolderSettings((folder,), done=Done.MOVE)
    top = WatchedFolder(str(folder), settings, frozenset())
    files = DroppedFiles()
    file_ = files.add(str(path), top)
    assert FileDisposal(settings, [top], files).plan(file_, bad=False) == str(target)
    assert away(path, stamp(path), target)
    assert content(folder) == {"done/w1.png": "taken"}


def test_a_name_like_a_hidden_one_is_somebodys_own(folder: Path) -> None:
    for name in (f"{HIDDEN}-list.txt", f"{HIDDEN}."):
        path = file(folder / name)
        assert list(restore(at(path))) == []
        assert path.read_text() == "taken"
